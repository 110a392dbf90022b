"""Whose turn it is: every state from which somebody may go on stands in a work list, or is a task of the beneficiary.

The states and their moves are read from the declarations: a new state without a place in a list fails here.
"""

from datetime import timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from agreements import claims, payments, reports, work
from agreements.agreement_page import tasks_now
from agreements.case_links import awaits_beneficiary
from agreements.models import Agreement, PaymentBatch, PaymentClaim, TrancheReport
from core.figures.invariants import invariant_of
from core.models import OutboxMessage, User
from core.roles import Role
from core.transitions import perform, transitions_of
from core.users.last_person import stranded
from grants.models import Application
from tests.factories.agreements import approved, drafted, entry, in_force, opened, pay, review, signature, submitted
from tests.factories.applicants import pdf
from tests.factories.instruction import staff

pytestmark = pytest.mark.django_db
# The lists of each model: what waits for the staff.
QUEUES = {
    Agreement: [work.agreements_to_send, work.agreements_to_sign, work.agreements_to_end],
    PaymentClaim: [work.claims_to_review, work.claims_to_order, work.claims_suspended],
    TrancheReport: [work.reports_to_read],
    PaymentBatch: [work.batches_to_close, work.batches_to_confirm],
}


def turns_of(model, state: str) -> set[str]:
    """Whose turn the declarations say it is: of those who have a first move from there."""
    return {
        spec.audience
        for spec in transitions_of(model)
        if spec.audience != "system" and spec.starts_from(state) and spec.tone == "primary"
    }


def lists_of(row, house) -> set[str]:
    """Who finds the row where they look for their work."""
    found = set()
    for queue in QUEUES[type(row)]:
        if any(queue(person).filter(pk=row.pk).exists() for person in (house.instructor, house.head, house.finance)):
            found.add("staff")
    if not isinstance(row, PaymentBatch):
        agreement = row if isinstance(row, Agreement) else row.agreement
        if tasks_now(agreement):
            found.add("applicant")
    return found


class Walk:
    """Looks at a row in each state it comes to."""

    def __init__(self) -> None:
        self.seen: dict[type, set[str]] = {model: set() for model in QUEUES}
        self.lost: list[tuple] = []

    def look(self, row, house) -> None:
        row = type(row).objects.get(pk=row.pk)
        self.seen[type(row)].add(row.state)
        wanted, found = turns_of(type(row), row.state), lists_of(row, house)
        if wanted and not wanted & found:
            self.lost.append((type(row).__name__, row.state, wanted, found))


def follow_an_act(walk: Walk) -> tuple[Agreement, object]:
    agreement, house = drafted(granted="30000.00")
    walk.look(agreement, house)
    perform(agreement, "send", actor=house.instructor)
    walk.look(agreement, house)
    perform(agreement, "confirm", actor=house.member, data=signature(agreement))
    walk.look(agreement, house)
    perform(agreement, "enter_force", actor=house.head, data=entry())
    walk.look(agreement, house)
    return agreement, house


def follow_a_claim(walk: Walk, agreement, house) -> PaymentBatch:
    claim = opened(agreement, house, "advance")
    walk.look(claim, house)
    for name, actor, data in (
        ("submit", house.member, {"attested": "on"}),
        ("start_review", house.instructor, {}),
        ("give_back", house.instructor, {}),
        ("submit", house.member, {"attested": "on"}),
        ("suspend", house.instructor, {}),
        ("resume", house.instructor, {}),
    ):
        perform(claim, name, actor=actor, data=data, comment="" if name == "submit" else "Un doute.")
        walk.look(claim, house)
        if name in ("give_back", "suspend"):
            assert Application.objects.filter(awaits_beneficiary(), agreement=agreement).exists()
    data = {"certified_amount": str(claim.claimed_amount), "certification_reason": ""}
    perform(claim, "certify", actor=house.instructor, data=data)
    walk.look(claim, house)
    batch = payments.open_batch(actor=house.finance)
    payments.order_claims(batch, [claim], actor=house.finance)
    walk.look(batch, house)
    payments.close_batch(batch, actor=house.finance)
    walk.look(batch, house)
    claim.refresh_from_db()
    walk.seen[PaymentClaim].add(claim.state)  # its batch stands in the list
    payments.confirm_payments(batch.orders.all(), paid_on=timezone.localdate(batch.closed_at), actor=house.finance)
    return batch


def follow_a_report(walk: Walk) -> None:
    agreement, house = in_force("CPO", "180000.00")
    values = {"summary": "Fait.", "spent_amount": Decimal("90000.00"), "upload": SimpleUploadedFile("b.pdf", pdf("b"))}
    report = reports.file_report(agreement.tranches.order_by("rank").first(), actor=house.member, **values)
    walk.look(report, house)
    perform(report, "give_back", actor=house.instructor, comment="Un indicateur manque.")
    walk.look(report, house)


def test_every_state_that_waits_is_somebodys():
    walk = Walk()
    agreement, house = follow_an_act(walk)
    follow_a_claim(walk, agreement, house)
    follow_a_report(walk)
    assert walk.lost == []
    for model in QUEUES:
        left = {state for state in model.State.values if turns_of(model, state)} - walk.seen[model]
        assert left == set(), model


