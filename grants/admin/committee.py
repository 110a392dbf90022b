"""Committee sessions: the list, and the page with the grid where decisions are recorded."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.forms import Script
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from core.admin import CaseHeader, EssorModelAdmin, EssorTabularInline, Panel, money_display
from core.admin.reasons import changes_in
from core.engine import versions
from core.events import record
from core.lib.planned_days import Planned, plans
from core.money import ZERO, format_euros
from core.past_days import HasCome
from core.roles import STAFF_ROLES, Role
from core.templatetags.essor import moment
from core.text import is_number
from core.transitions import TransitionRefused
from grants import committee
from grants.admin.grid_forms import AddCasesForm, RecusalForm, RowForm, is_posted, posted_items, together
from grants.admin.item_plan import PlanOfItem
from grants.committee import SessionRefused
from grants.models import AgendaItem, CommitteeMember, CommitteeSession, SessionState
from grants.permissions import programmes_of
from grants.staff_permissions import may_run_session
from grants.workbooks import write_session

BEFORE_CLOSING = (SessionState.DRAFT, SessionState.CONVENED, SessionState.IN_SESSION)


class MemberInline(EssorTabularInline):
    """Who sits, and who is present."""

    model = CommitteeMember
    fields = ["name", "capacity", "email", "is_voting", "is_present"]
    view_roles = STAFF_ROLES
    add_roles = change_roles = delete_roles = [Role.COMMITTEE_SECRETARY]
    extra = 1

    def has_add_permission(self, request, obj=None):
        return super().has_add_permission(request, obj) and _is_open(obj)

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and _is_open(obj)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and _is_open(obj)


def _is_open(session: CommitteeSession | None) -> bool:
    return session is None or session.state in BEFORE_CLOSING


@admin.register(CommitteeSession)
class CommitteeSessionAdmin(PlanOfItem, EssorModelAdmin):
    """Sessions and their grid. The secretary prepares, records and closes; everybody of the programmes reads."""

    add_roles = change_roles = [Role.COMMITTEE_SECRETARY]
    without_reason = {
        **dict.fromkeys(("title", "place"), "how the session is called and found: decides nothing"),
        **dict.fromkeys(("deliberation_number", "deliberation_on", "legality_sent_on", "legality_reference"),
                        "what happens after the closing is noted, not changed"),
        "members": "who sits and who is present is noted while the session is prepared and held",
    }  # fmt: skip
    list_display = [
        "session_column",
        "state_column",
        "item_column",
        money_display("proposed_total", gettext_lazy("Proposed"), ordering="held_at"),
        money_display("decided_total", gettext_lazy("Decided"), ordering="held_at"),
        "deliberation_number",
    ]
    days = {
        "held_at": Planned(plans, may_be_past=True),
        "deliberation_on": HasCome(),
        "legality_sent_on": HasCome(),
    }
    list_display_links = ["session_column"]
    list_filter = ["state"]
    search_fields = ["title", "deliberation_number"]
    ordering = ["-held_at", "-id"]
    inlines = [MemberInline]
    fields = ["title", "held_at", "place", "programmes", "quorum"]

    class Media:
        css = {"all": ["grants/staff.css"]}
        js = [Script("essor/amounts.js", defer=True), Script("grants/committee.js", defer=True)]

    # --- list and form ----------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_figures()

    @display(description=gettext_lazy("Session"), ordering="held_at")
    def session_column(self, session: CommitteeSession) -> str:
        return f"{session.title} · {moment(session.held_at)}"

    @display(description=gettext_lazy("Cases"))
    def item_column(self, session: CommitteeSession) -> int:
        return session.item_count or 0

    def get_readonly_fields(self, request: HttpRequest, obj: CommitteeSession | None = None) -> list:
        declared = super().get_readonly_fields(request, obj)
        if obj is None or obj.state == SessionState.DRAFT:
            return declared
        return [*declared, "title", "held_at", "programmes", "quorum", *([] if _is_open(obj) else ["place"])]

    def get_fields(self, request: HttpRequest, obj: CommitteeSession | None = None) -> list[str]:
        closed = ["deliberation_number", "deliberation_on", "legality_sent_on", "legality_reference"]
        if obj is None or obj.state != SessionState.CLOSED:
            return list(self.fields)
        return [*self.fields, *closed]

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        if db_field.name == "programmes":
            kwargs["queryset"] = programmes_of(request.user)
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: CommitteeSession | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_run_session(request.user, obj) is None)

    def save_model(self, request: HttpRequest, obj: CommitteeSession, form, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
        if change and (changes := changes_in(form)):
            record(obj, "change", actor=request.user, changes=changes, comment=self.reason_of(form))
        elif not change:
            record(obj, "create", actor=request.user)

    # --- the page ---------------------------------------------------------------------------------------------

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None):
        session = super().get_object(request, object_id, from_field)
        if session is not None:
            prefetch_related_objects([request.user], "programme_assignments")
            prefetch_related_objects([session], "programmes", "members")
        return session

    def case_header(self, request: HttpRequest, obj: CommitteeSession) -> CaseHeader:
        items = _items(obj)
        totals = _totals(obj, items)
        present = sum(1 for member in obj.members.all() if member.is_present and member.is_voting)
        voting = sum(1 for member in obj.members.all() if member.is_voting)
        words = {"present": present, "voting": voting, "quorum": obj.quorum}
        return CaseHeader(
            number=obj.title,
            title=moment(obj.held_at),
            subtitle=ngettext("%(count)s case", "%(count)s cases", len(items)) % {"count": len(items)},
            amounts=[
                (_("Proposed"), totals.proposed),
                (_("Decided"), totals.decided),
                *[(_("Left on %(code)s") % {"code": line.envelope.code}, line.left) for line in totals.envelopes],
            ],
            clock=ngettext(
                "%(present)s voting member present of %(voting)s, quorum %(quorum)s",
                "%(present)s voting members present of %(voting)s, quorum %(quorum)s",
                present,
            )
            % words,
            clock_tone="ok" if present >= obj.quorum else "act",
        )

    def panels(self, request: HttpRequest, obj: CommitteeSession) -> list[Panel]:
        items = _items(obj)
        why_not = may_run_session(request.user, obj)
        may_run = why_not is None
        refused = getattr(request, "refused_rows", {})
        return [
            Panel(
                title=_("Agenda and decisions"),
                template="admin/grants/committeesession/grid.html",
                anchor="grid",
                context={
                    "why_not": why_not if request.user.has_role(Role.COMMITTEE_SECRETARY) else "",
                    "rows": [
                        (item, refused.get(item.pk) or RowForm.for_item(item), RowForm.shown(item)) for item in items
                    ],
                    "members": list(obj.members.all()),
                    "totals": _totals(obj, items),
                    "decides": may_run and obj.state == SessionState.IN_SESSION,
                    "orders": may_run and obj.state in (SessionState.DRAFT, SessionState.CONVENED),
                    "recuses": may_run and obj.state in (SessionState.CONVENED, SessionState.IN_SESSION),
                },
            ),
            *self._ready_panel(request, obj, may_run),
        ]

    def _ready_panel(self, request: HttpRequest, session: CommitteeSession, may_run: bool) -> list[Panel]:
        if not may_run or session.state != SessionState.DRAFT:
            return []
        form = AddCasesForm(session=session)
        return [
            Panel(
                title=_("Cases ready for a committee"),
                template="admin/grants/committeesession/ready.html",
                anchor="ready",
                context={"form": form, "cases": form.cases, "ticked": request.GET.getlist("ticked")},
            )
        ]

    # --- what the page posts -------------------------------------------------------------------------------------

    def essor_urls(self) -> list[URLPattern]:
        def read(name: str, function, suffix: str = "") -> URLPattern:
            return path(
                f"<int:object_id>/{name}/{suffix}", self.admin_site.admin_view(function), name=self.url_name(name)
            )

        def posted(name: str, function, suffix: str = "") -> URLPattern:
            return self.posted(f"<int:object_id>/{name}/{suffix}", function, name)

        return [
            posted("decide", self.decide),
            posted("decide-row", self.decide_row, "<int:item_id>/"),
            read("plan", self.plan, "<int:item_id>/"),
            posted("add-cases", self.add_cases),
            posted("move", self.move, "<int:item_id>/"),
            posted("recuse", self.recuse, "<int:item_id>/"),
            read("workbook", self.workbook),
        ]

    def _back(self, session: CommitteeSession, anchor: str = "grid", ticked: Iterable[str] = ()) -> HttpResponse:
        """To the page of the session; the boxes of the cases that were chosen stay ticked."""
        chosen = urlencode([("ticked", key) for key in ticked if is_number(key)])
        return HttpResponseRedirect(f"{self.change_url(session)}{'?' if chosen else ''}{chosen}#{anchor}")

    def decide(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The whole grid at once, without JavaScript: good rows are kept, the others come back with the reason."""
        session = self.object_or_404(request, object_id)
        refused = {}
        kept = 0
        with transaction.atomic():
            versions.lock(session)
            for item in _items(session, fresh=True):
                form = RowForm.for_item(item, request.POST)
                if not is_posted(request.POST, item) or not form.settle(item) or not form.has_changed_from(item):
                    continue
                if self._record(request, item, form):
                    kept += 1
                else:
                    refused[item.pk] = form
        if gone := len(posted_items(request.POST) - {*session.items.values_list("pk", flat=True)}):
            messages.error(
                request,
                ngettext(
                    "%(count)d decision was not recorded: its case is no longer on this agenda.",
                    "%(count)d decisions were not recorded: their cases are no longer on this agenda.",
                    gone,
                )
                % {"count": gone},
            )
        if not refused:
            if kept:
                messages.success(request, _("Decisions recorded: %(count)s.") % {"count": kept})
            elif not gone:
                messages.info(request, _("No decision was changed: nothing was recorded."))
            return self._back(session)
        numbers = dict(session.items.filter(pk__in=refused).values_list("pk", "application__number"))
        request.refused_rows = refused
        page = self.shown_again(request, session, together({numbers[pk]: form for pk, form in refused.items()}))
        for item_id, form in refused.items():
            for texts in form.errors.values():
                messages.error(request, f"{numbers[item_id]}: {' '.join(texts)}")
        return page

    def _record(self, request: HttpRequest, item: AgendaItem, form: RowForm) -> bool:
        if not form.is_valid():
            return False
        data = form.cleaned_data
        try:
            committee.record_decision(
                item, data["decision"], actor=request.user, amount=data["amount"], reason=data["reason"]
            )
        except SessionRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
            return False
        return True

    def decide_row(self, request: HttpRequest, object_id: int, item_id: int) -> JsonResponse:
        """One row, for the keyboard: the row as it now is and the running totals, or the reason of the refusal."""
        session = self.object_or_404(request, object_id)
        with versions.reached(session) as headers:
            joined = session.items.select_related("application__call", "session", "decided_by")
            item = get_object_or_404(joined, pk=item_id)
            form = RowForm.for_item(item, request.POST)
            done = not form.settle(item) or self._record(request, item, form)
        if not done:
            errors = {name: " ".join(texts) for name, texts in form.errors.items()}
            return JsonResponse({"errors": errors, "shown": RowForm.shown(item)}, status=422)
        items = _items(session, fresh=True)
        totals = _totals(session, items, fresh=True)
        return JsonResponse(
            {
                "shown": RowForm.shown(item),
                "decision": item.decision,
                "label": item.get_decision_display() if item.decision else "",
                "amount": format_euros(item.decided_amount) if item.decided_amount is not None else "",
                "decided": format_euros(totals.decided),
                "undecided": totals.undecided,
                "envelopes": {
                    str(line.envelope.pk): {"left": format_euros(line.left), "over": line.left < ZERO}
                    for line in totals.envelopes
                },
            },
            headers=headers,
        )

    def add_cases(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Put chosen cases at the end of the agenda, all or none, each at the amount that the page showed."""
        session = self.object_or_404(request, object_id)
        form = AddCasesForm(request.POST, session=session)
        if form.gone():  # before what else changed on the page: to do it all the same could only fail
            messages.error(request, form.why_not())
            return self._back(session, "ready", form.data.getlist("cases"))
        try:
            with versions.unchanged(request, session, lambda: form.of_picked(versions.carried(request.POST, session))):
                if not form.is_valid():
                    messages.error(request, form.why_not())
                    return self._back(session, "ready", form.data.getlist("cases"))
                committee.add_to_agenda(session, form.cleaned_data["cases"], actor=request.user)
        except versions.Stale as stale:
            stale.form = AddCasesForm(session=session)
            raise
        except TransitionRefused as refusal:
            messages.error(request, str(refusal))
            return self._back(session, "ready", form.data.getlist("cases"))
        messages.success(request, _("Cases put on the agenda: %(count)s.") % {"count": len(form.cleaned_data["cases"])})
        return self._back(session)

    def move(self, request: HttpRequest, object_id: int, item_id: int) -> HttpResponse:
        """Give a case another rank."""
        session = self.object_or_404(request, object_id)
        item = get_object_or_404(session.items.select_related("session"), pk=item_id)
        rank = request.POST.get("rank", "")
        try:
            with versions.unchanged(request, session):
                committee.move_item(item, int(rank) if is_number(rank) else item.rank, actor=request.user)
        except SessionRefused as refusal:
            messages.error(request, str(refusal))
        return self._back(session)

    def recuse(self, request: HttpRequest, object_id: int, item_id: int) -> HttpResponse:
        """A member takes no part in a case, or does again."""
        session = self.object_or_404(request, object_id)
        item = get_object_or_404(session.items.select_related("session", "application"), pk=item_id)
        try:
            with versions.unchanged(request, session):
                form = RecusalForm(request.POST, session=session)
                if not form.is_valid():
                    versions.gone_on(request, session, _("Choose a member."), form)
                member = form.cleaned_data["member"]
                if form.cleaned_data["withdraw"]:
                    for recusal in item.recusals.filter(member=member):
                        committee.withdraw_recusal(recusal, actor=request.user)
                else:
                    reason = form.cleaned_data["reason"]
                    committee.declare_recusal(item, member, actor=request.user, reason=reason)
        except versions.Stale as stale:
            stale.form = stale.form or RecusalForm(session=session)
            raise
        except SessionRefused as refusal:
            versions.gone_on(request, session, str(refusal), form)
        return self._back(session)

    def workbook(self, request: HttpRequest, object_id: int) -> FileResponse:
        """The agenda, or the minutes once the session is held, as a workbook."""
        session = self.object_or_404(request, object_id)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "session.xlsx"
            write_session(path, session, asked_by=request.user)
            content = BytesIO(path.read_bytes())
        name = _("session-%(day)s.xlsx") % {"day": timezone.localdate(session.held_at).isoformat()}
        return FileResponse(content, as_attachment=True, filename=name)


def _items(session: CommitteeSession, fresh: bool = False) -> list[AgendaItem]:
    """The agenda with its cases and recusals: two queries, once a request."""
    if fresh or not hasattr(session, "_grid_items"):
        session._grid_items = list(
            session.items.select_related(
                "session",
                "decided_by",
                "application__applicant",
                "application__call",
                "application__programme_version__programme",
            )
            .prefetch_related(
                "recusals__member",
                Prefetch("application__proposals"),
            )
            .order_by("rank")
        )
    return session._grid_items


def _totals(session: CommitteeSession, items: list[AgendaItem], fresh: bool = False) -> committee.SessionTotals:
    if fresh or not hasattr(session, "_grid_totals"):
        session._grid_totals = committee.totals(session, items)
    return session._grid_totals
