"""What was certified is ordered only while it is still due: the figures of the other claims may have changed since."""

from decimal import ROUND_DOWN, Decimal

import pgtrigger
import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from agreements import claims, payments, work
from agreements.changed_since import less_is_due, more_is_due
from agreements.due import asked_back_of, due_of_claim, forecast_of
from agreements.models import Agreement, PaymentClaim, Tranche
from agreements.still_due import what_is_less, what_is_more
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import OutboxMessage
from core.transitions import TransitionRefused, perform
from tests.factories.agreements import add_line, certified, in_force, opened, ordered, pay, review, submitted

pytestmark = pytest.mark.django_db
D = Decimal
SPENT = "26625.00"  # 75 % of the planned 35,500: of 20,000 granted, 15,000 are due


def certified_together() -> tuple[PaymentClaim, PaymentClaim, object]:
    """An advance of 10,000 and a balance, 15,000 due in all, nothing ordered yet: the second counts the first."""
    agreement, house = in_force()
    advance = certified(agreement, house)
    balance = certified(agreement, house, "balance", SPENT)
    assert (advance.certified_amount, balance.certified_amount) == (D(10000), D(5000))
    return advance, balance, house


def spend(claim: PaymentClaim, euros: str) -> None:
    """Cut the expenditure of a certified claim behind its back."""
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        claim.lines.update(certified_amount=D(euros), certified_reason="Coupé.")


def order(claim: PaymentClaim, house) -> PaymentClaim:
    batch = payments.open_batch(actor=house.finance)
    payments.order_claims(batch, [claim], actor=house.finance)
    claim.refresh_from_db()
    return claim


def test_two_claims_certified_before_either_is_ordered_pay_no_more_than_is_due():
    advance, balance, house = certified_together()
    assert order(advance, house).ordered_amount + order(balance, house).ordered_amount == D(15000)


@pytest.mark.parametrize("first", ["advance", "balance"])
def test_expenditure_cut_since_is_ordered_of_neither_claim(first):
    """Of 15,000 accepted 12,000 are due now, whichever of both is ordered first."""
    advance, balance, house = certified_together()
    spend(balance, "21300.00")
    claim = advance if first == "advance" else balance
    with pytest.raises(TransitionRefused) as refused:
        order(claim, house)
    said = str(refused.value).replace("\u202f", " ").replace("\xa0", " ")
    left = D(7000) if first == "advance" else D(2000)
    assert f"{claim.certified_amount:,.2f} €".replace(",", " ").replace(".", ",") in said  # both values
    assert f"{left:,.2f} €".replace(",", " ").replace(".", ",") in said
    data = {"certified_amount": str(left), "certification_reason": "Une dépense a été coupée."}
    perform(claim, "certify_less", actor=house.instructor, data=data)
    assert order(advance, house).ordered_amount + order(balance, house).ordered_amount == D(12000)


def test_an_advance_filed_before_its_balance_and_certified_after_it_counts_it():
    agreement, house = in_force()
    advance = submitted(agreement, house)
    balance = certified(agreement, house, "balance", SPENT)
    assert balance.certified_amount == D(10000)
    advance = review(advance, house)
    assert advance.certified_amount == D(5000) == due_of_claim(advance).amount
    with pgtrigger.ignore("agreements.PaymentClaim:certified_again_when_more_is_due"):
        with pytest.raises(IntegrityError, match="still due"), transaction.atomic():
            PaymentClaim.objects.filter(pk=advance.pk).update(certified_amount=D("5000.01"))


def test_what_is_accepted_and_not_ordered_counts_in_what_is_said_before_the_filing():
    """Said: what the certificate makes of it, and what of the accepted advance exceeds what is due."""
    agreement, house = in_force()
    advance = certified(agreement, house)
    claim = opened(agreement, house)
    add_line(claim, house, invoice_total=D("100.00"), declared_amount=D("100.00"))
    told = forecast_of(claim)
    due = (D(100) * agreement.granted_amount / agreement.eligible_base).quantize(D("0.01"), ROUND_DOWN)
    assert (told.due, told.asked_back, told.lost) == (0, advance.certified_amount - due, 0)
    claim = claims.submit(claim, actor=house.member)
    assert claim.due_as_filed == 0
    order(advance, house)
    claim = review(claim, house)
    assert (claim.certified_amount, asked_back_of(claim)) == (claim.due_as_filed, claim.asked_back_as_filed)


