"""A claim of which another amount is due is certified again for its amount, and no order leaves that is no longer due: no claim
comes to a dead end when its neighbour falls, in whatever state it was left."""

from collections.abc import Callable
from decimal import Decimal
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from agreements import claims, payments, work
from agreements.asked_of_funds import BOX
from agreements.changed_since import due_of_those_above
from agreements.due import asked_back_of, due_of_claim, ordered_above_of
from agreements.models import Agreement, PaymentBatch, PaymentClaim, PaymentOrder
from agreements.settlements.forms import SettlementForm
from agreements.settlements.services import standing_of
from agreements.still_due import what_is_more
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import OutboxMessage
from core.transitions import TransitionRefused, perform
from tests.factories import reporting
from tests.factories.agreements import certified, in_force, ordered, pay, submitted

pytestmark = pytest.mark.django_db
D = Decimal
SPENT = "26625.00"  # 75 % of the planned 35,500: of 20,000 granted, 15,000 are due
WHY = "Une pièce est fausse."


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\xa0", " ")


def page(client, person, row) -> str:
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    options = row._meta
    address = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])
    return plain(client.get(address).content.decode())


def certify_again(claim: PaymentClaim, person, amount: Decimal | None = None) -> PaymentClaim:
    amount = due_of_claim(claim).amount if amount is None else amount
    data = {"certified_amount": str(amount), "certification_reason": "Une autre demande est tombée."}
    return perform(claim, "certify_less", actor=person, data=data)


def order(claim: PaymentClaim, house) -> PaymentClaim:
    payments.order_claims(payments.open_batch(actor=house.finance), [claim], actor=house.finance)
    claim.refresh_from_db()
    return claim


def declared_beside() -> tuple[PaymentClaim, PaymentClaim, reporting.Case]:
    """An advance of 10,000 and a final claim of 5,000 beside it, whose expenditure is declared to a fund."""
    case = reporting.cofinanced()
    advance = certified(case.agreement, case.house)
    return advance, reporting.declared(case, SPENT).claim, case


# --- certified again, for its amount ------------------------------------------------------------------------------------


def test_a_declared_final_claim_is_certified_again_for_what_became_due_and_its_lines_stay():
    advance, final, case = declared_beside()
    house, lines = case.house, list(final.lines.values_list("pk", "certified_amount"))
    perform(advance, "suspend", actor=house.instructor, comment=WHY)
    perform(advance, "reject", actor=house.instructor, comment=WHY)
    with pytest.raises(TransitionRefused):
        order(final, house)
    final = certify_again(final, house.instructor)
    assert (final.state, final.certified_amount, final.due_as_certified) == ("certified", D(10000), D(10000))
    assert list(final.lines.values_list("pk", "certified_amount")) == lines
    assert case.declaration.state == "submitted" and what_is_more(final) == ""
    assert OutboxMessage.objects.filter(key__startswith=f"claim-{final.pk}-certify_less").exists()
    assert order(final, house).ordered_amount == D(10000)


def test_an_advance_certified_for_less_leaves_the_rest_to_the_declared_final_claim():
    advance, final, case = declared_beside()
    perform(advance, "send_back", actor=case.house.finance, comment=WHY)
    data = {"certified_amount": "8000.00", "certification_reason": WHY}
    perform(advance, "certify", actor=case.house.instructor, data=data)
    assert certify_again(final, case.house.instructor).certified_amount == D(7000)
    order(advance, case.house), order(final, case.house)


def test_the_same_amount_is_certified_again_for_a_reason_and_who_controls_it_does_not_certify_it():
    advance, final, case = declared_beside()
    perform(case.declaration, "start_control", actor=case.controller)
    perform(advance, "suspend", actor=case.house.instructor, comment=WHY)
    final = certify_again(final, case.house.instructor, D(5000))
    assert (final.certified_amount, final.due_as_certified) == (D(5000), D(10000))
    assert order(final, case.house).ordered_amount == D(5000)


