"""Answers: from what a browser sends to what is kept, and what is wrong with what is kept. Pure functions.

What cannot be read as the type of its question is kept as it was typed: nothing that a person wrote is lost, and the
form shows it again with a sentence that says what to do. ``normalise`` is idempotent.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applicants.rules.identifiers import compact, validate_siret
from core.dates import add_months, format_date_long
from core.lib.planned_days import Planned, periods, plans
from core.money import format_euros, format_number, too_large, typed_with_point, with_point
from core.personal_numbers import find_national_number
from core.text import in_a_sentence, without_invisible
from grants.rules.conditions import FormFacts, holds, is_answered
from grants.rules.schema import Choice, Question, QuestionKind

_FRENCH_DATE = re.compile(r"^([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-]([0-9]{4})$")
_AMOUNT = re.compile(r"^-?[0-9]+(\.[0-9]{1,2})?$")
_PHONE = re.compile(r"^\+?[0-9]{9,15}$")
_BLANKS = re.compile(r"[\s\u00a0\u202f]+")

#: The days of a period, with how far ahead each may be: it starts within what people plan, it ends with a programme.
PERIOD_SIDES: dict[str, Callable[[], int]] = {"start": plans, "end": periods}

LISTS = (QuestionKind.MULTIPLE, QuestionKind.ATTESTATIONS)


def parse_amount(typed: str) -> Decimal | None:
    """``12 345,67 €`` as a Decimal; None when it is not an amount with at most two decimals."""
    return _parsed(typed, with_point)


def typed_amount(typed: str) -> Decimal | None:
    """The same for what somebody has just typed, in the way of writing of their page; what is kept of it has a point."""
    return _parsed(typed, typed_with_point)


def _parsed(typed: str, read: Callable[[str], str]) -> Decimal | None:
    text = _BLANKS.sub("", typed).replace("€", "").replace("’", "").replace("'", "")
    try:
        text = read(text)
        amount = Decimal(text) if _AMOUNT.match(text) else None
    except (ValueError, InvalidOperation):
        return None
    if amount is None:
        return None
    return None if too_large(amount) else amount


def parse_day(typed: str) -> date | None:
    """``2026-12-01`` or ``1/12/2026`` as a date; None when it is not one, or written with other digits than 0 to 9."""
    if not typed.isascii():
        return None
    found = _FRENCH_DATE.match(typed.strip())
    text = f"{found[3]}-{int(found[2]):02d}-{int(found[1]):02d}" if found else typed.strip()
    try:
        return parse_date(text)
    except ValueError:
        return None


def normalise(question: Question, raw: Any) -> Any:
    """What to keep of ``raw`` (text, list of texts, or a mapping for a period).

    Raises:
        KeyError: a table or the pieces, which are kept elsewhere.
    """
    return NORMALISERS[question.kind](question, raw)


def _line(question: Question, raw: Any) -> str:
    return "" if raw is None else without_invisible(str(raw)).strip()


def _long_text(question: Question, raw: Any) -> str:
    return _line(question, raw).replace("\r\n", "\n")


def _money(question: Question, raw: Any) -> str:
    text = _line(question, raw)
    amount = typed_amount(text)
    return text if amount is None else str(amount)


def _integer(question: Question, raw: Any) -> int | str:
    text = _line(question, raw)
    digits = _BLANKS.sub("", text)
    return int(digits) if re.fullmatch(r"-?[0-9]{1,9}", digits) else text


def _date(question: Question, raw: Any) -> str:
    return _day_text(raw)


def _period(question: Question, raw: Any) -> dict[str, str]:
    raw = raw if isinstance(raw, Mapping) else {}
    return {side: _day_text(raw.get(side)) for side in PERIOD_SIDES}


def _siret(question: Question, raw: Any) -> str:
    return compact(_line(question, raw), "SIRET")


def _yes_no(question: Question, raw: Any) -> bool | None:
    return {"yes": True, "no": False, "True": True, "False": False}.get(str(raw))


def _ticked(question: Question, raw: Any) -> list[str]:
    values = [raw] if isinstance(raw, str) else list(raw or [])
    return [choice.value for choice in question.choices if choice.value in values]


NORMALISERS: dict[QuestionKind, Callable[[Question, Any], Any]] = {
    QuestionKind.TEXT: _line,
    QuestionKind.LONG_TEXT: _long_text,
    QuestionKind.INTEGER: _integer,
    QuestionKind.DECIMAL: _money,
    QuestionKind.MONEY: _money,
    QuestionKind.DATE: _date,
    QuestionKind.PERIOD: _period,
    QuestionKind.CHOICE: _line,
    QuestionKind.MULTIPLE: _ticked,
    QuestionKind.YES_NO: _yes_no,
    QuestionKind.EMAIL: _line,
    QuestionKind.PHONE: _line,
    QuestionKind.SIRET: _siret,
    QuestionKind.ATTESTATIONS: _ticked,
}


def _day_text(raw: Any) -> str:
    text = without_invisible(str(raw or "")).strip()
    day = parse_day(text)
    return day.isoformat() if day else text


def is_read(question: Question, value: Any) -> bool:
    """Whether what is kept of an answer is of the type of its question: a number, an amount, a day. An empty one is."""
    if not is_answered(value):
        return True
    if question.kind == QuestionKind.INTEGER:
        return isinstance(value, int)
    if question.kind in (QuestionKind.DECIMAL, QuestionKind.MONEY):
        return parse_amount(str(value)) is not None
    if question.kind == QuestionKind.DATE:
        return parse_day(value) is not None
    if question.kind == QuestionKind.PERIOD:
        return all(not typed or parse_day(typed) is not None for typed in value.values())
    return True


def shown_choices(question: Question, facts: FormFacts) -> list[Choice]:
    """The choices (or statements) that concern this applicant."""
    return [choice for choice in question.choices if holds(choice.show_if, facts)]


def problems_of(question: Question, value: Any, facts: FormFacts) -> list[str]:
    """What is wrong with an answer, in sentences; an empty list when all is well.

    Raises:
        KeyError: a table or the pieces, which are checked elsewhere.
    """
    if question.kind == QuestionKind.ATTESTATIONS:
        missing = [choice for choice in shown_choices(question, facts) if choice.value not in (value or [])]
        if missing and question.required:
            return [_("Tick each statement: your application cannot be filed without them.")]
        return []
    if not is_answered(value):
        return [_("Answer this question.")] if question.required else []
    return list(CHECKS[question.kind](question, value))


def _check_text(question: Question, value: str) -> Iterator[str]:
    limit = question.max_length or (200 if question.kind == QuestionKind.TEXT else 5000)
    if len(value) > limit:
        over = len(value) - limit
        yield ngettext(
            "The text is %(over)d character too long: %(limit)d at most.",
            "The text is %(over)d characters too long: %(limit)d at most.",
            over,
        ) % {"over": over, "limit": limit}
    if find_national_number(value):
        yield _("This text seems to hold a social security number. Remove it: it is never needed here.")


def _check_integer(question: Question, value: Any) -> Iterator[str]:
    if not isinstance(value, int):
        yield _("“%(value)s” is not a whole number: write digits only.") % {"value": value}
        return
    yield from _check_bounds(question, Decimal(value), lambda number: format_number(number, 0))


def number_text(value: Any) -> str:
    """A number with its decimals as the reader's language writes it: ``1,5``; as it was typed where it is none."""
    number = parse_amount(str(value))
    if number is None:
        return str(value)
    number = number.normalize()
    return format_number(number, max(0, -number.as_tuple().exponent))


