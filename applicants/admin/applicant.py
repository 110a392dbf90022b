"""Applicants, their people, and who asks to join."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applicants.bank_accounts import payable_account
from applicants.contacts_told import tell_of_contact
from applicants.de_minimis.links import decide_links, grounds_on, question_on
from applicants.de_minimis.room import assess_for
from applicants.forms.applicant import LiftInterestForm
from applicants.forms.de_minimis import DecideLinksForm
from applicants.models import (
    Applicant,
    DeMinimisAid,
    Invitation,
    JoinRequest,
    Membership,
    NoInterest,
    SingleUndertaking,
)
from applicants.people import PeopleRefused, lift_interest
from applicants.permissions import may_answer_on_undertaking, may_enter_bank_account, may_lift_interest
from applicants.rules.identifiers import compact, rna_warning
from applicants.workbooks import ApplicantResource
from core.admin import EssorModelAdmin, EssorTabularInline, Panel
from core.admin.reasons import changes_in
from core.engine import versions
from core.events import record
from core.importexport import EssorImportExportAdmin
from core.models import Document
from core.past_days import BirthDayField
from core.personal_numbers import NoNationalNumberMixin
from core.roles import Role

KEEPERS = (Role.INSTRUCTOR, Role.ADMINISTRATOR)
ORGANISATION = (
    gettext_lazy("Organisation"),
    {
        "fields": [
            ("siret", "rna"),
            "local_register",
            "in_formation",
            "name",
            "acronym",
            "ess_statut",
            "legal_category",
            "is_association",
            "representative_name",
            "representative_title",
            "undertaking",
        ]
    },
)
PERSON = (gettext_lazy("Person"), {"fields": ["first_name", "last_name", "birth_date"]})
CONTACT = (
    gettext_lazy("Contact"),
    {
        "fields": [
            "email",
            "phone",
            "website",
            "address_line",
            ("postcode", "city"),
            "insee_commune",
            ("region_insee", "nuts2"),
        ]
    },
)
RECORD = (gettext_lazy("About this record"), {"fields": ["created_by", "created_at", "updated_at"]})


class ApplicantAdminForm(NoNationalNumberMixin, forms.ModelForm):
    """Everything on an applicant; numbers may be typed with their spaces, or pasted with their name."""

    class Meta:
        model = Applicant
        field_classes = {"birth_date": BirthDayField}
        exclude: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound:
            self.data = self._with_compact_numbers()

    def _with_compact_numbers(self) -> Any:
        """What was sent, its numbers as they are kept: the fields are not longer than the columns."""
        data = self.data.copy()
        for name, labels in (("siret", ["SIRET"]), ("rna", ["RNA"]), ("postcode", []), ("insee_commune", [])):
            if typed := data.get(self.add_prefix(name)):
                data[self.add_prefix(name)] = compact(typed, *labels)
        return data


class PeopleInline(EssorTabularInline):
    """Who acts for the applicant: read here, decided by its representatives."""

    model = Membership
    tab = True
    fields = ["user", "role", "created_at"]
    readonly_fields = ["user", "role", "created_at"]
    verbose_name_plural = gettext_lazy("People")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("user", "applicant")


class InvitationInline(EssorTabularInline):
    """Invitations that were sent."""

    model = Invitation
    tab = True
    fields = [
        "email",
        "role",
        "invited_by",
        "created_at",
        "expires_at",
        "accepted_at",
        "declined_at",
        "revoked_at",
        "withheld",
    ]
    readonly_fields = fields
    verbose_name_plural = gettext_lazy("Invitations")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("invited_by", "applicant")


class NoInterestInline(EssorTabularInline):
    """Who of the staff declared that they have no interest in this body, when and why."""

    model = NoInterest
    tab = True
    fields = ["user", "where_column", "reason", "declared_at", "void_at"]
    readonly_fields = fields
    verbose_name_plural = gettext_lazy("Declarations of no interest")

    @admin.display(description=gettext_lazy("Answers"))
    def where_column(self, declaration: NoInterest) -> str:
        """The places where the body named the person."""
        return declaration.where

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("user", "applicant")


class DeMinimisInline(EssorTabularInline):
    """The register, for this applicant."""

    model = DeMinimisAid
    tab = True
    fields = ["granted_on", "amount", "regime", "authority", "reference", "origin"]
    readonly_fields = fields
    show_change_link = True
    verbose_name_plural = gettext_lazy("De minimis aid")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("applicant")


@admin.register(Applicant)
class ApplicantAdmin(EssorImportExportAdmin):
    """Organisations and people, found by name without accents, by SIRET or by RNA."""

    form = ApplicantAdminForm
    resource_classes = [ApplicantResource]
    without_reason = dict.fromkeys(
        ("website", "address_line", "postcode", "city", "insee_commune", "acronym", "representative_title"),
        "where the applicant is, as its own people keep it in the portal: no link and no call goes there",
    )  # fmt: skip
    add_roles = KEEPERS
    change_roles = KEEPERS
    list_display = ["name_column", "kind", "identifier", "city", "region_insee", "ess_statut"]
    list_filter = ["kind", "ess_statut", "in_formation", "region_insee"]
    search_fields = ["search_text"]
    search_help_text = gettext_lazy("Name, town, SIRET or RNA")
    ordering = ["sort_name", "pk"]
    inlines = [PeopleInline, InvitationInline, NoInterestInline, DeMinimisInline]
    readonly_fields = ["region_insee", "nuts2", "created_by", "created_at", "updated_at"]

    def get_fieldsets(self, request: HttpRequest, obj: Applicant | None = None) -> list[tuple]:
        """Those of its kind; both kinds for a new one."""
        kind = (None, {"fields": ["kind"]})
        if obj is None:
            return [kind, ORGANISATION, PERSON, CONTACT]
        return [kind, ORGANISATION if obj.is_legal else PERSON, CONTACT, RECORD]

    @admin.display(description=gettext_lazy("Name"), ordering="sort_name")
    def name_column(self, obj: Applicant) -> str:
        return obj.display_name

    @admin.display(description=gettext_lazy("SIRET, RNA"))
    def identifier(self, obj: Applicant) -> str:
        return obj.identifier or "–"

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        """The app's own search: served by an index, blind to accents."""
        return self.search_words(request, queryset, search_term), False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("legal_category", "undertaking", "created_by")

    def save_model(self, request: HttpRequest, obj: Applicant, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
        if change:
            changes = changes_in(form)
            event = record(obj, "edit", actor=request.user, changes=changes, comment=self.reason_of(form))
            tell_of_contact(obj, event)
        else:
            record(obj, "create", actor=request.user)

    def essor_urls(self) -> Iterator[URLPattern]:
        yield path(
            "<int:object_id>/undertaking/",
            self.admin_site.admin_view(self.undertaking_page),
            name=self.url_name("undertaking"),
        )
        yield path(
            "<int:object_id>/interest/<int:kept_id>/",
            self.admin_site.admin_view(self.interest_page),
            name=self.url_name("interest"),
        )

    def undertaking_page(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Answer whether other enterprises are linked with the one that has several establishments here."""
        applicant = self.object_or_404(request, object_id)
        question = question_on(applicant)
        if question is None:
            gone = _("This question is answered, or asked no more.")
            if request.method == "POST":
                versions.gone_on(request, applicant, gone, DecideLinksForm(request.POST))
            messages.warning(request, gone)
            return HttpResponseRedirect(self.change_url(applicant))
        form = DecideLinksForm(request.POST or None)
        if reason := may_answer_on_undertaking(request.user, applicant):
            messages.warning(request, reason)
        elif form.is_valid():
            try:
                with versions.unchanged(request, applicant, lambda: grounds_on(applicant)):
                    decide_links(applicant, actor=request.user, **form.cleaned_data)
            except ValidationError as refusal:
                form.add_error(None, refusal)
            else:
                messages.success(request, _("The answer is kept."))
                return HttpResponseRedirect(self.change_url(applicant))
        return self.page(
            request,
            "applicants/admin/undertaking.html",
            _("Linked enterprises"),
            applicant,
            form=form,
            question=question,
            back=self.change_url(applicant),
        )

    def interest_page(self, request: HttpRequest, object_id: int, kept_id: int) -> HttpResponse:
        """Lift, for a reason, the interest of somebody else who acted for the body."""
        applicant = self.object_or_404(request, object_id)
        kept = applicant.kept_interests.select_related("user", "lifted_by").filter(pk=kept_id).first()
        if kept is None:
            raise Http404
        form = LiftInterestForm(request.POST or None)
        refusal = may_lift_interest(request.user, kept)
        if request.method == "POST" and (kept.lifted_at or refusal):
            versions.gone_on(request, applicant, refusal or _("This interest is lifted already."), form)
        if request.method == "POST" and form.is_valid():
            try:
                lift_interest(kept, form.cleaned_data["reason"], actor=request.user)
            except PeopleRefused as error:
                form.add_error(None, error)
            else:
                messages.success(request, _("The interest is lifted."))
                return HttpResponseRedirect(self.change_url(applicant))
        context = {"kept": kept, "form": form, "refusal": refusal, "back": self.change_url(applicant)}
        return self.page(request, "applicants/admin/interest.html", _("Interest that stays"), applicant, **context)

    def panels(self, request: HttpRequest, obj: Applicant) -> list[Panel]:
        """Where it is paid, what it received, what happened."""
        account, reason = payable_account(obj)
        accounts = list(obj.bank_accounts.select_related("entered_by", "verified_by"))
        context = {
            "account": account,
            "reason": reason,
            "accounts": accounts,
            "may_enter": may_enter_bank_account(request.user, obj) is None,
            "change_waits": any(item.state == "entered" and item.is_change for item in accounts),
        }
        documents = Document.objects.about(obj).select_related("file")
        kept = list(obj.kept_interests.select_related("user", "lifted_by"))
        minimis = {"verdict": assess_for(obj, Decimal("0.00"), timezone.localdate()), "question": question_on(obj)}
        interests = [
            Panel(_("Interests that stay"), "applicants/admin/interests_panel.html", {"kept": kept}, side=True)
        ]
        return [
            Panel(_("Bank accounts"), "applicants/admin/bank_panel.html", context),
            *(interests if kept else []),
            Panel(_("De minimis aid"), "applicants/admin/de_minimis_panel.html", minimis, side=True),
            Panel(
                _("Documents"),
                "applicants/admin/documents_panel.html",
                {"documents": documents, "rna_warning": rna_warning(obj.rna) if obj.rna else ""},
                side=True,
            ),
        ]


@admin.register(JoinRequest)
class JoinRequestAdmin(EssorModelAdmin):
    """Requests to join that no representative answers."""

    list_display = ["state_column", "applicant", "user", "role", "created_at"]
    list_display_links = ["applicant"]
    list_filter = ["state", "role"]
    list_select_related = ["applicant", "user"]
    ordering = ["-created_at"]
    fields = [
        *("applicant", "user", "role", "message", "created_at", "service_waits_until"),
        *("decided_by", "decided_at", "reason", "confirmed_by", "confirmed_at"),
    ]
    readonly_fields = fields


@admin.register(SingleUndertaking)
class SingleUndertakingAdmin(EssorModelAdmin):
    """Groups of enterprises whose de minimis aids add up."""

    add_roles = KEEPERS
    change_roles = KEEPERS
    list_display = ["name", "member_count"]
    search_fields = ["name"]
    fields = ["name", "reason"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).annotate(members_number=models.Count("members"))

    @admin.display(description=gettext_lazy("Members"), ordering="members_number")
    def member_count(self, obj: Any) -> int:
        return obj.members_number
