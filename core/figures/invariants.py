"""What must hold of the figures at any time: each invariant is declared once, with the query that finds who breaks it.

An invariant is one sentence for people, its source, and a query over the live data that returns the broken rows (none
when it holds): sets in SQL, one statement whatever the number of rows. Declare one concept a file in the room
``figures`` of its app and :func:`register` it; the app's ``setup`` imports the file.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import connection, models
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.money import format_euros
from core.templatetags.essor import short_date

Text = str | Promise
Parameters = Callable[[], Mapping[str, Any]]


# Who should have acted, where the one who did is the one who may not: {"another": …} for ``words``.
ANOTHER = {"another": _("another person"), "nobody": _("nobody")}


class UnknownInvariant(LookupError):
    """No invariant has this code."""


class Severity(models.TextChoices):
    """How bad it is when an invariant does not hold."""

    MONEY = "money", _("money or right at stake")
    FOLLOW_UP = "follow_up", _("something waits for nobody")


class Unit(StrEnum):
    """What ``expected`` and ``found`` are, so that people read them as everywhere else."""

    EUROS = "euros"
    NUMBER = "number"
    DAY = "day"
    STATE = "state"
    HASH = "hash"
    TEXT = "text"


@dataclass(frozen=True)
class Broken:
    """One row that breaks an invariant: its subject (``pk`` of ``subject``), its name, what was to be and what is.

    ``subject`` is the invariant's, unless the row says another.
    """

    pk: int
    label: str
    expected: Any = None
    found: Any = None
    subject: type[models.Model] | None = None


@dataclass(frozen=True)
class Invariant:
    """A sentence about the figures that must hold, its source, and the query of what breaks it.

    ``sql`` returns the columns ``id`` (a row of ``subject``), ``label``, ``expected`` and ``found``; ``%(name)s`` are the
    ``parameters``. Where SQL cannot see (files on disk), ``rows`` gives the broken rows. ``relation`` says how what is
    found should stand to what is expected: "=", "≤", "≥"; a value may begin with a sign of its own ("≥ 2025-09-28").
    ``words`` says what texts mean, for codes that people do not read; ``label_words`` does the same for the parts of a
    name ("OPE-2025-00007 · region"), by a table or by a function that gives what it does not know as it is. ``counted``
    says what a number counts.
    """

    code: str
    name: Text
    sentence: Text
    source: Text
    subject: type[models.Model]
    sql: str = ""
    rows: Callable[[], Iterable[Broken]] | None = None
    parameters: Parameters = dict
    unit: Unit = Unit.EUROS
    words: Mapping[str, Text] = field(default_factory=dict)
    label_words: Mapping[str, Text] | Callable[[str], str] = field(default_factory=dict)
    counted: Text = ""
    relation: str = "="
    severity: Severity = Severity.MONEY

    def __post_init__(self) -> None:
        if bool(self.sql) == bool(self.rows):
            raise ValueError(f"The invariant {self.code} is looked for by SQL or by a function: one of them.")
        if (self.unit is Unit.NUMBER) != bool(self.counted):
            raise ValueError(f"The invariant {self.code} says what its numbers count, and counts nothing else.")

    @property
    def app_label(self) -> str:
        """The app in whose room it is declared: the first part of its code."""
        return self.code.partition(".")[0]

    def broken(self) -> Iterable[Broken]:
        """The rows that break it, one query for all of them."""
        if self.rows is not None:
            yield from self.rows()
            return
        with connection.cursor() as cursor:
            cursor.execute(self.sql, dict(self.parameters()))
            columns = [column.name for column in cursor.description]
            places = [columns.index(name) for name in ("id", "label", "expected", "found")]
            while chunk := cursor.fetchmany(1_000):
                for line in chunk:
                    pk, label, expected, found = (line[place] for place in places)
                    yield Broken(pk, str(label or pk), expected, found)

    def called(self, label: str) -> str:
        """The name of a broken row as people read it."""
        words = self.label_words if callable(self.label_words) else self._words_of_part
        return " · ".join(words(part) for part in label.split(" · "))

    def _words_of_part(self, part: str) -> str:
        return str(self.label_words.get(part, part))

    def shown(self, value: Any, subject: type[models.Model] | None = None) -> str:
        """A value as people read it: euros, a day, the words of a state. ``value`` may be its stored text."""
        if value is None or value == "":
            return "–"
        sign, value = _signed(value)
        try:
            return sign + self._read(value, subject)
        except (ArithmeticError, ValueError):  # no amount, no day ("infinity"): what was written is said
            return sign + str(self.words.get(str(value), _("“%(text)s”, which cannot be") % {"text": value}))

    def told(self, expected: Any, found: Any, subject: type[models.Model] | None = None) -> tuple[str, str]:
        """What was to be and what is, as people read them; where the two read alike, what tells them apart is said:
        the second of a moment, each digit of a number, the text that is kept."""
        words = self.shown(expected, subject), self.shown(found, subject)
        (sign, should), (_sign, stands) = _signed(expected), _signed(found)
        if words[0].removeprefix(sign) != words[1] or "–" in words or str(should) == str(stands):
            return words
        return sign + self._exactly(words[1], should), self._exactly(words[1], stands)

    def _exactly(self, words: str, value: Any) -> str:
        if self.unit is Unit.DAY:
            return f"{words} {timezone.localtime(moment):%H:%M:%S}" if (moment := _moment(value)) else words
        return f"{words} ({value})"

    def _read(self, value: Any, subject: type[models.Model] | None) -> str:
        match self.unit:
            case Unit.EUROS:
                return format_euros(_finite(value))
            case Unit.NUMBER:
                return str(_("%(what)s: %(number)s") % {"what": self.counted, "number": f"{_finite(value):f}"})
            case Unit.DAY:
                return short_date(value if isinstance(value, date) else _moment(value) or _day(str(value)))
            case Unit.STATE:
                return _state(subject or self.subject, str(value))
            case Unit.HASH:
                return str(self.words.get(str(value), _("hash %(start)s…") % {"start": str(value)[:8]}))
            case _:
                return str(self.words.get(str(value), value))


def _signed(value: Any) -> tuple[str, Any]:
    """A value without the sign with which it begins: ("≥ ", "2025-09-28")."""
    if isinstance(value, str) and value[:2] in ("≤ ", "≥ "):
        return value[:2], value[2:]
    return "", value


def _finite(value: Any) -> Decimal:
    """A number. Raises ValueError for what is none ("NaN")."""
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(value)
    return number


def _state(model: type[models.Model], state: str) -> str:
    """A state in the words of its table, which may have no workflow."""
    if labels := getattr(model, "state_label_of", None):
        return str(labels(state))
    found = next((item for item in model._meta.concrete_fields if item.name == "state"), None)
    return str(dict(found.flatchoices).get(state, state)) if found else state


def _moment(value: Any) -> datetime | None:
    """A moment, which may be its stored text; None for a day, and for what is none."""
    if isinstance(value, datetime) or not isinstance(value, str) or len(value) <= len("2026-12-31"):
        return value if isinstance(value, datetime) and timezone.is_aware(value) else None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if timezone.is_aware(moment) else None


def _day(text: str) -> date:
    """The day of a stored text. Raises ValueError for one that Python has none of."""
    if text.endswith("BC"):
        raise ValueError(text)
    return date.fromisoformat(text[:10])


def url_of(label: str, pk: int) -> str:
    """The staff page of a row of the model ``label`` ("app.model"); empty for a model that has none."""
    app, _dot, name = label.partition(".")
    try:
        return reverse(f"admin:{app}_{name}_change", args=[pk])
    except NoReverseMatch:
        return ""


_invariants: dict[str, Invariant] = {}


def register(*declared: Invariant) -> None:
    """Add invariants to those that are looked at. Raises ValueError for a code that another one has."""
    for invariant in declared:
        known = _invariants.get(invariant.code)
        if known is not None and known.sentence != invariant.sentence:
            raise ValueError(f"Two invariants have the code {invariant.code}.")
        _invariants[invariant.code] = invariant


def invariants() -> list[Invariant]:
    """All of them, in the order in which the apps declare them."""
    return list(_invariants.values())


def invariant_of(code: str) -> Invariant:
    """The invariant of this code.

    Raises:
        UnknownInvariant: there is none.
    """
    try:
        return _invariants[code]
    except KeyError:
        raise UnknownInvariant(code) from None
