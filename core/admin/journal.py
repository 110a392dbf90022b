"""The journal: every event and every seal, in words, with what the proof covers beside them. Nobody edits it."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.events import lines
from core.admin.records import NamedChangeList, ReadOnlyAdmin, state_words, subject_link
from core.admin.values import is_a_page, label_in_words, register_row_name
from core.history import tracked_models
from core.models.event import Event, EventSeal
from core.presentation import action_label
from core.transitions import transitions_of, workflow_models


class ActionFilter(admin.AllValuesFieldListFilter):
    """Events by what was done, in the words of the first workflow that knows it."""

    def choices(self, changelist: ChangeList) -> Iterator[Mapping[str, Any]]:
        labels: dict[str, str] = {}
        for model in workflow_models(apps.get_models()):
            labels = {spec.name: str(spec.label) for spec in transitions_of(model)} | labels
        whole, *actions = super().choices(changelist)
        yield whole
        for choice in actions:
            action = choice["display"]
            yield choice | {"display": labels.get(action) or action_label(Event, action)}


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The whole event log, newest first."""

    list_display = ["created_at", "who", "action_words", "subject_column", "from_words", "to_words"]
    sortable_by = ["created_at", "action_words"]
    list_filter = [("action", ActionFilter)]
    list_select_related = ["actor", "content_type"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    search_fields = ["=object_id", "=hash"]
    search_help_text = gettext_lazy("Number of a case, an act, a claim, a batch…, number of a row, or hash")
    fields = [
        "created_at",
        "who",
        "acting_as",
        "action_words",
        "subject_column",
        "from_words",
        "to_words",
        "comment",
        "changed",
        "place",
        "as_recorded",
    ]

    @admin.display(description=gettext_lazy("Who"), ordering="actor__last_name")
    def who(self, event: Event) -> str:
        return str(event.actor) if event.actor else label_in_words(event.actor_label) or "–"

    @admin.display(description=gettext_lazy("Acting as"))
    def acting_as(self, event: Event) -> str:
        """The job or the command through which it was done; the address of a page says nothing of who was there."""
        if event.actor and is_a_page(event.actor_label):
            return "–"
        return label_in_words(event.actor_label) or "–"

    @admin.display(description=gettext_lazy("What changed"))
    def changed(self, event: Event) -> SafeString | str:
        """Each field with both values in words; nothing of a row that is no more there."""
        (line,) = lines(event.subject, [event]) if event.subject is not None else (None,)
        told = line.changes if line else ()
        return format_html_join(mark_safe("<br>"), "{}\N{NO-BREAK SPACE}: {} → {}", told) or "–"

    @admin.display(description=gettext_lazy("Place in the proof"))
    def place(self, event: Event) -> SafeString:
        numbers = _("Event %(number)s of its chain") % {"number": event.sequence}
        hashes = [(_("Hash"), event.hash), (_("Hash of the event before"), event.previous_hash or "–")]
        return format_html(
            "{}<br>{}", numbers, format_html_join(mark_safe("<br>"), '{} <code class="es-raw">{}</code>', hashes)
        )

    @admin.display(description=gettext_lazy("As it was recorded, and as its hash covers it"))
    def as_recorded(self, event: Event) -> SafeString:
        recorded = {"action": event.action, "input": event.data, "changes": event.changes}
        return format_html(
            '<pre class="es-raw"><code>{}</code></pre>', json.dumps(recorded, ensure_ascii=False, indent=1)
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Event | None:
        event = super().get_object(request, object_id, from_field)
        if event is not None:
            event.words = self.action_words(event)
        return event

    @admin.display(description=gettext_lazy("Action"), ordering="action")
    def action_words(self, event: Event) -> str:
        model = event.content_type.model_class()
        return action_label(model, event.action) if model else event.action

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NamedChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        """Also by the number that people read of what an event is about."""
        found, distinct = super().get_search_results(request, queryset, search_term)
        if called := subjects_called(search_term.strip()):
            found |= queryset.filter(called)
        return found, distinct

    @admin.display(description=gettext_lazy("State before"))
    def from_words(self, event: Event) -> str:
        return state_words(event.content_type.model_class(), event.from_state)

    @admin.display(description=gettext_lazy("State after"))
    def to_words(self, event: Event) -> str:
        return state_words(event.content_type.model_class(), event.to_state)

    @admin.display(description=gettext_lazy("About"))
    def subject_column(self, event: Event) -> SafeString | str:
        return subject_link(event)


@cache
def _numbered() -> list[tuple[type[models.Model], str]]:
    """The models whose rows have a number, a reference or a code of their own, and which of these it is."""
    found = []
    for model in apps.get_models():
        fields = {field.name: field for field in model._meta.concrete_fields}
        names = [name for name in ("number", "reference", "code") if name in fields and fields[name].unique]
        if names and isinstance(fields[names[0]], models.CharField):
            found.append((model, names[0]))
    return found


def subjects_called(term: str) -> models.Q:
    """The condition of the events about what bears this number, reference or code; empty where nothing does. One query."""
    kinds = ContentType.objects.get_for_models(*(model for model, _name in _numbered()))
    rows = [
        model._base_manager.filter(**{f"{name}__iexact": term})
        .order_by()
        .annotate(of_kind=models.Value(kinds[model].pk))
        .values_list("of_kind", "pk")
        for model, name in _numbered()
    ]
    called = models.Q()
    for kind, key in rows[0].union(*rows[1:], all=True) if term and rows else ():
        called |= models.Q(content_type=kind, object_id=key)
    return called


@cache
def _models_of_tables() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in tracked_models()}


def table_words(table: str) -> str:
    """The rows of a table, as people call them; the table where it is none of those that have a history."""
    model = _models_of_tables().get(table)
    return capfirst(str(model._meta.verbose_name_plural)) if model else table or "–"


@admin.register(EventSeal)
class EventSealAdmin(ReadOnlyAdmin):
    """The chain over all events."""

    list_display = ["position", "event_id", "table_words", "lines", "hash", "sealed_at"]
    fields = ["position", "event_id", "table_words", "lines", "hash", "oldest", "sealed_at"]
    sortable_by = ["position"]
    ordering = ["-position"]
    list_select_related = False
    search_fields = ["=event_id", "=hash"]

    @admin.display(description=gettext_lazy("Table"), ordering="table")
    def table_words(self, seal: EventSeal) -> str:
        """What the rows are called whose history the seal covers."""
        return table_words(seal.table)


register_row_name(EventSeal, lambda seal: f"{seal.pk}")
