"""What the proof of the past needs to know of reporting: certificates and payment applications made again."""

from decimal import Decimal

from django.db.models import Prefetch

from core.engine.contents import Content, Rests, prove
from core.engine.edited_lines import guess_with
from core.money import ZERO, sum_money
from reporting.effects import public_amount_of, sha256_of_certificate, sha256_of_payment_application
from reporting.models import (
    Certificate,
    CertificateAllocation,
    ExpenditureDeclaration,
    ExpenditureItem,
    PaymentApplication,
    PaymentApplicationEntry,
    PaymentApplicationLine,
)

_Amounts = dict[str, Decimal]
NAMES = ("eligible_amount", "union_amount", "public_amount")


def _certificates():
    return Certificate.objects.select_related("declaration").prefetch_related(
        Prefetch("declaration__items", ExpenditureItem.objects.order_by("rank")),
        Prefetch("allocations", CertificateAllocation.objects.select_related("source").order_by("pk")),
    )


def _certificate_again(certificate: Certificate) -> str:
    shares = [(line.source, line.kind, line.amount) for line in certificate.allocations.all()]
    return sha256_of_certificate(certificate.declaration, list(certificate.declaration.items.all()), shares)


def _total_again(certificate: Certificate) -> _Amounts:
    """The certified total, as its items say it; as its allocations do where these say another."""
    items = sum_money(item.retained_amount for item in certificate.declaration.items.all())
    shares = sum_money(line.amount for line in certificate.allocations.all())
    return {"total": shares if items == certificate.total else items}


def _shared_again(pk: int) -> _Amounts:
    """What a share of a certificate would be by its items and its other shares."""
    share = CertificateAllocation.objects.select_related("certificate__declaration").get(pk=pk)
    items = sum_money(item.retained_amount for item in share.certificate.declaration.items.all())
    others = sum_money(other.amount for other in share.certificate.allocations.exclude(pk=pk))
    return {"amount": items - others}


def _entries():
    return PaymentApplicationEntry.objects.select_related("certificate").prefetch_related("certificate__allocations")


def _amounts(row) -> _Amounts:
    return {name: getattr(row, name) for name in NAMES}


def _entry_again(entry: PaymentApplicationEntry) -> _Amounts:
    certificate = entry.certificate
    found = (
        certificate.total,
        certificate.amount_of("eu") or ZERO,
        public_amount_of(certificate) - entry.unpaid_amount,
    )
    return dict(zip(NAMES, found, strict=True))


def _lines():
    return PaymentApplicationLine.objects.select_related("application", "priority").prefetch_related("entries")


def _line_again(line: PaymentApplicationLine) -> _Amounts:
    entries = list(line.entries.all())
    return {name: sum_money(getattr(entry, name) for entry in entries) for name in NAMES}


_CERTIFICATE_RESTS_ON = (
    Rests(CertificateAllocation, "certificate_id", "pk"),
    Rests(ExpenditureItem, "declaration_id", "declaration_id"),
    Rests(ExpenditureDeclaration, "pk", "declaration_id"),
)


def register() -> None:
    """Declare the hashes and the frozen sums of the app."""
    guess_with(CertificateAllocation, _shared_again)
    prove(
        Content(Certificate, "sha256", _certificates, _certificate_again, rests_on=_CERTIFICATE_RESTS_ON),
        Content(
            Certificate,
            "total",
            _certificates,
            _total_again,
            kept=lambda certificate: {"total": certificate.total},
            rests_on=_CERTIFICATE_RESTS_ON,
        ),
        Content(
            PaymentApplication,
            "sha256",
            PaymentApplication.objects.exclude(sha256="").all,
            sha256_of_payment_application,
            rests_on=(Rests(PaymentApplicationLine, "application_id", "pk"),),
        ),
        Content(
            PaymentApplicationEntry,
            "amounts",
            _entries,
            _entry_again,
            kept=_amounts,
            rests_on=(Rests(Certificate, "pk", "certificate_id"),),
        ),
        Content(
            PaymentApplicationLine,
            "amounts",
            _lines,
            _line_again,
            kept=_amounts,
            rests_on=(Rests(PaymentApplicationEntry, "line_id", "pk"),),
        ),
    )
