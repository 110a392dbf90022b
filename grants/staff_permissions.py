"""Who may do what on the staff side: predicates that return ``None`` or the reason of a refusal.

Models are reached through relations only: the models' own transitions name these predicates. A page that asks many of
them first does ``prefetch_related_objects([user], "programme_assignments")``; they then cost no query.
"""

from django.utils.translation import gettext as _

from core.engine.standing import reason_interested, reason_reads_only
from core.roles import Role

WORKS_ON_CASES = (Role.INSTRUCTOR, Role.HEAD_OF_SERVICE)
EDITS_BUDGET = (Role.FINANCE_OFFICER, Role.ADMINISTRATOR)


def works_for_programme(user, programme_id: int) -> bool:
    """Whether a member of staff is assigned to the programme; an administrator is assigned to all."""
    if user.has_role(Role.ADMINISTRATOR):
        return True
    return any(item.programme_id == programme_id for item in user.programme_assignments.all())


def reason_not_staff_of(user, application) -> str | None:
    """None for the staff of the case's programme who have no interest in the case."""
    if refusal := reason_reads_only(user):
        return refusal
    if not works_for_programme(user, application.programme_version.programme_id):
        return _("This case belongs to a programme you are not assigned to.")
    return reason_interested(user, application)


def may_work_on(user, application) -> str | None:
    """Instruction in general: the staff of the programme, who did not file the case."""
    if user.pk == application.submitted_by_id:
        return _("You filed this case yourself: someone else must instruct it.")
    if user.pk == application.created_by_id:
        return _("You began this application for its applicant: someone else must instruct it.")
    return reason_not_staff_of(user, application)


def may_instruct(user, application) -> str | None:
    """Answer checks, score, ask opinions, compute: instructors and heads of service of the programme."""
    if not user.has_role(*WORKS_ON_CASES):
        return _("Only the instructors of the programme do this.")
    return may_work_on(user, application)


def may_give_visa(user, application) -> str | None:
    """The head of service, on the proposal of somebody else."""
    refusal = may_work_on(user, application)
    if refusal:
        return refusal
    proposal = application.live_proposal()
    if proposal is not None and proposal.made_by_id == user.pk:
        return _("You made this proposal: the visa is given by someone else.")
    if application.instructor_id == user.pk:
        return _("You instruct this case: the visa is given by someone else.")
    return None


def may_assign(user, application) -> str | None:
    """Give a case to an instructor: heads of service, or an instructor taking a case that nobody has."""
    if not user.has_role(*WORKS_ON_CASES):
        return _("Only the head of service and the instructors of the programme assign cases.")
    return may_work_on(user, application)


def may_run_session(user, session) -> str | None:
    """The committee secretary, when every programme of the session is one of theirs."""
    if refusal := reason_reads_only(user):
        return refusal
    if not user.has_role(Role.COMMITTEE_SECRETARY):
        return _("Only the committee secretary runs a session.")
    for programme in session.programmes.all():
        if not works_for_programme(user, programme.pk):
            return _("This session takes a programme you are not assigned to: %(programme)s.") % {
                "programme": programme
            }
    return reason_interested(user, session)


def may_edit_budget(user, obj=None) -> str | None:
    """Envelopes and credits: finance officers and administrators."""
    if refusal := reason_reads_only(user):
        return refusal
    if user.has_role(*EDITS_BUDGET):
        return None
    return _("Only finance officers and administrators change envelopes.")


def may_lapse(user, application) -> str | None:
    """A case under agreement lapses with its agreement, never by itself."""
    if application.state == "contracted":
        return _("This case is under agreement: it lapses with its agreement.")
    return reason_not_staff_of(user, application)
