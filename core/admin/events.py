"""The history of a row, as its page and its history page show it."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import label_for_field
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core.events import history
from core.models.event import Event
from core.presentation import action_label

SHOWN = 15
READ = 60
PER_PAGE = 50


@dataclass
class EventLine:
    """One event in words; ``count`` of them when somebody did the same thing again and again in a row."""

    event: Event
    label: str
    who: str
    changes: list[tuple[str, Any, Any]]
    count: int = 1

    def takes_in(self, other: "EventLine") -> bool:
        """Whether the next line says nothing more than this one."""
        mine, theirs = self.event, other.event
        says_more = self.changes or other.changes or mine.comment or theirs.comment
        same = (self.label, self.who, mine.created_at.date()) == (other.label, other.who, theirs.created_at.date())
        return same and not says_more


def lines(subject: models.Model, events: list[Event]) -> list[EventLine]:
    """The events in words, in the order given."""
    return [
        EventLine(
            event=event,
            label=action_label(type(subject), event.action),
            who=str(event.actor) if event.actor else event.actor_label or _("Essor"),
            changes=[
                (_field_label(type(subject), name), before, after)
                for name, (before, after) in (event.changes or {}).items()
            ],
        )
        for event in events
    ]


def _field_label(model: type[models.Model], name: str) -> str:
    try:
        return str(label_for_field(name, model))
    except (AttributeError, FieldDoesNotExist):
        return name


def recent_events(subject: models.Model) -> list[EventLine]:
    """The latest events of a row, newest first; twelve pieces examined one after the other are one line."""
    shown: list[EventLine] = []
    for line in lines(subject, list(history(subject).order_by("-sequence")[:READ])):
        if shown and shown[-1].takes_in(line):
            shown[-1].count += 1
        elif len(shown) == SHOWN:
            break
        else:
            shown.append(line)
    return shown


def event_page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Every event of a row, newest first, page by page."""
    obj = model_admin.object_or_404(request, object_id)
    found = Paginator(history(obj).order_by("-sequence"), PER_PAGE).get_page(request.GET.get("page"))
    return model_admin.page(
        request,
        "admin/essor/events.html",
        _("History"),
        obj,
        page_obj=found,
        lines=lines(obj, list(found.object_list)),
        back=model_admin.change_url(obj),
    )
