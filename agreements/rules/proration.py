"""What is due on real expenditure: fixed amount, tolerance band or strict pro rata (reference: france.md B5).

Whatever the policy, a grant never goes above the real cost.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import ZERO, format_euros, format_number, share_floor

NONE, TOLERANCE, STRICT = "none", "tolerance", "strict"
POLICIES = (NONE, TOLERANCE, STRICT)
FROM, BEYOND = "from", "beyond"


@dataclass(frozen=True)
class Entitlement:
    """Euros due in all for the expenditure certified so far, and why, line by line."""

    amount: Decimal
    reasons: list[str] = field(default_factory=list)


def policy_of(rule, *, granted: Decimal, eu_fund: str) -> str:
    """Return the policy of a grant under the rule of its programme: strict above an amount, or with EU money."""
    if rule.policy == TOLERANCE and (
        (rule.strict_above is not None and granted > rule.strict_above) or (rule.strict_with_eu and eu_fund)
    ):
        return STRICT
    return rule.policy


def is_cut(*, base: Decimal, spent: Decimal, policy: str, tolerance: Decimal, cut: str) -> bool:
    """Whether ``spent`` euros of a planned ``base`` reduce the grant. Exact: no rounding moves the boundary."""
    if policy == NONE or spent >= base:
        return False
    if policy == STRICT:
        return True
    spent_share, boundary = spent * 100, base * (100 - tolerance)
    return spent_share <= boundary if cut == FROM else spent_share < boundary


def entitlement(
    *,
    granted: Decimal,
    base: Decimal | None,
    spent: Decimal,
    policy: str,
    tolerance: Decimal = Decimal(0),
    cut: str = FROM,
) -> Entitlement:
    """Return what ``granted`` euros become when ``spent`` of the planned ``base`` is certified.

    ``tolerance`` is in percent. With 10, and ``cut`` "from" (Auvergne's rule: cut when the spending is at least 10 %
    below the estimate, france.md B5), 90 % of the base is cut; with "beyond", only less than 90 % is.

    Raises LookupError for a policy that is not known.
    """
    if policy not in POLICIES:
        raise LookupError(f"no proration policy {policy!r}: one of {', '.join(POLICIES)}")
    reasons = [_("Granted: %(amount)s.") % {"amount": format_euros(granted)}]
    amount = granted
    if policy != NONE and base and spent < base:
        if is_cut(base=base, spent=spent, policy=policy, tolerance=tolerance, cut=cut):
            amount = share_floor(granted, spent, base)
            reasons.append(
                _("Certified %(spent)s of %(base)s planned: pro rata, %(amount)s.")
                % {"spent": format_euros(spent), "base": format_euros(base), "amount": format_euros(amount)}
            )
        else:
            reasons.append(
                _("Certified %(spent)s of %(base)s planned: within the tolerance of %(tolerance)s %%, no cut.")
                % {
                    "spent": format_euros(spent),
                    "base": format_euros(base),
                    "tolerance": format_number(tolerance, 0 if tolerance == int(tolerance) else 2),
                }
            )
    if amount > spent:
        amount = max(spent, ZERO)
        reasons.append(_("Never above the real cost: %(amount)s.") % {"amount": format_euros(amount)})
    return Entitlement(amount, reasons)


def due_now(entitled: Entitlement, *, accepted: Decimal, asked: Decimal) -> Entitlement:
    """Return what may be accepted now: what is due in all less what was accepted on other claims, never above what is
    asked. Euros."""
    left = max(entitled.amount - accepted, ZERO)
    reasons = list(entitled.reasons)
    if accepted:
        reasons.append(
            _("Less %(accepted)s accepted on the other claims: %(left)s.")
            % {"accepted": format_euros(accepted), "left": format_euros(left)}
        )
    if left > asked:
        reasons.append(_("Not above the amount asked: %(amount)s.") % {"amount": format_euros(asked)})
    return Entitlement(min(left, asked), reasons)


def within_what_is_kept(due: Entitlement, kept: Decimal) -> Entitlement:
    """Return what is due on a claim of an agreement that has ended: no more than what its settlement keeps for it. Euros."""
    if due.amount <= kept:
        return due
    bound = _("The settlement of the agreement keeps %(amount)s at most for this claim.")
    return Entitlement(kept, [*due.reasons, bound % {"amount": format_euros(kept)}])
