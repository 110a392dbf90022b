"""Programmes, their versions, calls, and who works for them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from core.admin import EssorModelAdmin, EssorTabularInline, date_display
from core.admin.base import PastedModelForm
from core.admin.values import register_field_name
from core.dates import last_day
from core.lib.planned_days import Planned, plans
from core.roles import STAFF_ROLES, Role
from core.templatetags.essor import short_date
from core.text import listed
from core.users.last_person import stranded
from grants.models import Call, Programme, ProgrammeAssignment, ProgrammeVersion
from grants.models.call_window import closing_now
from grants.permissions import programmes_of


class AssignmentFormSet(BaseInlineFormSet):
    """Nobody leaves a programme of which something open would then stand in nobody's list."""

    def clean(self) -> None:
        super().clean()
        gone = [form.instance.user_id for form in self.deleted_forms if form.instance.pk]
        if gone and (work := stranded(gone, STAFF_ROLES, self.instance.pk)):
            sentence = _("Without this person: %(work)s. Name somebody else first, then take the person away.")
            raise ValidationError(sentence % {"work": listed(work)})


class AssignmentInline(EssorTabularInline):
    """The staff of the programme: they see its cases."""

    model = ProgrammeAssignment
    formset = AssignmentFormSet
    fields = ["user"]
    autocomplete_fields = ["user"]
    view_roles = STAFF_ROLES
    add_roles = delete_roles = [Role.ADMINISTRATOR]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("user", "programme")


class VersionInline(EssorTabularInline):
    """The versions that were loaded; a new one comes from the programme's file."""

    model = ProgrammeVersion
    fields = ["number", "loaded_at", "sha256"]
    readonly_fields = fields
    view_roles = STAFF_ROLES
    can_delete = False


@admin.register(Programme)
class ProgrammeAdmin(EssorModelAdmin):
    """What there is; the rules themselves are files (``manage.py load_programmes``)."""

    list_display = ["code", "name", "summary", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["code", "name"]
    ordering = ["name"]
    fields = ["code", "name", "summary", "number_prefix", "is_active"]
    readonly_fields = ["code", "name", "summary", "number_prefix"]
    change_roles = [Role.ADMINISTRATOR]
    inlines = [AssignmentInline, VersionInline]


register_field_name(Call, "close_now", gettext_lazy("Close now"))


class CallForm(PastedModelForm):
    """A call; its closing is put off or brought forward to a moment to come, or is now."""

    close_now = forms.BooleanField(
        label=gettext_lazy("Close now"),
        required=False,
        help_text=gettext_lazy(
            "The call closes when you save, and its pages say so: a closing is never set in the past."
        ),
    )

    def clean(self) -> dict[str, Any]:
        """A closing of now is told as the change of the closing that it is."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("close_now"):
            cleaned["closes_at"] = closing_now()
            self.changed_data = [name for name in self.changed_data if name not in ("close_now", "closes_at")]
            self.changed_data.append("closes_at")
        return cleaned


@admin.register(Call)
class CallAdmin(EssorModelAdmin):
    """Calls with their dates and envelope; heads of service and administrators edit those of their programmes."""

    form = CallForm
    list_display = [
        "code",
        "title",
        "programme_column",
        date_display("opens_at", gettext_lazy("Opens")),
        "closes_column",
        "envelope",
        "is_published",
        "is_locked",
    ]
    list_select_related = ["programme_version__programme", "envelope"]
    list_filter = ["is_published", "is_locked"]
    search_fields = ["code", "title"]
    ordering = ["-closes_at", "code"]
    days = dict.fromkeys(("opens_at", "closes_at"), Planned(plans, may_be_past=True))
    fields = [
        "programme_version",
        "code",
        "title",
        "opens_at",
        "closes_at",
        "close_now",
        "envelope",
        "is_published",
        "is_locked",
        "lock_reason",
        "eu_rate_limit",
    ]
    add_roles = change_roles = [Role.HEAD_OF_SERVICE, Role.ADMINISTRATOR]

    def get_fields(self, request: HttpRequest, obj: Call | None = None) -> list[str]:
        """Only what is still open is closed, by who may change it."""
        found = list(super().get_fields(request, obj))
        can_close = obj is not None and not obj.is_over and self.has_change_permission(request, obj)
        return found if can_close else [name for name in found if name != "close_now"]

    @admin.display(description=gettext_lazy("Last day"), ordering="closes_at")
    def closes_column(self, call: Call) -> str:
        return short_date(last_day(call.closes_at))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(programme_version__programme__in=programmes_of(request.user))

    def get_readonly_fields(self, request: HttpRequest, obj: Call | None = None) -> list:
        declared = super().get_readonly_fields(request, obj)
        # Applications keep the version of the rules under which they were filed.
        return [*declared, "programme_version", "code"] if obj else declared

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        programmes = programmes_of(request.user)
        if db_field.name == "programme_version":
            kwargs["queryset"] = ProgrammeVersion.objects.filter(programme__in=programmes).select_related("programme")
        if db_field.name == "envelope":
            kwargs["queryset"] = db_field.related_model.objects.filter(programme__in=programmes, is_closed=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @display(description=gettext_lazy("Programme"), ordering="programme_version__programme__name")
    def programme_column(self, call: Call) -> str:
        return call.programme_version.programme.name
