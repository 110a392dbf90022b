"""What the apps on the right say of a grant of the register, on its page. They register; applicants know none of them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """A sentence about a grant, and where it is to be read."""

    text: str
    url: str
    where: str


Teller = Callable[[str], Told | None]
_tellers: list[Teller] = []


def register_teller(tell: Teller) -> None:
    """``tell(case_number)``: what is to be said of the grant of a case, or None; at most one query."""
    if tell not in _tellers:
        _tellers.append(tell)


def told_of(case_number: str) -> list[Told]:
    """All that is said of the grant of a case."""
    return [told for tell in _tellers if (told := tell(case_number)) is not None]
