"""Invoices declared twice: found, shown, answered."""

from datetime import timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.models.same_invoice import over_their_total
from agreements.permissions import may_review
from agreements.rules.duplicates import SAME_NUMBER_DAYS, Suppliers, may_be_one
from core.events import record
from core.money import format_euros

#: Claims whose lines nobody relies on.
NOT_DECLARED = ("draft", "rejected")
NEAR = timedelta(days=SAME_NUMBER_DAYS)


def twins_of(line) -> QuerySet:
    """Return the other lines that may be the same invoice: of the same claim, or of any claim that was filed."""
    by_another_name = Q(name_key=line.name_key)
    if line.total_key:
        by_another_name |= Q(total_key=line.total_key)
    if line.supplier_siret:
        by_another_name &= Q(supplier_siret="")
    alike = Q(invoice_total=line.invoice_total) | Q(
        invoice_date__range=(line.invoice_date - NEAR, line.invoice_date + NEAR)
    )
    sign = Q(invoice_total__gt=0) if line.invoice_total > 0 else Q(invoice_total__lt=0)
    return (
        type(line)
        .objects.filter(Q(duplicate_key=line.duplicate_key) | by_another_name, alike, sign)
        .exclude(pk=line.pk)
        .filter(Q(claim_id=line.claim_id) | ~Q(claim__state__in=NOT_DECLARED))
    )


def raise_warnings(claim) -> int:
    """Write a warning for each pair not seen yet; how many were added. Three queries, whatever the lines.

    A supplier is one whichever of its rows carries the number: the other lines of the agreement tell it too.
    """
    line_model = claim.lines.model
    mine = {line.pk: line for line in claim.lines.all()}
    if not mine:
        return 0
    of_agreement = line_model.objects.filter(claim__agreement_id=claim.agreement_id).exclude(supplier_siret="")
    suppliers = Suppliers([line.invoice for line in mine.values()] + [line.invoice for line in of_agreement])
    keys = {key for line in mine.values() for key in suppliers.keys_of(line.invoice)}
    keys |= {line.duplicate_key for line in mine.values()}
    family: dict[str, list] = {}
    candidates = (
        line_model.objects.filter(Q(duplicate_key__in=keys) | Q(name_key__in=keys) | Q(total_key__in=keys))
        .filter(Q(claim=claim) | ~Q(claim__state__in=NOT_DECLARED))
        .order_by("pk")
    )
    for line in candidates:
        for key in {line.duplicate_key, *suppliers.keys_of(line.invoice)}:
            family.setdefault(key, []).append(line)
    warning_model = line_model._meta.get_field("duplicate_warnings").related_model
    known = {
        frozenset(pair)
        for pair in warning_model.objects.filter(Q(line__in=mine) | Q(other_line__in=mine)).values_list(
            "line_id", "other_line_id"
        )
    }
    fresh = []
    for line in mine.values():
        for key in dict.fromkeys((line.duplicate_key, *suppliers.keys_of(line.invoice))):
            for other in family.get(key, ()):
                pair = frozenset((line.pk, other.pk))
                if other.pk != line.pk and pair not in known and may_be_one(line.invoice, other.invoice):
                    known.add(pair)
                    fresh.append(warning_model(line=line, other_line=other))
    warning_model.objects.bulk_create(fresh)
    return len(fresh)


def warnings_of(claim) -> QuerySet:
    """Return the warnings in which a line of the claim stands, on either side."""
    warning_model = claim.lines.model._meta.get_field("duplicate_warnings").related_model
    return warning_model.objects.filter(Q(line__claim=claim) | Q(other_line__claim=claim))


def open_warnings(claim) -> QuerySet:
    """Return those that nobody answered."""
    return warnings_of(claim).filter(answered_at__isnull=True)


def lines_over_their_total(claim) -> list[tuple[int, Decimal, Decimal]]:
    """The ranks of the lines of which more is kept, in all claims together, than the invoice; its total, what is kept."""
    ranks = dict(claim.lines.values_list("pk", "rank"))
    with connection.cursor() as cursor:
        cursor.execute(over_their_total("c.id = %s"), [claim.pk])
        return sorted((ranks[line], total, kept) for line, _claim, total, kept in cursor.fetchall())


def not_shared(warning) -> str:
    """Why the two lines are not one invoice that they share; empty when they may be."""
    one, other = warning.line, warning.other_line
    if one.invoice_total != other.invoice_total:
        return _("The two lines give two totals, %(one)s and %(other)s: one invoice has one.") % {
            "one": format_euros(one.invoice_total), "other": format_euros(other.invoice_total)
        }  # fmt: skip
    kept = sum(
        line.declared_amount if line.certified_amount is None else line.certified_amount for line in (one, other)
    )
    if abs(kept) > abs(one.invoice_total):
        return _(
            "The two lines together keep %(kept)s of an invoice of %(total)s: cut one of them first, or answer that the"
            " invoice was declared twice."
        ) % {"kept": format_euros(kept), "total": format_euros(one.invoice_total)}
    return ""


@transaction.atomic
def answer_warning(warning, *, answer: str, comment: str, actor):
    """Answer a warning, with an explanation that the auditor reads.

    Raises ValueError when the answer is unknown, has no explanation, or says that the total is not exceeded when it is;
    when the claim is not this person's to review.
    """
    if reason := may_review(actor, warning.line.claim):
        raise ValueError(reason)
    if answer not in warning.Answer.values or not comment.strip():
        raise ValueError(_("Choose an answer and explain it."))
    if answer == warning.Answer.SPLIT and (why_not := not_shared(warning)):
        raise ValueError(why_not)
    warning.answer = answer
    warning.comment = comment.strip()
    warning.answered_by = actor
    warning.answered_at = timezone.now()
    warning.save(update_fields=["answer", "comment", "answered_by", "answered_at"])
    record(
        warning.line.claim,
        "answer_duplicate",
        actor=actor,
        data={"line": warning.line, "other_line": warning.other_line, "answer": answer},
        comment=comment,
    )
    return warning
