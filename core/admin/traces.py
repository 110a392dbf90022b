"""What a person writes on a page of the staff site leaves an event of theirs, in the transaction of the write."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.db import models, transaction
from django.http import HttpRequest

from core.admin.reasons import FIELD, changes_in
from core.events import record
from core.history import history_model_of, key_of, tracked_models
from core.models.event import Event


class ThisTransaction(models.Func):
    """The number that the database gives to what the present transaction writes."""

    function = "essor_transaction"
    output_field = models.UUIDField()


def has_event(person: Any) -> bool:
    """Whether an event says already what the person does in this transaction."""
    return Event.objects.filter(actor_id=person.pk, transaction=ThisTransaction()).exists()


def has_line(person: Any, row: models.Model) -> bool:
    """Whether the person changed the row itself in this transaction: a form sent as it was may write nothing."""
    model = type(row)._meta.concrete_model
    if model not in tracked_models():
        return False
    lines = history_model_of(model).objects.filter(**{key_of(model): row.pk})
    return lines.filter(pgh_context_id=ThisTransaction(), pgh_context__user=person.pk).exists()


class TracedMixin:
    """For admin classes: the net under ``save_model``. A page that has said what was done is not repeated."""

    def save_related(
        self, request: HttpRequest, form: forms.ModelForm, formsets: list[forms.BaseModelFormSet], change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        if has_event(request.user):
            return
        parts = parts_in(formsets)
        if change and not (parts or changes_in(form) or has_line(request.user, form.instance)):
            return
        record(
            form.instance,
            "change" if change else "create",
            actor=request.user,
            comment=(form.cleaned_data.get(FIELD) or "").strip(),
            changes=changes_in(form) if change else {},
            data={"parts": parts} if parts else {},
        )

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """The event stays in the chain of the row that went, with its name."""
        with transaction.atomic():
            record(obj, "delete", actor=request.user, data={"row": obj})
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        with transaction.atomic():
            for row in queryset:
                record(row, "delete", actor=request.user, data={"row": row})
            super().delete_queryset(request, queryset)


def parts_in(formsets: Iterable[forms.BaseModelFormSet]) -> list[Mapping[str, Any]]:
    """What saved tables of related rows did: each row that was added, changed (field: [before, after]) or taken away."""
    found: list[Mapping[str, Any]] = []
    for formset in formsets:
        found += [{"action": "create", "row": row} for row in formset.new_objects]
        changes = {form.instance: changes_in(form) for form in formset.initial_forms if form.instance.pk}
        found += [
            {"action": "change", "row": row, "changes": changes.get(row, {})} for row, _names in formset.changed_objects
        ]
        found += [{"action": "delete", "row": row} for row in formset.deleted_objects]
    return found
