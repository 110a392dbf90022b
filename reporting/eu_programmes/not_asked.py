"""What is certified and cannot be asked from the Commission: named on payment applications, doubted on operations.

The public contribution of an application is paid, or may still be (Regulation (EU) 2021/1060, Article 91(3)(c)): what was given
up, or is asked back, after its expenditure was certified leaves a certificate that no application takes in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, Sum
from django.utils.translation import gettext as _

from agreements.models import Agreement
from core.events import record
from core.money import ZERO, format_euros, sum_money
from core.transitions import perform
from reporting.effects import asked_and_not_paid, lower_to_what_is_paid, waiting_certificates
from reporting.eu_programmes.rates import follow_figures
from reporting.models import Certificate, FlagKind, OperationFlag, PaymentApplication, PaymentApplicationEntry
from reporting.models.granted import BEYOND_WHAT_IS_PAID, NOT_ASKABLE


@dataclass(frozen=True)
class LeftOut:
    """A certificate that an application did not take in: why, and the euros of public contribution that can be asked at most
    (None where this is not the reason)."""

    certificate: Certificate
    why: str
    most: Decimal | None = None


def declares_nothing(agreement: Agreement) -> bool:
    """Whether no payment of an agreement is made on expenditure, so that nothing of it can be declared to a fund."""
    return not agreement.instalments.filter(needs_expenditure=True).exists()


def not_askable(operations: Iterable[int]) -> dict[int, tuple[Decimal, Decimal]]:
    """Return (euros of the EU, euros that can still be asked) of the certificates that cannot be asked, by id; one query."""
    with connection.cursor() as cursor:
        cursor.execute(NOT_ASKABLE.format(which="o.id = ANY (%s)"), [sorted(operations)])
        return {row[2]: (row[4], row[5]) for row in cursor.fetchall()}


def beyond_what_is_paid(operations: Iterable[int]) -> dict[int, dict[str, str]]:
    """Return what a doubt says of operations of which more is certified and asked, or left out, than is or will be paid."""
    with connection.cursor() as cursor:
        cursor.execute(BEYOND_WHAT_IS_PAID.format(which="o.id = ANY (%s)"), [sorted(operations)])
        rows = cursor.fetchall()
        cursor.execute(NOT_ASKABLE.format(which="o.id = ANY (%s)") + " ORDER BY ct.number", [[row[0] for row in rows]])
        left = cursor.fetchall() if rows else []
    found = {}
    for pk, _code, payable, asked, payable_eu, of_eu, years in rows:
        out = [row for row in left if row[0] == pk]
        if out:
            most = sum_money({row[6]: row[5] for row in out}.values())  # once of each year
            numbers = ", ".join(row[3] for row in out)
            found[pk] = {"certificates": numbers, "of_eu": str(sum_money(row[4] for row in out)), "most": str(most)}
        if asked > payable:
            found.setdefault(pk, {}).update({"asked": str(asked), "payable": str(payable)})
        elif not out:
            found[pk] = {"certified": str(of_eu), "payable": str(payable_eu)}
        if years:
            found[pk]["years"] = years
    return found


def doubt_what_cannot_be_asked(operations: Iterable[int], *, actor=None) -> None:
    """Where a certificate of an operation cannot be asked, or more is asked than is paid, somebody is told; no longer so: nobody
    is. The same figures are doubted once. What is open asks no more than that before: nobody has to lower it."""
    ids = sorted(set(operations))
    _lower_open_applications(ids, actor)
    found = beyond_what_is_paid(ids)
    flags = OperationFlag.objects.filter(operation__in=ids, kind=FlagKind.CERTIFIED_NOT_PAID)
    waiting = {flag.operation_id: flag for flag in flags.open()}
    for pk in ids:
        flag, detail = waiting.get(pk), found.get(pk)
        if flag and not detail:
            words = _("What is certified can be asked: as much of it is paid, or will be.")
            perform(flag, "fall", actor=actor, comment=words, system=True)
        elif flag:
            follow_figures(flag, detail)
        elif detail and not flags.filter(operation=pk, state="answered", detail=detail).exists():
            OperationFlag.objects.create(operation_id=pk, kind=FlagKind.CERTIFIED_NOT_PAID, detail=detail)


def _lower_open_applications(operations: list[int], actor) -> None:
    """The open applications that ask of these operations more than is or will be paid follow, each with an event."""
    holding = PaymentApplicationEntry.objects.asked().filter(certificate__operation__in=operations)
    held = PaymentApplication.objects.filter(
        state=PaymentApplication.State.OPEN, pk__in=holding.values("line__application")
    )
    for application in held.select_for_update(of=("self",), no_key=True).order_by("pk"):
        codes = ", ".join(asked_and_not_paid(application).values())
        if codes:
            before = _public_of(application)
            lower_to_what_is_paid(application)
            sentence = _(
                "Of %(codes)s, no more public contribution is asked than is or will be paid: %(after)s in all, %(before)s before."
            )
            words = {"codes": codes, "before": format_euros(before), "after": format_euros(_public_of(application))}
            record(application, "lower", actor=actor, comment=sentence % words)


def _public_of(application: PaymentApplication) -> Decimal:
    return application.lines.aggregate(sum=Sum("public_amount"))["sum"] or ZERO


def follow_what_is_asked(application: PaymentApplication, *, actor=None) -> None:
    """Doubt the operations of which an application asks, or leaves out, certificates; called when it moves."""
    asked = PaymentApplicationEntry.objects.filter(line__application=application)
    operations = {*asked.values_list("certificate__operation_id", flat=True)}
    operations |= {*_waiting(application).values_list("operation_id", flat=True)}
    doubt_what_cannot_be_asked(operations, actor=actor)


def _waiting(application: PaymentApplication):
    """The certificates of its programme and fund that stand nowhere, issued by its closing and the end of its year."""
    asked = PaymentApplicationEntry.objects.asked().filter(certificate=OuterRef("pk"))
    found = Certificate.objects.filter(
        ~Exists(asked),
        operation__programme_id=application.programme_id,
        version__fund_id=application.fund_id,
        issued_at__date__lte=application.accounting_year.ends_on,
    )
    if application.closed_at:
        found = found.filter(issued_at__lte=application.closed_at)
    return found


def waiting_for(application: PaymentApplication) -> list[Certificate]:
    """Return the certificates that an application could hold and that stand nowhere, each with whether it takes it in when it
    is asked to (``is_taken``); one query."""
    takes = waiting_certificates(application.programme_id, application.fund_id, by=application.accounting_year.ends_on)
    found = _waiting(application).annotate(is_taken=ExpressionWrapper(Q(pk__in=takes.values("pk")), BooleanField()))
    return list(found.select_related("operation", "declaration__claim").order_by("issued_at", "pk"))


def left_out(application: PaymentApplication, waiting: list[Certificate]) -> list[LeftOut]:
    """Return the certificates that an application leaves out, each with the reason; ``waiting`` as :func:`waiting_for` returns
    them. Those that it takes in when it is asked to only wait, while it is open."""
    if application.state == PaymentApplication.State.VOID:
        return []
    beyond = not_askable({certificate.operation_id for certificate in waiting}) if waiting else {}
    found = []
    for certificate in waiting:
        of_eu, most = beyond.get(certificate.pk, (ZERO, None))
        if most is not None:
            words = _("The EU bears %(of_eu)s of it, and of its operation at most %(most)s more is paid or will be.")
            found.append(LeftOut(certificate, words % {"of_eu": format_euros(of_eu), "most": format_euros(most)}, most))
        elif not certificate.is_taken:
            words = _("A fault is open on its claim, or its operation has no priority or category of region.")
            found.append(LeftOut(certificate, words))
        elif application.closed_at:
            found.append(
                LeftOut(certificate, _("It was not taken in before the closing: the next application takes it in."))
            )
    return found
