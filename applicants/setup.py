"""What the app tells the others when it is ready."""

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applicants import needed
from applicants.accounts_not_awaited import not_awaited
from applicants.de_minimis.links import open_questions
from applicants.effects import tell_representatives, tell_requester
from applicants.models import BankAccount, DeMinimisAid, JoinRequest
from applicants.people_told import tell_of_account
from applicants.permissions import may_read_documents_of
from applicants.reference_data import REFERENCE, ensure_reference_data
from core import navigation
from core.documents import register_access
from core.engine.labels import own_tables
from core.navigation import Section, WorkItem
from core.presentation import register_action_labels, register_document_kinds, register_mails
from core.roles import Role
from core.signals import account_switched, transitioned

REGISTER_KEEPERS = (Role.INSTRUCTOR, Role.HEAD_OF_SERVICE)
VERIFY_WITHIN = timedelta(days=5)


def after_migration(sender: object, **kwargs: object) -> None:
    """Receiver of ``post_migrate``: the reference tables are complete."""
    ensure_reference_data()


def _accounts_to_verify(user: Any) -> int:
    return BankAccount.objects.for_user(user).filter(state="entered").count()


def _requests_to_answer(user: Any) -> int:
    return JoinRequest.objects.for_user(user).filter(state="pending").count()


def _accounts_as_work(user: Any) -> list[WorkItem]:
    """Accounts to verify, for finance: a change first, because payments wait for it. Those for which none waits any more stay
    in the list of accounts alone."""
    if not user.has_role(Role.FINANCE_OFFICER):
        return []
    waiting = BankAccount.objects.waiting().exclude(entered_by=user).exclude(not_awaited()).select_related("applicant")
    return [
        WorkItem(
            due=timezone.localdate(account.entered_at + VERIFY_WITHIN) if account.is_change else None,
            title=f"{account.applicant.display_name} · {account.masked_iban}",
            why=_("Change of account: payments wait for it") if account.is_change else _("Bank account to verify"),
            url=reverse("admin:applicants_bankaccount_change", args=[account.pk]),
            action=_("Verify"),
            tone="act" if account.is_change else "wait",
        )
        for account in waiting.order_by("-is_change", "entered_at")[:50]
    ]


def register_words() -> None:
    """The words of the events that are no transitions, and of the kinds of documents."""
    register_mails(
        {
            "applicants/mail/bank_account_answer": gettext_lazy("Answer on an account"),
            "applicants/mail/bank_account_change": gettext_lazy("Change of account, to the beneficiary"),
            "applicants/mail/bank_account_change_service": gettext_lazy("Change of account, to the service"),
            "applicants/mail/contact_changed": gettext_lazy("Body reached otherwise"),
            "applicants/mail/invitation": gettext_lazy("Invitation to act for a body"),
            "applicants/mail/join_answer": gettext_lazy("Answer to a request to join"),
            "applicants/mail/join_request": gettext_lazy("Request to join"),
            "applicants/mail/others_place": gettext_lazy("People of a body changed, to its representatives"),
            "applicants/mail/own_place": gettext_lazy("People of a body changed, to the person"),
        }
    )
    register_document_kinds(
        {
            "bank_proof": gettext_lazy("Bank account details"),
            "bank_other_proof": gettext_lazy("Other proof of an account"),
            "de_minimis_register": gettext_lazy("Extract of the central register"),
        }
    )
    register_action_labels(
        {
            "edit": gettext_lazy("Changed"),
            "enter": gettext_lazy("Account entered"),
            "change_alert": gettext_lazy("Change of account signalled"),
            "ask": gettext_lazy("Asked for"),
            "invite": gettext_lazy("Person invited"),
            "join": gettext_lazy("Person joined"),
            "leave": gettext_lazy("Person left"),
            "change_role": gettext_lazy("Role changed"),
            "revoke_invitation": gettext_lazy("Invitation cancelled"),
            "decline_invitation": gettext_lazy("Invitation declined"),
            "lift_interest": gettext_lazy("Interest lifted"),
            "no_interest": gettext_lazy("No interest declared"),
            "de_minimis_declared": gettext_lazy("De minimis aid declared"),
            "de_minimis_corrected": gettext_lazy("De minimis aid corrected"),
            "de_minimis_granted": gettext_lazy("De minimis aid granted"),
            "de_minimis_completed": gettext_lazy("Data of the central register completed"),
            "de_minimis_entered": gettext_lazy("Entered in the central register"),
            "single_undertaking": gettext_lazy("Single undertaking changed"),
            "undertaking_answer": gettext_lazy("Link between undertakings answered"),
            "de_minimis_moved": gettext_lazy("De minimis aid taken over by the agreement"),
            "de_minimis_amount": gettext_lazy("Amount of a de minimis aid changed"),
            "de_minimis_counts_again": gettext_lazy("De minimis aid counts again"),
            "de_minimis_withdrawn": gettext_lazy("De minimis aid withdrawn"),
        }
    )


