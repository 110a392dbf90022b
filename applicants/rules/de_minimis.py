"""De minimis aid: what an undertaking may still receive. Pure functions.

Source: Regulation (EU) 2023/2831, Art. 3 and 5; (EU) 2023/2832; 1408/2013 and 717/2014 as amended (eu.md F).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.dates import add_years, format_date_long
from core.money import format_euros, sum_money

ROLLING, FISCAL = "rolling", "fiscal"


class Regime(TextChoices):
    """The regulations under which an aid may be de minimis."""

    GENERAL = "general", gettext_lazy("general (Regulation 2023/2831)")
    SGEI = "sgei", gettext_lazy("services of general economic interest (Regulation 2023/2832)")
    AGRICULTURE = "agriculture", gettext_lazy("agriculture (Regulation 1408/2013)")
    FISHERY = "fishery", gettext_lazy("fishery (Regulation 717/2014)")


def name_of(regime: str) -> str:
    """A regime as people call it."""
    return str(Regime(regime).label) if regime in Regime.values else regime


@dataclass(frozen=True, slots=True)
class Aid:
    """An aid in the register: the day the right arose, and the gross amount in euros."""

    granted_on: date
    amount: Decimal
    regime: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a regime allows to one undertaking over its window.

    ``counts`` names the regimes whose aids are added up against it.
    """

    regime: str
    amount: Decimal
    valid_from: date
    valid_until: date | None = None
    years: int = 3
    window: str = ROLLING
    counts: frozenset[str] = frozenset()

    def applies_on(self, day: date) -> bool:
        """Whether an aid granted on ``day`` falls under this ceiling."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)

    def counts_regime(self, regime: str) -> bool:
        """Whether aids under ``regime`` are added up against this ceiling."""
        return regime == self.regime or regime in self.counts


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an aid may be granted as de minimis, and why.

    ``room`` is what could still be granted on that day; ``lines`` is the reasoning, one sentence a step.
    """

    allowed: bool
    asked: Decimal
    before: Decimal
    ceiling: Decimal
    window_start: date
    counted: tuple[Aid, ...] = ()
    lines: tuple[str, ...] = field(default=())

    @property
    def total(self) -> Decimal:
        """The aids of the window with the one asked for."""
        return self.before + self.asked

    @property
    def room(self) -> Decimal:
        """What could still be granted, never negative."""
        return max(self.ceiling - self.before, Decimal("0.00"))

    @property
    def reason(self) -> str:
        """The reasoning on one line."""
        return " ".join(self.lines)


class NoCeiling(LookupError):
    """No ceiling is known for this regime on this day."""


def ceiling_for(regime: str, day: date, ceilings: Iterable[Ceiling]) -> Ceiling:
    """The ceiling of ``regime`` on ``day``; the most recent when several apply.

    Raises:
        NoCeiling: with a sentence that an administrator can act on.
    """
    found = [ceiling for ceiling in ceilings if ceiling.regime == regime and ceiling.applies_on(day)]
    if not found:
        raise NoCeiling(
            _("No de minimis ceiling is known for the regime “%(regime)s” on %(day)s: add it to the ceilings table.")
            % {"regime": name_of(regime), "day": format_date_long(day)}
        )
    return max(found, key=lambda ceiling: ceiling.valid_from)


def window_start(day: date, ceiling: Ceiling, *, fiscal_month: int = 1) -> date:
    """The first day looked at: the anniversary ``years`` before ``day``, or the start of a fiscal year.

    ``fiscal_month`` is the month in which the undertaking's fiscal year starts.
    """
    if ceiling.window == FISCAL:
        year = day.year if day.month >= fiscal_month else day.year - 1
        return date(year - ceiling.years + 1, fiscal_month, 1)
    return add_years(day, -ceiling.years)


def assess(
    asked: Decimal,
    day: date,
    aids: Iterable[Aid],
    ceiling: Ceiling,
    *,
    count_anniversary: bool = True,
    fiscal_month: int = 1,
) -> Verdict:
    """Whether ``asked`` euros may be granted on ``day`` beside ``aids`` (of the whole single undertaking).

    All of the new aid or none is de minimis (Art. 3(7)). Whether an aid granted exactly ``years`` before counts is
    not settled by the text: ``count_anniversary``; counting it is the prudent reading.
    """
    start = window_start(day, ceiling, fiscal_month=fiscal_month)
    first_counts = count_anniversary or ceiling.window == FISCAL
    counted = tuple(
        sorted(
            (
                aid
                for aid in aids
                if ceiling.counts_regime(aid.regime)
                and aid.granted_on <= day
                and (aid.granted_on > start or (first_counts and aid.granted_on == start))
            ),
            key=lambda aid: aid.granted_on,
        )
    )
    before = sum_money(aid.amount for aid in counted)
    allowed = before + asked <= ceiling.amount
    verdict = Verdict(allowed, asked, before, ceiling.amount, start, counted)
    return Verdict(allowed, asked, before, ceiling.amount, start, counted, tuple(_explain(verdict, day)))


def _explain(verdict: Verdict, day: date) -> Iterable[str]:
    yield _("Aids granted from %(start)s to %(end)s count.") % {
        "start": format_date_long(verdict.window_start),
        "end": format_date_long(day),
    }
    for aid in verdict.counted:
        yield _("%(day)s: %(amount)s%(label)s.") % {
            "day": format_date_long(aid.granted_on),
            "amount": format_euros(aid.amount),
            "label": f" ({aid.label})" if aid.label else "",
        }
    figures = {
        "before": format_euros(verdict.before),
        "asked": format_euros(verdict.asked),
        "total": format_euros(verdict.total),
        "ceiling": format_euros(verdict.ceiling),
        "room": format_euros(verdict.room),
    }
    if verdict.allowed:
        yield _("With the %(asked)s asked for, the total is %(total)s: within the ceiling of %(ceiling)s.") % figures
    else:
        yield (
            _(
                "With the %(asked)s asked for, the total would be %(total)s: above the ceiling of %(ceiling)s."
                " None of this aid can be granted as de minimis; at most %(room)s could be."
            )
            % figures
        )
