"""The reason of a change: whatever money, dates or rights rest on does not change on a staff page without one.

Every page of the staff site asks for it. A page names the few fields that change without (``without_reason``), each
with why: nothing is decided by them, or a reason is asked elsewhere.
"""

from collections.abc import Iterable, Mapping
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
    """Admin of rows that do not change without a reason, kept with the event of the change.

    ``without_reason`` is {field, or prefix of a table of related rows: why it needs none}.
    """

    without_reason: Mapping[str, str] = {}

    def asks_reason(self, request: HttpRequest, obj: models.Model | None) -> bool:
        """Whether the page of this row has the field of the reason; a new row needs none."""
        return obj is not None and self.has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: Any):
        """The form of a row that exists has the field of the reason."""
        if not self.asks_reason(request, obj):
            return super().get_form(request, obj, change=change, **kwargs)
        if fields := kwargs.get("fields"):  # the reason is no field of the model
            kwargs["fields"] = [name for name in fields if name != FIELD]
        form = super().get_form(request, obj, change=change, **kwargs)
        return with_reason(form, self.model, self.without_reason)

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> list[tuple]:
        found = list(super().get_fieldsets(request, obj))
        return [*found, (None, {"fields": [FIELD]})] if self.asks_reason(request, obj) else found

    def _create_formsets(self, request: HttpRequest, obj: models.Model, change: bool) -> tuple[list, list]:
        """The form of the row knows the tables of related rows that were sent with it: they need its reason too."""
        formsets, inlines = super()._create_formsets(request, obj, change)
        obj._sent_with = [formset for formset in formsets if formset.is_bound]
        return formsets, inlines

    def reason_of(self, form: forms.ModelForm) -> str:
        """The reason that was typed, for the event of the change."""
        return form.cleaned_data.get(FIELD, "").strip()


def with_reason(form: type[forms.ModelForm], model: type[models.Model], without: Iterable[str] = ()):
    """The form with a field for the reason, compulsory when anything changes but the fields ``without`` one."""

    def clean(self: forms.ModelForm) -> dict[str, Any] | None:
        cleaned = form.clean(self)
        names = [field_label(model, name) for name in self.changed_data if name != FIELD and name not in without]
        for formset in getattr(self.instance, "_sent_with", ()):
            if formset.prefix not in without and _changes(formset):
                names.append(str(formset.model._meta.verbose_name_plural))
        reason = (self.cleaned_data.get(FIELD) or "").strip()
        if names and not reason:
            self.add_error(FIELD, _("Say why this changes: %(fields)s.") % {"fields": listed(names)})
        sent_with = getattr(self.instance, "_sent_with", ())
        if reason and not {*self.changed_data} - {FIELD} and not any(map(_changes, sent_with)):
            self.add_error(FIELD, _("Nothing changes on this page: change a field, or empty the reason."))
        return cleaned

    field = forms.CharField(
        label=gettext_lazy("Reason of the change"),
        help_text=gettext_lazy("Kept with the change; the history shows it."),
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget(),
    )
    return type(form)(form.__name__, (form,), {FIELD: field, "clean": clean})


def _changes(formset: forms.BaseFormSet) -> bool:
    """Whether a table was sent with something else. A row to be removed is no change to Django where nobody may edit it."""
    removed = any(form.data.get(form.add_prefix("DELETE")) for form in formset.forms if formset.can_delete)
    return removed or formset.has_changed()


def changes_in(form: forms.ModelForm) -> dict[str, list[Any]]:
    """What a form changes, for an event: {field: [before, after]}, without the reason."""
    return {name: [form.initial.get(name), form.cleaned_data.get(name)] for name in form.changed_data if name != FIELD}
