"""The list of cases and the page of one case."""

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import QuerySet, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from core.admin import CaseHeader, Panel, is_list
from core.engine import versions
from core.importexport import EssorImportExportAdmin
from core.money import format_euros
from core.roles import Role
from core.templatetags.essor import days_left, pill, short_date, state_pill
from core.transitions import Option
from grants.admin.case_actions import CaseActions
from grants.admin.case_panels import case_clock, case_panels
from grants.admin.case_reader import load_case
from grants.admin.filters import (
    CallFilter,
    DeadlineFilter,
    InstructorFilter,
    ProgrammeFilter,
    QueueFilter,
    StateFilter,
)
from grants.admin.forms import AssignForm
from grants.instruction import InstructionRefused, assign_instructor
from grants.interests import know_own, with_interest
from grants.models import Application
from grants.rules.deadlines import urgency
from grants.work import NOT_IN_A_LIST, case_url, next_step, with_request_date
from grants.workbooks import ApplicationResource

TONES = {"late": "no", "soon": "act", "later": "wait", "none": "idle"}


@admin.register(Application)
class ApplicationAdmin(CaseActions, EssorImportExportAdmin):
    """The work queue, and everything about one case on one page. Cases are filed by applicants, never added here."""

    resource_classes = [ApplicationResource]
    show_form = False
    fields = ()
    ordering = [Application.due_first(), "id"]
    list_per_page = 30  # each row is a dozen cells: this keeps the page well under 300 ms
    list_display = [
        "due_column",
        "case_column",
        "programme_column",
        "state_and_why",
        "instructor",
        "amounts_column",
        "action_column",
    ]
    list_display_links = ["case_column"]
    list_filter = [QueueFilter, ProgrammeFilter, CallFilter, StateFilter, InstructorFilter, DeadlineFilter]
    list_filter_submit = False
    list_select_related = ["applicant", "programme_version__programme", "instructor"]
    search_fields = ["number"]
    search_help_text = gettext_lazy("Number, title or applicant")
    actions = ["assign_to"]

    class Media:
        css = {"all": ["grants/staff.css"]}

    # --- the list ---------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        cases = super().get_queryset(request).filter(submitted_at__isnull=False)
        if is_list(request, self):
            cases = cases.select_related(*self.list_select_related).defer(*NOT_IN_A_LIST)
            return with_request_date(cases)
        cases = cases.select_related(*self.list_select_related, "call__envelope", "submitted_by")
        return with_interest(cases, request.user)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return self.search_words(request, queryset, search_term), False

    @display(description=gettext_lazy("Due"), ordering="decision_due_on")
    def due_column(self, case: Application) -> SafeString | str:
        if case.decision_due_on is None or case.state not in Application.UNDECIDED:
            return "–"
        due = case.decision_due_on
        if case.clock_stands_still:
            return format_html("{}<br>{}", short_date(due), pill(_("clock stopped"), "idle", "pause"))
        tone = TONES[urgency(due, timezone.localdate())]
        return format_html("{}<br>{}", short_date(due), pill(days_left(due), tone))

    @display(description=gettext_lazy("Case"), ordering="number")
    def case_column(self, case: Application) -> SafeString:
        return format_html(
            '<b>{}</b> {}<br><small class="muted">{}</small>', case.number, case.title, case.applicant.display_name
        )

    @display(description=gettext_lazy("Programme"), ordering="programme_version__programme__name")
    def programme_column(self, case: Application) -> str:
        return case.programme_version.programme.name

    @display(description=gettext_lazy("State"), ordering="state")
    def state_and_why(self, case: Application) -> SafeString:
        why = next_step(case)[0]
        if why == case.state_label():
            return state_pill(case, audience="staff")
        return format_html('{}<br><small class="muted">{}</small>', state_pill(case, audience="staff"), why)

    @display(description=gettext_lazy("Asked, granted"), ordering="requested_amount")
    def amounts_column(self, case: Application) -> SafeString:
        if case.granted_amount is None:
            return format_html('<span class="num">{}</span>', format_euros(case.requested_amount))
        return format_html(
            '<span class="num">{}<br><b>{}</b></span>',
            format_euros(case.requested_amount),
            format_euros(case.granted_amount),
        )

    @display(description=gettext_lazy("Action"))
    def action_column(self, case: Application) -> SafeString:
        label = next_step(case)[1]
        hidden = format_html('<span class="visually-hidden"> : {}</span>', case.number)
        return format_html('<a class="es-btn quiet nowrap" href="{}">{}{}</a>', case_url(case.pk), label, hidden)

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Cases are filed, never imported."""
        return False

    # --- assigning several cases --------------------------------------------------------------------------------

    def get_actions(self, request: HttpRequest) -> dict:
        actions = super().get_actions(request)
        if not request.user.has_role(Role.HEAD_OF_SERVICE, Role.INSTRUCTOR):
            actions.pop("assign_to", None)
        return actions

    @admin.action(description=gettext_lazy("Assign to an instructor"))
    def assign_to(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Asks who, then assigns; the cases that cannot be assigned are named with the reason."""
        cases = list(queryset.select_related("programme_version__programme", "instructor"))
        form = AssignForm(request.POST if "instructor" in request.POST else None, cases=cases)
        if form.is_valid() and self._all_shown(request, cases):
            self._assign(request, cases, form.cleaned_data["instructor"])
            return None
        return self.page(
            request,
            "admin/grants/application/assign.html",
            _("Assign to an instructor"),
            form=form,
            cases=cases,
            shown_cases=[(f"{versions.FIELD}-{case.pk}", self._shown_instructor(case)) for case in cases],
            checkbox_name=ACTION_CHECKBOX_NAME,
        )

    @staticmethod
    def _all_shown(request: HttpRequest, cases: list[Application]) -> bool:
        """Whether the form says whose each case was; one that does not say (no page of ours) is asked, with all of them."""
        try:
            for case in cases:
                versions.carried(request.POST, case, f"{versions.FIELD}-{case.pk}")
        except versions.Stale:
            messages.error(request, _("Nothing was done: read whose these cases are now, then confirm."))
            return False
        return True

    @staticmethod
    def _shown_instructor(case: Application) -> str:
        digests = {"instructor": versions.digest(case.instructor)}
        return versions.Shown(versions.label_of(case), 0, digests).token()

    def _assign(self, request: HttpRequest, cases: list[Application], instructor) -> None:
        done = 0
        for case in cases:
            try:
                with transaction.atomic():
                    versions.lock(case)
                    case.refresh_from_db(fields=["instructor"])
                    shown = versions.carried(request.POST, case, f"{versions.FIELD}-{case.pk}")
                    if shown.values.get("instructor", versions.digest(case.instructor)) != versions.digest(
                        case.instructor
                    ):
                        words = {"person": case.instructor or "–"}
                        raise InstructionRefused(_("Meanwhile this case was given to %(person)s.") % words)
                    assign_instructor(case, instructor, actor=request.user)
                done += 1
            except InstructionRefused as refusal:
                messages.error(request, f"{case.number}: {refusal}")
        if done:
            text = ngettext("%(count)s case assigned to %(person)s.", "%(count)s cases assigned to %(person)s.", done)
            messages.success(request, text % {"count": done, "person": instructor})

    # --- the case page ------------------------------------------------------------------------------------------

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Application | None:
        case = super().get_object(request, object_id, from_field)
        if case is not None:
            prefetch_related_objects([request.user], "programme_assignments")
            know_own(request.user, case)
        return case

    def case_context(self, request: HttpRequest, obj: Application) -> dict:
        load_case(obj)
        return super().case_context(request, obj)

    def case_header(self, request: HttpRequest, obj: Application) -> CaseHeader:
        clock, tone = case_clock(obj)
        return CaseHeader(
            number=obj.number,
            title=obj.title,
            subtitle=f"{obj.applicant.display_name} · {obj.programme_version.programme.name}",
            amounts=[
                (_("Asked"), obj.requested_amount),
                (_("Computed"), obj.computed_amount),
                (_("Proposed"), obj.proposed_amount),
                (_("Granted"), obj.granted_amount),
            ],
            clock=clock,
            clock_tone=tone,
        )

    def transition_options(self, request: HttpRequest, obj: Application) -> list[Option]:
        """Those of the staff; the applicant's own never show here, even to staff who also apply."""
        return [item for item in super().transition_options(request, obj) if item.spec.audience == "staff"]

    def panels(self, request: HttpRequest, obj: Application) -> list[Panel]:
        return case_panels(obj, request.user, getattr(request, "case_forms", {}))

    def essor_urls(self) -> list[URLPattern]:
        return [self.posted("<int:object_id>/do/<slug:action>/", self.case_action, "do")]