def _check_decimal(question: Question, value: Any) -> Iterator[str]:
    number = parse_amount(str(value))
    if number is None:
        yield _("“%(value)s” is not a number: write digits, with two decimals at most, like %(example)s.") % {
            "value": value,
            "example": format_number(Decimal("1.5"), 1),
        }
        return
    yield from _check_bounds(question, number, number_text)


def _check_money(question: Question, value: Any) -> Iterator[str]:
    amount = parse_amount(str(value))
    if amount is None:
        yield not_an_amount(value)
        return
    yield from _check_bounds(question, amount, format_euros)


def not_an_amount(value: Any) -> str:
    """The sentence for what is not an amount in euros."""
    example = format_number(Decimal("1250.50"))
    return _("“%(value)s” is not an amount: write euros like %(example)s.") % {"value": value, "example": example}


def _check_bounds(question: Question, number: Decimal, shown) -> Iterator[str]:
    least = question.minimum if question.minimum is not None else Decimal(0)
    if number < least:
        yield _("Write at least %(limit)s.") % {"limit": shown(least)}
    if question.maximum is not None and number > question.maximum:
        yield _("Write at most %(limit)s.") % {"limit": shown(question.maximum)}


def _check_date(question: Question, value: str) -> Iterator[str]:
    day = parse_day(value)
    if day is None:
        yield not_a_date(value)
    else:
        yield from implausible(day, plans)


