"""Until when claims are taken: the days that the act says, and the more time that was given since."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class ClaimDays:
    """The last days to claim: of the first claim and of any claim, as the act says, and the day granted since."""

    first: date | None
    last: date | None
    extended: date | None = None

    @property
    def first_in_force(self) -> date | None:
        """The last day of the first claim, the more time that was given included."""
        return _later(self.first, self.extended)

    @property
    def last_in_force(self) -> date | None:
        """The last day of any claim, the more time that was given included."""
        return _later(self.last, self.extended)


def _later(day: date | None, extended: date | None) -> date | None:
    """An extension goes further than a day that the act says; where the act says none, there is none."""
    if day is None or extended is None:
        return day
    return max(day, extended)
