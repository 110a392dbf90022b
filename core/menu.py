"""The links of the staff menu to what core holds, and the words of its events."""

from django.utils.translation import gettext_lazy as _

from core.figures.alerts import ALERTED, broken_codes
from core.navigation import Section, register, register_work_provider
from core.presentation import (
    register_action_labels,
    register_consequences,
    register_document_kinds,
    register_mails,
)
from core.roles import STAFF_ROLES, Role
from core.users.to_confirm import accounts_to_confirm


def register_all() -> None:
    """Called when Django is ready."""
    register(
        Section.ADMINISTRATION, _("My jobs"), "admin:core_job_changelist", "hourglass_top", roles=STAFF_ROLES, order=10
    )
    for label, model, icon, order in (
        (_("People and roles"), "user", "group", 20),
        (_("Incompatible roles"), "incompatibleroles", "group_off", 25),
        (_("Messages sent"), "outboxmessage", "outgoing_mail", 30),
        (_("Documents"), "document", "draft", 40),
        (_("Archiving list"), "retention", "inventory_2", 45),
        (_("Event log"), "event", "history", 50),
        (_("Seals of the log"), "eventseal", "verified", 60),
    ):
        register(
            Section.ADMINISTRATION,
            label,
            f"admin:core_{model}_changelist",
            icon,
            roles=[Role.ADMINISTRATOR],
            order=order,
        )
    register(
        Section.ADMINISTRATION,
        _("Figure checks"),
        "admin:core_figurecheck_changelist",
        "rule",
        roles=ALERTED,
        badge=lambda user: len(broken_codes()),
        order=5,
    )
    register_work_provider(accounts_to_confirm)
    register_mails(
        {
            "essor/mail/activation": _("Account to activate"),
            "essor/mail/anchor": _("End of the proof, for safe keeping"),
            "essor/mail/figures": _("Figures that do not hold"),
            "essor/mail/figures_failed": _("The look at the figures failed"),
            "essor/mail/account_closed": _("Sign-up or password asked for a deactivated account"),
            "essor/mail/account_deactivated": _("Account deactivated"),
            "essor/mail/account_reopened": _("Account active again"),
            "essor/mail/address_changed": _("Address of the account changed"),
            "essor/mail/address_confirmed": _("Address of the account confirmed"),
            "essor/mail/address_held": _("Address of the account to be confirmed"),
            "essor/mail/rights_changed": _("Rights of an account changed"),
            "essor/mail/invitation": _("Account opened by the Region"),
            "essor/mail/known_address": _("Sign-up with a known address"),
            "essor/mail/password_reset": _("Password to choose"),
        }
    )
    register_document_kinds({"job": _("Result of a job"), "import": _("File taken in")})
    register_consequences("retention")
    register_action_labels(
        {
            "user.roles": _("Roles changed"),
            "user.address_confirmed": _("Address confirmed"),
            "user.person_confirmed": _("Person of the account confirmed"),
            "mail_sent_again": _("Mail sent again"),
            "mail_answered": _("Told otherwise than by the mail"),
            "pair.loosening_asked": _("Loosening asked"),
            "pair.loosened": _("Rule loosened"),
            "pair.kept": _("Rule kept in force"),
            "user.address_given_up": _("Address given up"),
            "user.password_forgotten": _("Password of whoever asked for the account made void"),
            "user.left_work": _("Work left without anybody"),
            "activate_account": _("Account activated"),
            "change_password": _("Password changed"),
            "seal_late": _("Sealed late"),
            "list_figures": _("Figures looked at"),
            "edit_account": _("Account details changed"),
            "import_table": _("Table imported"),
            "delete": _("Deleted"),
            "upload": _("File sent"),
            "erase": _("Personal values erased"),
            "ask": _("Asked for"),
            "start": _("Work begun"),
            "done": _("Work done"),
            "failed": _("Work failed"),
            "cancelled": _("Work cancelled"),
            "recover": _("Work taken up again"),
            "retention": _("Retention began"),
        }
    )
