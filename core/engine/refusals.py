"""What the database refuses, told to a person: each trigger and constraint has its sentence, in the person's language.

Triggers speak English (``RAISE EXCEPTION 'the batch is closed'``); each app registers what a person reads instead. A
refusal reaches somebody when a race passes by the forms and conditions, which say the same things before.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from django.apps import apps
from django.db import DatabaseError, IntegrityError, models
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from core.dates import format_date_long
from core.money import format_euros, format_number

logger = logging.getLogger(__name__)
_AMOUNT = re.compile(r"-?\d+\.\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
TOO_LARGE = "22003"
"""A number above what its column holds: a sum of amounts, each of which is plausible."""
NOT_NULL = "23502"
"""A column that nobody filled is a fault of the program, not a rule that somebody met."""


@dataclass(frozen=True)
class Told:
    """The sentence for what a trigger says; ``names`` are those of its ``%``, in their order."""

    sentence: str | Promise
    names: tuple[str, ...] = ()

    def __call__(self, values: tuple[str, ...] = ()) -> str:
        """The sentence with its values: amounts in euros, days in words; a ``rate`` is a number."""
        pairs = zip(self.names, values, strict=True)
        shown = {name: _number(value) if name == "rate" else _shown(value) for name, value in pairs}
        return str(self.sentence) % shown if shown else str(self.sentence)


_triggers: dict[str, Told] = {}
_constraints: dict[str, str | Promise] = {}
_made: list[Callable[[str], str | None]] = []


def told(sentence: str | Promise, *names: str) -> Told:
    """A sentence for a trigger, with the names of the values that it is given."""
    return Told(sentence, names)


def register_refusals(triggers: Mapping[str, Told], constraints: Mapping[str, str | Promise] | None = None) -> None:
    """Say what a person reads: by the text of a trigger (with its ``%``), by the name of a constraint."""
    _triggers.update(triggers)
    _constraints.update(constraints or {})
    _patterns.cache_clear()


def sentence_for(template: str) -> Told:
    """The sentence of a trigger's text; LookupError when no app registered one."""
    return _triggers[template]


def refusal_message(error: DatabaseError, *, common: bool = True) -> str | None:
    """What a refusal of the database says to a person; None for an error that is no refusal (a fault, a lost link).

    ``common=False`` leaves out the sentence of the constraints that have none of their own, for those who have a better
    one.
    """
    diagnosis = getattr(error.__cause__, "diag", None)
    text = getattr(diagnosis, "message_primary", None) or (str(error).splitlines() or [""])[0]
    for pattern, found in _patterns():
        if match := pattern.fullmatch(text):
            return found(match.groups())
    if getattr(diagnosis, "sqlstate", None) == TOO_LARGE:
        return _("These amounts add up to more than can be recorded: check the number of their digits.")
    if not isinstance(error, IntegrityError) or getattr(diagnosis, "sqlstate", None) == NOT_NULL:
        return None
    name = getattr(diagnosis, "constraint_name", None) or ""
    if own := constraint_message(name):
        return own
    return (_of_its_fields(name) or _common_sentence(name)) if common else None


def constraint_message(name: str) -> str | None:
    """The sentence of a constraint of this name; None for one that has only the common sentence."""
    if name in _constraints:
        return str(_constraints[name])
    constraint = _declared_constraints().get(name)
    if constraint is None or constraint.violation_error_message == constraint.default_violation_error_message:
        return None
    return str(constraint.get_violation_error_message())


def tell_of_fields(sentence: Callable[[str], str | None]) -> None:
    """Say how the sentence of a constraint that has none of its own is made of its fields, by its name."""
    _made.append(sentence)


def _of_its_fields(name: str) -> str | None:
    return next((text for make in _made if (text := make(name))), None)


def _common_sentence(name: str) -> str:
    """The name of the rule is for who reads the logs: it tells a person nothing."""
    logger.warning("The database refused what a person asked, by the rule %s.", name or "–")
    return _(
        "What you ask does not go with what is recorded now: nothing was recorded. Read the page again, for somebody may have"
        " done something meanwhile. If it happens again, tell your administrator on which page and at what time."
    )


@cache
def _patterns() -> list[tuple[re.Pattern[str], Told]]:
    return [
        (re.compile("(.*?)".join(re.escape(part) for part in template.split("%"))), found)
        for template, found in _triggers.items()
    ]


@cache
def _declared_constraints() -> dict[str, models.BaseConstraint]:
    return {
        constraint.name: constraint
        for model in apps.get_models(include_auto_created=True)
        for constraint in model._meta.constraints
    }


def _number(value: str) -> str:
    return format_number(Decimal(value)) if _AMOUNT.fullmatch(value) else value


def _shown(value: str) -> str:
    if _AMOUNT.fullmatch(value):
        return format_euros(Decimal(value))
    return format_date_long(date.fromisoformat(value)) if _DAY.fullmatch(value) else value
