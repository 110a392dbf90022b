"""What is asked from the Commission of claims with an open fault: told wherever it stands, with what can be done.

Regulation (EU) 2021/1060, Article 98(6)(b): expenditure whose legality is being assessed is not asked for.
"""

from collections.abc import Iterable, Mapping

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils.translation import gettext as _

from agreements.asked_of_funds import Asked
from agreements.models import Agreement
from core.money import sum_money
from core.text import in_a_sentence
from reporting.effects import of_claims_in_doubt
from reporting.models import (
    DeclarationState,
    ExpenditureDeclaration,
    FlagKind,
    Operation,
    OperationFlag,
    PaymentApplication,
    PaymentApplicationEntry,
    PaymentApplicationState,
)
from reporting.models.financing import PUBLIC_SOURCES
from reporting.models.granted import APPLICATIONS_BEYOND
from reporting.rules.ends import GRANTED_BY


def asked_from(certificate: str) -> Prefetch:
    """What the way from a certificate to its payment application needs; ``certificate`` is the path to it."""
    return Prefetch(f"{certificate}__entries", asked_for())


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
        _(
            "A fault is open on %(claims)s, which was asked from the Commission: it is withdrawn or corrected with the"
            " authority of the programme (Regulation (EU) 2021/1060, Article 98(6)), unless it proves regular."
        ),
    )
    if entries.filter(certificate__declaration__claim__state="paid").exists():
        sentence = f"{sentence} {to_be_answered()}"
    return sentence % {"claims": ", ".join(numbers)}


def applications_beyond(applications: Iterable[int]) -> dict[int, dict[str, bool]]:
    """Return, by id of the application, the codes of its operations of which more is asked than is or will be paid, each with
    whether somebody answered how these very sums are corrected; one query."""
    found: dict[int, dict[str, bool]] = {}
    with connection.cursor() as cursor:
        cursor.execute(APPLICATIONS_BEYOND.format(applications="%s"), [list(applications)])
        for application, code, is_corrected in cursor.fetchall():
            found.setdefault(application, {})[code] = is_corrected
    return found


def beyond_of(application: PaymentApplication, codes: Mapping[str, bool]) -> str:
    """What an application says that asks for more public contribution of these operations than is or will be paid, and what
    can be done about it; empty when there is none. ``codes`` as :func:`applications_beyond` returns them."""
    if not codes:
        return ""
    sentences = {
        PaymentApplicationState.OPEN: _(
            "More public contribution is asked of %(codes)s than is or will be paid: take in what is certified again."
        ),
        PaymentApplicationState.CLOSED: _(
            "More public contribution is asked of %(codes)s than is or will be paid, and it is not sent so: withdraw this"
            " application and open another one, which leaves out what cannot be asked."
        ),
    }
    if application.state in sentences:
        return sentences[application.state] % {"codes": ", ".join(codes)}
    corrected = [code for code, is_corrected in codes.items() if is_corrected]
    waiting = [code for code, is_corrected in codes.items() if not is_corrected]
    told = []
    if waiting:
        sentence = _(
            "More public contribution was asked of %(codes)s than is or will be paid: it has to be withdrawn, or corrected with"
            " the authority of the programme (Regulation (EU) 2021/1060, Articles 91(3)(c) and 98(6)). Say how in the answer"
            " to the doubt, on the page of the operation."
        )
        told.append(sentence % {"codes": ", ".join(waiting)})
    if corrected:
        sentence = _(
            "More public contribution was asked of %(codes)s than is or will be paid: the answer to the doubt on the operation"
            " says how it is withdrawn or corrected."
        )
        told.append(sentence % {"codes": ", ".join(corrected)})
    return " ".join(told)


def asked_of_agreement(agreement: Agreement) -> list[Asked]:
    """What closed and sent applications ask of the claims of an agreement: the euros of the EU and of the Region."""
    entries = asked_for().filter(certificate__operation__agreement=agreement)
    joined = entries.exclude(line__application__state=PaymentApplicationState.OPEN).select_related(
        "certificate__declaration__claim__instalment"
    )
    entries = list(joined.prefetch_related("certificate__allocations").order_by("pk"))
    PaymentApplication.name_together(entry.line.application for entry in entries)
    return [_asked(entry) for entry in entries]


def _asked(entry: PaymentApplicationEntry) -> Asked:
    application = entry.line.application
    named = _("%(application)s (%(state)s)") % {
        "application": application, "state": in_a_sentence(application.state_label()),
    }  # fmt: skip
    lines = entry.certificate.allocations.all()
    of_others = sum_money(line.amount for line in lines if line.kind in PUBLIC_SOURCES and line.kind not in GRANTED_BY)
    claim = entry.certificate.declaration.claim
    return Asked(claim.number, named, entry.public_amount - of_others, claim.instalment.tranche_id)


def asked_for() -> QuerySet:
    """The entries that count, each with its application and what names it."""
    return PaymentApplicationEntry.objects.asked().select_related(
        "line__application__programme", "line__application__fund", "line__application__accounting_year"
    )


def plans_in_doubt(application: PaymentApplication) -> list[OperationFlag]:
    """The open doubts that the plan of an operation which an application asks for counts on what was given up: while the
    agreement lives, what is asked is bound by the whole of it, and not by each year."""
    asked = PaymentApplicationEntry.objects.asked().filter(line__application=application)
    flags = OperationFlag.objects.open().filter(
        kind=FlagKind.ABOVE_PAYABLE, operation__in=asked.values("certificate__operation")
    )
    return list(flags.select_related("operation").order_by("operation__code"))


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
