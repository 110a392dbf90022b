"""What the staff side of grants tells the others when the app is ready: menu, work, documents, words of events."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import navigation
from core.documents import register_access
from core.engine.labels import own_tables
from core.navigation import Section
from core.presentation import (
    register_action_labels,
    register_consequences,
    register_document_kinds,
    register_mails,
)
from core.roles import STAFF_ROLES, Role
from core.users.last_person import register_stranded
from grants import needed, receivers, work
from grants.figures.work import stranded_without
from grants.models import Programme, ProgrammeVersion
from grants.named import work_on_bodies_that_name
from grants.permissions import may_see
from grants.staff_permissions import EDITS_BUDGET

WORKS_THE_QUEUE = [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.COMMITTEE_SECRETARY]
INSTRUCTION = [*WORKS_THE_QUEUE, Role.FINANCE_OFFICER]
CASES = "admin:grants_application_changelist"


def may_read_opinion(user, opinion) -> str | None:
    """The proof of an opinion is for the staff who see the case, never for its applicant."""
    if not user.has_role(*STAFF_ROLES):
        return _("This document is for the service.")
    return may_see(user, opinion.application)


def register_menu() -> None:
    """The links of the staff menu."""
    navigation.register(
        Section.WORK, gettext_lazy("Cases to do"), CASES, "assignment", WORKS_THE_QUEUE,
        badge=work.count_to_do, order=10, query="queue=todo",
    )  # fmt: skip
    navigation.register(
        Section.WORK, gettext_lazy("Applicant's turn"), CASES, "hourglass_top", WORKS_THE_QUEUE,
        badge=work.count_waiting, order=20, query="queue=waiting",
    )  # fmt: skip
    navigation.register(
        Section.WORK, gettext_lazy("Messages not read"), CASES, "mark_email_unread", WORKS_THE_QUEUE,
        badge=work.count_unread, order=30, query="queue=unread",
    )  # fmt: skip
    navigation.register(Section.WORK, gettext_lazy("All cases"), CASES, "folder_open", order=40)
    links = [
        (Section.DECIDE, gettext_lazy("Sessions"), "committeesession", "gavel", INSTRUCTION, 10),
        (Section.DECIDE, gettext_lazy("Envelopes"), "envelope", "account_balance_wallet", INSTRUCTION, 20),
        (Section.DECIDE, gettext_lazy("Commitments"), "commitment", "receipt_long", EDITS_BUDGET, 30),
        (Section.REFERENCE, gettext_lazy("Programmes"), "programme", "category", STAFF_ROLES, 1),
        (Section.REFERENCE, gettext_lazy("Calls"), "call", "campaign", STAFF_ROLES, 2),
    ]
    for section, label, model, icon, roles, order in links:
        navigation.register(section, label, f"admin:grants_{model}_changelist", icon, roles, order=order)


def _expected_pieces() -> dict[str, str]:
    """The pieces that the programmes ask for, by their codes; the newest version's words win."""
    versions = ProgrammeVersion.objects.order_by("pk").only("definition", "sha256")
    return {piece.code: str(piece.label) for version in versions for piece in version.rules.pieces}


def register_words() -> None:
    """The words of the events that are no transitions, and of the kinds of documents."""
    register_mails(
        {
            "grants/mail/admissible": gettext_lazy("Case admissible"),
            "grants/mail/completed": gettext_lazy("Receipt of the pieces"),
            "grants/mail/convocation": gettext_lazy("Convocation to a session"),
            "grants/mail/deferred": gettext_lazy("Decision: deferred"),
            "grants/mail/filed": gettext_lazy("Receipt of the application"),
            "grants/mail/granted": gettext_lazy("Decision: granted"),
            "grants/mail/inadmissible": gettext_lazy("Case inadmissible"),
            "grants/mail/lapsed": gettext_lazy("Grant lapsed"),
            "grants/mail/message": gettext_lazy("Message of the service"),
            "grants/mail/message_to_service": gettext_lazy("Message to the service"),
            "grants/mail/opinion_received": gettext_lazy("Opinion received"),
            "grants/mail/opinion_reminder": gettext_lazy("Opinion, reminder"),
            "grants/mail/opinion_request": gettext_lazy("Opinion asked"),
            "grants/mail/piece_request": gettext_lazy("Request for pieces"),
            "grants/mail/rejected": gettext_lazy("Decision: rejected"),
            "grants/mail/withdrawn": gettext_lazy("Application withdrawn"),
        }
    )
    register_document_kinds(
        {"receipt": gettext_lazy("Receipt"), "opinion": gettext_lazy("Opinion"), "act": gettext_lazy("Act")}
    )
    register_document_kinds(_expected_pieces)
    register_consequences("automatic_checks")
    register_action_labels(
        {
            "check": gettext_lazy("Check answered"),
            "automatic_checks": gettext_lazy("Automatic checks computed"),
            "score": gettext_lazy("Criterion scored"),
            "retain": gettext_lazy("Expense retained"),
            "compute": gettext_lazy("Aid computed"),
            "ask_opinion": gettext_lazy("Opinion asked"),
            "opinion": gettext_lazy("Opinion recorded"),
            "opinion_upheld": gettext_lazy("Opinion upheld on the corrected file"),
            "opinion_received": gettext_lazy("Opinion received by its link"),
            "opinion_reminded": gettext_lazy("Body reminded of its opinion"),
            "opinion_link_closed": gettext_lazy("Link of an opinion closed"),
            "piece": gettext_lazy("Piece judged"),
            "note": gettext_lazy("Internal note"),
            "message": gettext_lazy("Message to the applicant"),
            "message_to_service": gettext_lazy("Message to the service"),
            "answers": gettext_lazy("Answers corrected"),
            "piece_joined": gettext_lazy("Piece joined"),
            "piece_removed": gettext_lazy("Piece taken back"),
            "assign": gettext_lazy("Case assigned"),
            "eu_fund": gettext_lazy("EU fund chosen"),
            "add_member": gettext_lazy("Member added"),
            "presence": gettext_lazy("Presence recorded"),
            "move_item": gettext_lazy("Order of the agenda changed"),
            "decide": gettext_lazy("Decision recorded"),
            "recusal": gettext_lazy("Interest declared"),
            "recusal_withdrawn": gettext_lazy("Interest withdrawn"),
            "commit": gettext_lazy("Money committed"),
            "release": gettext_lazy("Money released"),
            "create": gettext_lazy("Created"),
            "change": gettext_lazy("Changed"),
        }
    )


def register() -> None:
    """Called once, when the app is ready."""
    receivers.connect()
    needed.register()
    own_tables("command load_programmes", Programme._meta.db_table, ProgrammeVersion._meta.db_table)
    register_access("grants.Opinion", may_read_opinion)
    register_menu()
    register_words()
    register_stranded(stranded_without)
    for provider in (
        work.work_on_cases,
        work_on_bodies_that_name,
        work.work_on_sessions,
    ):
        navigation.register_work_provider(provider)
