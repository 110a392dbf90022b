"""The register of de minimis aid, and what the central register was told of it."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from applicants.de_minimis import central
from applicants.de_minimis.register import correct_declared, enter_declared, withdraw_declared
from applicants.de_minimis.told import told_of
from applicants.forms.de_minimis import CompleteGrantForm, DeMinimisForm, EnterForm, WithdrawAidForm
from applicants.models import Applicant, DeMinimisAid
from applicants.workbooks import DeMinimisAidResource
from core.admin import Panel, date_display, money_display
from core.admin_permissions import has_any_role
from core.engine import versions
from core.engine.standing import reason_not_impartial
from core.importexport import EssorImportExportAdmin
from core.roles import Role
from core.templatetags.essor import pill, short_date

KEEPERS = (Role.INSTRUCTOR, Role.HEAD_OF_SERVICE)


class DeMinimisAdminForm(DeMinimisForm):
    """A declaration that came on paper."""

    class Meta(DeMinimisForm.Meta):
        fields = ["applicant", *DeMinimisForm.Meta.fields]

    actor: Any = None  # who types it: given by the page

    def clean_applicant(self) -> Applicant:
        """Nobody enters an aid of an enterprise in which they have an interest."""
        applicant = self.cleaned_data["applicant"]
        if refusal := reason_not_impartial(self.actor, applicant):
            raise ValidationError(refusal)
        return applicant


class CentralRegisterFilter(admin.SimpleListFilter):
    """What is still to be told to the central register."""

    title = gettext_lazy("central register")
    parameter_name = "central"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("to_enter", _("to be entered")), ("entered", _("entered as they are"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() == "to_enter":
            return queryset.to_be_entered()
        if self.value() == "entered":
            return queryset.filter(entered_on__isnull=False).exclude(pk__in=queryset.to_be_entered().values("pk"))
        return queryset


@admin.register(DeMinimisAid)
class DeMinimisAidAdmin(EssorImportExportAdmin):
    """Aids declared and granted. A granted one follows its case and is not changed here; a declared one is corrected or
    withdrawn by those who may enter it, with a reason.

    The export is the file for the central register; what was entered there is marked here.
    """

    form = DeMinimisAdminForm
    resource_classes = [DeMinimisAidResource]
    add_roles = change_roles = (Role.INSTRUCTOR,)
    list_display = [
        "applicant",
        date_display("granted_on", gettext_lazy("Granted on")),
        money_display("amount", gettext_lazy("Amount")),
        "regime",
        "authority",
        "origin",
        "counts_column",
        "central_column",
    ]
    list_filter = [CentralRegisterFilter, "origin", "regime"]
    list_select_related = ["applicant"]
    search_fields = ["applicant__sort_name", "authority", "reference"]
    autocomplete_fields = ["applicant"]
    ordering = ["-granted_on", "-pk"]
    date_hierarchy = None
    actions = ["mark_entered"]

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[str]:
        if obj is None:
            return ["applicant", *DeMinimisForm.Meta.fields, "another"]
        told = ["entered_on", "entered_amount", "entered_reference", "entered_by"]
        granted = ["case_number", "instrument", "sector", "withdrawn_on", *told]
        more = granted if obj.origin == DeMinimisAid.Origin.GRANTED else []
        return ["applicant", *DeMinimisForm.Meta.fields, "origin", *more, "recorded_by", "recorded_at"]

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Grants come from their votes, declarations one by one: nothing is imported."""
        return False

    def save_model(self, request: HttpRequest, obj: DeMinimisAid, form: forms.ModelForm, change: bool) -> None:
        if change:
            correct_declared(obj, actor=request.user, reason=self.reason_of(form))
        else:
            enter_declared(obj, actor=request.user)

    def get_form(self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: Any):
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = request.user
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[Any]:
        """An aid stays with its enterprise; what the register itself writes is read."""
        declared = list(super().get_readonly_fields(request, obj))
        typed = {*DeMinimisForm.Meta.fields}
        return declared if obj is None else [*declared, *(n for n in self.get_fields(request, obj) if n not in typed)]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).with_change()

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """A row that came from a granted case is moved by its case alone."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or obj.origin == DeMinimisAid.Origin.DECLARED)

    @admin.display(description=gettext_lazy("Counts"), ordering="withdrawn_on")
    def counts_column(self, obj: DeMinimisAid) -> SafeString | str:
        if obj.withdrawn_on is None:
            return _("yes")
        return pill(_("no, lost on %(day)s") % {"day": short_date(obj.withdrawn_on)}, "idle")

    @admin.display(description=gettext_lazy("Central register"), ordering="entered_on")
    def central_column(self, obj: DeMinimisAid) -> SafeString | str:
        if not obj.is_to_be_entered:
            return short_date(obj.entered_on) if obj.entered_on else "–"
        tone = "no" if obj.enter_by < timezone.localdate() else "act"
        if obj.entered_on:
            words = _("changed since: to be corrected by %(day)s at the latest")
            return pill(words % {"day": short_date(obj.enter_by)}, tone)
        return pill(_("by %(day)s at the latest") % {"day": short_date(obj.enter_by)}, tone)

    # --- the central register -----------------------------------------------------------------------------------

    def _may_keep(self, request: HttpRequest) -> bool:
        return has_any_role(request.user, KEEPERS) and not request.user.has_role(Role.AUDITOR)

    def get_actions(self, request: HttpRequest) -> dict:
        actions = super().get_actions(request)
        if not self._may_keep(request):
            actions.pop("mark_entered", None)
        return actions

    @admin.action(description=gettext_lazy("Mark as entered in the central register"))
    def mark_entered(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        """Asks when, and under which number; then says what was marked."""
        aids = list(queryset.to_be_entered().select_related("applicant"))
        if not aids:
            messages.info(request, _("The central register knows all of these as they are."))
            return None
        form = EnterForm(request.POST if "entered_on" in request.POST else None)
        if form.is_valid():
            try:
                done = central.enter(
                    aids,
                    on=form.cleaned_data["entered_on"],
                    reference=form.cleaned_data["reference"],
                    actor=request.user,
                    seen=request.POST.getlist("seen"),
                )
            except ValidationError as refusal:
                form.add_error(None, refusal)
            else:
                text = ngettext("%(count)s grant is marked.", "%(count)s grants are marked.", len(done))
                messages.success(request, text % {"count": len(done)})
                return None
        return self.page(
            request,
            "applicants/admin/enter_de_minimis.html",
            _("Mark as entered in the central register"),
            form=form,
            aids=aids,
            checkbox_name=ACTION_CHECKBOX_NAME,
        )

    def essor_urls(self) -> Iterator[URLPattern]:
        yield path(
            "<int:object_id>/complete/", self.admin_site.admin_view(self.complete), name=self.url_name("complete")
        )
        yield path(
            "<int:object_id>/withdraw/", self.admin_site.admin_view(self.withdraw), name=self.url_name("withdraw")
        )

    def withdraw(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Take a declared aid out of the register, with a reason."""
        aid = self.object_or_404(request, object_id)
        if not self.has_change_permission(request, aid):
            raise PermissionDenied
        form = WithdrawAidForm(request.POST or None)
        if form.is_valid():
            with versions.unchanged(request, aid.applicant):
                withdraw_declared(aid, actor=request.user, reason=form.cleaned_data["reason"])
            messages.success(request, _("The aid is withdrawn: it counts no more."))
            return HttpResponseRedirect(reverse("admin:applicants_applicant_change", args=[aid.applicant_id]))
        return self.page(
            request,
            "applicants/admin/withdraw_de_minimis.html",
            _("Withdraw this aid"),
            aid,
            form=form,
            aid=aid,
            back=self.change_url(aid),
        )

    def complete(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Give the sector and the instrument that the central register asks for."""
        aid = self.object_or_404(request, object_id)
        if not self._may_keep(request) or aid.origin != DeMinimisAid.Origin.GRANTED:
            raise PermissionDenied
        form = CompleteGrantForm(request.POST or None, initial={"sector": aid.sector, "instrument": aid.instrument})
        if form.is_valid():
            try:
                with versions.unchanged(request, aid.applicant):
                    central.complete(aid, actor=request.user, **form.cleaned_data)
            except ValidationError as refusal:
                form.add_error(None, refusal)
            else:
                messages.success(request, _("Your changes are saved."))
                return HttpResponseRedirect(self.change_url(aid))
        return self.page(
            request,
            "applicants/admin/complete_de_minimis.html",
            _("For the central register"),
            aid,
            form=form,
            aid=aid,
            back=self.change_url(aid),
        )

    def panels(self, request: HttpRequest, obj: DeMinimisAid) -> list[Panel]:
        """What the central register asks for, and what is missing."""
        if obj.origin != DeMinimisAid.Origin.GRANTED:
            if not self.has_change_permission(request, obj):
                return []
            return [
                Panel(_("Declared by mistake"), "applicants/admin/declared_aid_panel.html", {"aid": obj}, side=True)
            ]
        context = {"aid": obj, "may_keep": self._may_keep(request), "today": timezone.localdate()}
        central_register = Panel(
            _("Central register"), "applicants/admin/central_register_panel.html", context, side=True
        )
        told = told_of(obj.case_number)
        said = Panel(_("To be asked back"), "applicants/admin/told_panel.html", {"told": told}, side=True)
        return [*([said] if told else []), central_register]
