"""A session of the committee in the demonstration: agenda, members present, a recusal, decisions, deliberation."""

from decimal import Decimal

from core.models import User
from core.transitions import perform
from demo.cases import Case, Stage
from grants import committee
from grants.models import CommitteeSession

REJECTED_BECAUSE = "Le projet ne présente pas de perspective d’emploi dans un délai raisonnable."
DEFERRED_BECAUSE = "Plan de financement à revoir avec la commune."
REDUCED_BECAUSE = "Assiette réduite aux dépenses de la première année."


def put_on_agenda(session: CommitteeSession, applications, secretary: User) -> None:
    """Put the cases that have their visa on the agenda."""
    committee.add_to_agenda(session, applications, actor=secretary)


def convene(session: CommitteeSession, secretary: User) -> None:
    """Send the agenda to the members."""
    perform(session, "convene", actor=secretary, data={})


def hold(session: CommitteeSession, cases: dict[int, Case], number: str, secretary: User) -> None:
    """Open the session, decide on each case and close it under its deliberation number.

    Args:
        cases: the cases of the demonstration by the id of their application.
    """
    committee.mark_present(session, session.members.all(), actor=secretary)
    perform(session, "open_session", actor=secretary)
    for rank, item in enumerate(session.items.select_related("application", "session").order_by("rank")):
        case = cases[item.application_id]
        if rank == 1:
            member = session.members.filter(is_voting=True).order_by("pk").last()
            committee.declare_recusal(item, member, actor=secretary, reason="Administrateur de la structure.")
        _decide(item, case, secretary)
    perform(session, "close_session", actor=secretary, data={"deliberation_number": number})


def _decide(item, case: Case, secretary: User) -> None:
    if case.stage == Stage.REJECTED:
        committee.record_decision(item, "rejected", actor=secretary, reason=REJECTED_BECAUSE)
    elif case.stage == Stage.DEFERRED:
        committee.record_decision(item, "deferred", actor=secretary, reason=DEFERRED_BECAUSE)
    elif case.reduced_to:
        committee.record_decision(
            item, "granted", actor=secretary, amount=Decimal(case.reduced_to), reason=REDUCED_BECAUSE
        )
    else:
        committee.record_decision(item, "granted", actor=secretary)
