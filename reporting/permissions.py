"""Who may do what in reporting: ``None`` is yes, a sentence says why not.

Models are reached through their relations: the models' own transitions name these predicates.
"""

from django.utils.translation import gettext as _

from core.engine.standing import reason_reads_only
from core.roles import Role
from reporting.rules.taking_part import SENTENCES, part_of

MAKES_REPORTS = (Role.EU_CONTROLLER, Role.FINANCE_OFFICER, Role.HEAD_OF_SERVICE, Role.AUDITOR, Role.ADMINISTRATOR)
IMPORTS = (Role.EU_CONTROLLER, Role.FINANCE_OFFICER, Role.ADMINISTRATOR)
OPENS_APPLICATIONS = (Role.FINANCE_OFFICER,)
KEEPS_REFERENCE = (Role.ADMINISTRATOR, Role.FINANCE_OFFICER)


def may_see_operation(user, operation) -> str | None:
    """The staff of the scheme; EU staff for the operations of official lists."""
    if type(operation).objects.for_user(user).filter(pk=operation.pk).exists():
        return None
    return _("This operation is not one of yours.")


def may_answer_flag(user, flag) -> str | None:
    """Anyone with the role who sees the operation."""
    return may_see_operation(user, flag.operation)


def may_work_on_declaration(user, declaration) -> str | None:
    """Declaring: who sees the operation."""
    return may_see_operation(user, declaration.operation)


def may_control(user, declaration) -> str | None:
    """Controlling: who sees the operation and took no part in the case."""
    if refusal := may_see_operation(user, declaration.operation):
        return refusal
    if user.pk == declaration.instructor_id:  # the case may have changed hands since
        return str(SENTENCES["instructed"])
    if user.pk == declaration.submitted_by_id:
        return _("You declared this expenditure: someone else controls it.")
    part = part_of(user, declaration.claim)
    return str(SENTENCES[part]) if part else None


def may_decide_on_declaration(user, declaration) -> str | None:
    """The controller who took up the control."""
    if declaration.controller_id == user.pk:
        return None
    return _("The person who began the control goes on with it: %(person)s.") % {"person": declaration.controller}


def may_hand_over(user, declaration) -> str | None:
    """The controller, or a head of service when the controller is away."""
    if declaration.controller_id == user.pk:
        return None
    if user.has_role(Role.HEAD_OF_SERVICE):
        return may_see_operation(user, declaration.operation)
    return may_decide_on_declaration(user, declaration)


def may_decide_on_item(user, item) -> str | None:
    """The controller, while the declaration is under control."""
    if item.declaration.state != "under_control":
        return _("An item is decided while its declaration is under control.")
    return may_decide_on_declaration(user, item.declaration)


def may_close_payment_application(user, application) -> str | None:
    """Not who controlled one of its expenditures."""
    if application.lines.filter(entries__certificate__issued_by=user).exists():
        return _("You controlled an expenditure of this payment application: someone else closes it.")
    return None


def may_make_reports(user) -> str | None:
    """EU and finance staff, heads of service, auditors."""
    if user.is_authenticated and user.has_role(*MAKES_REPORTS):
        return None
    return _("Only EU and finance staff, heads of service and auditors make reports.")


def may_publish_list(user) -> str | None:
    """Those who answer for the list; an auditor changes nothing."""
    if user.is_authenticated and user.has_role(*IMPORTS):
        return reason_reads_only(user)
    return _("Only EU controllers, finance officers and administrators publish the list of operations.")


def may_import_operations(user) -> str | None:
    """EU and finance staff; an auditor changes nothing."""
    if user.is_authenticated and user.has_role(*IMPORTS):
        return reason_reads_only(user)
    return _("Only EU controllers, finance officers and administrators import operations.")


def may_open_payment_application(user) -> str | None:
    """Finance officers; an auditor changes nothing."""
    if user.is_authenticated and user.has_role(*OPENS_APPLICATIONS):
        return reason_reads_only(user)
    return _("Only finance officers open payment applications.")