def test_an_advance_filed_and_not_decided_is_counted_in_what_is_said():
    agreement, house = in_force()
    submitted(agreement, house)
    claim = opened(agreement, house)
    add_line(claim, house, invoice_total=D(SPENT), declared_amount=D(SPENT))
    assert forecast_of(claim).due == D(5000)


def test_an_advance_above_what_its_certified_balance_leaves_is_not_ordered_and_both_come_to_an_end():
    """Nothing is paid to be asked back: the advance is certified for what is left, and the balance of nothing closed."""
    agreement, house = in_force()
    advance = certified(agreement, house)
    balance = certified(agreement, house, "balance", "100.00")
    assert balance.certified_amount == 0
    spend(balance, "0.00")
    with pytest.raises(TransitionRefused):
        order(advance, house)
    data = {"certified_amount": "0", "certification_reason": "Aucune dépense."}
    perform(advance, "certify_less", actor=house.instructor, data=data)
    perform(balance, "close_without_payment", actor=house.finance)
    perform(advance, "close_without_payment", actor=house.finance)
    assert (balance.overpaid_amount, advance.overpaid_amount) == (0, 0)


def test_nothing_is_claimed_after_the_final_claim(client):
    agreement, house = in_force("CPO", "180000.00")
    part = agreement.instalments.get(kind="advance", tranche__rank=1)
    begun = opened(agreement, house, "advance")
    balance = submitted(agreement, house, "balance", "500.00")
    assert part not in claims.claimable(agreement)
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(agreement.get_absolute_url())
    assert not any(part.label in task.text for task in page.context["tasks"])
    assert [task.action for task in page.context["tasks"] if begun.number in task.text] == ["Abandonner cette demande"]
    with pytest.raises(TransitionRefused, match="arrêté"):
        claims.submit(begun, actor=house.member)
    with pytest.raises(IntegrityError, match="closed by the final claim"), transaction.atomic():
        now = timezone.now()
        PaymentClaim.objects.filter(pk=begun.pk).update(state="submitted", submitted_by=house.member, submitted_at=now)
    perform(begun, "abandon", actor=house.member)
    with pytest.raises(claims.ClaimRefused, match="arrêté"):
        claims.open_claim(agreement, part, actor=house.member)
    order(review(balance, house), house)
    pay(balance.orders.get().batch, house)
    assert Tranche.objects.get(pk=part.tranche_id).state == "closed"  # nothing is to come of that year


def test_what_is_still_due_is_not_lowered_and_never_raised():
    agreement, house = in_force()
    claim = certified(agreement, house, "balance", SPENT)
    for amount in ("9000.00", "10000.00"):
        with pytest.raises(TransitionRefused):
            data = {"certified_amount": amount, "certification_reason": "Moins."}
            perform(claim, "certify_less", actor=house.instructor, data=data)
    with pytest.raises(IntegrityError), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(certified_amount=claim.certified_amount + 1)


@pytest.mark.parametrize("policy", ["none", "tolerance", "strict"])
def test_the_database_makes_the_same_figure(policy):
    """The rule in Python and the trigger agree on both sides of each boundary, to the cent."""
    agreement, house = in_force()
    ordered(agreement, house)  # 10,000 are paid in advance
    claim = certified(agreement, house, "balance", "35500.00")
    line = claim.lines.get()
    for spent in ("17750.07", "31949.99", "31950.00", "31950.01", "35500.00", "0.07"):
        with pgtrigger.ignore("agreements.Agreement:sent_terms_frozen", "agreements.ExpenditureLine:line_rules"):
            Agreement.objects.filter(pk=agreement.pk).update(proration=policy)
            type(line).objects.filter(pk=line.pk).update(certified_amount=D(spent), certified_reason="Coupé.")
        due = due_of_claim(PaymentClaim.objects.get(pk=claim.pk)).amount
        for amount, taken in ((due, True), (due + D("0.01"), False)):
            if amount <= claim.claimed_amount:
                assert ordered_by_sql(claim, amount, house) is taken, (policy, spent, amount)


def ordered_by_sql(claim: PaymentClaim, amount: Decimal, house) -> bool:
    """Whether the database takes the order of this amount; nothing stays of it."""
    values = {"certified_amount": amount, "certification_reason": "Coupé."}
    guards = ("certified_again_when_more_is_due", "ordered_in_full")
    try:
        with pgtrigger.ignore(*(f"agreements.PaymentClaim:{name}" for name in guards)), transaction.atomic():
            PaymentClaim.objects.filter(pk=claim.pk).update(**values)
            PaymentClaim.objects.filter(pk=claim.pk).update(
                state="ordered", ordered_by=house.finance, ordered_at=timezone.now()
            )
            transaction.set_rollback(True)
    except IntegrityError as error:
        assert "still due" in str(error)
        return False
    return True


