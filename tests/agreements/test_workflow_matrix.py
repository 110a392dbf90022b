"""Every transition of acts, claims, payments and tranches: by each role, from each state it names, and from others."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pgtrigger
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from agreements import claims, payments, reports
from agreements.effects import left_to_order
from agreements.models import Agreement, GivenUpPart, PaymentBatch, PaymentClaim, PaymentOrder, Tranche, TrancheReport
from core.dates import add_months
from core.roles import Role
from core.transitions import TransitionSpec, perform, transitions_of
from grants import commitments
from grants.models import CreditUse
from tests.factories.agreements import (
    certified,
    drafted,
    entry,
    in_force,
    opened,
    ordered,
    pay,
    sent,
    signature,
    submitted,
)
from tests.factories.applicants import BankAccountFactory, pdf
from tests.factories.core import UserFactory, hold_in_breach
from tests.factories.reporting import cofinanced, declared
from tests.matrix import COMMENT, Ready, assert_refused_elsewhere, check, combinations

pytestmark = pytest.mark.django_db

ALL = combinations("agreements")
CONVENTION = "26000.00"  # above 23,000 euros: a signed agreement


@pytest.fixture(autouse=True)
def what_ends_say_accuses_nobody():
    """Some states are set up by hand here, without the events of the way to them: they are rightly accused."""


def upload(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{name}.pdf", pdf(name), "application/pdf")


# --- acts ------------------------------------------------------------------------------------------------------------


def copy_signed_today() -> dict:
    """The whole data of a step that joins a signed copy: of the day of the test, which may not be that of the run."""
    data = {"signatory": "A. B.", "quality": "Présidente", "signed_on": timezone.localdate().isoformat()}
    return {"data": data, "files": {"file": upload("signée")}}


def agreement_in(state: str) -> Ready:
    if state == "draft":
        agreement, house = drafted(granted=CONVENTION)
    elif state == "in_force":
        agreement, house = in_force(granted=CONVENTION)
    else:
        agreement, house = sent(granted=CONVENTION)
    if state == "signed_by_beneficiary":
        perform(agreement, "confirm", actor=house.member, data=signature(agreement))
    return Ready(agreement, person={Role.APPLICANT: house.member})


def ready_agreement(spec: TransitionSpec, state: str) -> Ready:
    if spec.name == "enter_force" and state == "sent":
        agreement, house = sent()  # up to 23,000 euros the Region signs alone
        return Ready(agreement, data=entry(), involved=_prepared_it(agreement))
    if spec.name == "complete":
        agreement, house = in_force()
        _claim, batch = ordered(agreement, house)
        pay(batch, house)
        return Ready(agreement)
    ready = agreement_in(state)
    agreement = ready.row
    more = {
        "confirm": lambda: {"data": signature(agreement)},
        "record_signed_copy": copy_signed_today,
        "send_signed_copy": copy_signed_today,
        "enter_force": lambda: {"data": entry(), "involved": _prepared_it(agreement)},
        "extend_claims": lambda: {"data": {"until": add_months(timezone.localdate(), 36).isoformat()}},
    }.get(spec.name, dict)()
    return Ready(agreement, person=ready.person, **more)


def _prepared_it(agreement: Agreement) -> tuple:
    """The instructor of the case, as a head of service too."""
    hold_in_breach(agreement.application.instructor, Role.INSTRUCTOR, Role.HEAD_OF_SERVICE)
    return (agreement.application.instructor,)


# --- claims ----------------------------------------------------------------------------------------------------------


def claim_in(state: str) -> tuple[PaymentClaim, Ready]:
    agreement, house = in_force()
    if state == "draft":
        claim = opened(agreement, house, "advance")
    elif state in ("submitted", "under_review", "returned"):
        claim = submitted(agreement, house)
    elif state == "ordered":
        claim, _batch = ordered(agreement, house)
    else:
        claim = certified(agreement, house)
    if state in ("under_review", "returned"):
        perform(claim, "start_review", actor=house.instructor)
    if state == "returned":
        perform(claim, "give_back", actor=house.instructor, comment=COMMENT)
    if state == "suspended":
        perform(claim, "suspend", actor=house.instructor, comment=COMMENT)
    return claim, Ready(claim, person={Role.APPLICANT: house.member})


def kept_draft() -> tuple[PaymentClaim, Ready]:
    """Kept by the end of its agreement while it is being written."""
    agreement, house = in_force()
    claim = opened(agreement, house, "advance")
    perform(agreement, "terminate", actor=house.head, data={f"claim-{claim.pk}": "pay"}, comment=COMMENT)
    claim = PaymentClaim.objects.get(pk=claim.pk)
    return claim, Ready(claim, person={Role.APPLICANT: house.member})


def ready_claim(spec: TransitionSpec, state: str) -> Ready:
    claim, ready = claim_in(state)
    if spec.name == "reject" and state == "draft":
        claim, ready = kept_draft()
    if spec.name == "reject" and state in ("returned", "draft"):
        PaymentClaim.objects.filter(pk=claim.pk).update(answer_due_on=timezone.localdate() - timedelta(days=1))
    if spec.name == "close_without_payment":
        return nothing_due()
    if spec.name == "resume_payment":
        return declared_and_suspended()
    if spec.name == "submit":
        return Ready(claim, data={"attested": "on"}, person=ready.person)
    if spec.name == "certify":
        return Ready(claim, data={"certified_amount": str(claim.claimed_amount)}, person=ready.person)
    if spec.name == "order":
        batch = payments.open_batch(actor=UserFactory(finance_officer=True))
        hold_in_breach(claim.certified_by, Role.INSTRUCTOR, Role.FINANCE_OFFICER)
        return Ready(claim, data={"batch": batch.pk}, involved=(claim.certified_by,))
    if spec.name == "order_rest":
        return partly_ordered()
    if spec.name in ("give_up", "give_up_at_end", "close_given_up"):
        ready = given_up_in_part(state, all_of_it=spec.name == "close_given_up")
        closes = spec.name == "give_up_at_end" and state != "ordered"
        return replace(ready, then="paid") if closes else ready
    if spec.name == "certify_less":
        return less_is_due()
    if spec.name == "settle":
        batch = claim.orders.get().batch
        payments.close_batch(batch, actor=batch.opened_by)
        # The order alone is paid, without what its payment sets off.
        claim.orders.update(state="paid", paid_on=timezone.localdate(), confirmed_by=batch.opened_by)
        return Ready(claim, data={"paid_on": timezone.localdate()})
    return ready


def less_is_due() -> Ready:
    """A balance of which expenditure was cut since its certification, behind its back."""
    agreement, house = in_force()
    _advance, balance = certified(agreement, house), certified(agreement, house, "balance", "26625.00")
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        balance.lines.update(certified_amount="21300.00", certified_reason=COMMENT)
    return Ready(balance, data={"certified_amount": "2000", "certification_reason": COMMENT})


def declared_and_suspended() -> Ready:
    """A claim that was declared to a European fund before a fault was found: its certification stays."""
    case = cofinanced()
    claim = declared(case, "5000.00").claim
    return Ready(perform(claim, "suspend", actor=case.house.instructor, comment=COMMENT))


def nothing_due() -> Ready:
    """A balance of which nothing is due: its expenditure was refused whole."""
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "5000.00")
    perform(claim, "start_review", actor=house.instructor)
    claims.certify_lines(claim, {line.pk: (0, "Hors objet.") for line in claim.lines.all()}, actor=house.instructor)
    data = {"certified_amount": "0", "certification_reason": "Rien n’est éligible."}
    perform(claim, "certify", actor=house.instructor, data=data)
    hold_in_breach(claim.certified_by, Role.INSTRUCTOR, Role.FINANCE_OFFICER)
    return Ready(claim, involved=(claim.certified_by,))


def partly_ordered() -> Ready:
    """A claim of two persons, of whom one had no account when the other was ordered."""
    agreement, house = in_force("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    first, second = agreement.shares.order_by("rank")
    BankAccountFactory(applicant=first.applicant, verified=True)
    claim, _batch = ordered(agreement, house, "single")
    BankAccountFactory(applicant=second.applicant, verified=True)
    hold_in_breach(claim.certified_by, Role.INSTRUCTOR, Role.FINANCE_OFFICER)
    batch = payments.open_batch(actor=UserFactory(finance_officer=True))
    return Ready(claim, data={"batch": batch.pk}, involved=(claim.certified_by,), code="CAPITAL-SCOP")


def given_up_in_part(state: str, *, all_of_it: bool) -> Ready:
    """A claim of three persons, of whom the last gave up (all of them, where nothing is left), and the second does now."""
    agreement, house = in_force("CAPITAL-SCOP", "5200.00", persons=("2000.00", "1700.00", "1500.00"))
    first, second, third = agreement.shares.order_by("rank")
    claim = certified(agreement, house, "single")
    for share in (first, second, third) if all_of_it else (third,):
        # The part alone, without what giving it up sets off.
        amount = next(amount for of, _payee, amount in left_to_order(claim) if of == share)
        GivenUpPart.objects.create(claim=claim, share=share, amount=amount, reason=COMMENT, decided_by=house.instructor)
        claim.refresh_from_db()
    if state == "suspended":
        perform(claim, "suspend", actor=house.instructor, comment=COMMENT)
    if state == "ordered":
        BankAccountFactory(applicant=first.applicant, verified=True)
        payments.order_claims(payments.open_batch(actor=house.finance), [claim], actor=house.finance)
    claim.refresh_from_db()
    return Ready(claim, data={"parts": [str(second.pk)]}, code="CAPITAL-SCOP")


# --- payments --------------------------------------------------------------------------------------------------------


def batch_in(state: str) -> Ready:
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    if state == "sent":
        payments.close_batch(batch, actor=house.finance)
        batch.refresh_from_db()
    hold_in_breach(claim.certified_by, Role.INSTRUCTOR, Role.FINANCE_OFFICER)
    return Ready(batch, involved=(claim.certified_by,), scoped=False)


def leave_their_batch() -> None:
    """Claims go back with the last of their orders: the database keeps the two together."""
    alone = PaymentClaim.objects.filter(state="ordered", ordered_amount=0)
    alone.update(state="certified", ordered_by=None, ordered_at=None)


def ready_batch(spec: TransitionSpec, state: str) -> Ready:
    ready = batch_in(state)
    if spec.name == "settle":
        order = ready.row.orders.get()
        PaymentOrder.objects.filter(pk=order.pk).update(
            state="paid", paid_on=timezone.localdate(), confirmed_by=ready.row.opened_by
        )
    if spec.name in ("void", "abandon"):
        for order in ready.row.orders.all():
            commitments.release_credit(CreditUse.objects.get(reference=order.reference))
        ready.row.orders.update(state="cancelled", cancel_reason="Compte clos.")
        leave_their_batch()
    if spec.name == "abandon":  # nobody certified what a batch without any order holds
        return Ready(ready.row, scoped=False)
    return ready


def ready_order(spec: TransitionSpec, state: str) -> Ready:
    ready = batch_in("sent")
    order = ready.row.orders.get()
    data = {"paid_on": timezone.localdate().isoformat()} if spec.name == "confirm" else {}
    if spec.name == "withdraw":  # a claim and the last of its orders
        return Ready(order, involved=ready.involved, also=leave_their_batch)
    return Ready(order, data=data, involved=ready.involved)


# --- tranches --------------------------------------------------------------------------------------------------------


def report_in(state: str) -> tuple[TrancheReport, Ready]:
    agreement, house = in_force("CPO", "180000.00")
    first = agreement.tranches.get(rank=1)
    report = reports.file_report(first, summary="Fait.", spent_amount=90000, upload=upload("bilan"), actor=house.member)
    if state == "returned":
        perform(report, "give_back", actor=house.instructor, comment=COMMENT)
    if state == "accepted":
        perform(report, "accept", actor=house.instructor)
    return report, Ready(report, person={Role.APPLICANT: house.member}, code="CPO")


def ready_report(spec: TransitionSpec, state: str) -> Ready:
    report, ready = report_in(state)
    data = {"summary": "Fait, avec les comptes.", "spent_amount": "90 000,00"} if spec.name == "file_again" else {}
    return Ready(report, data=data, person=ready.person, code="CPO")


def ready_tranche(spec: TransitionSpec, state: str) -> Ready:
    if spec.name == "pass_over":
        agreement, house = in_force("CPO", "180000.00", years=("60000.00", "0.00", "40000.00"))
        first, second, _third = agreement.tranches.order_by("rank")
        report = reports.file_report(
            first, summary="Fait.", spent_amount=90000, upload=upload("bilan"), actor=house.member
        )
        TrancheReport.objects.filter(pk=report.pk).update(
            state="accepted", decided_by=house.instructor, decided_at=timezone.now()
        )
        return Ready(second, code="CPO")
    report, _ready = report_in("filed")
    rank = {"planned": 2, "released": 1}[state]
    tranche = report.tranche.agreement.tranches.get(rank=rank)
    if state == "planned":  # the report of the year before is what releases it
        TrancheReport.objects.filter(pk=report.pk).update(
            state="accepted", decided_by=report.tranche.agreement.drafted_by, decided_at=timezone.now()
        )
    return Ready(tranche, code="CPO")


READY: dict[type, Callable[[TransitionSpec, str], Ready]] = {
    Agreement: ready_agreement,
    PaymentClaim: ready_claim,
    PaymentBatch: ready_batch,
    PaymentOrder: ready_order,
    Tranche: ready_tranche,
    TrancheReport: ready_report,
}


def test_the_matrix_knows_every_model():
    assert {parameters.values[0] for parameters in ALL} == set(READY)


@pytest.mark.parametrize(("model", "spec", "state"), ALL)
def test_who_may_and_who_may_not(model, spec, state):
    check(model, spec, state, lambda: READY[model](spec, state))


@pytest.mark.parametrize(
    ("model", "state"),
    [
        (Agreement, "draft"),
        (Agreement, "in_force"),
        (PaymentClaim, "draft"),
        (PaymentClaim, "ordered"),
        (PaymentBatch, "open"),
        (PaymentBatch, "sent"),
        (TrancheReport, "accepted"),
        (TrancheReport, "returned"),
    ],
)
def test_from_no_other_state(model, state):
    make = {
        Agreement: agreement_in,
        PaymentClaim: lambda state: claim_in(state)[1],
        PaymentBatch: batch_in,
        TrancheReport: lambda state: report_in(state)[1],
    }
    ready = make[model](state)
    others = [spec for spec in transitions_of(model) if not spec.starts_from(state)]
    assert others
    people = {
        spec.name: None
        if spec.audience == "system"
        else ready.person[Role.APPLICANT]
        if spec.audience == "applicant"
        else ready.staff(spec.roles[0])
        for spec in others
    }
    assert_refused_elsewhere(ready, people)
