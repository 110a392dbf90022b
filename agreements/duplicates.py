"""Invoices declared twice: found, shown, answered."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.rules.duplicates import Suppliers, contradict
from core.events import record

#: Claims whose lines nobody relies on.
NOT_DECLARED = ("draft", "rejected")


def twins_of(line) -> QuerySet:
    """Return the other lines that are the same invoice: of the same claim, or of any claim that was filed."""
    same = Q(duplicate_key=line.duplicate_key)
    if line.supplier_siret:
        same |= Q(name_key=line.name_key, supplier_siret="")
    else:
        same |= Q(name_key=line.name_key)
    return (
        type(line)
        .objects.filter(same)
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
        line_model.objects.filter(Q(duplicate_key__in=keys) | Q(name_key__in=keys))
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
                if other.pk != line.pk and pair not in known and not contradict(line.invoice, other.invoice):
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


@transaction.atomic
def answer_warning(warning, *, answer: str, comment: str, actor):
    """Answer a warning, with an explanation that the auditor reads.

    Raises ValueError when the answer is unknown or has no explanation.
    """
    if answer not in warning.Answer.values or not comment.strip():
        raise ValueError(_("Choose an answer and explain it."))
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
