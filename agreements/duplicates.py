"""Invoices declared twice: found, shown, answered."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.models.same_invoice import over_their_total
from agreements.permissions import may_review
from agreements.rules.duplicates import SAME_NUMBER_DAYS, Suppliers, may_be_one, number_key, one_supplier
from core.engine.refusals import refusal_message
from core.events import record
from core.money import format_euros

#: Claims whose lines nobody relies on.
NOT_DECLARED = ("draft", "rejected")
#: Before the hash of a file among the keys of a line.
PROOF = "proof "
NEAR = timedelta(days=SAME_NUMBER_DAYS)


def twins_of(line) -> QuerySet:
    """Return the other lines that may be the same invoice: of the same claim, or of any claim that was filed."""
    by_another_name = Q(name_key=line.name_key)
    if line.total_key:
        by_another_name |= Q(total_key=line.total_key)
    if line.supplier_siret:
        by_another_name &= Q(supplier_siret="")
    seen = Q(alike_keys__overlap=line.alike_keys)
    if line.supplier_siret:
        seen &= Q(supplier_siret="") | Q(supplier_siret__startswith=line.invoice.siren)
    alike = Q(invoice_total=line.invoice_total) | Q(
        invoice_date__range=(line.invoice_date - NEAR, line.invoice_date + NEAR)
    )
    said = (Q(duplicate_key=line.duplicate_key) | by_another_name | seen) & alike
    if line.proof_key:
        supplier = Q(name_key__startswith=f"{line.invoice.supplier_key}|")
        if line.supplier_siret:
            supplier = Q(supplier_siret="") & supplier | Q(supplier_siret__startswith=line.invoice.siren)
        said |= Q(proof_key=line.proof_key) & (
            Q(invoice_total=line.invoice_total) & supplier | ~Q(claim__agreement_id=line.claim.agreement_id)
        )
    sign = Q(invoice_total__gt=0) if line.invoice_total > 0 else Q(invoice_total__lt=0)
    return (
        type(line)
        .objects.filter(said, sign)
        .exclude(pk=line.pk)
        .filter(Q(claim_id=line.claim_id) | ~Q(claim__state__in=NOT_DECLARED))
    )


def typed_again(lines: Iterable) -> dict[int, list[int]]:
    """The ranks of the other lines of one claim that give the same supplier and number, by rank: none for a line alone.

    A credit note is not the invoice that it corrects.
    """
    lines = list(lines)
    suppliers = Suppliers(line.invoice for line in lines)
    ranks: dict[tuple[str, bool], set[int]] = {}
    for line in lines:
        for key in {line.duplicate_key, *suppliers.keys_of(line.invoice)}:
            ranks.setdefault((key, line.invoice_total > 0), set()).add(line.rank)
    found: dict[int, set[int]] = {}
    for family in ranks.values():
        for rank in family if len(family) > 1 else ():
            found.setdefault(rank, set()).update(family - {rank})
    return {rank: sorted(others) for rank, others in found.items()}


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
    seen = {key for line in mine.values() for key in (*suppliers.alike_keys_of(line.invoice), *line.alike_keys)}
    proofs = {line.proof_key for line in mine.values() if line.proof_key}
    family: dict[str, list] = {}
    candidates = (
        line_model.objects.filter(
            Q(duplicate_key__in=keys)
            | Q(name_key__in=keys)
            | Q(total_key__in=keys)
            | Q(alike_keys__overlap=sorted(seen))
            | Q(proof_key__in=proofs)
        )
        .filter(Q(claim=claim) | ~Q(claim__state__in=NOT_DECLARED))
        .annotate(of_agreement=F("claim__agreement_id"))
        .order_by("pk")
    )
    for line in candidates:
        for key in _met_under(line, suppliers):
            family.setdefault(key, []).append(line)
    warning_model = line_model._meta.get_field("duplicate_warnings").related_model
    known = {
        frozenset(pair)
        for pair in warning_model.objects.holding()
        .filter(Q(line__in=mine) | Q(other_line__in=mine))
        .values_list("line_id", "other_line_id")
    }
    fresh = []
    for line in mine.values():
        for key in _met_under(line, suppliers):
            for other in family.get(key, ()):
                pair = frozenset((line.pk, other.pk))
                if other.pk == line.pk or pair in known:
                    continue
                by_proof = key.startswith(PROOF) and _one_proof_for_both(line, other, claim.agreement_id)
                if by_proof or (not key.startswith(PROOF) and may_be_one(line.invoice, other.invoice)):
                    known.add(pair)
                    fresh.append(warning_model(line=line, other_line=other))
    warning_model.objects.bulk_create(fresh)
    return len(fresh)


def _met_under(line, suppliers: Suppliers) -> list[str]:
    """All the keys of which another line of its invoice, or one that looks like it, shares one."""
    keys = [line.duplicate_key, *suppliers.keys_of(line.invoice), *suppliers.alike_keys_of(line.invoice)]
    keys += line.alike_keys  # those of its day too
    return list(dict.fromkeys([*keys, PROOF + line.proof_key] if line.proof_key else keys))


def _one_proof_for_both(line, other, agreement_id: int) -> bool:
    """Whether one file that proves two lines asks a question: one supplier and one total, or two agreements.

    Within an agreement one file may hold several invoices (the payslips of a month): with other totals, or of other
    suppliers, they are others.
    """
    one, two = line.invoice, other.invoice
    same_side = (one.total > 0) == (two.total > 0)
    return same_side and ((one.total == two.total and one_supplier(one, two)) or other.of_agreement != agreement_id)


def warnings_of(claim) -> QuerySet:
    """Return the warnings in which a line of the claim stands, on either side."""
    warning_model = claim.lines.model._meta.get_field("duplicate_warnings").related_model
    return warning_model.objects.filter(Q(line__claim=claim) | Q(other_line__claim=claim))


def open_warnings(claim) -> QuerySet:
    """Return those that nobody answered."""
    return warnings_of(claim).filter(answered_at__isnull=True)


def on_the_same_file(claim, warning, unanswered: Iterable) -> list:
    """Those of the ``unanswered`` warnings that, as ``warning``, are asked for no other reason than one file.

    Their lines are of the claim and have other numbers: a number that stands twice, or in another claim, is asked by
    itself.
    """
    if not _only_by_file(claim, warning):
        return []
    file = warning.line.proof_key
    return [
        other
        for other in unanswered
        if other.pk != warning.pk and other.line.proof_key == file and _only_by_file(claim, other)
    ]


def _only_by_file(claim, warning) -> bool:
    one, other = warning.line, warning.other_line
    return (
        one.claim_id == other.claim_id == claim.pk
        and one.proof_key != ""
        and one.proof_key == other.proof_key
        and number_key(one.invoice_number) != number_key(other.invoice_number)
        and not {*one.alike_keys} & {*other.alike_keys}
    )


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


def grounds_of(warning) -> dict[str, str]:
    """What an answer rests on, as the page says it: both lines, of which one may stand in a claim that others work on."""
    told = {}
    for line in (warning.line, warning.other_line):
        label = _("%(claim)s, line %(rank)s") % {"claim": line.claim.number, "rank": line.rank}
        kept = line.declared_amount if line.certified_amount is None else line.certified_amount
        told[label] = _("%(kept)s kept of an invoice of %(total)s (%(state)s)") % {
            "kept": format_euros(kept), "total": format_euros(line.invoice_total), "state": line.claim.state_label()
        }  # fmt: skip
    return told | ({_("Answer"): warning.get_answer_display()} if warning.answered_at else {})


@transaction.atomic
def answer_warning(warning, *, answer: str, comment: str, actor):
    """Answer a warning, with an explanation that the auditor reads.

    Raises ValueError when the answer is unknown, has no explanation, or says that the total is not exceeded when it is;
    when the claim is not this person's to review, or a claim was certified on the answer before.
    """
    if reason := may_review(actor, warning.line.claim):
        raise ValueError(reason)
    if warning.lapsed_at is not None:
        raise ValueError(_("A line was changed since this answer: answer the question that is asked anew."))
    if answer not in warning.Answer.values or not comment.strip():
        raise ValueError(_("Choose an answer and explain it."))
    if answer == warning.Answer.SPLIT and (why_not := not_shared(warning)):
        raise ValueError(why_not)
    warning.answer = answer
    warning.comment = comment.strip()
    warning.answered_by = actor
    warning.answered_at = timezone.now()
    try:
        with transaction.atomic():
            warning.save(update_fields=["answer", "comment", "answered_by", "answered_at"])
    except IntegrityError as error:
        raise ValueError(refusal_message(error)) from error
    record(
        warning.line.claim,
        "answer_duplicate",
        actor=actor,
        data={"line": warning.line, "other_line": warning.other_line, "answer": answer},
        comment=comment,
    )
    return warning
