"""The staff site's own forms carry the version of what they showed, and are settled when they come back."""

import re
from collections.abc import Iterator
from copy import copy
from typing import Any

from django import forms
from django.contrib.admin.helpers import InlineAdminForm, InlineAdminFormSet
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.utils import ErrorDict
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.admin.reasons import FIELD as REASON
from core.dates import format_moment
from core.engine import versions
from core.engine.digests import initial_values, typed_in
from core.engine.hands import last_hand, name_of_gone
from core.engine.questions import words_of
from core.engine.readable import no_row_of_the_page
from core.engine.table_rows import compared_rows
from core.site.not_saved import GONE
from core.text import listed


class VersionedMixin:
    """For admin classes: the change form is compared under the lock of its row, field by field."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> models.Model | None:
        """The row of a page, with the number of its newest event in the same query."""
        field = self.opts.pk if from_field is None else self.opts.get_field(from_field)
        try:
            key = field.to_python(object_id)
            return versions.with_number(self.get_queryset(request)).get(**{field.name: key})
        except (self.model.DoesNotExist, ValidationError, ValueError):
            return None

    def _changeform_view(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any
    ) -> HttpResponse:
        if request.method == "POST" and object_id is not None:
            obj = self.get_object(request, object_id)
            if obj is not None and self.has_change_permission(request, obj):
                request.essor_shown = versions.carried(request.POST, obj)
                versions.lock(obj)
                self._refuse_closed(request, obj)
            elif obj is not None and versions.FIELD in request.POST and self.has_view_permission(request, obj):
                sentence = _("This cannot be changed any more, or not by you.")
                shown = versions.carried(request.POST, obj)
                versions.gone_on(request, obj, sentence, self._offered(request, obj, shown, set(shown.values)))
        return super()._changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: Any):
        form_class = super().get_form(request, obj, change=change, **kwargs)
        shown = getattr(request, "essor_shown", None)
        if shown is None or obj is None:
            return form_class
        return versions.settling(form_class, shown, obj, beside=lambda: getattr(request, "essor_rows", ([], [])))

    def _create_formsets(self, request: HttpRequest, obj: models.Model, change: bool):
        """The tables under a form are compared with it, before any of them is cleaned."""
        formsets, inlines = super()._create_formsets(request, obj, change)
        if request.method == "POST":
            _refuse_other_rows(request, formsets)
        if (shown := getattr(request, "essor_shown", None)) is not None:
            found = [compared_rows(formset, obj, shown) for formset in formsets]
            request.essor_rows = (
                [item for differences, _besides in found for item in differences],
                [item for _differences, besides in found for item in besides],
            )
        return formsets, inlines

    def get_inline_formsets(self, request: HttpRequest, formsets: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
        found = super().get_inline_formsets(request, formsets, *args, **kwargs)
        if getattr(request, "essor_shown", None) is not None:
            for table in found:
                table.__class__ = RowsAsTheyAre
        return found

    def _refuse_closed(self, request: HttpRequest, obj: models.Model) -> None:
        """A field that the page offered and that is only read now (the row has moved on meanwhile) is not dropped in
        silence: what was typed in it is given back. Raises Stale."""
        shown = request.essor_shown
        open_now = {*flatten_fieldsets(self.get_fieldsets(request, obj))} - {*self.get_readonly_fields(request, obj)}
        form = self._offered(request, obj, shown, set(shown.values) - open_now)
        left = versions.left_alone(form, shown)
        if typed := [bound for bound in form if bound.html_name not in left and bound.name != REASON]:
            words = {"fields": listed(bound.label for bound in typed)}
            sentence = _("No longer changed here: %(fields)s. Nothing was recorded.") % words
            versions.gone_on(request, obj, sentence, form)

    def _offered(self, request: HttpRequest, obj: models.Model, shown: versions.Shown, names: set[str]) -> forms.Form:
        """Of what a page offered, the fields of these names, with what came back in them."""
        form = forms.Form(request.POST)
        for item in (*self.opts.concrete_fields, *self.opts.many_to_many):
            if item.name in names and item.name in shown.values:
                field = self.formfield_for_dbfield(item, request)
                if field is not None and not field.widget.value_omitted_from_data(form.data, form.files, item.name):
                    form.fields[item.name] = field
        form.fields[REASON] = forms.CharField(label=_("Reason of the change"), required=False)
        return form

    def shown_token(self, request: HttpRequest, obj: models.Model, context: dict[str, Any]) -> str:
        """The hidden field of the change form: a refused form keeps the version of the page that it came from."""
        if request.method == "POST":
            return request.POST.get(versions.FIELD, "")
        values = initial_values(context["adminform"].form)
        for inline in context["inline_admin_formsets"]:
            for form in inline.formset.initial_forms:
                values |= initial_values(form)
        return versions.shown_of(obj, values).token()


class VersionedInlineMixin:
    """For inlines: rows are settled like the form above them; one that was taken away meanwhile is said."""

    def get_formset(self, request: HttpRequest, obj: models.Model | None = None, **kwargs: Any):
        formset = super().get_formset(request, obj, **kwargs)
        shown = getattr(request, "essor_shown", None)
        if shown is None or obj is None:
            return formset

        def _construct_form(self, i: int, **more: Any) -> forms.BaseForm:
            row = super(settled, self)._construct_form(i, **more)
            return _settle_gone(self, row, obj, shown) if i < self.initial_form_count() else row

        form = versions.settling(formset.form, shown, obj)
        settled = type(formset.__name__, (formset,), {"form": form, "_construct_form": _construct_form})
        return settled


def _refuse_other_rows(request: HttpRequest, formsets: list[Any]) -> None:
    """A table of rows that nobody takes away, or of so many rows, says so: what is dropped is not answered by "saved".

    Raises Unreadable.
    """
    for formset in formsets:
        if not formset.is_bound or not formset.management_form.is_valid():
            continue
        for name in request.POST:
            cell = re.fullmatch(rf"{re.escape(formset.prefix)}-(\d+)-(\w+)", name)
            if cell is None:
                continue
            taken = formset.can_delete or cell[2] != DELETION_FIELD_NAME
            if not taken or int(cell[1]) >= formset.total_form_count():
                raise no_row_of_the_page(name)


def _settle_gone(formset: Any, row: forms.BaseForm, obj: models.Model, shown: versions.Shown) -> forms.BaseForm:
    """A row that was removed meanwhile is said once, with what was typed in it; then the rest is saved without it."""
    number = row.add_prefix(formset.model._meta.pk.name)
    key = row.data.get(number) if row.is_bound else None
    if row.instance.pk is not None:
        row.recorded = copy(row.instance)  # cleaning writes what was typed in the other one
        return row
    if not key:
        return row
    if shown.values.get(number) != versions.digest(key):
        raise versions.Stale(obj, None)  # no page of ours gave this row
    name = f"{GONE}{row.prefix}"
    row.removed = _removed(formset, row, name, key, shown)
    row.gone = None if name in shown.values else row.removed
    # Neither cleaned nor saved: to the formset, a row in which nothing was typed.
    row._errors, row.cleaned_data, row.__dict__["changed_data"] = ErrorDict(), {}, []
    return row


def _removed(formset: Any, row: forms.BaseForm, name: str, key: str, shown: versions.Shown) -> versions.Difference:
    left, typed = versions.left_alone(row, shown), {}
    for bound in row.visible_fields():
        if bound.name != DELETION_FIELD_NAME and bound.html_name not in left:
            value = typed_in(row, bound.name)
            words = words_of(bound.field, value)
            typed[str(bound.label)] = value if words is None else words
    called, hand = name_of_gone(formset.model, key), last_hand(formset.model, key)
    kind = str(capfirst(formset.model._meta.verbose_name))
    label = f"{kind} – {called}" if called else kind
    words = {"person": (hand and hand.user) or "Essor", "when": format_moment(hand.at) if hand else ""}
    removed = _("removed by %(person)s on %(when)s") % words if hand else _("removed meanwhile")
    return versions.Difference(name, label, removed, typed)


class RowsAsTheyAre(InlineAdminFormSet):
    """The rows of a table on the page that answers a refused form: each is called what it is itself (Django names them
    by their place, and somebody may have added or removed one), and one that is gone is told, with no field in it."""

    def __iter__(self) -> Iterator[InlineAdminForm]:
        drawn_by_place = [*super().__iter__()]
        for form in self.formset.initial_forms:
            yield self._drawn(form)
        yield from drawn_by_place[min(len(self.formset.initial_forms), len(self.formset.get_queryset())) :]

    def _drawn(self, form: forms.BaseForm) -> InlineAdminForm:
        recorded = getattr(form, "recorded", None)
        is_open = self.has_change_permission
        readonly = self.readonly_fields if is_open else [*self.readonly_fields, *flatten_fieldsets(self.fieldsets)]
        address = self.opts.get_view_on_site_url(recorded) if recorded is not None else None
        drawn = InlineAdminForm(
            self.formset, form, self.fieldsets, self.prepopulated_fields, recorded, readonly, self.opts, address
        )
        drawn.removed = getattr(form, "removed", None)
        return drawn
