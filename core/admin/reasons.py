"""The reason of a change, asked where it matters: an envelope's amount, the dates of a call, who may do what."""

from typing import Any

from django import forms
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from core.admin.values import field_label
from core.text import listed

FIELD = "change_reason"


class ReasonedMixin:
    """Admin of rows whose ``reasoned_fields`` do not change without a reason, kept with the event of the change."""

    reasoned_fields: tuple[str, ...] = ()

    def get_form(self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: Any):
        """The form of a row that exists has the field of the reason; a new row needs none."""
        if obj is None or not self.has_change_permission(request, obj):
            return super().get_form(request, obj, change=change, **kwargs)
        if fields := kwargs.get("fields"):  # the reason is no field of the model
            kwargs["fields"] = [name for name in fields if name != FIELD]
        form = super().get_form(request, obj, change=change, **kwargs)
        return with_reason(form, self.model, self.reasoned_fields)

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> list[tuple]:
        found = list(super().get_fieldsets(request, obj))
        if obj is None or not self.has_change_permission(request, obj):
            return found
        return [*found, (None, {"fields": [FIELD]})]

    def reason_of(self, form: forms.ModelForm) -> str:
        """The reason that was typed, for the event of the change."""
        return form.cleaned_data.get(FIELD, "").strip()


def with_reason(form: type[forms.ModelForm], model: type[models.Model], reasoned: tuple[str, ...]):
    """The form with a field for the reason, which is compulsory when one of the reasoned fields changes."""

    def clean(self: forms.ModelForm) -> dict[str, Any] | None:
        cleaned = form.clean(self)
        changed = [name for name in self.changed_data if name in reasoned]
        if changed and not (self.cleaned_data.get(FIELD) or "").strip():
            names = listed(field_label(model, name) for name in changed)
            self.add_error(FIELD, _("Say why this changes: %(fields)s.") % {"fields": names})
        return cleaned

    field = forms.CharField(
        label=gettext_lazy("Reason of the change"),
        help_text=gettext_lazy("Kept with the change; the history shows it."),
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget(),
    )
    return type(form)(form.__name__, (form,), {FIELD: field, "clean": clean})


def changes_in(form: forms.ModelForm) -> dict[str, list[Any]]:
    """What a form changes, for an event: {field: [before, after]}, without the reason."""
    return {name: [form.initial.get(name), form.cleaned_data.get(name)] for name in form.changed_data if name != FIELD}