def implausible(day: date, horizon: Callable[[], int]) -> list[str]:
    """Why nobody means ``day``: before 2000, or more than ``horizon()`` days ahead; empty when somebody may.

    A day that is past may be meant: whether a project may have begun is a rule of its programme.
    """
    try:
        Planned(horizon, may_be_past=True)(day)
    except ValidationError as error:
        return list(error.messages)
    return []


def period_of(value: Mapping[str, str]) -> tuple[date | None, date | None]:
    """The two days of a period that can be meant; None for one that is missing, unreadable or implausible."""
    found = []
    for side in PERIOD_SIDES:
        day = parse_day(value.get(side) or "")
        found.append(None if day is None or implausible(day, PERIOD_SIDES[side]) else day)
    return found[0], found[1]


def not_a_date(value: str) -> str:
    """The sentence for what is not a date."""
    return _("“%(value)s” is not a date: write day/month/year, like 31/12/2026.") % {"value": value}


def _check_period(question: Question, value: dict) -> Iterator[str]:
    for side, name in (("start", _("the start")), ("end", _("the end"))):
        typed = value.get(side) or ""
        day = parse_day(typed)
        if not typed:
            yield _("Give %(side)s of the period too.") % {"side": name}
        elif day is None:
            yield not_a_date(typed)
        else:
            for problem in implausible(day, PERIOD_SIDES[side]):
                yield _("For %(side)s of the period: %(problem)s") % {"side": name, "problem": in_a_sentence(problem)}
    start, end = period_of(value)
    if start is None or end is None:
        return
    if end < start:
        yield _("The period ends on %(end)s, before it starts on %(start)s: check the two dates.") % {
            "start": format_date_long(start),
            "end": format_date_long(end),
        }
    elif question.max_months and end >= add_months(start, question.max_months):
        yield _("The period lasts more than %(months)d months: it must end before %(limit)s.") % {
            "months": question.max_months,
            "limit": format_date_long(add_months(start, question.max_months)),
        }


def _check_choice(question: Question, value: str) -> Iterator[str]:
    if value not in [choice.value for choice in question.choices]:
        yield _("Choose one of the answers of the list.")


def _check_choices(question: Question, value: Any) -> Iterator[str]:
    known = [choice.value for choice in question.choices]
    if not isinstance(value, list) or any(item not in known for item in value):
        yield _("Choose among the answers of the list.")


def _check_yes_no(question: Question, value: Any) -> Iterator[str]:
    if not isinstance(value, bool):
        yield _("Answer yes or no.")


def _check_email(question: Question, value: str) -> Iterator[str]:
    try:
        validate_email(value)
    except ValidationError:
        yield not_an_email(value)


def not_an_email(value: str) -> str:
    """The sentence for what is not an e-mail address."""
    return _("“%(value)s” is not an e-mail address: write it like name@example.org.") % {"value": value}


def _check_phone(question: Question, value: str) -> Iterator[str]:
    if not _PHONE.match(re.sub(r"[\s\u00a0\u202f.\-()]+", "", value)):
        yield _("“%(value)s” is not a telephone number: write 10 digits, or + and the country’s code.") % {
            "value": value
        }


def _check_siret(question: Question, value: str) -> Iterator[str]:
    try:
        validate_siret(value)
    except ValidationError as error:
        yield from error.messages


CHECKS: dict[QuestionKind, Callable[[Question, Any], Iterator[str]]] = {
    QuestionKind.TEXT: _check_text,
    QuestionKind.LONG_TEXT: _check_text,
    QuestionKind.INTEGER: _check_integer,
    QuestionKind.DECIMAL: _check_decimal,
    QuestionKind.MONEY: _check_money,
    QuestionKind.DATE: _check_date,
    QuestionKind.PERIOD: _check_period,
    QuestionKind.CHOICE: _check_choice,
    QuestionKind.MULTIPLE: _check_choices,
    QuestionKind.YES_NO: _check_yes_no,
    QuestionKind.EMAIL: _check_email,
    QuestionKind.PHONE: _check_phone,
    QuestionKind.SIRET: _check_siret,
}
