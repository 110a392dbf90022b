"""The account of an import: per fund, what the file holds and what became of it, to the cent."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from core.money import ZERO

OUTCOMES = ("imported", "flagged", "refused")


@dataclass
class Tally:
    """Rows and euros."""

    rows: int = 0
    eligible: Decimal = ZERO
    eu_amount: Decimal = ZERO

    def add(self, eligible: Decimal | None, eu_amount: Decimal | None) -> None:
        """Count a row; an amount that cannot be read counts for nothing."""
        self.rows += 1
        self.eligible += eligible or ZERO
        self.eu_amount += eu_amount or ZERO

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.rows + other.rows, self.eligible + other.eligible, self.eu_amount + other.eu_amount)

    def as_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "eligible": str(self.eligible), "eu_amount": str(self.eu_amount)}


@dataclass
class Reconciliation:
    """Per fund as the file writes it: the file's totals, counted apart from the totals of each outcome."""

    in_file: dict[str, Tally] = field(default_factory=dict)
    outcomes: dict[str, dict[str, Tally]] = field(default_factory=dict)

    def count_file(self, fund: str, eligible: Decimal | None, eu_amount: Decimal | None) -> None:
        self.in_file.setdefault(fund, Tally()).add(eligible, eu_amount)

    def count(self, outcome: str, fund: str, eligible: Decimal | None, eu_amount: Decimal | None) -> None:
        self.outcomes.setdefault(fund, {}).setdefault(outcome, Tally()).add(eligible, eu_amount)

    @property
    def funds(self) -> list[str]:
        return sorted(self.in_file)

    def of(self, fund: str | None, outcome: str) -> Tally:
        """Return one cell of the account; ``fund`` None is all the funds together."""
        funds = self.funds if fund is None else [fund]
        return sum((self.outcomes.get(name, {}).get(outcome, Tally()) for name in funds), Tally())

    def total_in_file(self, fund: str | None = None) -> Tally:
        return sum((self.in_file[name] for name in (self.funds if fund is None else [fund])), Tally())

    @property
    def balances(self) -> bool:
        """Whether every fund's outcomes add up to the file."""
        return all(
            sum((self.of(fund, outcome) for outcome in OUTCOMES), Tally()) == self.in_file[fund] for fund in self.funds
        )

    def as_list(self) -> list[dict[str, Any]]:
        """Return the account for storage: amounts as texts."""
        return [
            {
                "fund": fund,
                "file": self.in_file[fund].as_dict(),
                **{outcome: self.of(fund, outcome).as_dict() for outcome in OUTCOMES},
            }
            for fund in self.funds
        ]


def with_total(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a stored account with a last line: all the funds together."""
    total: dict[str, Any] = {"fund": _("All funds")}
    for name in ("file", *OUTCOMES):
        total[name] = {
            "rows": sum(line[name]["rows"] for line in lines),
            "eligible": str(sum((Decimal(line[name]["eligible"]) for line in lines), ZERO)),
            "eu_amount": str(sum((Decimal(line[name]["eu_amount"]) for line in lines), ZERO)),
        }
    return [*lines, total]
