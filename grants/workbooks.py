"""The tables of this app that go in and out of the staff screens, and the workbook of a session."""

from decimal import Decimal
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from core.dates import format_date_long
from core.importexport import EssorResource
from core.money import format_euros
from core.past_days import HasCome
from core.text import listed
from core.workbooks import Column, Cover, Sheet, Written, write_workbook
from grants.models import AgendaItem, Application, CommitteeSession, Envelope
from grants.work import NOT_IN_A_LIST


class EnvelopeResource(EssorResource):
    """Envelopes, told apart by their code. What is committed is kept by the database and only written out."""

    columns = (
        Column("code", gettext_lazy("Code"), width=16, required=True, max_length=40),
        Column("label", gettext_lazy("Label"), width=36, required=True, max_length=200),
        Column("programme", gettext_lazy("Programme"), width=16, required=True, source="programme.code"),
        Column("kind", gettext_lazy("Kind"), width=14, aliases=("AE/AP",)),
        Column("year", gettext_lazy("Year of the vote"), "integer", required=True),
        Column("budget_chapter", gettext_lazy("Budget chapter"), width=14),
        Column("budget_account", gettext_lazy("Budget account"), width=14),
        Column("voted_amount", gettext_lazy("Voted"), "money", total=True, required=True),
        Column("voted_on", gettext_lazy("Voted on"), "date", days=HasCome()),
        Column("deliberation", gettext_lazy("Deliberation of the vote"), width=20),
        Column("is_closed", pgettext_lazy("envelope", "Closed"), "boolean", aliases=("Fermé",)),
        Column("committed_amount", gettext_lazy("Committed"), "money", total=True),
        Column("awaiting_amount", gettext_lazy("Granted, to be committed"), "money", total=True),
        Column("proposed_total", gettext_lazy("Proposed"), "money", total=True),
        Column("available_amount", gettext_lazy("Available"), "money", total=True),
    )
    links = {"programme": "code"}
    export_only = ("committed_amount",)
    select_related = ("programme",)

    class Meta:
        model = Envelope
        import_id_fields = ("code",)


class ApplicationResource(EssorResource):
    """The cases that a list shows: written out, never read in."""

    columns = (
        Column("number", gettext_lazy("Number"), width=18),
        Column("title", gettext_lazy("Title"), width=40),
        Column("applicant_name", gettext_lazy("Applicant"), width=36, source="applicant.display_name"),
        Column("siret", gettext_lazy("SIRET"), width=18, source=lambda case: case.applicant.siret or ""),
        Column("programme", gettext_lazy("Programme"), width=24, source="programme_version.programme.name"),
        Column("call_title", gettext_lazy("Call"), width=24, source="call.title"),
        Column("state", gettext_lazy("State"), width=24, source=lambda case: case.state_label()),
        Column("instructor_name", gettext_lazy("Instructor"), source=lambda case: str(case.instructor or "")),
        Column("submitted_at", gettext_lazy("Filed"), "datetime"),
        Column("decision_due_on", gettext_lazy("Implied decision on"), "date"),
        Column("project_start", gettext_lazy("Start of the project"), "date"),
        Column("project_end", gettext_lazy("End of the project"), "date"),
        Column("requested_amount", gettext_lazy("Asked"), "money", total=True),
        Column("computed_amount", gettext_lazy("Computed"), "money", total=True),
        Column("proposed_amount", gettext_lazy("Proposed"), "money", total=True),
        Column("granted_amount", gettext_lazy("Granted"), "money", total=True),
        Column("eu_fund", gettext_lazy("EU fund"), width=10),
    )
    export_only = tuple(column.key for column in columns)
    select_related = ("applicant", "programme_version__programme", "call", "instructor")
    deferred = NOT_IN_A_LIST

    class Meta:
        model = Application


# --- the agenda and the minutes of a session ---------------------------------------------------------------------


def _score(item: AgendaItem) -> str:
    proposal = item.application.live_proposal()
    return f"{proposal.score} / 20" if proposal is not None and proposal.score is not None else ""


SESSION_COLUMNS = (
    Column("rank", gettext_lazy("No."), "integer"),
    Column("number", gettext_lazy("Case"), width=18, source="application.number"),
    Column("title", gettext_lazy("Title"), width=40, source="application.title"),
    Column("applicant", gettext_lazy("Applicant"), width=36, source="application.applicant.display_name"),
    Column("programme", gettext_lazy("Programme"), width=24, source="application.programme_version.programme.name"),
    Column("score", gettext_lazy("Score"), width=10, source=_score),
    Column("requested", gettext_lazy("Asked"), "money", total=True, source="application.requested_amount"),
    Column("proposed_amount", gettext_lazy("Proposed"), "money", total=True),
    Column("decision", gettext_lazy("Decision"), width=14, source=lambda item: item.get_decision_display()),
    Column("decided_amount", gettext_lazy("Decided"), "money", total=True),
    Column(
        "named_groups",
        gettext_lazy("Decided by year or person"),
        width=34,
        source=lambda item: listed(f"{group.label} {format_euros(group.amount)}" for group in item.named_groups),
    ),
    Column("reason", gettext_lazy("Reason"), width=40),
    Column(
        "recusals",
        gettext_lazy("Take no part"),
        width=30,
        source=lambda item: ", ".join(recusal.member.name for recusal in item.recusals.all()),
    ),
)

MEMBER_COLUMNS = (
    Column("name", gettext_lazy("Name"), width=30),
    Column("capacity", gettext_lazy("Capacity"), width=30),
    Column("is_voting", gettext_lazy("Votes"), "boolean"),
    Column("is_present", gettext_lazy("Present"), "boolean"),
)


def write_session(path: Path, session: CommitteeSession, *, asked_by) -> Written:
    """The agenda of a session, or its minutes once it is held: cases, decisions, members, on one workbook."""
    items = list(
        session.items.select_related("application__applicant", "application__programme_version__programme")
        .prefetch_related("application__proposals", "recusals__member")
        .order_by("rank")
    )
    members = list(session.members.all())
    present = sum(1 for member in members if member.is_voting and member.is_present)
    decided = sum((item.decided_amount or Decimal(0) for item in items), Decimal(0))
    facts = [
        (_("Session"), str(session)),
        (_("Place"), session.place),
        (_("State"), session.state_label()),
        (_("Voting members present"), str(present)),
        (_("Quorum"), str(session.quorum)),
        (_("Deliberation"), session.deliberation_number),
        (_("Date of the deliberation"), format_date_long(session.deliberation_on) if session.deliberation_on else ""),
        (_("Decided"), decided),
        (_("Asked by"), str(asked_by)),
    ]
    sheets = [
        Sheet(_("Agenda"), SESSION_COLUMNS, items, key="agenda"),
        Sheet(_("Members"), MEMBER_COLUMNS, members, key="members", landscape=False),
    ]
    return write_workbook(path, sheets, Cover(session.title, facts))