def test_an_agreement_of_which_all_is_paid_waits_to_be_ended():
    agreement, house = in_force()
    for item in agreement.instalments.order_by("rank"):
        assert agreement not in work.agreements_to_end(house.instructor)
        lines = [str(agreement.eligible_base)] if item.needs_expenditure else []
        claim = review(submitted(agreement, house, item.kind, *lines), house)
        batch = payments.open_batch(actor=house.finance)
        payments.order_claims(batch, [claim], actor=house.finance)
        pay(batch, house)
    assert agreement in work.agreements_to_end(house.instructor)
    assert any(agreement.number in item.title for item in work.work_on_acts(house.instructor))


def test_no_mail_says_that_nothing_is_to_be_done_where_something_waits():
    agreement, house = in_force()
    claim = review(submitted(agreement, house), house)
    mail = OutboxMessage.objects.filter(key__contains=f"claim-{claim.pk}-certify").get()
    waits = tasks_now(agreement)
    assert bool(waits) != ("rien à faire" in mail.body)
    assert all(task.text[:30] in mail.body for task in waits)


@pytest.mark.parametrize(("begun", "has_ended"), [(60, False), (800, True)])
def test_the_balance_of_a_year_is_to_be_claimed_once_the_year_has_ended(client, begun, has_ended):
    """It closes the account of the year: while the year runs it is told from when, and is nobody's task."""
    start = timezone.localdate() - timedelta(days=begun)
    agreement, house = in_force("CPO", "180000.00", project_start=start, project_end=start + timedelta(days=3 * 365))
    year = agreement.tranches.order_by("rank").first()
    assert (year.ends_on < timezone.localdate()) is has_ended
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    assert "Première demande au plus tard" in client.get(agreement.get_absolute_url()).text or not (
        agreement.first_claim_deadline
    )
    for item in agreement.instalments.filter(tranche=year).exclude(kind="balance"):
        claim = claims.open_claim(agreement, item, actor=house.member)
        for piece in claim.instalment.required_pieces:
            claims.join_piece(claim, piece["code"], pdf(piece["code"]), actor=house.member)
        claims.submit(claim, actor=house.member)
    (balance,) = agreement.instalments.filter(tranche=year, kind="balance")
    assert any(balance.label in str(task.text) for task in tasks_now(agreement)) is has_ended
    assert Application.objects.filter(awaits_beneficiary(), agreement=agreement).exists() is has_ended
    page = client.get(agreement.get_absolute_url()).text
    assert ("une fois l’année terminée, après le" in page) is not has_ended
    assert "Première demande au plus tard" not in page, "the first claim was filed"


LEAVES = {
    "account closed": lambda person: User.objects.filter(pk=person.pk).update(is_active=False),
    "role taken": lambda person: person.groups.clear(),
    "programme taken": lambda person: person.programme_assignments.all().delete(),
    "head of service now": lambda person: person.set_roles([Role.HEAD_OF_SERVICE]),
}


@pytest.mark.parametrize("leaves", LEAVES.values(), ids=LEAVES)
def test_what_an_instructor_leaves_after_the_vote_is_in_the_list_of_each_colleague(leaves):
    """A case granted without an act, a draft, a claim, a report; not before, and not nobody's afterwards."""
    agreement, house = in_force("CPO", "180000.00")
    values = {"summary": "Fait.", "spent_amount": Decimal("90000.00"), "upload": SimpleUploadedFile("b.pdf", pdf("b"))}
    reports.file_report(agreement.tranches.order_by("rank").first(), actor=house.member, **values)
    submitted(agreement, house)
    draft, _house = drafted("CPO", "180000.00", house=house)
    granted = approved("CPO", "180000.00", house=house)[0]
    colleague = staff(Role.INSTRUCTOR, "CPO")

    def found(person) -> dict[str, int]:
        lines = [*work.work_on_acts(person), *work.work_on_claims(person)]
        names = [line.title.partition(" · ")[0] for line in lines]
        return {"granted": granted.number in names, "draft": draft.number in names, "claim and report": len(names) - 2}

    assert not any(found(colleague)[name] for name in ("granted", "draft"))
    leaves(house.instructor)
    assert found(User.objects.get(pk=colleague.pk)) == {"granted": True, "draft": True, "claim and report": 2}
    for code in ("act", "claim", "report"):
        assert not list(invariant_of(f"agreements.open-{code}-is-somebodys").broken())
    told = " ".join(stranded([colleague.pk], [Role.INSTRUCTOR]))
    assert draft.number in told and "demandes de paiement" in told and "bilans annuels" in told


def test_who_prepared_an_act_is_not_asked_to_sign_it_and_finance_signs_where_no_head_may():
    agreement, house = drafted(granted="30000.00")
    perform(agreement, "send", actor=house.instructor)
    perform(agreement, "confirm", actor=house.member, data=signature(agreement))
    assert list(work.work_on_acts(house.head)) and not list(work.work_on_acts(house.finance))
    with pgtrigger.ignore():
        Agreement.objects.filter(pk=agreement.pk).update(drafted_by=house.head)
    assert not list(work.work_on_acts(house.head)) and list(work.work_on_acts(house.finance))
    assert not list(invariant_of("agreements.open-act-is-somebodys").broken())
    User.objects.filter(pk=house.finance.pk).update(is_active=False)
    (row,) = invariant_of("agreements.open-act-is-somebodys").broken()
    assert row.pk == agreement.pk
