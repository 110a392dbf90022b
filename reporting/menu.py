"""The links of reporting in the staff menu, and what waits for whom."""

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core import navigation
from core.dates import add_months
from core.roles import Role
from reporting.asked import applications_beyond, asks_in_doubt, beyond_of, doubt_of
from reporting.models import (
    DeclarationState,
    ExpenditureDeclaration,
    ExpenditureItem,
    Operation,
    OperationFlag,
    PaymentApplication,
)

CONTROL_MONTHS = 1  # the house's aim for a control, well within the 80 days of Article 74(1)(b)
SHOWN = 20


def flags_of(user) -> int:
    """How many doubts wait for an answer."""
    return OperationFlag.objects.for_user(user).open().count()


def declarations_to_control(user) -> int:
    return ExpenditureDeclaration.objects.for_user(user).filter(state=DeclarationState.SUBMITTED).count()


def parked_of(user) -> int:
    """How many items are parked: left out of their certificate until a later declaration."""
    return ExpenditureItem.objects.for_user(user).filter(state="parked").count()


def register() -> None:
    """Put the lists of reporting in the staff menu."""
    section = navigation.Section.EUROPE
    eu_roles = (Role.EU_CONTROLLER, Role.FINANCE_OFFICER, Role.HEAD_OF_SERVICE, Role.INSTRUCTOR)
    eu_staff = (Role.EU_CONTROLLER, Role.FINANCE_OFFICER)
    navigation.register(
        section, gettext_lazy("Operations"), "admin:reporting_operation_changelist", "hub", eu_roles, order=10
    )
    navigation.register(
        section,
        gettext_lazy("Doubts to answer"),
        "admin:reporting_operationflag_changelist",
        "flag",
        (Role.EU_CONTROLLER, Role.FINANCE_OFFICER, Role.HEAD_OF_SERVICE),
        badge=flags_of,
        order=20,
        query="state__exact=open",
    )
    navigation.register(
        section,
        gettext_lazy("Expenditure declarations"),
        "admin:reporting_expendituredeclaration_changelist",
        "fact_check",
        eu_roles,
        order=30,
    )
    navigation.register(
        section,
        gettext_lazy("Parked expenditure"),
        "admin:reporting_expenditureitem_changelist",
        "pause_circle",
        eu_staff,
        badge=parked_of,
        order=35,
        query="state__exact=parked",
    )
    navigation.register(
        section,
        gettext_lazy("Payment applications"),
        "admin:reporting_paymentapplication_changelist",
        "account_balance",
        eu_staff,
        order=40,
    )
    navigation.register(
        section,
        gettext_lazy("Reports"),
        "admin:reporting_reports",
        "summarize",
        (*eu_staff, Role.HEAD_OF_SERVICE),
        order=50,
    )
    navigation.register(
        section,
        gettext_lazy("Import a list of operations"),
        "admin:reporting_import",
        "upload_file",
        eu_staff,
        order=60,
    )
    navigation.register(
        navigation.Section.REFERENCE,
        gettext_lazy("EU programmes"),
        "admin:reporting_euprogramme_changelist",
        "flag_circle",
        eu_staff,
        order=60,
    )
    navigation.register(
        navigation.Section.REFERENCE,
        gettext_lazy("Co-financing rules"),
        "admin:reporting_cofinancingrule_changelist",
        "percent",
        eu_staff,
        order=70,
    )
    navigation.register_work_provider(work_for)


def work_for(user) -> Iterator[navigation.WorkItem]:
    """Declarations to control, declarations to make, payment applications to close, doubts to answer."""
    declarations = ExpenditureDeclaration.objects.for_user(user).select_related("operation__current", "claim")
    if user.has_role(Role.EU_CONTROLLER):
        for declaration in declarations.filter(state=DeclarationState.SUBMITTED).order_by("submitted_at")[:SHOWN]:
            if user.pk not in {declaration.instructor_id, declaration.certifier_id, declaration.orderer_id}:
                yield _declaration_item(declaration, _("Declared expenditure waits for its control"), _("Control"))
        for declaration in declarations.filter(state=DeclarationState.UNDER_CONTROL, controller=user)[:SHOWN]:
            yield _declaration_item(declaration, _("You control this expenditure"), _("Go on"))
    if user.has_role(Role.FINANCE_OFFICER):
        for declaration in declarations.filter(state=DeclarationState.DRAFT).order_by("opened_at")[:SHOWN]:
            yield _declaration_item(declaration, _("Certified expenditure to declare to the fund"), _("Declare"))
    if user.has_role(Role.EU_CONTROLLER, Role.FINANCE_OFFICER):
        yield from _applications(user)
        if count := flags_of(user):
            yield navigation.WorkItem(
                due=None,
                title=ngettext("%(count)d doubt about an operation", "%(count)d doubts about operations", count)
                % {"count": count},
                why=_("Someone must say whether the data are right"),
                url=reverse("admin:reporting_operationflag_changelist") + "?state__exact=open",
                action=_("Answer"),
            )


def _applications(user) -> Iterator[navigation.WorkItem]:
    """Those that ask for what is in doubt, for all who can do something about it; those to send, for finance, with what keeps
    them from leaving."""
    mine = Q(asks_in_doubt=True)
    if user.has_role(Role.FINANCE_OFFICER):
        mine |= Q(state="closed")
    found = PaymentApplication.objects.for_user(user).annotate(asks_in_doubt=asks_in_doubt()).filter(mine)
    applications = list(found.select_related("programme", "fund", "accounting_year")[:SHOWN])
    beyond = applications_beyond(application.pk for application in applications) if applications else {}
    for application in applications:
        stays = [doubt_of(application) if application.asks_in_doubt else ""]
        stays = " ".join(filter(None, [*stays, beyond_of(application, beyond.get(application.pk, {}))]))
        yield navigation.WorkItem(
            due=None,
            title=str(application),
            why=stays or _("Closed, to be sent to the Commission"),
            url=reverse("admin:reporting_paymentapplication_change", args=[application.pk]),
            action=_("Read") if stays else _("Send"),
            tone="act" if stays else "wait",
        )


def _declaration_item(declaration: ExpenditureDeclaration, why: str, action: str) -> navigation.WorkItem:
    operation: Operation = declaration.operation
    since = declaration.submitted_at or declaration.opened_at
    return navigation.WorkItem(
        due=add_months(timezone.localdate(since), CONTROL_MONTHS),
        title=f"{declaration.number} – {operation.current.name}",
        why=why,
        url=reverse("admin:reporting_expendituredeclaration_change", args=[declaration.pk]),
        action=action,
    )
