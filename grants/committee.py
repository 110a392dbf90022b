"""What is done to a session besides its transitions: members, order of the agenda, decisions, recusals.

Each function checks who acts, writes, and leaves an event on the session, in one transaction. Screens and commands
call the same functions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.rules.de_minimis import NoCeiling
from core.constraints import violation_message
from core.events import record
from core.money import ZERO, sum_money
from core.text import in_a_sentence
from core.transitions import perform
from grants import consultation, de_minimis, decisions
from grants.models import AgendaItem, Application, CommitteeMember, CommitteeSession, Decision, Envelope, Recusal
from grants.models import SessionState as State
from grants.programmes.grant_plan import GrantPlan, PlanRefused
from grants.services.plans import plan_of_grant
from grants.staff_permissions import may_run_session
from grants.void import unknown_undertaking, void_answers, void_computation


class SessionRefused(Exception):
    """What a session does not take; ``str()`` is a sentence a person can act on, ``field`` the input at fault."""

    def __init__(self, text: str, field: str = ""):
        super().__init__(str(text))
        self.field = field


def _check(session: CommitteeSession, actor, *states: State) -> None:
    refusal = may_run_session(actor, session)
    if refusal:
        raise SessionRefused(refusal)
    if session.state not in states:
        raise SessionRefused(
            _("The session is %(state)s: this is not possible any more.")
            % {"state": in_a_sentence(session.state_label())}
            if session.state == State.CLOSED
            else _("This is not possible while the session is in the state “%(state)s”.")
            % {"state": session.state_label()}
        )


# --- preparing -----------------------------------------------------------------------------------------------


def create_session(*, actor, held_at, programmes, title="", place="", quorum=1) -> CommitteeSession:
    """A new session in preparation that takes the cases of ``programmes``."""
    with transaction.atomic():
        session = CommitteeSession.objects.create(
            title=title or CommitteeSession._meta.get_field("title").default,
            held_at=held_at,
            place=place,
            quorum=quorum,
            created_by=actor,
        )
        session.programmes.set(programmes)
        record(session, "create", actor=actor)
    return session


def add_member(
    session: CommitteeSession, name: str, *, actor, capacity="", email="", is_voting=True
) -> CommitteeMember:
    """Somebody sits in the session."""
    _check(session, actor, State.DRAFT, State.CONVENED, State.IN_SESSION)
    with transaction.atomic():
        member = session.members.create(name=name, capacity=capacity, email=email, is_voting=is_voting)
        record(session, "add_member", actor=actor, data={"member": name})
    return member


def mark_present(session: CommitteeSession, members: Iterable[CommitteeMember], *, actor) -> None:
    """Exactly these members are present."""
    _check(session, actor, State.CONVENED, State.IN_SESSION)
    present = {member.pk for member in members}
    with transaction.atomic():
        session.members.filter(pk__in=present).update(is_present=True)
        session.members.exclude(pk__in=present).update(is_present=False)
        record(session, "presence", actor=actor, data={"present": len(present)})


def add_to_agenda(session: CommitteeSession, applications: Iterable[Application], *, actor) -> None:
    """Put cases at the end of the agenda, all or none.

    Raises:
        TransitionRefused: with the reason of the first case that cannot be scheduled.
    """
    with transaction.atomic():
        for application in applications:
            perform(application, "schedule", actor=actor, data={"session": session.pk})


def move_item(item: AgendaItem, rank: int, *, actor) -> None:
    """Give an item another rank (from 1); the others make room."""
    session = item.session
    _check(session, actor, State.DRAFT, State.CONVENED, State.IN_SESSION)
    with transaction.atomic():
        CommitteeSession.objects.select_for_update(of=("self",), no_key=True).get(pk=session.pk)
        items = list(session.items.exclude(pk=item.pk).order_by("rank"))
        items.insert(max(0, min(rank, len(items) + 1) - 1), item)
        for position, each in enumerate(items, 1):
            if each.rank != position:
                each.rank = position
                each.save(update_fields=["rank"])
        record(session, "move_item", actor=actor, data={"item": item.pk, "rank": item.rank})


# --- deciding ------------------------------------------------------------------------------------------------


def record_decision(
    item: AgendaItem,
    decision: str,
    *,
    actor,
    amount: Decimal | None = None,
    amounts: Mapping[str, Decimal] | None = None,
    reason: str = "",
) -> AgendaItem:
    """Write what the committee decides on one case; an empty ``decision`` takes it back.

    Args:
        amount: euros granted; the proposed amount when None.
        amounts: what each year or person gets of it (``Group.code`` → euros), where the committee says so.
        reason: compulsory for a rejection, a deferral, and an amount other than the proposed one.

    Raises:
        SessionRefused: when the session is not under way, or the decision is not complete.
    """
    reason = reason.strip()
    try:
        with transaction.atomic():
            session = _locked_session(item.session)
            _check(session, actor, State.IN_SESSION)
            item.refresh_from_db(from_queryset=AgendaItem.objects.select_for_update(of=("self",), no_key=True))
            amount, reason, plan = _terms(item, decision, amount, reason, amounts)
            plan_kept = plan.as_json() if plan.parts else {}
            decisions.write(session, item, decision, amount, reason, plan_kept, actor=actor)
    except IntegrityError as error:
        raise SessionRefused(violation_message(error) or _("The decision is not complete.")) from error
    return item


def _locked_session(session: CommitteeSession) -> CommitteeSession:
    """The session as it is now, held until the transaction ends: it is not closed meanwhile."""
    return CommitteeSession.objects.select_for_update(of=("self",), no_key=True).get(pk=session.pk)


def _terms(
    item: AgendaItem, decision: str, amount: Decimal | None, reason: str, amounts: Mapping[str, Decimal] | None
) -> tuple[Decimal | None, str, GrantPlan]:
    """The amount, the reason and the plan that go with a decision; SessionRefused when it is not complete."""
    if decision == Decision.GRANTED:
        amount = item.proposed_amount if amount is None else amount
        return amount, reason, _check_grant(item, amount, reason, amounts)
    if decision in (Decision.REJECTED, Decision.DEFERRED):
        if not reason:
            raise SessionRefused(_("A rejection or a deferral needs a reason."), "reason")
        return None, reason, GrantPlan()
    if decision:
        raise SessionRefused(_("Unknown decision."), "decision")
    return None, "", GrantPlan()


def _check_grant(item: AgendaItem, amount: Decimal, reason: str, amounts: Mapping[str, Decimal] | None) -> GrantPlan:
    """The plan of the grant, by the same function as the closing of the session."""
    if amount <= 0:
        raise SessionRefused(_("Type the amount granted, or reject the case."), "amount")
    if changed := _changed_since_proposal(item):
        raise SessionRefused(changed)
    try:
        plan = plan_of_grant(item, amount, amounts)
    except PlanRefused as refusal:
        raise SessionRefused(str(refusal), refusal.group or "amount") from refusal
    if (amount != item.proposed_amount or _differs(item, plan, amounts)) and not reason:
        raise SessionRefused(_("An amount other than the proposed one needs a reason."), "reason")
    try:
        beyond = de_minimis.beyond_ceilings_with(item, amount)
    except NoCeiling as missing:
        raise SessionRefused(str(missing)) from missing
    if beyond:
        raise SessionRefused(" ".join(beyond), "amount")
    return plan


def _changed_since_proposal(item: AgendaItem) -> str:
    """Why the case cannot be granted on what its proposal rested on, in a sentence; the closing asks the same."""
    case = item.application
    return (
        void_computation(case)
        or void_answers(case)
        or unknown_undertaking(case)
        or consultation.outdated(case, timezone.localdate(item.session.held_at))
    )


def _differs(item: AgendaItem, plan: GrantPlan, amounts: Mapping[str, Decimal] | None) -> bool:
    """Whether the years or persons were given other amounts than those proposed."""
    if not amounts:
        return False
    proposed = {group.code: group.amount for group in item.application.live_proposal().grant_plan.groups()}
    return proposed != {group.code: group.amount for group in plan.groups()}


def declare_recusal(item: AgendaItem, member: CommitteeMember, *, actor, reason: str = "") -> Recusal:
    """A member takes no part in a case: recorded before the session is closed."""
    _check(item.session, actor, State.CONVENED, State.IN_SESSION)
    if member.session_id != item.session_id:
        raise SessionRefused(_("This person does not sit in the session."), "member")
    with transaction.atomic():
        recusal, is_new = Recusal.objects.get_or_create(
            item=item, member=member, defaults={"reason": reason, "declared_by": actor}
        )
        if is_new:
            record(
                item.session, "recusal", actor=actor,
                data={"case": item.application.number, "member": member.name}, comment=reason,
            )  # fmt: skip
    return recusal


def withdraw_recusal(recusal: Recusal, *, actor) -> None:
    """A recusal declared by mistake is taken back before the session is closed."""
    session = recusal.item.session
    _check(session, actor, State.CONVENED, State.IN_SESSION)
    with transaction.atomic():
        record(
            session, "recusal_withdrawn", actor=actor,
            data={"case": recusal.item.application.number, "member": recusal.member.name},
        )  # fmt: skip
        recusal.delete()


# --- figures -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EnvelopeLine:
    """What a session does to one envelope, in euros."""

    envelope: Envelope
    left_before: Decimal
    decided: Decimal

    @property
    def left(self) -> Decimal:
        """What is left once the session is closed; negative when it decides too much."""
        return self.left_before - self.decided


@dataclass(frozen=True)
class SessionTotals:
    """Running totals of a session, in euros."""

    proposed: Decimal
    decided: Decimal
    undecided: int
    envelopes: tuple[EnvelopeLine, ...]


def totals(session: CommitteeSession, items: list[AgendaItem]) -> SessionTotals:
    """The totals of a session against its envelopes; ``items`` come with their application and call."""
    decided: dict[int, Decimal] = {}
    for item in items:
        envelope_id = item.application.call.envelope_id
        if envelope_id is not None:
            decided[envelope_id] = decided.get(envelope_id, ZERO) + (item.decided_amount or ZERO)
    closed = session.state == State.CLOSED
    lines = []
    for envelope in Envelope.objects.with_figures().filter(pk__in=decided).order_by("code"):
        left = envelope.left_amount
        # Once closed, what was decided is already counted among the amounts that wait for their agreement.
        before = left + decided[envelope.pk] if closed else left
        lines.append(EnvelopeLine(envelope, before, decided[envelope.pk]))
    return SessionTotals(
        proposed=sum_money(item.proposed_amount for item in items),
        decided=sum_money(item.decided_amount for item in items),
        undecided=sum(1 for item in items if not item.decision),
        envelopes=tuple(lines),
    )
