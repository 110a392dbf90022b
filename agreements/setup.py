"""What the app tells the others when it is ready: who reads its documents, its links, its work, its words."""

from django.utils.translation import gettext_lazy as _

from agreements import (  # noqa: F401 - connects the receivers of the transitions
    needed,
    proof,
    receivers,
    retention,
    work,
)
from agreements.account_waits import gave_up_all
from agreements.asked_of_funds import BOX, BOX_LABEL
from agreements.case_links import awaits_beneficiary, links_of_case, told_in_register
from agreements.figures.work import stranded_without
from agreements.permissions import may_see_agreement, may_see_batch, may_see_claim
from agreements.wording import wordings
from applicants.accounts_not_awaited import register_not_awaited
from applicants.de_minimis.told import register_teller
from core import navigation
from core.documents import register_access
from core.navigation import Section
from core.presentation import (
    register_action_labels,
    register_document_kinds,
    register_event_value,
    register_mails,
)
from core.roles import Role
from core.users.last_person import register_stranded
from grants.case_links import register_case_links, register_duties
from grants.programmes.act_templates import register_act_templates

WRITERS = [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER]
FINANCE = [Role.FINANCE_OFFICER]
AGREEMENTS = "admin:agreements_agreement_changelist"
CLAIMS = "admin:agreements_paymentclaim_changelist"
BATCHES = "admin:agreements_paymentbatch_changelist"
REPORTS = "admin:agreements_tranchereport_changelist"


def register_menu() -> None:
    """The links of the staff menu; each badge counts the rows of the list that its link opens."""
    to_draft = "admin:agreements_agreement_to-draft"
    signers = [Role.HEAD_OF_SERVICE]
    readers = [Role.INSTRUCTOR]
    links = [
        (_("Cases to contract"), to_draft, "post_add", WRITERS, work.cases_to_contract, 110, ""),
        (_("Acts to sign"), AGREEMENTS, "draw", signers, work.agreements_to_sign, 120, "queue=sign"),
        (_("Claims to check"), CLAIMS, "fact_check", readers, work.claims_to_review, 140, "queue=review"),
        (_("Reports to read"), REPORTS, "menu_book", readers, work.reports_to_read, 150, "queue=read"),
        (_("Suspended claims"), CLAIMS, "pause", readers, work.claims_suspended, 145, "queue=suspended"),
        (
            _("Claims to certify again"),
            CLAIMS,
            "published_with_changes",
            readers,
            work.claims_to_certify_again,
            142,
            "queue=again",
        ),
        (_("Claims to order"), CLAIMS, "payments", FINANCE, work.claims_to_order, 160, "queue=order"),
        (_("Payments to confirm"), BATCHES, "task_alt", FINANCE, work.batches_to_confirm, 170, "queue=sent"),
    ]
    for label, url_name, icon, roles, queue, order, query in links:
        navigation.register(
            Section.DECIDE, label, url_name, icon, roles, badge=work.count(queue), order=order, query=query
        )
    everything = [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER, Role.EU_CONTROLLER]
    lists = [
        (_("Agreements"), AGREEMENTS, "handshake", everything, 130),
        (_("Payment claims"), CLAIMS, "request_quote", everything, 155),
        (_("Payment batches"), BATCHES, "account_tree", FINANCE, 165),
        (_("Payment orders"), "admin:agreements_paymentorder_changelist", "receipt", FINANCE, 175),
    ]
    for label, url_name, icon, roles, order in lists:
        navigation.register(Section.DECIDE, label, url_name, icon, roles, order=order)


def register_words() -> None:
    """The words of the events that are no transitions, of what they keep besides fields, and of the kinds of documents."""
    register_event_value(BOX, BOX_LABEL, lambda ticked: str(_("yes") if ticked else _("no")))
    register_mails(
        {
            "agreements/mail/claim_certified": _("Claim certified"),
            "agreements/mail/claim_closed": _("Claim closed: nothing is due"),
            "agreements/mail/claim_filed": _("Claim filed"),
            "agreements/mail/claim_given_up": _("Part of a claim given up"),
            "agreements/mail/asked_back": _("What is to be asked back has changed"),
            "agreements/mail/claim_paid": _("Claim paid"),
            "agreements/mail/claim_payable": _("Suspension lifted"),
            "agreements/mail/claim_rejected": _("Claim rejected"),
            "agreements/mail/claim_resumed": _("Claim taken up again"),
            "agreements/mail/claim_returned": _("Claim given back"),
            "agreements/mail/claim_suspended": _("Claim suspended"),
            "agreements/mail/ended": _("End of an agreement"),
            "agreements/mail/in_force": _("Agreement in force"),
            "agreements/mail/more_time": _("More time to claim"),
            "agreements/mail/report_accepted": _("Report accepted"),
            "agreements/mail/report_returned": _("Report given back"),
            "agreements/mail/sent": _("Act to sign"),
        }
    )
    register_document_kinds(
        {
            "act_pdf": _("Act (PDF)"),
            "act_docx": _("Act (text)"),
            "signed_copy": _("Signed copy"),
            "report": _("Report of the beneficiary"),
            "proof": _("Proof of an expense"),
            "claim_piece": _("Piece of a claim"),
            "claim_reply": _("Reply of the beneficiary"),
            "expenditure_workbook": _("Workbook of expenses"),
            "refused_rows": _("Rows that were refused"),
            "batch_workbook": _("Workbook of a payment batch"),
        }
    )
    register_action_labels(
        {
            "draft": _("Act drawn up"),
            "write_act": _("Act written"),
            "choose_fund": _("European fund chosen"),
            "open": _("Opened"),
            "amount": _("Amount asked changed"),
            "add_line": _("Line added"),
            "change_line": _("Line changed"),
            "remove_line": _("Line removed"),
            "proof": _("Proof joined"),
            "join_piece": _("Piece joined"),
            "remove_piece": _("Piece removed"),
            "workbook": _("Workbook taken in"),
            "workbook_sent": _("Workbook sent, to be read before it is taken in"),
            "certify_lines": _("Lines checked"),
            "answer_duplicate": _("Invoice declared twice: answered"),
            "file": _("Report filed"),
            "reply": _("Answer of the beneficiary"),
        }
    )


def register() -> None:
    """Called once, when the app is ready."""
    register_access("agreements.Agreement", may_see_agreement)
    register_access("agreements.PaymentClaim", may_see_claim)
    register_access("agreements.PaymentBatch", may_see_batch)
    register_case_links(links_of_case)
    register_duties(awaits_beneficiary)
    register_teller(told_in_register)
    register_not_awaited(gave_up_all)
    register_act_templates(wordings)
    navigation.register_portal(
        _("My agreements"), "agreements:agreements", audience="applicant", order=30, prefix="/conventions/"
    )
    register_menu()
    register_words()
    retention.connect()
    register_stranded(stranded_without)
    for provider in (work.work_on_acts, work.work_on_claims, work.work_on_payments):
        navigation.register_work_provider(provider)
    proof.register()
    needed.register()
