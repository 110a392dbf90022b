"""What is still to be lived, in the order of the clock: whatever was planned first, the earlier day comes first."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

from core.acting import acting_as
from core.models import User
from demo.clock import EARLIEST_HOUR, Clock

MACHINE = "command demo"
Person = Callable[[], User]


class Agenda:
    """Acts with their moments and their persons. An act may plan others, at its own moment or later."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[tuple[int, int, int], int, Person | None, Callable[[], Any]]] = []
        self._numbers = count()

    def at(
        self,
        day: int,
        who: Person | None,
        act: Callable[..., Any],
        *arguments: Any,
        hour: int = EARLIEST_HOUR,
        minute: int = 0,
    ) -> None:
        """Plan ``act(*arguments)`` for the day ``day`` days from today.

        ``who`` gives the person who acts when the moment has come; None stands for the command itself. Acts of one
        moment keep the order in which they were planned.
        """
        moment = (day, hour, minute)
        heapq.heappush(self._waiting, (moment, next(self._numbers), who, lambda: act(*arguments)))

    def live(self) -> None:
        """Do it all. Each service that an act calls is a transaction of its own, as behind a screen."""
        while self._waiting:
            moment, _number, who, act = heapq.heappop(self._waiting)
            with self._clock.at(*moment), acting_as(who() if who else None, label="" if who else MACHINE):
                act()
