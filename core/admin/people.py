"""Accounts in the staff site: who may enter, and in which roles. Administrators only."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin  # its module registers Group: taken away below
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.account_mail import send_activation, send_invitation
from core.acting import current_actor
from core.admin.base import EssorModelAdmin, Panel
from core.admin.reasons import changes_in
from core.admin.values import register_field_name
from core.dates import format_date_long
from core.events import record
from core.lib.telephones import validate_phone
from core.models.incompatible import reason_incompatible
from core.models.relations import known_days
from core.models.user import User
from core.roles import STAFF_ROLES, Role
from core.signals import account_switched
from core.site.answered import AnswerField, is_answered
from core.text import PastedTextMixin, listed
from core.users.last_person import stops_without
from core.users.opening import given_by_administrator, gives_up_address, take_address
from core.users.told import (
    ADDRESS_CHANGED,
    ADDRESS_CONFIRMED,
    PERSON_CONFIRMED,
    ROLES_GIVEN,
    tell_of_confirmation,
    tell_old_address,
    tell_others,
)

register_field_name(User, "leave_without", gettext_lazy("Leave this work without anybody"))
# Roles are groups, but nobody gives a group rights one by one: the list of groups would only mislead.
if isinstance(admin.site._registry.get(Group), GroupAdmin):
    admin.site.unregister(Group)


class AccountForm(PastedTextMixin, forms.ModelForm):
    """An account and its roles. There is no password here: each person chooses their own by a link."""

    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"),
        choices=Role.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Any role but “applicant” opens the staff screens. An auditor changes nothing."),
    )

    leave_without = AnswerField(
        label=gettext_lazy("Leave this work without anybody"),
        help_text=gettext_lazy(
            "Only where the person is the last one to hold a role that open work waits for, and must leave at once."
        ),
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "phone", "language", "is_active"]
        help_texts = {
            "email": gettext_lazy("The login. The person gets a link there to choose a password."),
            "is_active": gettext_lazy("Take the tick away instead of deleting: what the person did stays readable."),
        }

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.stops: list[str] = []
        self.takes_address = False
        if self.instance.pk and "roles" in self.fields:
            self.initial["roles"] = sorted(self.instance.role_set)

    def clean_email(self) -> str:
        """An account that somebody asked for and nobody opened gives its address up to the person whose it is."""
        email = User.objects.normalize_email(self.cleaned_data["email"])
        self.takes_address = gives_up_address(email, but=self.instance) is not None
        return email

    def _get_validation_exclusions(self) -> set[str]:
        found = super()._get_validation_exclusions()
        return found | {"email"} if self.takes_address else found

    def clean_roles(self) -> list[str]:
        """Roles that go together; those that an account already holds in breach of a later rule may be kept or lessened."""
        wanted = set(self.cleaned_data["roles"])
        held = set(self.instance.role_set) if self.instance.pk else set()
        if not wanted <= held and (reason := reason_incompatible(wanted)):
            raise ValidationError(reason)
        actor = current_actor()
        if actor is not None and actor.pk == self.instance.pk and wanted - held:
            raise ValidationError(_("Nobody gives themselves a role: another administrator does."))
        return sorted(wanted)

    def clean(self) -> dict[str, Any]:
        """The last active person of a role that open work waits for leaves it knowingly alone."""
        cleaned = super().clean() or self.cleaned_data
        if "roles" not in cleaned or not self.instance.pk or not self._was_active():
            return cleaned
        held = set(self.instance.role_set)
        self.stops = stops_without(self.instance, held - set(cleaned["roles"]) if cleaned.get("is_active") else held)
        if self.stops and not is_answered(self, "leave_without", *self.stops):
            sentence = _(
                "Nobody else could go on with: %(work)s. Give the role to somebody else first, or tick the box"
                " “Leave this work without anybody”."
            )
            self.add_error(
                "roles" if cleaned.get("is_active") else "is_active", sentence % {"work": listed(self.stops)}
            )
        return cleaned

    def _was_active(self) -> bool:
        """Whether the account may act as it is kept: the instance bears what was typed already."""
        return bool(self.initial.get("is_active", self.instance.is_active))

    def clean_phone(self) -> str:
        if typed := self.cleaned_data["phone"]:
            validate_phone(typed)
        return typed


class PersonForm(PastedTextMixin, forms.Form):
    """A second administrator says how they know that an account is of who it says, at the address that they read."""

    address = forms.CharField(widget=forms.HiddenInput, required=False)
    reason = forms.CharField(
        label=gettext_lazy("How you know: whom you called or met, and when"), max_length=1000, required=False
    )


class RoleFilter(admin.RelatedFieldListFilter):
    """People by their role, in words."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        words = {role.value: str(role.label) for role in Role}
        found = super().field_choices(field, request, model_admin)
        return [(pk, words[name]) for pk, name in found if name in words]