def _register_as_work(user: Any) -> list[WorkItem]:
    """Grants to enter in the central register, and questions on linked enterprises, for those who instruct."""
    if not user.has_role(*REGISTER_KEEPERS) or user.has_role(Role.AUDITOR):
        return []
    grants = DeMinimisAid.objects.to_be_entered().select_related("applicant").order_by("granted_on", "pk")
    items = [
        WorkItem(
            due=aid.enter_by,
            title=f"{aid.applicant.display_name} · {aid.reference}",
            why=_("Changed since it was entered in the central register of de minimis aid")
            if aid.entered_on
            else _("To be entered in the central register of de minimis aid"),
            url=reverse("admin:applicants_deminimisaid_change", args=[aid.pk]),
            action=_("See"),
            tone="act",
        )
        for aid in grants[:50]
    ]
    for question in open_questions():
        seat = question.establishments[0]
        items.append(
            WorkItem(
                due=None,
                title=f"{seat.display_name} · {question.siren}",
                why=_("A second establishment: are other enterprises linked with it?"),
                url=reverse("admin:applicants_applicant_undertaking", args=[seat.pk]),
                action=_("Answer"),
            )
        )
    return items


def register() -> None:
    """Who reads the documents of an applicant; who is told of what; what is in the menus."""
    register_access("applicants.Applicant", may_read_documents_of)
    needed.register()
    own_tables("command migrate", *(model._meta.db_table for model in REFERENCE))
    register_words()
    transitioned.connect(tell_requester, sender=JoinRequest, dispatch_uid="applicants_tell_requester")
    transitioned.connect(tell_representatives, sender=BankAccount, dispatch_uid="applicants_tell_representatives")
    account_switched.connect(tell_of_account, dispatch_uid="applicants_tell_of_account")
    navigation.register_portal(gettext_lazy("My organisation"), "applicants:index", audience="applicant", order=30)
    navigation.register_work_provider(_accounts_as_work)
    navigation.register_work_provider(_register_as_work)
    menu = (
        (gettext_lazy("Applicants"), "applicant", "groups", "", None, 10),
        (
            gettext_lazy("Accounts to verify"),
            "bankaccount",
            "account_balance",
            "state__exact=entered",
            _accounts_to_verify,
            20,
        ),
        (gettext_lazy("Bank accounts"), "bankaccount", "account_balance_wallet", "", None, 30),
        (
            gettext_lazy("Requests to join"),
            "joinrequest",
            "how_to_reg",
            "state__exact=pending",
            _requests_to_answer,
            40,
        ),
        (gettext_lazy("De minimis aid"), "deminimisaid", "savings", "", None, 50),
        (gettext_lazy("Single undertakings"), "singleundertaking", "hub", "", None, 60),
    )
    for label, model, icon, query, badge, order in menu:
        navigation.register(
            Section.APPLICANTS,
            label,
            f"admin:applicants_{model}_changelist",
            icon,
            query=query,
            badge=badge,
            order=order,
        )
    reference = (
        (gettext_lazy("Legal categories"), "legalcategory", "category"),
        (gettext_lazy("Departments"), "department", "map"),
        (gettext_lazy("De minimis ceilings"), "deminimisceiling", "vertical_align_top"),
        (gettext_lazy("Period of an interest"), "interestperiod", "hourglass_bottom"),
    )
    for order, (label, model, icon) in enumerate(reference, 10):
        navigation.register(Section.REFERENCE, label, f"admin:applicants_{model}_changelist", icon, order=order)
