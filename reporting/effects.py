"""What the transitions of reporting do besides setting their own fields, inside their transaction.

Models of this app are reached through the registry: the models name these functions.
"""

import hashlib
from datetime import date
from decimal import Decimal

from django.apps import apps
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, Sum
from django.utils import timezone
from django.utils.module_loading import import_string

from core.events import canonical
from core.json_safe import json_safe
from core.money import ZERO, sum_money
from core.sequences import next_number
from reporting.models.granted import ASKED_AND_NOT_PAID, LEFT_TO_ASK
from reporting.rules.shares import Source, allocate, allocate_by_year
from reporting.shares_by_year import retained_in, years_of

CERTIFICATE_PREFIX = "CSF"
#: States of a claim whose expenditure may be declared, and asked from the Commission.
CERTIFIED = ("certified", "ordered", "paid")
_REMAINDER = ("own", "unknown")


def of_claims_in_doubt(claim: str) -> Q:
    """The condition on rows whose ``claim`` (a path) is suspended, certified no more, or ended with its fault open.

    A fault survives the way in which its claim ended: until somebody says that the expenditure is regular, it is not asked
    for (Regulation (EU) 2021/1060, Article 98(6)(b)). The trigger ``asks_for_nothing_in_doubt`` says the same.
    """
    faults = apps.get_model("reporting", "OperationFlag").objects.keeping_out()
    return ~Q(**{f"{claim}__state__in": CERTIFIED}) | Q(Exists(faults.filter(claim=OuterRef(claim))))


def correct_operation(flag, data: dict, actor, reason: str) -> None:
    """Record the corrected data as a new version of the flagged operation."""
    revise = import_string("reporting.operations.revise")
    revise(flag.operation, data["changes"], actor=actor, reason=reason, answers=flag)


def issue_certificate(declaration, actor):
    """Certify what was retained and share it; None when nothing was retained."""
    items = list(declaration.items.order_by("rank"))
    total = sum_money(item.retained_amount for item in items)
    if not total:
        return None
    operation = declaration.operation
    lock = type(operation).objects.select_for_update(of=("self",), no_key=True)
    version = lock.get(pk=operation.pk).current
    shares = share(operation, version, total, declaration)
    certificate = apps.get_model("reporting", "Certificate").objects.create(
        number=next_number(CERTIFICATE_PREFIX, timezone.localdate().year),
        declaration=declaration,
        operation=operation,
        version=version,
        total=total,
        issued_by=actor,
        sha256=sha256_of_certificate(declaration, items, shares),
    )
    allocation = apps.get_model("reporting", "CertificateAllocation")
    allocation.objects.bulk_create(
        allocation(certificate=certificate, source=line, kind=kind, amount=amount) for line, kind, amount in shares
    )
    return certificate


def sha256_of_certificate(declaration, items, shares) -> str:
    """Return the hash of what is certified: the items by rank, and the parts as (line of the plan or None, kind, euros)."""
    content = {
        "declaration": declaration.number,
        "items": [[item.rank, item.declared_amount, item.retained_amount, item.rejected_amount] for item in items],
        "shares": [[line.rank if line else 0, kind, amount] for line, kind, amount in shares],
    }
    return hashlib.sha256(canonical(json_safe(content)).encode()).hexdigest()


def share(operation, version, total, declaration):
    """Return the parts of ``total``, retained of a declaration, as (line of the plan or None, kind, euros), by the
    cumulative floor; year by year where the agreement pays years at rates of their own."""
    lines = list(version.financing.order_by("rank"))
    remainder = next((line for line in lines if line.kind in _REMAINDER), None)
    issued = list(operation.certificates.select_related("version").prefetch_related("version__financing"))
    present_plan = _plan(version)
    same_plan = [certificate for certificate in issued if _plan(certificate.version) == present_plan]
    borne_in_plan = borne_by_source(operation.certificates.filter(pk__in=[certificate.pk for certificate in same_plan]))
    borne = borne_by_source(operation.certificates.all())
    sources = [
        Source(line, line.amount, borne_in_plan.get(name_of_source(line), ZERO), borne.get(name_of_source(line), ZERO))
        for line in lines
        if line is not remainder and line.amount > 0
    ]
    before = sum_money(certificate.total for certificate in same_plan)
    known = [certificate.declaration_id for certificate in issued]
    earlier = [certificate.declaration_id for certificate in issued if certificate not in same_plan]
    years = years_of(operation.agreement, retained_in([*known, declaration.pk]), retained_in(earlier))
    public = {source.key.kind: source for source in sources if source.key.kind in ("eu", "region")} if years else {}
    if "eu" in public:
        others = [source for source in sources if source not in public.values()]
        parts, rest = allocate_by_year(total, before, version.eligible_cost, public, others, years)
    else:
        parts, rest = allocate(total, before, version.eligible_cost, sources)
    shares = [(line, line.kind, amount) for line, amount in parts.items()]
    if rest or not shares:
        shares.append((remainder, remainder.kind if remainder else "own", rest))
    return shares


