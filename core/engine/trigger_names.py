"""The names of all triggers, kept while they are registered.

django-pgtrigger asks of each trigger that comes whether its name is free, and for that writes the list of all those
before it: with many hundreds, a third of the time in which a process starts. Here the list is kept.
"""

from typing import Any

from django.db.models import Model
from pgtrigger import Trigger, registry

Library = type(registry._registry)


class KeptNames(Library):
    """The registry of django-pgtrigger, with the same questions, answered from what is kept."""

    def __init__(self, known: dict[str, tuple[type[Model], Trigger]]) -> None:
        super().__init__()
        self.data = known
        self._read_anew()

    def _read_anew(self) -> None:
        self._tables: dict[tuple[str, str], Trigger] = {}
        self._functions: set[str] = set()
        for model, trigger in self.data.values():
            self._add(model, trigger)

    def _add(self, model: type[Model], trigger: Trigger) -> None:
        self._tables[model._meta.db_table, trigger.name] = trigger
        self._functions.add(trigger.get_pgid(model))

    @property
    def pg_function_names(self) -> set[str]:
        return self._functions

    @property
    def by_db_table(self) -> dict[tuple[str, str], Trigger]:
        return self._tables

    def __setitem__(self, key: str, value: Any) -> None:
        before = self.data.get(key)
        super().__setitem__(key, value)
        if before is None:
            self._add(*value)
        elif before != value:
            self._read_anew()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._read_anew()


def keep() -> None:
    """From now on the names are kept; those that are registered already are among them."""
    if not isinstance(registry._registry, KeptNames):
        registry._registry = KeptNames(registry._registry.data)