def test_the_database_lets_it_be_certified_again_only_while_more_is_due_and_up_to_that():
    advance, final, case = declared_beside()
    rows, now = PaymentClaim.objects.filter(pk=final.pk), timezone.now()
    for change in ({"certified_amount": D(6000)}, {"certification_reason": "Autre."}, {}):
        with pytest.raises(IntegrityError, match="what was certified does not change"), transaction.atomic():
            rows.update(**{"certified_at": now} | change)
    perform(advance, "suspend", actor=case.house.instructor, comment=WHY)
    with pytest.raises(IntegrityError, match="still due"), transaction.atomic():
        rows.update(certified_amount=D("10000.01"), certified_at=timezone.now(), claimed_amount=final.claimed_amount)
    with pytest.raises(IntegrityError, match="what was certified does not change"), transaction.atomic():
        rows.update(certified_amount=D(9000))
    rows.update(certified_amount=D(9000), certified_at=timezone.now())


def test_a_claim_that_waits_to_be_certified_again_is_not_declared_and_is_the_work_of_who_certifies(client):
    case = reporting.cofinanced()
    advance, house = certified(case.agreement, case.house), case.house
    final = reporting.certified(case, SPENT)
    perform(advance, "suspend", actor=house.instructor, comment=WHY)
    with pytest.raises(TransitionRefused, match=final.number):
        perform(case.declaration, "submit", actor=house.finance)
    assert final in work.claims_to_certify_again(house.instructor)
    assert final not in work.claims_to_order(house.finance)
    assert "Certifier ce qui est dû maintenant" in page(client, house.instructor, final)
    certify_again(final, house.instructor)
    assert perform(case.declaration, "submit", actor=house.finance).state == "submitted"


def test_the_second_of_two_certified_at_once_reads_nothing_of_a_certificate_that_was_not(monkeypatch):
    agreement, house = in_force()
    certified(agreement, house)
    final = submitted(agreement, house, "balance", SPENT)
    perform(final, "start_review", actor=house.instructor)
    kept = {line.pk: (line.declared_amount, "") for line in final.lines.all()}
    claims.certify_lines(final, kept, actor=house.instructor)
    final.refresh_from_db()
    monkeypatch.setattr("agreements.conditions.within_what_is_due", lambda *_args: None)  # as in a race
    with pytest.raises(TransitionRefused) as refused:
        perform(
            final, "certify", actor=house.instructor, data={"certified_amount": "10000", "certification_reason": ""}
        )
    said = plain(str(refused.value))
    assert "10 000,00 € seraient certifiés" in said and "ont été certifiés" not in said


# --- on an agreement that has ended -------------------------------------------------------------------------------------


def ended_with(final: PaymentClaim, advance: PaymentClaim, house) -> Agreement:
    """Terminated, the advance refused; the box of what was asked from the Commission answers what the form said."""
    data = {f"claim-{advance.pk}": "refuse", f"claim-{final.pk}": "pay"}
    agreement = Agreement.objects.get(pk=final.agreement_id)
    form = SettlementForm(data, None, instance=agreement, actor=house.head)
    if not form.is_valid():
        data |= {BOX: form.fields[BOX].widget.mark}
    return perform(agreement, "terminate", actor=house.head, data=data, comment="Abandon du projet.")