def name_of_source(line) -> tuple[str, str]:
    """Return what makes two lines the same source. The EU is one, under whichever fund."""
    return line.kind, "" if line.kind == "eu" else line.label


def _plan(version) -> list[tuple]:
    """Return what makes two versions share in the same way."""
    return [version.eligible_cost, *sorted((line.kind, line.label, line.amount) for line in version.financing.all())]


def borne_by_source(certificates) -> dict[tuple[str, str], object]:
    """Return the euros that certificates lay on each source of plans, by :func:`name_of_source`."""
    rows = certificates.filter(allocations__source__isnull=False).values_list(
        "allocations__source__kind", "allocations__source__label"
    )
    borne: dict[tuple[str, str], object] = {}
    for kind, label, amount in rows.annotate(borne=Sum("allocations__amount")):
        name = (kind, "" if kind == "eu" else label)
        borne[name] = borne.get(name, ZERO) + amount
    return borne


def collect_certificates(application) -> int:
    """Take the certificates of the programme and fund that stand nowhere yet into the lines; return how many.

    Those of a claim that was suspended since they were taken in leave the lines first, and so does what was asked beyond what
    is paid. A certificate of which the EU bears more than is or will be paid is left out.
    """
    entries = apps.get_model("reporting", "PaymentApplicationEntry").objects
    _release(entries.in_doubt().filter(line__application=application))
    _release(
        entries.asked().filter(
            line__application=application, certificate__operation__in=asked_and_not_paid(application)
        )
    )
    waiting = waiting_certificates(
        application.programme_id, application.fund_id, by=application.accounting_year.ends_on
    )
    return _take_in(application, waiting)


def lower_to_what_is_paid(application) -> None:
    """Let an open application ask no more of its operations than is or will be paid: their certificates leave it, and come back
    with what can still be asked of them, as when what is certified is taken in again."""
    entries = apps.get_model("reporting", "PaymentApplicationEntry").objects.asked()
    beyond = entries.filter(line__application=application, certificate__operation__in=asked_and_not_paid(application))
    certificates = list(beyond.values_list("certificate_id", flat=True))
    _release(beyond)
    waiting = waiting_certificates(
        application.programme_id, application.fund_id, by=application.accounting_year.ends_on
    )
    _take_in(application, waiting.filter(pk__in=certificates))


def _take_in(application, waiting) -> int:
    """Write the certificates that wait into the lines of an application, each with what can still be asked; return how many."""
    line_model = apps.get_model("reporting", "PaymentApplicationLine")
    entry_model = apps.get_model("reporting", "PaymentApplicationEntry")
    held = list(waiting.select_for_update(of=("self",), no_key=True).prefetch_related("allocations"))
    # Another session may have taken some while this one waited for their lock: look again, now that they are held.
    taken = set(entry_model.objects.asked().filter(certificate__in=held).values_list("certificate_id", flat=True))
    left = _left_to_ask({certificate.operation_id for certificate in held})
    count = 0
    for certificate in held:
        if certificate.pk in taken:
            continue
        granted = certificate.amount_of("eu") + certificate.amount_of("region")
        year = (certificate.operation_id, certificate.declaration.claim.instalment.tranche_id)
        part = min(granted, left.get(year, granted))
        if part < certificate.amount_of("eu"):
            continue
        if year in left:
            left[year] -= part
        version = certificate.version
        line, _created = line_model.objects.get_or_create(
            application=application,
            priority_id=version.priority_id,
            category_of_region=version.category_of_region,
            defaults={
                "basis": basis_of(version),
                "eligible_amount": ZERO,
                "union_amount": ZERO,
                "public_amount": ZERO,
            },
        )
        entry = entry_model.objects.create(
            line=line,
            certificate=certificate,
            eligible_amount=certificate.total,
            union_amount=certificate.amount_of("eu"),
            public_amount=public_amount_of(certificate) - granted + part,
            unpaid_amount=granted - part,
        )
        line.eligible_amount += entry.eligible_amount
        line.union_amount += entry.union_amount
        line.public_amount += entry.public_amount
        line.save()
        count += 1
    return count