# --- more is due: a claim that the final one counted falls after it -------------------------------------------------------

WHY = "Une pièce est fausse."


def final_beside(advance_paid: bool = False) -> tuple[PaymentClaim, PaymentClaim, object]:
    """An advance of 10,000 and a final claim certified beside it for nothing: 5,000 due in all."""
    agreement, house = in_force()
    advance = certified(agreement, house)
    final = certified(agreement, house, "balance", "8875.00")
    assert (final.certified_amount, final.due_as_certified) == (0, 0)
    return advance, final, house


def fall(advance: PaymentClaim, house, by: str = "suspend") -> None:
    """The certified advance is taken back, by a fault or by finance."""
    perform(advance, by, actor=house.instructor if by == "suspend" else house.finance, comment=WHY)


def reject(advance: PaymentClaim, house) -> PaymentClaim:
    return perform(advance, "reject", actor=house.instructor, comment=WHY)


@pytest.mark.parametrize("by", ["suspend", "send_back"])
def test_a_final_claim_of_nothing_is_not_closed_while_the_advance_that_it_counted_has_fallen(by, client):
    advance, final, house = final_beside()
    fall(advance, house, by)
    reject(advance, house)
    with pytest.raises(TransitionRefused, match="de nouveau") as refused:
        perform(final, "close_without_payment", actor=house.finance)
    assert "5 000,00 €" in str(refused.value).replace("\u202f", " ").replace("\xa0", " ")
    with pytest.raises(IntegrityError, match="certified again"), transaction.atomic():
        PaymentClaim.objects.filter(pk=final.pk).update(
            state="paid", ordered_by=house.finance, ordered_at=timezone.now()
        )
    perform(final, "send_back", actor=house.finance, comment="L’avance est rejetée.")
    assert final.due_as_certified is None
    data = {"certified_amount": "5000.00", "certification_reason": "Dépenses inférieures."}
    perform(final, "certify", actor=house.instructor, data=data)
    assert order(final, house).ordered_amount == D(5000)


def test_the_instructor_may_still_certify_less_for_a_reason():
    advance, final, house = final_beside()
    fall(advance, house)
    reject(advance, house)
    perform(final, "send_back", actor=house.finance, comment="L’avance est rejetée.")
    data = {"certified_amount": "0", "certification_reason": "Le compte rendu ne montre aucun travail."}
    perform(final, "certify", actor=house.instructor, data=data)
    assert final.due_as_certified == D(5000)
    assert perform(final, "close_without_payment", actor=house.finance).state == "paid"


def test_what_was_due_at_a_certificate_is_written_by_the_database_alone():
    _advance, final, _house = final_beside()
    PaymentClaim.objects.filter(pk=final.pk).update(due_as_certified=D(999))
    final.refresh_from_db()
    assert final.due_as_certified == 0


def paid_final() -> tuple[PaymentClaim, PaymentClaim, object]:
    """A final claim of 5,000 paid beside an advance of 10,000, which finance sends back then."""
    advance, final, house = certified_together()
    pay(order(final, house).orders.get().batch, house)
    fall(advance, house, "send_back")
    return advance, final, house


def test_a_claim_that_a_paid_final_claim_counted_is_not_rejected():
    advance, final, house = paid_final()
    with pytest.raises(TransitionRefused, match=final.number):
        reject(advance, house)
    with pytest.raises(IntegrityError, match="counted it"), transaction.atomic():
        PaymentClaim.objects.filter(pk=advance.pk).update(state="rejected")
    data = {"certified_amount": "10000.00", "certification_reason": ""}
    perform(advance, "certify", actor=house.instructor, data=data)
    assert order(advance, house).ordered_amount == D(10000)


def test_the_figures_see_a_paid_final_claim_that_counted_a_claim_which_fell(monkeypatch):
    advance, final, house = paid_final()
    rule = invariant_of("agreements.closed-with-all-that-is-due")
    assert look_at(rule).holds  # while the advance is under review its own end decides
    with pgtrigger.ignore("agreements.PaymentClaim:counted_by_no_final_claim"):
        monkeypatch.setattr("agreements.still_due.no_final_claim_counted_it", lambda *_args: None)
        reject(advance, house)
    found = look_at(rule)
    assert not found.holds and final.number in str(found)


