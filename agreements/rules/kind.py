"""Unilateral act or agreement: the 23,000 EUR rule.

Law 2000-321 art. 10 and decree 2001-495 art. 1: an agreement is compulsory *above* 23,000 EUR a year, all the
grants of the funder to the beneficiary in the year added up.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import format_euros

THRESHOLD = Decimal("23000.00")
ACT, AGREEMENT = "act", "agreement"


@dataclass(frozen=True)
class KindDecision:
    """The kind that the rule asks for, the yearly total in euros, and why in one sentence."""

    kind: str
    yearly_total: Decimal
    reason: str


def decide_kind(
    amount_of_the_year: Decimal, other_grants_of_the_year: Decimal, *, always_agreement: bool = False
) -> KindDecision:
    """Return what the grant needs.

    Args:
        amount_of_the_year: euros granted for the year by this act (the largest tranche of a multi-year one).
        other_grants_of_the_year: euros of the other acts notified to the beneficiary in the same year.
        always_agreement: True for programmes that are agreements by nature (multi-year objectives).
    """
    total = amount_of_the_year + other_grants_of_the_year
    shown = {"total": format_euros(total), "limit": format_euros(THRESHOLD)}
    if always_agreement:
        return KindDecision(AGREEMENT, total, _("The programme works by multi-year agreement."))
    if total > THRESHOLD:
        return KindDecision(
            AGREEMENT,
            total,
            _("%(total)s granted to this beneficiary in the year: above %(limit)s an agreement is compulsory.") % shown,
        )
    return KindDecision(
        ACT,
        total,
        _("%(total)s granted to this beneficiary in the year: not above %(limit)s, an act is enough.") % shown,
    )
