"""Who may see and do what with applications: querysets, and predicates that give None or the reason of a refusal.

The cases themselves are reached through what is handed over, never imported: their own transitions name these
predicates.
"""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from applicants.models import Applicant
from applicants.permissions import may_act_for, may_submit_for
from core.engine.standing import reason_reads_only
from core.roles import STAFF_ROLES, Role
from grants.models.programme import Programme
from grants.states import ApplicationState

SEES_EVERY_PROGRAMME = (Role.AUDITOR, Role.ADMINISTRATOR)


def programmes_of(user) -> QuerySet:
    """The programmes whose filed cases ``user`` may see as a member of staff (none for an applicant)."""
    programmes = Programme.objects.all()
    if not user.is_authenticated or not user.is_active:
        return programmes.none()
    if user.has_role(*SEES_EVERY_PROGRAMME):
        return programmes
    if user.has_role(*STAFF_ROLES):
        return programmes.filter(pk__in=user.programme_assignments.values("programme_id"))
    return programmes.none()


def applicants_of(user) -> QuerySet:
    """The applicants ``user`` acts for."""
    applicants = Applicant.objects.all()
    if not user.is_authenticated or not user.is_active:
        return applicants.none()
    return applicants.filter(pk__in=user.memberships.values("applicant_id"))


def visible_applications(queryset: QuerySet, user) -> QuerySet:
    """Own cases of an applicant (drafts included) and filed cases of a member of staff's programmes."""
    condition = visible_q(user)
    return queryset.none() if condition is None else queryset.filter(condition)


def visible_q(user, prefix: str = "") -> Q | None:
    """The condition on the cases that ``user`` sees; None when there are none.

    ``prefix`` is the lookup path from the filtered model to the case (``"agreement__application__"``), of rows that
    have one case each.
    """
    if not user.is_authenticated or not user.is_active:
        return None
    if user.has_role(*SEES_EVERY_PROGRAMME):
        return Q()
    own = Q(**{f"{prefix}applicant__in": user.memberships.values("applicant_id")})
    if not user.has_role(*STAFF_ROLES):
        return own
    programmes = user.programme_assignments.values("programme_id")
    filed = Q(**{f"{prefix}submitted_at__isnull": False})
    return own | (Q(**{f"{prefix}programme_version__programme__in": programmes}) & filed)


def may_see(user, application) -> str | None:
    """None when the case is one of those that ``user`` sees."""
    if type(application).objects.for_user(user).filter(pk=application.pk).exists():
        return None
    return _("This case is not one of yours.")


def may_edit(user, application) -> str | None:
    """Typing answers: people of the applicant, while the case is a draft."""
    refusal = may_act_for(user, application.applicant)
    if refusal:
        return refusal
    if application.state == ApplicationState.WITHDRAWN:
        return _("This application is withdrawn: it can no longer be changed.")
    if application.state != ApplicationState.DRAFT:
        return _("This application is filed: it can no longer be changed. Write to the service if something is wrong.")
    return None


def may_change_piece(user, application, code: str) -> str | None:
    """Joining or replacing a piece: in a draft, or while the service waits for that piece."""
    refusal = may_act_for(user, application.applicant)
    if refusal:
        return refusal
    if application.state == ApplicationState.DRAFT:
        return None
    request = application.open_piece_request()
    if application.state == ApplicationState.INCOMPLETE and request and code in request.pieces:
        return None
    return _("This piece can no longer be changed. If something is wrong with it, write to the service.")


def may_file(user, application) -> str | None:
    """Filing, completing and withdrawing engage the applicant: representatives only."""
    return may_submit_for(user, application.applicant)


def may_write_message(user, application) -> str | None:
    """The people of the applicant, once the case is filed, and the staff of the programme."""
    if application.state == ApplicationState.DRAFT:
        return _("You can write to the service about this case once it is filed.")
    return reason_reads_only(user) or may_see(user, application)
