"""Accounts that wait to be verified, and for which no payment waits: apps on the right say so. They register; applicants know
none of them."""

from collections.abc import Callable
from functools import reduce
from operator import or_

from django.db.models import Q

Condition = Callable[[], Q]
_conditions: list[Condition] = []


def register_not_awaited(condition: Condition) -> None:
    """``condition()``: true, on bank accounts, of those that no payment will be made on; no query of its own."""
    if condition not in _conditions:
        _conditions.append(condition)


def not_awaited() -> Q:
    """The condition, on bank accounts, that somebody says that no payment waits for it."""
    return reduce(or_, (condition() for condition in _conditions), Q(pk__in=[]))