@admin.register(User)
class UserAdmin(EssorModelAdmin):
    """People: name, address, roles."""

    form = AccountForm
    without_reason = dict.fromkeys(
        ("first_name", "last_name", "phone", "language"), "how a person is called and reached: opens nothing"
    )
    view_roles = (Role.ADMINISTRATOR,)
    add_roles = (Role.ADMINISTRATOR,)
    change_roles = (Role.ADMINISTRATOR,)
    list_display = ["full_name", "email", "roles_column", "is_active", "last_login"]
    list_filter = [("groups", RoleFilter), "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["last_name", "first_name", "id"]
    readonly_fields = ["last_login", "date_joined", "roles_column"]
    fieldsets = [
        (None, {"fields": ["first_name", "last_name", "email", "phone", "language"]}),
        (gettext_lazy("Access"), {"fields": ["roles", "is_active", "leave_without", "last_login", "date_joined"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple]:
        """Who only reads has no field of roles: its column says them. A new account leaves no work."""
        found = super().get_fieldsets(request, obj)
        if self.asks_reason(request, obj):
            return found
        said = {"roles": "roles" if obj is None and self.has_add_permission(request) else "roles_column"}
        return [
            (title, {**more, "fields": [said.get(name, name) for name in more["fields"] if name != "leave_without"]})
            for title, more in found
        ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=gettext_lazy("Name"), ordering="last_name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description=gettext_lazy("Roles"))
    def roles_column(self, user: User) -> str:
        return roles_in_words(user.role_set)

    def panels(self, request: HttpRequest, obj: User) -> list[Panel]:
        if not self.has_change_permission(request, obj):
            return []
        held = obj.address_held_until
        found = [
            Panel(title=_("Password"), template="admin/essor/user_password.html", context={"held": held}, side=True)
        ]
        if held or obj.hands:
            context = {
                "held": held,
                "days": known_days(),
                "refused": obj.why_not_confirmed_by(request.user),
                "others": obj.may_confirm_address if held else obj.may_confirm_person,
                "form": getattr(request, "refused_form", None) or PersonForm(initial={"address": obj.email}),
            }
            found.append(
                Panel(title=_("Whose account it is"), template="admin/essor/user_person.html", context=context)
            )
        return found

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        wanted = set(form.cleaned_data.get("roles", []))
        reason = self.reason_of(form)
        with transaction.atomic():
            if change and obj.pk == request.user.pk:
                wanted |= {Role.ADMINISTRATOR}
                obj.is_active = True
            was = User.objects.select_for_update(of=("self",)).get(pk=obj.pk) if change else None
            if was is None or (was.is_unopened and (obj.is_active or {str(role) for role in wanted} - was.role_set)):
                obj.set_unusable_password()
            if form.takes_address:
                take_address(obj.email, by=request.user, reason=reason, but=obj)
            super().save_model(request, obj, form, change)
            self._set_roles(request, obj, wanted, reason)
            if form.stops:
                record(obj, "user.left_work", actor=request.user, comment=reason, data={"work": form.stops})
            beside = ("roles", "leave_without")
            if others := {name: values for name, values in changes_in(form).items() if change and name not in beside}:
                event = record(obj, "change", actor=request.user, comment=reason, changes=others)
                if "is_active" in others and obj.pk != request.user.pk:
                    account_switched.send(User, instance=obj, actor=request.user, reason=reason, event=event)
            if "email" in others:
                self._tell_of_address(request, obj, others["email"][0], reason)
            self._send_way_in(request, obj, was, reason)

    @staticmethod
    def _send_way_in(request: HttpRequest, user: User, was: User | None, reason: str) -> None:
        """What the person is told, and the link that they need; ``was``: the account as it stood, None for a new one."""
        user.refresh_from_db()
        if was is not None:
            given_by_administrator(request, user, by=request.user, reason=reason, was=was)
            if was.is_unopened and was.has_usable_password() and not user.has_usable_password():
                sentence = _(
                    "Nobody had proved that they read %(email)s: the password that was typed for this account is void, and a"
                    " link to choose another one goes there."
                )
                messages.warning(request, sentence % {"email": user.email})
        elif user.is_active:
            send_invitation(request, user)
            messages.info(request, _("%(person)s gets a link to choose a password.") % {"person": user})

    @staticmethod
    def _set_roles(request: HttpRequest, user: User, wanted: set[str], reason: str) -> None:
        before = set(user.role_set)
        if wanted == before or {str(role) for role in wanted} == before:
            return
        user.set_roles(sorted(wanted))
        changes = {"roles": [sorted(before), sorted(str(role) for role in wanted)]}
        record(user, "user.roles", actor=request.user, comment=reason, changes=changes)
        if given := ({str(role) for role in wanted} - before) & set(STAFF_ROLES):
            # Who may give roles is told to who pays: they may be all there is beside one administrator.
            told = {Role.FINANCE_OFFICER} if Role.ADMINISTRATOR in given else set()
            words = {"person": user, "roles": lambda: roles_in_words(given)}
            tell_others(ROLES_GIVEN, words, by=request.user, about=user, reason=reason, roles=given | told)

    @staticmethod
    def _tell_of_address(request: HttpRequest, user: User, old: str, reason: str) -> None:
        """The person, at the address that they had; where links wait, those who may confirm the new one."""
        user.refresh_from_db()
        tell_old_address(user, old, by=request.user)
        if until := user.address_held_until:
            words = {"person": user.get_full_name(), "day": lambda: format_date_long(timezone.localdate(until))}
            tell_others(ADDRESS_CHANGED, words, by=request.user, about=user, reason=reason, roles=())

    def essor_urls(self) -> list[URLPattern]:
        return [
            self.posted("<int:object_id>/password-link/", self.send_link, "password_link"),
            self.posted("<int:object_id>/confirm-person/", self.confirm_person, "confirm_person"),
        ]

    def confirm_person(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """A second administrator answers for an account, and for the address that another one gave it."""
        user, form = self.object_or_404(request, object_id), PersonForm(request.POST)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        try:
            with transaction.atomic():
                if not form.is_valid():
                    raise ValidationError(list(form.errors.as_data().values())[0])
                address, reason = form.cleaned_data["address"], form.cleaned_data["reason"]
                user = User.objects.select_for_update().get(pk=user.pk)
                of_address = user.confirm_person(request.user, address, reason)
                record(user, "user.person_confirmed", actor=request.user, comment=reason, data={"address": of_address})
                self._tell_of_confirmation(request, user, reason, of_address)
        except ValidationError as error:
            form.add_error(None, error)
            request.refused_form = form
            page = self.shown_again(request, user, form)
            messages.error(request, error.messages[0])
            return page
        if of_address:
            messages.success(request, _("The address of %(person)s is confirmed: links go there.") % {"person": user})
        else:
            messages.success(request, _("It is confirmed that this account is of %(person)s.") % {"person": user})
        return HttpResponseRedirect(self.change_url(user))

    @staticmethod
    def _tell_of_confirmation(request: HttpRequest, user: User, reason: str, of_address: bool) -> None:
        words = {"person": user.get_full_name(), "changed_by": user.address_changed_by or "–"}
        told = ADDRESS_CONFIRMED if of_address else PERSON_CONFIRMED
        tell_others(told, words, by=request.user, about=user, reason=reason, roles=())
        if of_address:
            tell_of_confirmation(user, by=request.user)

    def send_link(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Sends the person a link to choose a (new) password."""
        user = self.object_or_404(request, object_id)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        if user.address_held_until:
            messages.error(request, _("No link was sent: another administrator confirms the address first."))
        elif user.is_closed:
            messages.error(request, _("No link was sent: the account is deactivated."))
        elif user.is_unopened:
            send_activation(request, user)
            messages.success(request, _("The link that opens the account goes to %(email)s.") % {"email": user.email})
        else:
            send_invitation(request, user)
            messages.success(request, _("%(person)s gets a link to choose a password.") % {"person": user})
        return HttpResponseRedirect(self.change_url(user))


def roles_in_words(values: Iterable[str]) -> str:
    """The labels of roles, in their usual order."""
    return ", ".join(str(role.label) for role in Role if role.value in values)