def test_what_the_settlement_keeps_bounds_what_is_due_and_the_page_of_the_end_says_so(client):
    advance, final, case = declared_beside()
    perform(advance, "send_back", actor=case.house.finance, comment=WHY)
    client.force_login(case.house.head, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:agreements_agreement_transition", args=[final.agreement_id, "terminate"])
    words = plain(client.get(address).content.decode())
    assert f"{final.number} " in words and "10 000,00 € y seraient dus" in words
    agreement = ended_with(final, advance, case.house)
    final = PaymentClaim.objects.get(pk=final.pk)
    assert due_of_claim(final).amount == D(5000) == standing_of(agreement).left
    assert final not in work.claims_to_certify_again(case.house.instructor)
    assert final in work.claims_to_order(case.house.finance)
    assert order(final, case.house).ordered_amount == D(5000)


# --- no order leaves that is not due ------------------------------------------------------------------------------------


def ordered_above(*, sent: bool = False) -> tuple[PaymentClaim, PaymentBatch, PaymentClaim, object]:
    """An advance of 10,000 in a batch, and a final claim certified after it, with which 5,000 are due in all."""
    agreement, house = in_force()
    advance, batch = ordered(agreement, house)
    if sent:
        payments.close_batch(batch, actor=house.finance)
    final = certified(agreement, house, "balance", "8875.00")
    assert final.certified_amount == 0
    return advance, batch, final, house


def test_an_order_that_is_no_longer_due_is_not_sent_and_whoever_can_take_it_out_reads_so(client, monkeypatch):
    advance, batch, final, house = ordered_above()
    with pytest.raises(TransitionRefused) as refused:
        payments.close_batch(batch, actor=house.finance)
    said = plain(str(refused.value))
    assert advance.orders.get().reference in said and "10 000,00 €" in said and "5 000,00 €" in said
    monkeypatch.setattr("agreements.batch_conditions.batch_orders_are_due", lambda *_args: None)  # as in a race
    with pytest.raises(TransitionRefused, match=advance.number):
        payments.close_batch(batch, actor=house.finance)
    monkeypatch.undo()
    with override("fr"):
        items = list(work.work_on_payments(house.finance))
    assert "Retirer du bordereau" in [item.action for item in items if advance.number in item.title]
    assert [str(item.action) for item in items if batch.number in item.title] == ["Lire"]
    for row in (batch, advance, advance.orders.get()):
        assert "5 000,00 € sont dus" in page(client, house.finance, row), row
    words = page(client, house.finance, final)
    assert "Ce qui a été ordonné avant dépasse de 5 000,00 €" in words
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    assert "5 000,00 € au plus" in plain(client.get(advance.get_absolute_url()).content.decode())
    perform(advance, "withdraw_order", actor=house.finance, comment=WHY)
    certify_again(advance, house.instructor)
    pay(order(advance, house).orders.exclude(state="cancelled").get().batch, house)
    assert perform(final, "close_without_payment", actor=house.finance).overpaid_amount == 0
    advance.refresh_from_db()
    assert advance.paid_amount == D(5000)


def test_what_was_sent_is_paid_and_the_pages_say_what_will_be_asked_back(client):
    advance, batch, final, house = ordered_above(sent=True)
    assert (asked_back_of(final), ordered_above_of(final)) == (D(5000), D(5000))
    assert "5 000,00 € au plus, est à demander en retour" in page(client, house.finance, batch)
    mail = OutboxMessage.objects.filter(key__startswith=f"claim-{final.pk}-certify").get()
    assert "Un versement ordonné avant dépasse" in mail.body and "Il vous a été versé" not in mail.body
    payments.confirm_payments(batch.orders.all(), paid_on=timezone.localdate(), actor=house.finance)
    assert (asked_back_of(final), ordered_above_of(final)) == (D(5000), D(0))
    assert due_of_those_above([advance.pk]) == {}
    assert perform(final, "close_without_payment", actor=house.finance).overpaid_amount == D(5000)


# --- what a rejection loses ---------------------------------------------------------------------------------------------


def test_what_the_final_claim_does_not_ask_of_what_a_rejection_leaves_is_said_where_it_is_decided_and_read(client):
    agreement, house = in_force()
    advance = submitted(agreement, house)
    final = certified(agreement, house, "balance", "35500.00")  # all of it: 20,000 are due, 10,000 are asked
    assert final.certified_amount == D(10000)
    perform(advance, "start_review", actor=house.instructor)
    address = reverse("admin:agreements_paymentclaim_transition", args=[advance.pk, "reject"])
    client.force_login(house.instructor, backend="django.contrib.auth.backends.ModelBackend")
    lost = "10 000,00 € de la subvention ne sont plus versés"
    assert lost in plain(client.get(address).content.decode())
    with override("fr"):
        perform(advance, "reject", actor=house.instructor, comment=WHY)
    mail = OutboxMessage.objects.filter(key__startswith=f"claim-{advance.pk}-reject").get()
    assert lost in plain(mail.body)
    assert lost in page(client, house.instructor, advance)
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    assert lost in plain(client.get(advance.get_absolute_url()).content.decode())


# --- no dead end --------------------------------------------------------------------------------------------------------

FINALS: dict[str, Callable] = {
    "certified": lambda case: reporting.certified(case, SPENT),
    "declared": lambda case: reporting.declared(case, SPENT).claim,
    "controlled": lambda case: reporting.controlled(case, SPENT).claim,
    "asked": lambda case: (reporting.controlled(case, SPENT), reporting.applied(case))[0].claim,
    "ordered": lambda case: order(reporting.declared(case, SPENT).claim, case.house),
}


def _rejected(advance, final, house):
    perform(advance, "suspend", actor=house.instructor, comment=WHY)
    try:
        perform(advance, "reject", actor=house.instructor, comment=WHY)
    except TransitionRefused:
        assert final.state == "ordered"  # it counted the advance: that one is certified again


def _for_less(advance, final, house):
    perform(advance, "send_back", actor=house.finance, comment=WHY)
    data = {"certified_amount": "4000.00", "certification_reason": WHY}
    perform(advance, "certify", actor=house.instructor, data=data)


def _refused(advance, final, house):
    perform(advance, "send_back", actor=house.finance, comment=WHY)
    ended_with(final, advance, house)


FALLS: dict[str, Callable] = {
    "stays certified": lambda advance, final, house: None,
    "is suspended": lambda advance, final, house: perform(advance, "suspend", actor=house.instructor, comment=WHY),
    "is sent back": lambda advance, final, house: perform(advance, "send_back", actor=house.finance, comment=WHY),
    "is rejected": _rejected,
    "is certified for less": _for_less,
    "is refused by the settlement": _refused,
}


def _pay(claim, house):
    if claim.state == "certified":
        order(claim, house)
    pay(claim.orders.exclude(state="cancelled").get().batch, house)


#: What somebody can do of a claim, giving up apart.
STEPS: list[Callable] = [
    lambda claim, house: certify_again(claim, house.instructor),
    _pay,
    lambda claim, house: perform(claim, "close_without_payment", actor=house.finance),
    lambda claim, house: perform(claim, "withdraw_order", actor=house.finance, comment=WHY),
    lambda claim, house: perform(claim, "resume_payment", actor=house.instructor, comment=WHY),
    lambda claim, house: perform(claim, "resume", actor=house.instructor, comment=WHY),
    lambda claim, house: perform(
        claim,
        "certify",
        actor=house.instructor,
        data={"certified_amount": str(due_of_claim(claim).amount), "certification_reason": WHY},
    ),
]


def takes_a_step(claim: PaymentClaim, house) -> bool:
    for step in STEPS:
        try:
            with transaction.atomic():
                step(PaymentClaim.objects.get(pk=claim.pk), house)
            return True
        except (TransitionRefused, PaymentOrder.DoesNotExist):
            continue
    return False


@pytest.mark.parametrize(("state", "fall"), list(product(FINALS, FALLS)))
def test_no_claim_is_left_with_nothing_but_giving_it_up(state, fall):
    """Whatever became of the advance and however far its final claim was: somebody brings both to their end."""
    case = reporting.cofinanced()
    house, advance = case.house, certified(case.agreement, case.house)
    final = FINALS[state](case)
    final.refresh_from_db()
    FALLS[fall](advance, final, house)
    rows = PaymentClaim.objects.filter(agreement=case.agreement).order_by("pk")
    for _round in range(12):
        left = list(rows.exclude(state__in=["paid", "rejected"]))
        if not left:
            break
        assert any([takes_a_step(claim, house) for claim in left]), [(claim, claim.state) for claim in left]
    assert not rows.exclude(state__in=["paid", "rejected"]).exists()
    assert not rows.filter(given_up_amount__gt=0).exists()
    for rule in ("agreements.ordered-within-due", "agreements.closed-with-all-that-is-due"):
        assert look_at(invariant_of(rule)).holds
