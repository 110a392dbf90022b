"""Credit notes of a claim: each names the invoice that it corrects, declared to the same agreement by its supplier, and
follows it: no more is kept of the invoice than they leave."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from agreements.duplicates import NOT_DECLARED
from agreements.models.same_invoice import kept_beyond_credits
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


def kept_beyond(claim) -> list[Beyond]:
    """The invoices of the claim, or corrected by it, of which more is kept than their credit notes leave."""
    ranks = dict(claim.lines.values_list("pk", "rank"))
    with connection.cursor() as cursor:
        cursor.execute(kept_beyond_credits("%(claim)s"), {"claim": claim.pk})
        rows = cursor.fetchall()
    found = {}
    for _credit, _claim, kept, most, lines in rows:
        keys = tuple(sorted(map(int, lines.split())))
        found[keys] = Beyond(keys, tuple(sorted(ranks[key] for key in keys if key in ranks)), kept, most)
    return [found[keys] for keys in sorted(found)]
