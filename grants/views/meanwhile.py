"""What became of a draft while its form stood open in another window."""

from django.utils.translation import gettext as _

from core.dates import format_moment
from core.events import Event
from core.roles import STAFF_ROLES
from grants.models import Application
from grants.states import ApplicationState

_OPEN = (ApplicationState.DRAFT, ApplicationState.INCOMPLETE)


def ended_meanwhile(application: Application, reader) -> str:
    """That a case was filed or withdrawn, by whom and when, for somebody who goes on with its form; empty while it can
    still be written in, and where neither happened."""
    if application.state in _OPEN:
        return ""
    events = Event.objects.of(application).filter(action__in=("submit", "withdraw")).select_related("actor")
    event = events.order_by("-sequence").first()
    if event is None:
        return ""
    words = {"when": format_moment(event.created_at), "person": event.actor, "number": application.number}
    is_own = event.actor_id == reader.pk
    if event.action == "withdraw":
        if is_own:
            return _("You withdrew this application yourself on %(when)s: nothing more is changed in it.") % words
        return _("%(person)s withdrew this application on %(when)s: nothing more is changed in it.") % words
    if is_own:
        return (
            _(
                "You filed this application yourself on %(when)s, under the number %(number)s: nothing more is changed in "
                "it. Write to the service from the page of the case if something is wrong or missing."
            )
            % words
        )
    if event.actor is None or event.actor.role_set & STAFF_ROLES:
        words["person"] = _("The service")
    return (
        _(
            "%(person)s filed this application on %(when)s, under the number %(number)s: nothing more is changed in it. Write "
            "to the service from the page of the case if something is wrong or missing."
        )
        % words
    )
