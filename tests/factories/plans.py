"""Plans of grants for the factories: the years of a network differ in cost, request and rate, as they do in life."""

from decimal import Decimal

from core.money import spread
from grants.programmes.grant_plan import GrantPlan, Part

BASE = Decimal("35500.00")
CEILING = Decimal("5000.00")
YEARS = ((1, "100000.00", "60000.00"), (2, "100000.00", "80000.00"), (3, "50000.00", "40000.00"))
"""Rank, cost and aid of each year: 60, 80 and 80 % of it. The second year asked for 90,000."""
ASKED = ("60000.00", "90000.00", "40000.00")


def year_rows() -> list[dict[str, object]]:
    """The table of years as the applicant of ``YEARS`` typed it."""
    return [
        {"year": rank, "summary": f"Année {rank}", "cost": cost, "requested": asked}
        for (rank, cost, _aid), asked in zip(YEARS, ASKED, strict=True)
    ]


def plan_for(code: str, amount: Decimal | str, persons=()) -> GrantPlan:
    """The plan of ``amount`` euros under a programme; ``persons`` (rows of the case) get their own contribution, 5,000 at most, in
    proportion where that is not the amount."""
    amount = Decimal(amount)
    if code == "CPO":
        costs = [Decimal(cost) for _rank, cost, _aid in YEARS]
        amounts = spread(amount, [Decimal(aid) for _rank, _cost, aid in YEARS])
        parts = (Part(own, cost, "years", rank) for rank, (own, cost) in enumerate(zip(amounts, costs, strict=True), 1))
        return GrantPlan(tuple(parts))
    if persons:
        amounts = spread(amount, [min(person.own_contribution, CEILING) for person in persons])
        pairs = zip(persons, amounts, strict=True)
        return GrantPlan(
            tuple(Part(own, person.own_contribution, "persons", None, str(person.pk), person.full_name)
                  for person, own in pairs)
        )  # fmt: skip
    return GrantPlan((Part(amount, BASE, "general"),))
