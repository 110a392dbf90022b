"""Incompatible roles in the staff site: which, why, and who holds both all the same. Administrators only."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.base import EssorModelAdmin, Panel
from core.admin.reasons import changes_in
from core.engine import versions
from core.events import record
from core.models.incompatible import IncompatibleRoles
from core.models.relations import known_days
from core.models.user import User
from core.roles import Role
from core.users.told import KEPT_IN_FORCE, LOOSENED, LOOSENING_ASKED, PAIR_CHANGED, tell_others


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
        """A pair stays the pair that it is. One in force is not loosened by its form; one that is not is enforced there."""
        declared = list(super().get_readonly_fields(request, obj))
        if obj is None:
            return declared
        return [*declared, "first", "second", *(["enforced"] if obj.enforced else [])]

    def get_fields(self, request: HttpRequest, obj: IncompatibleRoles | None = None) -> list[str]:
        """A new pair is in force from its first day."""
        return [name for name in self.fields if obj or name != "enforced"]

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
            self._tell(request, obj, PAIR_CHANGED, self.reason_of(form), enforced=lambda: yes_or_no(obj.enforced))

    # --- loosening ---------------------------------------------------------------------------------------------------

    def panels(self, request: HttpRequest, obj: IncompatibleRoles) -> list[Panel]:
        if not obj.enforced:
            return []
        context = {
            "writes": self.has_change_permission(request, obj),
            "refused": obj.why_not_loosened_by(request.user) if obj.asked_to_loosen else None,
            "others": list(User.objects.filter(pk__in=obj.may_loosen)),
            "days": known_days(),
        }
        return [Panel(title=_("Stop enforcing"), template="admin/essor/loosening.html", context=context)]

    def essor_urls(self) -> list[URLPattern]:
        return [
            self.posted("<int:object_id>/ask-loosening/", self.ask_loosening, "ask_loosening"),
            self.posted("<int:object_id>/confirm-loosening/", self.confirm_loosening, "confirm_loosening"),
            self.posted("<int:object_id>/keep-in-force/", self.keep_in_force, "keep_in_force"),
        ]

    def ask_loosening(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """One administrator asks; everybody whom the rule protects or binds is told before it is loosened."""

        def ask(pair: IncompatibleRoles) -> str:
            pair.ask_to_loosen(request.user, request.POST.get("reason", ""))
            reason = pair.loosening_reason
            record(pair, "pair.loosening_asked", actor=request.user, comment=reason)
            self._tell(request, pair, LOOSENING_ASKED, reason)
            return _("The rule stays in force until another administrator confirms: the others are told by mail.")

        return self._done(request, object_id, ask)

    def confirm_loosening(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Another administrator, independent of who asked, loosens the rule."""

        def confirm(pair: IncompatibleRoles) -> str:
            pair.loosen(request.user, request.POST.get("request", ""))
            reason, asked_by = pair.loosening_reason, pair.loosening_asked_by
            changes = {"enforced": [True, False]}
            record(pair, "pair.loosened", actor=request.user, comment=reason, changes=changes)
            self._tell(request, pair, LOOSENED, reason, asked_by=asked_by)
            return _("The rule is no longer in force: the others are told by mail.")

        return self._done(request, object_id, confirm)

    def keep_in_force(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Any administrator takes back what was asked."""

        def keep(pair: IncompatibleRoles) -> str:
            reason = pair.loosening_reason
            pair.keep_in_force()
            record(pair, "pair.kept", actor=request.user)
            self._tell(request, pair, KEPT_IN_FORCE, reason)
            return _("The rule stays in force.")

        return self._done(request, object_id, keep)

    def _done(self, request: HttpRequest, object_id: int, act: Callable[[IncompatibleRoles], str]) -> HttpResponse:
        pair = self.object_or_404(request, object_id)
        if not self.has_change_permission(request, pair):
            raise PermissionDenied
        try:
            with transaction.atomic():
                said = act(IncompatibleRoles.objects.select_for_update().get(pk=pair.pk))
        except ValidationError as error:
            if request.POST.get("reason", "").strip():  # a reason was typed for what somebody asked already
                versions.gone_on(request, pair, error.messages[0])
            messages.error(request, error.messages[0])
        else:
            messages.success(request, said)
        return HttpResponseRedirect(self.change_url(pair))

    @staticmethod
    def _tell(request: HttpRequest, pair: IncompatibleRoles, sentence: Promise, reason: str, **words: Any) -> None:
        """Whom the rule binds, who answers for the service, who audits, who pays: beside the other administrators."""
        roles = {Role.FINANCE_OFFICER, Role.AUDITOR, Role.HEAD_OF_SERVICE, pair.first, pair.second}
        filled = {"pair": lambda: str(pair)} | words
        tell_others(sentence, filled, by=request.user, about=pair, reason=reason, roles=roles)


def yes_or_no(value: bool) -> str:
    """In the reader's language."""
    return _("yes") if value else _("no")
