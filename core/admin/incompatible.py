"""Incompatible roles in the staff site: which, why, and who holds both all the same. Administrators only."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.base import EssorModelAdmin
from core.admin.reasons import changes_in
from core.events import record
from core.models.incompatible import IncompatibleRoles
from core.models.user import User
from core.roles import Role
from core.users.told import PAIR_CHANGED, tell_others


@admin.register(IncompatibleRoles)
class IncompatibleRolesAdmin(EssorModelAdmin):
    """Pairs of roles; each with the people in breach of it."""

    view_roles = (Role.ADMINISTRATOR, Role.AUDITOR)
    add_roles = (Role.ADMINISTRATOR,)
    change_roles = (Role.ADMINISTRATOR,)
    list_display = ["pair_column", "reason_column", "source", "enforced", "breaches"]
    list_display_links = ["pair_column"]
    list_filter = ["enforced"]
    search_fields = ["reason", "source"]
    ordering = ["first", "second"]
    fields = ["first", "second", "reason", "source", "enforced"]

    def get_readonly_fields(self, request: HttpRequest, obj: IncompatibleRoles | None = None) -> list[Any]:
        declared = list(super().get_readonly_fields(request, obj))
        return [*declared, "first", "second"] if obj else declared

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        both = (
            User.objects.filter(is_active=True, groups__name=OuterRef("first"))
            .filter(groups__name=OuterRef("second"))
            .order_by("email")
            .values("email")
        )
        return super().get_queryset(request).annotate(held_by=ArraySubquery(both))

    @admin.display(description=gettext_lazy("Roles"), ordering="first")
    def pair_column(self, pair: IncompatibleRoles) -> str:
        return str(pair)

    @admin.display(description=gettext_lazy("Reason"))
    def reason_column(self, pair: IncompatibleRoles) -> str:
        return pair.reason_in_words

    @admin.display(description=gettext_lazy("Held together by"))
    def breaches(self, pair: IncompatibleRoles) -> SafeString | str:
        people = reverse("admin:core_user_changelist")
        links = ((people, email, email) for email in pair.held_by)
        return format_html_join(", ", '<a href="{}?q={}">{}</a>', links) or "–"

    def save_model(self, request: HttpRequest, obj: IncompatibleRoles, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        data = {"pair": str(obj), "reason": obj.reason, "enforced": obj.enforced}
        if change:
            changes, comment = changes_in(form), self.reason_of(form)
            record(obj, "change", actor=request.user, data=data, changes=changes, comment=comment)
        else:
            record(obj, "create", actor=request.user, data=data)
        if change and "enforced" in form.changed_data:
            words = {"pair": lambda: str(obj), "enforced": lambda: yes_or_no(obj.enforced)}
            reason = self.reason_of(form)
            roles = (Role.FINANCE_OFFICER, obj.first, obj.second)
            tell_others(PAIR_CHANGED, words, by=request.user, about=obj, reason=reason, roles=roles)


def yes_or_no(value: bool) -> str:
    """In the reader's language."""
    return _("yes") if value else _("no")
