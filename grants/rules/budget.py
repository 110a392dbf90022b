"""The provisional budget: totals, balance, public money. Pure functions.

Rules (``france.md`` B2): total charges = total products; contributions in kind (86/87) balance separately.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import ZERO, format_euros, sum_money
from grants.rules.accounts import account_of

THIS_REQUEST = "this_request"


def account_number(code: str) -> str:
    """The account as a budget shows it: 60 for the form's code "60x", 74 for "74region"."""
    return code.rstrip("abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True)
class BudgetItem:
    """One line; ``eligible`` is what an instructor retained of it, None while nobody judged."""

    side: str  # charge or product
    account: str
    amount: Decimal
    axis: str = "general"
    eligible: Decimal | None = None
    status: str = ""
    label: str = ""


@dataclass(frozen=True)
class BudgetTotals:
    """Sums of a budget in euros; a positive gap means that resources are missing."""

    charges: Decimal
    products: Decimal
    kind_charges: Decimal
    kind_products: Decimal
    other_public_aid: Decimal
    requested: Decimal

    @property
    def gap(self) -> Decimal:
        return self.charges - self.products

    @property
    def kind_gap(self) -> Decimal:
        return self.kind_charges - self.kind_products

    @property
    def is_balanced(self) -> bool:
        return self.gap == 0 and self.kind_gap == 0


def totals_of(items: Iterable[BudgetItem]) -> BudgetTotals:
    """The sums of a budget. Public money is the products on public accounts, this request apart."""
    items = list(items)

    def total(side: str, in_kind: bool) -> Decimal:
        return sum_money(
            item.amount for item in items if item.side == side and account_of(item.account).in_kind == in_kind
        )

    products = [item for item in items if item.side == "product"]
    return BudgetTotals(
        charges=total("charge", in_kind=False),
        products=total("product", in_kind=False),
        kind_charges=total("charge", in_kind=True),
        kind_products=total("product", in_kind=True),
        other_public_aid=sum_money(
            item.amount for item in products if account_of(item.account).is_public and item.status != THIS_REQUEST
        ),
        requested=sum_money(item.amount for item in products if item.status == THIS_REQUEST),
    )


def balance_problems(totals: BudgetTotals) -> list[str]:
    """What keeps the budget from balancing, in sentences that give the amount and the side."""
    problems = []
    if totals.charges <= 0:
        problems.append(_("The budget has no expense yet: add at least one."))
    if totals.gap > 0:
        problems.append(_("%(amount)s of resources are missing to balance the budget.") % {
            "amount": format_euros(totals.gap)
        })  # fmt: skip
    if totals.gap < 0:
        problems.append(_("Resources exceed expenses by %(amount)s: the two totals must be equal.") % {
            "amount": format_euros(-totals.gap)
        })  # fmt: skip
    if totals.kind_gap:
        problems.append(
            _("Contributions in kind do not balance: %(charges)s used (86), %(products)s received (87).")
            % {"charges": format_euros(totals.kind_charges), "products": format_euros(totals.kind_products)}
        )
    return problems


def eligible_amount(
    items: Iterable[BudgetItem], axis: str, accounts: tuple[str, ...] = (), excluded: tuple[str, ...] = ()
) -> Decimal:
    """The eligible expenses of an axis: what the instructor retained, else the whole line on an eligible account.

    With ``accounts`` empty every money account is eligible, but those ``excluded``.
    """
    return sum_money(retained(item, accounts, excluded) for item in items if item.axis == axis) or ZERO


def retained(item: BudgetItem, accounts: tuple[str, ...] = (), excluded: tuple[str, ...] = ()) -> Decimal:
    """What one line brings to the eligible base."""
    if item.side != "charge" or account_of(item.account).in_kind:
        return ZERO
    if item.eligible is not None:
        return item.eligible
    if (accounts and item.account not in accounts) or item.account in excluded:
        return ZERO
    return item.amount
