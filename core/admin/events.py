"""The history of a row, as its page and its history page show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.admin.changes import ChangeLine, change_lines, choices_of, is_technical, parts_of
from core.admin.gaps import gaps_of
from core.admin.values import Names, expander_of, field_label, field_of, label_in_words, subject_key, value_text
from core.engine.changes import subject_of
from core.engine.owners import Place
from core.events import history
from core.history import history_model_of, tracked_models
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
    changes: list[tuple[str, str, str]]
    count: int = 1

    def takes_in(self, other: "EventLine") -> bool:
        """Whether the next line says nothing more than this one."""
        mine, theirs = self.event, other.event
        says_more = self.changes or other.changes or mine.comment or theirs.comment
        days = (timezone.localdate(event.created_at) for event in (mine, theirs))
        same = (self.label, self.who, next(days)) == (other.label, other.who, next(days))
        return same and not says_more


def lines(subject: models.Model, events: list[Event]) -> list[EventLine]:
    """The events in words, in the order given."""
    names = Names()
    for event in events:
        if event.actor:
            names.know(event.actor)
            if getattr(event, "actor_had_another_name", True) is False:
                names.know_unchanged(event.actor)
    others = {event.pk: place for event in events if (place := _other_subject(subject, event))}
    for place in others.values():
        names.want(*place)
    return [
        EventLine(
            event=event,
            label=_label(subject, event, others.get(event.pk), names),
            who=_who(event, names),
            changes=_changes(subject, event, names),
        )
        for event in events
    ]


def _who(event: Event, names: Names) -> str:
    """Who did it, as they were called then."""
    if event.actor is None:
        return label_in_words(event.actor_label) or _("Essor")
    return names.of(type(event.actor)._meta.concrete_model, event.actor_id, event.recorded_at or event.created_at)


def _model_of(event: Event) -> type[models.Model] | None:
    """What the event is about: mostly the row whose page it is, known without a query."""
    return ContentType.objects.get_for_id(event.content_type_id).model_class()


def _other_subject(subject: models.Model, event: Event) -> Place | None:
    """What an event is about when that is not the row of the page: it tells of this one beside its own."""
    place = subject_of(event)
    own = type(subject)._meta.concrete_model
    return None if place is None or (place[0]._meta.concrete_model, place[1]) == (own, subject.pk) else place


def _label(subject: models.Model, event: Event, other: Place | None, names: Names) -> str:
    """What was done; with what it was done to where that is another row than the page's."""
    words = action_label(_model_of(event) or type(subject), event.action)
    if other is None:
        return words
    name = names.of(*other, event.recorded_at or event.created_at)
    return f"{words} ({other[0]._meta.verbose_name} {name})"


def _changes_told(subject: models.Model, event: Event) -> Mapping[str, Any]:
    """What an event says that became of this row: of an event about another one, what it says of this one."""
    told = event.changes or {}
    other = _other_subject(subject, event)
    if other is None:
        return told
    label = type(subject)._meta.concrete_model._meta.label_lower
    parts = event.data.get("parts") if isinstance(event.data, Mapping) else None
    for part in parts if isinstance(parts, list) else ():
        row = part.get("row") if isinstance(part, Mapping) else None
        if row and (row.get("model"), row.get("id")) == (label, subject.pk):
            return part.get("changes") or {}
    return {name: values for name, values in told.items() if field_of(other[0], name) is None}


def _changes(subject: models.Model, event: Event, names: Names) -> list[tuple[str, str, str]]:
    """What an event changed: (field, before, after) as people read them, without what only the machine knows."""
    model, found = type(subject), []
    for name, (before, after) in _changes_told(subject, event).items():
        if is_technical(name, model) or subject_key(model, name):
            continue
        if expand := expander_of(model, name):
            found += expand(subject, before, after)
        else:
            owner = _owner_of(model, name)
            at = event.recorded_at or event.created_at
            words = [value_text(owner, name, value, names, at) for value in (before, after)]
            found.append((field_label(owner, name), *words))
    return found


def _owner_of(model: type[models.Model], name: str) -> type[models.Model]:
    """Whose field an event speaks of: the row's, else a part's (the amount of an aid, told by its beneficiary)."""
    if field_of(model, name) is not None:
        return model
    parts = [part for part in parts_of(model) if field_of(part.model, name) is not None]
    shown = [part for part in parts if name in part.fields]
    return next((part.model for part in (*shown, *parts)), model)


def _had_another_name() -> models.Exists:
    """Whether the person of an event was ever called otherwise: hardly anybody was, and only their past is read."""
    past = history_model_of(Event._meta.get_field("actor").related_model).objects
    called = {name: models.OuterRef(f"actor__{name}") for name in ("first_name", "last_name", "email")}
    return models.Exists(past.filter(pgh_obj_id=models.OuterRef("actor_id")).exclude(**called))


def recent_events(subject: models.Model) -> list[EventLine]:
    """The latest events of a row, newest first; twelve pieces examined one after the other are one line."""
    shown: list[EventLine] = []
    latest = history(subject).annotate(actor_had_another_name=_had_another_name()).order_by("-sequence")
    for line in lines(subject, list(latest[:READ])):
        if shown and shown[-1].takes_in(line):
            shown[-1].count += 1
        elif len(shown) == SHOWN:
            break
        else:
            shown.append(line)
    return shown


def event_page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """What changed of a row and of its parts (all of it, or one field), and every event of it; newest first."""
    obj = model_admin.object_or_404(request, object_id)
    ends: dict[Place, Mapping[str, Any]] = {}
    changed, wanted = _changed(obj, ends), request.GET.get("what", "")
    found = Paginator(_events_of(obj, changed), PER_PAGE).get_page(request.GET.get("page"))
    shown = [line for line in changed if line.code == wanted] if wanted else changed
    return model_admin.page(
        request,
        "admin/essor/events.html",
        _("History"),
        obj,
        page_obj=found,
        lines=lines(obj, list(found.object_list)),
        changes=Paginator(shown, PER_PAGE).get_page(request.GET.get("changes")),
        choices=choices_of(changed),
        gaps=gaps_of(obj, ends) if ends else [],
        wanted=wanted,
        back=model_admin.change_url(obj),
    )


def _events_of(obj: models.Model, changed: list[ChangeLine]) -> models.QuerySet:
    """The events of a row, and those of others that tell of it: an aid's are in the chain of its beneficiary."""
    told = {line.event for line in changed if line.event}
    own = Event.objects.of(obj).values("pk")
    found = Event.objects.filter(models.Q(pk__in=own) | models.Q(pk__in=told))
    return found.select_related("actor").order_by("-created_at", "-pk")


def _changed(obj: models.Model, ends: dict[Place, Mapping[str, Any]] | None = None) -> list[ChangeLine]:
    """The changes of a row whose table keeps its history."""
    if type(obj)._meta.concrete_model not in tracked_models():
        return []
    return change_lines(obj, ends)
