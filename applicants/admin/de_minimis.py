"""The register of de minimis aid."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from applicants.forms.de_minimis import DeMinimisForm
from applicants.models import DeMinimisAid
from core.admin import EssorModelAdmin, date_display, money_display
from core.events import record
from core.roles import Role


class DeMinimisAdminForm(DeMinimisForm):
    """A declaration that came on paper."""

    class Meta(DeMinimisForm.Meta):
        fields = ["applicant", *DeMinimisForm.Meta.fields]


@admin.register(DeMinimisAid)
class DeMinimisAidAdmin(EssorModelAdmin):
    """Aids declared and granted. A granted one comes from its agreement and is not changed here."""

    form = DeMinimisAdminForm
    add_roles = (Role.INSTRUCTOR,)
    list_display = [
        "applicant",
        date_display("granted_on", gettext_lazy("Granted on")),
        money_display("amount", gettext_lazy("Amount")),
        "regime",
        "authority",
        "origin",
    ]
    list_filter = ["origin", "regime"]
    list_select_related = ["applicant"]
    search_fields = ["applicant__sort_name", "authority", "reference"]
    autocomplete_fields = ["applicant"]
    ordering = ["-granted_on", "-pk"]
    date_hierarchy = None

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[str]:
        if obj is None:
            return ["applicant", *DeMinimisForm.Meta.fields]
        return ["applicant", *DeMinimisForm.Meta.fields, "origin", "recorded_by", "recorded_at"]

    def save_model(self, request: HttpRequest, obj: DeMinimisAid, form: forms.ModelForm, change: bool) -> None:
        obj.origin = DeMinimisAid.Origin.DECLARED
        obj.recorded_by = request.user
        super().save_model(request, obj, form, change)
        data: dict[str, Any] = {"amount": obj.amount, "granted_on": obj.granted_on}
        record(obj.applicant, "de_minimis_declared", actor=request.user, data=data)
