"""Claims: opening, lines, proofs, filing, review, amount due, invoices declared twice."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from agreements import claims
from agreements.claims import ClaimRefused
from agreements.duplicates import answer_warning, open_warnings
from agreements.models import DuplicateWarning, ExpenditureLine, PaymentClaim
from core.documents import DocumentRefused
from core.transitions import TransitionRefused, perform
from tests.factories.agreements import (
    add_line,
    certified,
    in_force,
    instalment,
    line_values,
    opened,
    ordered,
    pay,
    sent,
    submitted,
)
from tests.factories.applicants import pdf
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def agreement_and_house():
    return in_force(granted="20000.00")


def review(claim, house, **kept):
    """Take the claim up, and keep its lines as they are but for ``kept`` (rank: amount, reason)."""
    perform(claim, "start_review", actor=house.instructor)
    values = {line.pk: kept.get(f"line{line.rank}", (line.declared_amount, "")) for line in claim.lines.all()}
    claims.certify_lines(claim, values, actor=house.instructor)
    claim.refresh_from_db()


# --- opening ----------------------------------------------------------------------------------------------------------


def test_nothing_is_claimed_before_the_entry_in_force():
    agreement, house = sent()
    assert claims.claimable(agreement) == []
    with pytest.raises(ClaimRefused):
        claims.open_claim(agreement, instalment(agreement, "advance"), actor=house.member)


def test_opening_twice_gives_the_same_claim(agreement_and_house):
    agreement, house = agreement_and_house
    first = claims.open_claim(agreement, instalment(agreement), actor=house.member)
    assert claims.open_claim(agreement, instalment(agreement), actor=house.member) == first


def test_a_tranche_that_is_not_released_is_not_claimed():
    agreement, house = in_force("CPO", "180000.00")
    ranks = {item.tranche.rank for item in claims.claimable(agreement)}
    assert ranks == {1}
    second = agreement.instalments.filter(tranche__rank=2).first()
    with pytest.raises(ClaimRefused):
        claims.open_claim(agreement, second, actor=house.member)


def test_a_claim_of_a_closed_tranche_is_refused_by_the_database():
    agreement, house = in_force("CPO", "180000.00")
    second = agreement.instalments.filter(tranche__rank=2).first()
    with pytest.raises(DatabaseError, match="not released"), transaction.atomic():
        PaymentClaim.objects.create(
            number="VERS-X", agreement=agreement, instalment=second, claimed_amount=D(1), opened_by=house.member
        )


def test_no_more_is_asked_than_the_instalment(agreement_and_house):
    agreement, house = agreement_and_house
    claim = opened(agreement, house)
    with pytest.raises(ClaimRefused) as refused:
        claims.set_amount(claim, claim.instalment.amount + D("0.01"), actor=house.member)
    assert "claimed_amount" in refused.value.errors
    with pytest.raises(DatabaseError), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(claimed_amount=claim.instalment.amount + 1)


def test_a_stranger_opens_nothing(agreement_and_house):
    agreement, _house = agreement_and_house
    with pytest.raises(ClaimRefused):
        claims.open_claim(agreement, instalment(agreement), actor=UserFactory(applicant=True))


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account_code": "999"}, "account_code"),
        ({"supplier_name": " "}, "supplier_name"),
        ({"supplier_siret": "12345678901234"}, "supplier_siret"),
        ({"invoice_date": None}, "invoice_date"),
        ({"invoice_date": timedelta(days=1)}, "invoice_date"),
        ({"invoice_date": -timedelta(days=900)}, "invoice_date"),
        ({"invoice_date": date.min}, "invoice_date"),
        ({"invoice_date": date.max, "paid_on": date.min}, "paid_on"),
        ({"declared_amount": D("10000.01")}, "declared_amount"),
        ({"declared_amount": D("-1")}, "declared_amount"),
        ({"declared_amount": D("-1"), "invoice_total": D("-1")}, "corrects_number"),
    ],
)
def test_a_wrong_line_says_which_field(agreement_and_house, changes, field):
    agreement, house = agreement_and_house
    claim = opened(agreement, house)
    today = timezone.localdate()
    typed = {name: today + value if isinstance(value, timedelta) else value for name, value in changes.items()}
    with pytest.raises(ClaimRefused) as refused:
        claims.add_line(claim, line_values(**typed), actor=house.member)
    assert field in refused.value.errors
    assert not claim.lines.exists()


def test_the_database_counts_what_is_declared(agreement_and_house):
    agreement, house = agreement_and_house
    claim = opened(agreement, house)
    first = add_line(claim, house)
    add_line(claim, house, invoice_number="F-2", declared_amount=D("2500.50"))
    claim.refresh_from_db()
    assert claim.declared_total == D("12500.50")
    claims.remove_line(first, actor=house.member)
    claim.refresh_from_db()
    assert claim.declared_total == D("2500.50")
    PaymentClaim.objects.filter(pk=claim.pk).update(declared_total=D("1.00"))
    claim.refresh_from_db()
    assert claim.declared_total == D("2500.50")


def test_one_file_proves_several_lines(agreement_and_house):
    agreement, house = agreement_and_house
    claim = opened(agreement, house)
    lines = [add_line(claim, house, proof=False, invoice_number=f"F-{rank}") for rank in (1, 2)]
    document = claims.attach_proof(claim, lines, pdf("relevé"), actor=house.member, name="relevé.pdf")
    assert set(claim.lines.values_list("proof", flat=True)) == {document.pk}


def test_a_program_is_no_proof(agreement_and_house):
    agreement, house = agreement_and_house
    claim = opened(agreement, house)
    with pytest.raises(DocumentRefused):
        claims.add_line(claim, line_values(), actor=house.member, proof=b"MZ\x90\x00 a program", proof_name="f.exe")
    assert not claim.lines.exists()


# --- filing -----------------------------------------------------------------------------------------------------------


def test_a_line_without_proof_is_not_filed(agreement_and_house):
    agreement, house = agreement_and_house
    claim = opened(agreement, house)
    add_line(claim, house, proof=False)
    with pytest.raises(TransitionRefused) as refused:
        claims.submit(claim, actor=house.member)
    assert refused.value.code == "conditions"
    claim.refresh_from_db()
    assert claim.state == "draft"


def test_a_missing_piece_is_named(agreement_and_house):
    agreement, house = agreement_and_house
    claim = claims.open_claim(agreement, instalment(agreement), actor=house.member)
    with pytest.raises(TransitionRefused):
        claims.submit(claim, actor=house.member)


def test_a_filed_claim_no_longer_changes(agreement_and_house):
    agreement, house = agreement_and_house
    claim = submitted(agreement, house, "balance", "3000.00")
    with pytest.raises(ClaimRefused):
        add_line(claim, house, invoice_number="F-9")
    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        ExpenditureLine.objects.filter(claim=claim).update(declared_amount=D("1.00"))


def test_a_returned_claim_is_corrected_and_filed_again(agreement_and_house):
    agreement, house = agreement_and_house
    claim = submitted(agreement, house, "balance", "3000.00")
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="La facture est illisible.")
    add_line(claim, house, invoice_number="F-9")
    claims.submit(claim, actor=house.member)
    assert claim.state == "submitted"


# --- review -----------------------------------------------------------------------------------------------------------


def test_a_cut_needs_its_reason(agreement_and_house):
    agreement, house = agreement_and_house
    claim = submitted(agreement, house, "balance", "3000.00")
    perform(claim, "start_review", actor=house.instructor)
    line = claim.lines.get()
    with pytest.raises(ClaimRefused) as refused:
        claims.certify_line(line, D("2900.00"), actor=house.instructor)
    assert f"reason-{line.pk}" in refused.value.errors
    claims.certify_line(line, D("2900.00"), actor=house.instructor, reason="Frais de bouche.")
    claim.refresh_from_db()
    assert claim.certified_total == D("2900.00")
    with pytest.raises(DatabaseError), transaction.atomic():
        ExpenditureLine.objects.filter(pk=line.pk).update(certified_amount=D("1.00"), certified_reason="")


def test_lines_are_kept_all_together_or_not_at_all(agreement_and_house):
    agreement, house = agreement_and_house
    claim = submitted(agreement, house, "balance", "3000.00", "500.00")
    perform(claim, "start_review", actor=house.instructor)
    first, second = claim.lines.order_by("rank")
    with pytest.raises(ClaimRefused):
        claims.certify_lines(claim, {first.pk: (D(3000), ""), second.pk: (D(501), "")}, actor=house.instructor)
    assert claim.lines.filter(certified_amount__isnull=True).count() == 2


def test_no_claim_is_certified_before_its_lines(agreement_and_house):
    agreement, house = agreement_and_house
    claim = submitted(agreement, house, "balance", "3000.00")
    perform(claim, "start_review", actor=house.instructor)
    data = {"certified_amount": "10.00", "certification_reason": "x"}
    with pytest.raises(TransitionRefused):
        perform(claim, "certify", actor=house.instructor, data=data)


def test_what_is_due_follows_the_expenditure(agreement_and_house):
    """Half of the base spent: half of the grant in all, less the advance."""
    agreement, house = agreement_and_house
    _claim, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    advance = batch.orders.get().amount
    base = agreement.eligible_base
    spent = base * 9 / 10 - D("0.01") if agreement.proration == "tolerance" else base * 9 / 10
    spent = spent.quantize(D("0.01"))
    claim = submitted(agreement, house, "balance", str(spent))
    review(claim, house)
    due = claims.due_of(claim)
    if agreement.proration == "none":
        expected = agreement.granted_amount - advance
    else:
        expected = (agreement.granted_amount * spent / base).quantize(D("0.01"), "ROUND_FLOOR") - advance
    assert due == min(expected, claim.claimed_amount)
    with pytest.raises(TransitionRefused) as refused:
        data = {"certified_amount": str(due + D("0.01")), "certification_reason": "x"}
        perform(claim, "certify", actor=house.instructor, data=data)
    assert "certified_amount" in refused.value.errors


def test_a_reason_of_a_cut_is_kept_where_something_is_cut(agreement_and_house):
    agreement, house = agreement_and_house
    claim = submitted(agreement, house, "advance")
    perform(claim, "start_review", actor=house.instructor)
    data = {"certified_amount": str(claim.claimed_amount), "certification_reason": "x"}
    perform(claim, "certify", actor=house.instructor, data=data)
    assert (claim.certified_amount, claim.certification_reason) == (claim.claimed_amount, "")


def test_an_advance_is_due_as_planned(agreement_and_house):
    agreement, house = agreement_and_house
    claim = certified(agreement, house, "advance")
    assert claim.certified_amount == claim.claimed_amount


def test_the_beneficiary_does_not_certify(agreement_and_house):
    agreement, house = agreement_and_house
    claim = submitted(agreement, house, "advance")
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "start_review", actor=house.member)
    assert refused.value.code == "permission"


# --- invoices declared twice --------------------------------------------------------------------------------------------


def twice(house, **extra):
    """The same invoice in two operations; the second claim under review, all lines kept."""
    first, _house = in_force(granted="20000.00", house=house)
    second, _house = in_force(granted="2000.00", house=house)
    claim = opened(first, house)
    add_line(claim, house, invoice_number="FACT/2026-007")
    claims.submit(claim, actor=house.member)
    other = opened(second, house)
    add_line(other, house, invoice_number="fact 2026 007", **extra)
    claims.submit(other, actor=house.member)
    review(other, house)
    return claim, other


def test_an_invoice_declared_twice_blocks_until_it_is_answered(agreement_and_house):
    _agreement, house = agreement_and_house
    _claim, other = twice(house)
    warning = open_warnings(other).get()
    data = {"certified_amount": str(claims.due_of(other)), "certification_reason": "Moins de dépenses."}
    with pytest.raises(TransitionRefused) as refused:
        perform(other, "certify", actor=house.instructor, data=data)
    assert refused.value.code == "conditions"
    answer_warning(warning, answer="different", comment="Deux chantiers.", actor=house.instructor)
    perform(other, "certify", actor=house.instructor, data=data)
    assert other.state == "certified"


def test_the_database_blocks_it_too(agreement_and_house):
    _agreement, house = agreement_and_house
    _claim, other = twice(house)
    with pytest.raises(DatabaseError, match="declared twice"), transaction.atomic():
        PaymentClaim.objects.filter(pk=other.pk).update(
            state="certified", certified_by=house.instructor, certified_at=timezone.now(),
            certified_amount=D("1.00"), certification_reason="x",
        )  # fmt: skip


def test_an_answer_has_an_explanation(agreement_and_house):
    _agreement, house = agreement_and_house
    _claim, other = twice(house)
    with pytest.raises(ValueError, match="."):
        answer_warning(open_warnings(other).get(), answer="split", comment=" ", actor=house.instructor)
    assert DuplicateWarning.objects.filter(answered_at__isnull=False).count() == 0


def two_answered(house, agreement):
    """Two invoices of one day and total on one claim, told different, and the claim returned."""
    claim = opened(agreement, house)
    lines = [add_line(claim, house, invoice_number=number) for number in ("A-1", "A-2")]
    claims.submit(claim, actor=house.member)
    review(claim, house)
    answer_warning(open_warnings(claim).get(), answer="different", comment="Deux fours.", actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="Complétez.")
    return claim, lines


def test_an_answer_holds_for_the_two_lines_as_they_were(agreement_and_house):
    """The second line becomes the first invoice: the question is asked again, and no answer makes two of it."""
    agreement, house = agreement_and_house
    claim, (_one, other) = two_answered(house, agreement)
    claims.change_line(other, line_values(invoice_number="A-2", account_code=other.account_code), actor=house.member)
    assert not DuplicateWarning.objects.exclude(lapsed_at=None).exists(), "nothing was written otherwise"
    claims.change_line(other, line_values(invoice_number="A-1"), actor=house.member)
    old = DuplicateWarning.objects.exclude(lapsed_at=None).get()
    assert (old.answer, old.comment) == ("different", "Deux fours."), "what was said stays to be read"
    claims.submit(claim, actor=house.member)
    review(claim, house)
    with pytest.raises(ValueError, match="modifiée"):
        answer_warning(old, answer="split", comment="Encore.", actor=house.instructor)
    by_sql = {"state": "certified", "certified_by": house.instructor, "certified_at": timezone.now(),
              "certified_amount": D("1.00"), "certification_reason": "x"}  # fmt: skip
    with pytest.raises(DatabaseError, match="declared twice"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(**by_sql)
    answer_warning(open_warnings(claim).get(), answer="different", comment="Deux fours.", actor=house.instructor)
    with pytest.raises(DatabaseError, match="than its total"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(**by_sql)
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "certify", actor=house.instructor, data={"certified_amount": "1", "certification_reason": "x"})
    assert "quelle que soit la réponse" in str(refused.value.errors)


def test_a_line_written_otherwise_was_not_examined(agreement_and_house):
    """By every column that an officer looks at, by every door; its amount may be lowered and raised."""
    agreement, house = agreement_and_house
    claim, (one, other) = two_answered(house, agreement)
    assert not claim.lines.filter(certified_amount=None).exists()
    claims.change_line(one, line_values(invoice_number="A-1", declared_amount=D("9000.00")), actor=house.member)
    claims.attach_proof(claim, [other], pdf("autre"), actor=house.member)
    assert claim.lines.filter(certified_amount=None).count() == 2
    claim.refresh_from_db()
    assert (claim.certified_total, claim.declared_total) == (0, D("19000.00"))
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "certify", actor=house.instructor, data={"certified_amount": "1", "certification_reason": "x"})
    assert "2 lignes" in str(refused.value.errors)
    kept = {one.pk: (D("5000.00"), "Hors projet."), other.pk: (D("10000.00"), "")}
    claims.certify_lines(claim, kept, actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="Complétez.")
    changes = {"account_code": "623", "supplier_name": "Beau-frère", "supplier_siret": "", "invoice_number": "BF-1",
               "invoice_date": one.invoice_date - timedelta(days=1), "paid_on": one.paid_on + timedelta(days=1),
               "description": "Autre", "invoice_total": D("11000.00"), "declared_amount": D("9500.00")}  # fmt: skip
    for name, value in changes.items():
        with transaction.atomic():
            ExpenditureLine.objects.filter(pk=one.pk).update(**{name: value})
            one.refresh_from_db()
            assert (one.certified_amount, one.certified_reason) == (None, ""), name
            transaction.set_rollback(True)
    assert ExpenditureLine.objects.get(pk=one.pk).certified_amount == D("5000.00")


def test_a_draft_of_somebody_else_warns_nobody(agreement_and_house):
    agreement, house = agreement_and_house
    add_line(opened(agreement, house), house, invoice_number="F-7")
    second, _house = in_force(granted="2000.00", house=house)
    other = opened(second, house)
    add_line(other, house, invoice_number="F-7")
    claims.submit(other, actor=house.member)
    assert not open_warnings(other).exists()