def asked_and_not_paid(application) -> dict[int, str]:
    """Return the codes by id of the operations of which an application asks for more public money than is or will be paid."""
    with connection.cursor() as cursor:
        cursor.execute(ASKED_AND_NOT_PAID.format(application="%s"), [application.pk])
        return {row[0]: row[1] for row in cursor.fetchall()}


def _left_to_ask(operations: set[int]) -> dict[tuple[int, int | None], Decimal]:
    """Return what may still be asked as public contribution of each part (id of its tranche, None of the whole) of the grants
    behind operations; nothing of listed ones."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_TO_ASK.format(which="o.id = ANY (%s)"), [sorted(operations)])
        return {(pk, tranche): left for pk, tranche, left in cursor.fetchall()}


def _release(entries) -> None:
    """Give back certificates that an open application had taken in: they wait."""
    for entry in entries.select_related("line"):
        line = entry.line
        entry.delete()
        left = line.entries.aggregate(
            eligible=Sum("eligible_amount"), union=Sum("union_amount"), public=Sum("public_amount"), count=Count("pk")
        )
        if not left["count"]:
            line.delete()
            continue
        line.eligible_amount, line.union_amount, line.public_amount = left["eligible"], left["union"], left["public"]
        line.save()


def sha256_of_payment_application(application) -> str:
    """Return the hash of what a payment application asks for: its lines, and the certificates behind each."""
    return sha256_of_lines(with_their_entries(application.lines.all()))


def with_their_entries(lines):
    """Return lines of payment applications in the order of the hash, each with its entries; two queries."""
    entries = apps.get_model("reporting", "PaymentApplicationEntry").objects.select_related("certificate")
    return lines.order_by("priority_id", "category_of_region", "pk").prefetch_related(
        Prefetch("entries", entries.order_by("certificate__number"))
    )


def sha256_of_lines(lines) -> str:
    """Return the hash of what the lines of a payment application ask for, see :func:`with_their_entries`."""
    content = [
        {
            "priority": line.priority_id,
            "category": line.category_of_region,
            "basis": line.basis,
            "amounts": [line.eligible_amount, line.union_amount, line.public_amount],
            "entries": [
                [
                    entry.certificate.number,
                    entry.certificate.sha256,
                    entry.eligible_amount,
                    entry.union_amount,
                    entry.public_amount,
                ]
                for entry in line.entries.all()
            ],
        }
        for line in lines
    ]
    return hashlib.sha256(canonical(json_safe(content)).encode()).hexdigest()


def release_certificates(application) -> None:
    """Give back what an application had taken in: its certificates wait for another one.

    What was closed stays written as it was closed, with its hash: reports of the days between counted it.
    """
    entries = apps.get_model("reporting", "PaymentApplicationEntry").objects.filter(line__application=application)
    if application.closed_at:
        entries.update(released_at=timezone.now())
        return
    entries.delete()
    application.lines.all().delete()


def waiting_certificates(programme_id: int, fund_id: int, *, by: date | None = None):
    """Return the certificates of a programme and fund, issued by the end of that day, that stand in no application.

    Those of a claim in doubt wait: what is in doubt is not asked for (Regulation (EU) 2021/1060, Article 98(6)(b)).
    """
    issued = {"issued_at__date__lte": by} if by else {}
    asked = apps.get_model("reporting", "PaymentApplicationEntry").objects.asked()
    return (
        apps.get_model("reporting", "Certificate")
        .objects.filter(
            ~Exists(asked.filter(certificate=OuterRef("pk"))),
            operation__programme_id=programme_id,
            version__fund_id=fund_id,
            version__priority__isnull=False,
            **issued,
        )
        .exclude(version__category_of_region="")
        .exclude(of_claims_in_doubt("declaration__claim"))
        .select_related("version", "operation", "declaration__claim__instalment")
        .order_by("issued_at", "pk")
    )


def public_amount_of(certificate):
    """Return the euros that public sources, the EU included, bear of a certificate."""
    public = ("eu", "state", "region", "local", "public")
    return sum_money(line.amount for line in certificate.allocations.all() if line.kind in public)


def basis_of(version) -> str:
    """Return whether the EU rate of the priority applies to total or to public expenditure."""
    found = version.priority.allocations.filter(fund_id=version.fund_id, category_of_region=version.category_of_region)
    return found.values_list("basis", flat=True).first() or "total"