def test_the_end_of_the_agreement_may_refuse_it():
    advance, _final, house = paid_final()
    agreement = Agreement.objects.get(pk=advance.agreement_id)
    data = {f"claim-{advance.pk}": "refuse"}
    perform(agreement, "complete", actor=house.finance, data=data, comment=WHY)
    advance.refresh_from_db()
    assert advance.state == "rejected"
    assert look_at(invariant_of("agreements.closed-with-all-that-is-due")).holds


def test_an_advance_that_nobody_counted_is_rejected_after_the_final_claim_was_paid():
    agreement, house = in_force()
    advance = submitted(agreement, house)
    final = certified(agreement, house, "balance", SPENT)
    pay(order(final, house).orders.get().batch, house)
    perform(advance, "start_review", actor=house.instructor)
    assert reject(advance, house).state == "rejected"


def test_the_page_of_the_rejection_says_what_it_costs_and_its_mail_offers_no_claim_that_cannot_be_filed(client):
    advance, final, house = final_beside()
    fall(advance, house)
    words = page(
        client, house.instructor, reverse("admin:agreements_paymentclaim_transition", args=[advance.pk, "reject"])
    )
    assert final.number in words and "5 000,00 €" in words and "certifie de nouveau" in words
    with override("fr"):
        reject(advance, house)
    mail = OutboxMessage.objects.filter(key__startswith=f"claim-{advance.pk}-reject").get()
    assert "demander de nouveau" not in mail.body and "arrêté" in mail.body


# --- whose work they are ------------------------------------------------------------------------------------------------


def of_lists(claim: PaymentClaim) -> tuple[bool, bool]:
    """Whether the lists of work hold a claim as one of which less, or more, is due; held together with what its page says."""
    rows = PaymentClaim.objects.filter(pk=claim.pk)
    found = rows.filter(less_is_due()).exists(), rows.filter(more_is_due()).exists()
    claim = rows.get()
    assert found == (bool(what_is_less(claim)), bool(what_is_more(claim)))
    return found


def titles(provider, person) -> str:
    return " | ".join(f"{item.title} {item.why} {item.action}" for item in provider(person))


def page(client, person, address) -> str:
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client.get(address).content.decode().replace("\u202f", " ").replace("\xa0", " ")


def test_a_claim_of_which_less_is_due_is_the_work_of_those_who_certify_and_not_of_finance(client):
    advance, final, house = final_beside()
    assert of_lists(advance) == (True, False) and of_lists(final) == (False, False)
    finance = titles(work.work_on_payments, house.finance)
    assert advance.number not in finance and final.number in finance
    assert advance not in work.claims_to_order(house.finance) and advance not in work.claims_ready_to_order(
        house.finance
    )
    for person in (house.instructor, house.head):
        assert advance.number in titles(work.work_on_claims, person)
        assert advance in work.claims_to_certify_again(person)
    words = page(client, house.member, advance.get_absolute_url())
    assert "en préparation" not in words and "5 000,00 € au plus" in words
    words = page(client, house.member, advance.agreement.get_absolute_url())
    assert "en préparation" not in words
    data = {"certified_amount": "5000.00", "certification_reason": "Dépenses inférieures."}
    perform(advance, "certify_less", actor=house.instructor, data=data)
    assert of_lists(advance) == (False, False)
    assert advance in work.claims_ready_to_order(house.finance)


def test_a_claim_of_which_more_is_due_is_the_work_of_those_who_certify_too(client):
    advance, final, house = certified_together()
    fall(advance, house)
    assert of_lists(final) == (False, True)
    assert final.number not in titles(work.work_on_payments, house.finance)
    assert "Certifier de nouveau" in titles(work.work_on_claims, house.instructor)
    for queue in (work.claims_ready_to_order, work.claims_to_order):
        assert final not in queue(house.finance)
    words = page(client, house.finance, reverse("admin:agreements_paymentclaim_change", args=[final.pk]))
    assert "certifie de nouveau" in words
    assert "certifier de nouveau" in page(client, house.finance, reverse("admin:agreements_paymentclaim_changelist"))


def test_the_lists_and_the_pages_say_the_same_where_a_grant_has_axes_or_years():
    agreement, house = in_force("CPO", "180000.00")
    advance = certified(agreement, house)
    assert of_lists(advance) == (False, False)
    final = certified(agreement, house, "balance", "500.00")
    of_lists(advance), of_lists(final)
    fall(advance, house)
    of_lists(final)
