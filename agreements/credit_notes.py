"""Credit notes of a claim: each names the invoice that it corrects, declared to the same agreement by its supplier, and
follows it: no more is kept of the invoice than they leave, and they take back no more than is kept of it."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from agreements.duplicates import NOT_DECLARED
from agreements.models.same_invoice import OF_THE_SAME, credits_beyond_kept, kept_beyond_credits
from agreements.rules.duplicates import credits_without_invoice
from core.money import format_euros


def declared_with(claim) -> QuerySet:
    """The lines of the claim, and those of the claims that were filed on its agreement."""
    return (
        claim.lines.model.objects.filter(claim__agreement_id=claim.agreement_id)
        .filter(Q(claim=claim) | ~Q(claim__state__in=NOT_DECLARED))
        .order_by("pk")
    )


def credit_alone() -> str:
    """What is wrong with a credit note that takes back nothing, and what to do."""
    return _(
        "This credit note takes back more than what is declared of the invoice that it corrects: check the number of that"
        " invoice and its supplier, declare it, or leave out both."
    )


def declares_nothing(total: Decimal) -> str:
    """Why lines that come to ``total`` euros declare no expenditure, and what to do; empty when they declare some."""
    if total > 0:
        return ""
    if total == 0:
        return _(
            "The credit notes take back all of the expenditure of this claim: its total is nothing. Add expenditure; if none is to "
            "come, tell the service of these credit notes."
        )
    return _(
        "The credit notes exceed the expenditure of this claim by %(amount)s: its total is negative, and nothing can be "
        "claimed with it. Add more than %(amount)s of expenditure and file then; if no expenditure is to come, tell the "
        "service of these credit notes."
    ) % {"amount": format_euros(-total)}


def lines_alone(claim) -> list[int]:
    """The ranks of the claim's credit notes that take back no declared invoice; no query without a credit note."""
    if not any(line.declared_amount < 0 for line in claim.lines.all()):
        return []
    lines = list(declared_with(claim))
    places = credits_without_invoice((line.invoice, line.declared_amount, line.corrects_number) for line in lines)
    return [lines[place].rank for place in places if lines[place].claim_id == claim.pk]


@dataclass(frozen=True, slots=True)
class Beyond:
    """An invoice of which more is kept than its credit notes leave: the lines (ids) that both are; euros."""

    lines: tuple[int, ...]
    ranks: tuple[int, ...]  # those of the claim that is looked at
    kept: Decimal
    most: Decimal

    def __str__(self) -> str:
        return _(
            "Lines %(ranks)s: %(kept)s is kept of an invoice and its credit notes, which leave %(most)s of it. Keep the"
            " credit notes, or cut the invoice as well."
        ) % {
            "ranks": ", ".join(map(str, self.ranks)), "kept": format_euros(self.kept), "most": format_euros(self.most)
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An invoice of which less is kept than its credit notes take back: as :class:`Beyond`; euros."""

    lines: tuple[int, ...]
    ranks: tuple[int, ...]
    taken_back: Decimal
    kept: Decimal

    def __str__(self) -> str:
        return _(
            "Lines %(ranks)s: the credit notes take back %(taken_back)s and %(kept)s is kept of their invoice: they would take"
            " back other expenditure. Keep %(most)s of the credit notes at most, or more of the invoice."
        ) % {
            "ranks": ", ".join(map(str, self.ranks)), "taken_back": format_euros(self.taken_back),
            "kept": format_euros(self.kept), "most": format_euros(-self.kept),
        }  # fmt: skip


def kept_beyond(claim) -> list[Beyond | TakenBack]:
    """The invoices of the claim, or corrected by it, of which more is kept than their credit notes leave, or less than
    they take back."""
    ranks = dict(claim.lines.values_list("pk", "rank"))
    found: dict[tuple[int, ...], Beyond | TakenBack] = {}
    for kind, sql in ((Beyond, kept_beyond_credits), (TakenBack, credits_beyond_kept)):
        with connection.cursor() as cursor:
            cursor.execute(sql("%(claim)s"), {"claim": claim.pk})
            rows = cursor.fetchall()
        for _credit, _claim, first, second, lines in rows:
            keys = tuple(sorted(map(int, lines.split())))
            found[keys] = kind(keys, tuple(sorted(ranks[key] for key in keys if key in ranks)), first, second)
    return [found[keys] for keys in sorted(found)]


#: SQL: the lines of a claim with the other lines that are their invoice or correct it, declared to its agreement.
_WITH_THEIR_NOTES = f"""
    SELECT DISTINCT line.id, other.id, other.declared_amount < 0, other.rank, c.number, c.id = %(claim)s,
           coalesce(other.certified_amount, other.declared_amount)
    FROM agreements_paymentclaim mine JOIN agreements_paymentclaim its ON its.agreement_id = mine.agreement_id
    JOIN agreements_expenditureline credit ON credit.claim_id = its.id
    JOIN agreements_paymentclaim c ON c.agreement_id = mine.agreement_id
     AND (c.id = mine.id OR c.state NOT IN {NOT_DECLARED})
    JOIN agreements_expenditureline line ON line.claim_id = mine.id AND {OF_THE_SAME}
    JOIN agreements_expenditureline other ON other.claim_id = c.id AND other.id <> line.id
     AND (line.declared_amount < 0 OR other.declared_amount < 0)
    WHERE mine.id = %(claim)s AND credit.declared_amount < 0 AND credit.corrects_key <> ''
      AND {OF_THE_SAME.replace("line.", "other.")}
    ORDER BY line.id, other.id
"""  # noqa: S608 - fragments of our own


def notes_by_line(claim) -> dict[int, list[str]]:
    """What the page of a claim says beside a line: the invoice that a credit note corrects and what is kept of it, and the
    credit notes on an invoice with what they take back; by id of the line. One query."""
    said: dict[int, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_WITH_THEIR_NOTES, {"claim": claim.pk})
        rows = cursor.fetchall()
    for own, _other, is_note, rank, number, is_here, amount in rows:
        where = _("line %(rank)s") % {"rank": rank}
        if not is_here:
            where = _("%(claim)s, line %(rank)s") % {"claim": number, "rank": rank}
        sentence = (
            _("credit note (%(where)s): %(amount)s") if is_note else _("its invoice (%(where)s): %(amount)s is kept")
        )
        said.setdefault(own, []).append(sentence % {"where": where, "amount": format_euros(amount)})
    return said
