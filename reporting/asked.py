"""What is asked from the Commission of claims with an open fault: told wherever it stands, with what can be done.

Regulation (EU) 2021/1060, Article 98(6)(b): expenditure whose legality is being assessed is not asked for.
"""

from collections.abc import Iterable

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch
from django.utils.translation import gettext as _

from reporting.effects import of_claims_in_doubt
from reporting.models import (
    DeclarationState,
    ExpenditureDeclaration,
    Operation,
    PaymentApplication,
    PaymentApplicationEntry,
    PaymentApplicationState,
)
from reporting.models.granted import APPLICATIONS_BEYOND


def asked_from(certificate: str) -> Prefetch:
    """What the way from a certificate to its payment application needs; ``certificate`` is the path to it."""
    entries = PaymentApplicationEntry.objects.asked().select_related(
        "line__application__programme", "line__application__fund", "line__application__accounting_year"
    )
    return Prefetch(f"{certificate}__entries", entries)


def asks_in_doubt() -> Exists:
    """The condition, on payment applications, that a claim behind one of their entries is in doubt."""
    return Exists(PaymentApplicationEntry.objects.in_doubt().filter(line__application=OuterRef("pk")))


def doubt_of(application: PaymentApplication) -> str:
    """What a payment application with such a claim says, and what can be done about it; empty when there is none."""
    entries = PaymentApplicationEntry.objects.in_doubt().filter(line__application=application)
    claim = "certificate__declaration__claim__number"
    numbers = sorted(set(entries.values_list(claim, flat=True)))
    if not numbers:
        return ""
    sentence = {
        PaymentApplicationState.OPEN: _(
            "A fault is open on %(claims)s: take in what is certified again, to leave them out."
        ),
        PaymentApplicationState.CLOSED: _(
            "A fault is open on %(claims)s: withdraw this application and open another one, which leaves them out, or"
            " wait until the fault is settled."
        ),
    }.get(
        application.state,
        _("A fault is open on %(claims)s, which was asked from the Commission: correct it in a later application."),
    )
    if entries.filter(certificate__declaration__claim__state="paid").exists():
        sentence = f"{sentence} {to_be_answered()}"
    return sentence % {"claims": ", ".join(numbers)}


def applications_beyond(applications: Iterable[int]) -> dict[int, list[str]]:
    """Return, by id of the application, the codes of its operations of which more is asked than is or will be paid; one query."""
    found: dict[int, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(APPLICATIONS_BEYOND.format(applications="%s"), [list(applications)])
        for application, code in cursor.fetchall():
            found.setdefault(application, []).append(code)
    return found


def beyond_of(application: PaymentApplication, codes: Iterable[str]) -> str:
    """What an application says that asks for more public contribution of these operations than is or will be paid, and what
    can be done about it; empty when there is none."""
    names = {"codes": ", ".join(codes)}
    if not names["codes"]:
        return ""
    sentence = {
        PaymentApplicationState.OPEN: _(
            "More public contribution is asked of %(codes)s than is or will be paid: take in what is certified again."
        ),
        PaymentApplicationState.CLOSED: _(
            "More public contribution is asked of %(codes)s than is or will be paid, and it is not sent so: withdraw this"
            " application and open another one, which leaves out what cannot be asked."
        ),
    }.get(
        application.state,
        _(
            "More public contribution was asked of %(codes)s than is or will be paid: correct it in a later application."
        ),
    )
    return sentence % names


def to_be_answered() -> str:
    """Who can settle the fault of a claim that is over: whoever answers the doubt."""
    return _("Where the claim is over, answer the doubt on the page of its operation.")


def suspended_of(operation: Operation) -> list[tuple[ExpenditureDeclaration, str]]:
    """The declarations of an operation whose claim is in doubt, each with where its expenditure stands."""
    declarations = operation.declarations.exclude(state=DeclarationState.DRAFT).filter(of_claims_in_doubt("claim"))
    declarations = declarations.select_related("claim", "certificate").prefetch_related(asked_from("certificate"))
    return [(declaration, _where(declaration)) for declaration in declarations.order_by("pk")]


def _where(declaration: ExpenditureDeclaration) -> str:
    entry = getattr(getattr(declaration, "certificate", None), "entry", None)
    if entry is None:
        return _("A fault is open on this claim: its expenditure enters no payment application until it is settled.")
    application = entry.line.application
    if application.state in (PaymentApplicationState.OPEN, PaymentApplicationState.CLOSED):
        sentence = _("A fault is open on this claim, which stands in %(application)s: it is not sent with it.")
    else:
        sentence = _("A fault is open on this claim, which was asked from the Commission in %(application)s.")
    return sentence % {"application": application}
