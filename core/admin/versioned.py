"""The staff site's own forms carry the version of what they showed, and are settled when they come back."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse

from core.engine import versions


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
        return super()._changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: Any):
        form_class = super().get_form(request, obj, change=change, **kwargs)
        shown = getattr(request, "essor_shown", None)
        return form_class if shown is None or obj is None else versions.settling(form_class, shown, obj)

    def shown_token(self, request: HttpRequest, obj: models.Model, context: dict[str, Any]) -> str:
        """The hidden field of the change form: a refused form keeps the version of the page that it came from."""
        if request.method == "POST":
            return request.POST.get(versions.FIELD, "")
        values = versions.initial_values(context["adminform"].form)
        for inline in context["inline_admin_formsets"]:
            for form in inline.formset.initial_forms:
                values |= versions.initial_values(form)
        return versions.shown_of(obj, values).token()


class VersionedInlineMixin:
    """For inlines: rows are settled like the form above them; one that was taken away meanwhile is said."""

    def get_formset(self, request: HttpRequest, obj: models.Model | None = None, **kwargs: Any):
        formset = super().get_formset(request, obj, **kwargs)
        shown = getattr(request, "essor_shown", None)
        if shown is None or obj is None:
            return formset

        def _existing_object(self, pk: Any) -> models.Model:
            try:
                return super(settled, self)._existing_object(pk)
            except KeyError:
                raise versions.Stale(obj, shown) from None

        form = versions.settling(formset.form, shown, obj)
        settled = type(formset.__name__, (formset,), {"form": form, "_existing_object": _existing_object})
        return settled
