"""Conditions of a programme's file that cannot work: unlike things compared, unknown names, circles, impossibilities."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, product
from math import prod
from typing import Any

from django.utils.translation import gettext as _

from applicants.models import Applicant
from grants.programmes.comparisons import (
    AMOUNT,
    CHOICE,
    CHOICES,
    DAY,
    NUMBER,
    OPERATORS,
    PERIOD,
    UNKNOWN,
    WHOLE_NUMBER,
    YES_NO,
    Comparison,
)
from grants.programmes.kinds import KINDS
from grants.programmes.structure import Found, shown, unknown_name
from grants.rules.conditions import APPLICANT_COMPARISONS, ApplicantFacts, FormFacts, is_shown, verdict
from grants.rules.schema import ProgrammeRules, Question

MOST_CASES = 20_000
"""Combinations of answers that are tried before a condition is believed to be possible."""

APPLICANT_VALUES = {
    "kind": tuple(Applicant.Kind.values),
    "ess_statut": ("", *Applicant.EssStatut.values),
}


@dataclass(frozen=True)
class Owner:
    """What carries a condition: where in the file, and the question it belongs to (a question's own, a choice's)."""

    path: list
    condition: Any
    question: Question | None = None
    is_question: bool = False


def condition_problems(rules: ProgrammeRules) -> Iterator[Found]:
    """Everything wrong with the conditions of a file, each with its place."""
    owners = [owner for owner in _owners(rules) if owner.condition is not None]
    wrong = [problem for owner in owners for problem in _form_problems(owner.condition, owner.path, rules)]
    yield from wrong
    if wrong:
        return  # what follows asks the conditions themselves
    circles = list(_circles(rules))
    yield from circles
    if not circles:
        yield from _impossible(owners, rules)


def _owners(rules: ProgrammeRules) -> Iterator[Owner]:
    for rank, section in enumerate(rules.sections):
        yield Owner(["sections", rank, "show_if"], section.show_if)
        for place, question in enumerate(section.questions):
            at = ["sections", rank, "questions", place]
            yield Owner([*at, "show_if"], question.show_if, question, is_question=True)
            for number, choice in enumerate(question.choices):
                yield Owner([*at, "choices", number, "show_if"], choice.show_if, question)
    for rank, piece in enumerate(rules.pieces):
        yield Owner(["pieces", rank, "show_if"], piece.show_if)


# --- their form -----------------------------------------------------------------------------------------------------


def _form_problems(condition: Any, path: list, rules: ProgrammeRules) -> Iterator[Found]:
    if not isinstance(condition, dict):
        yield path, _how_to_write()
        return
    heads = [word for word in ("all", "any", "not", "answer", "applicant") if word in condition]
    if len(heads) != 1:
        yield path, _how_to_write()
        return
    head = heads[0]
    if head in ("answer", "applicant"):
        yield from _leaf_problems(condition, head, path, rules)
        return
    items = condition[head] if head != "not" else [condition[head]]
    if len(condition) > 1 or not isinstance(items, list) or not items:
        yield path, _how_to_write()
        return
    for rank, item in enumerate(items):
        yield from _form_problems(item, [*path, head] if head == "not" else [*path, head, rank], rules)


def _how_to_write() -> str:
    return _(
        "a condition is written {answer: code, equals: value} (or “in”, “contains”, “at_least”, “answered”),"
        " {applicant: fact, equals: value}, {all: [conditions]}, {any: [conditions]} or {not: condition}."
    )


def _leaf_problems(condition: dict, head: str, path: list, rules: ProgrammeRules) -> Iterator[Found]:
    operators = [word for word in OPERATORS if word in condition]
    if len(operators) != 1 or len(condition) != 2:
        yield path, _how_to_write()
        return
    code, operator = condition[head], operators[0]
    if head == "applicant":
        if code not in APPLICANT_COMPARISONS:
            yield [*path, head], unknown_name(str(code), list(APPLICANT_COMPARISONS))
            return
        comparison, name = APPLICANT_COMPARISONS[code], _("the fact “%(code)s”") % {"code": code}
        allowed = tuple(word for word in comparison.operators if word in ("equals", "in"))
        known = APPLICANT_VALUES.get(code)
    else:
        question = rules.questions.get(code) if isinstance(code, str) else None
        if question is None:
            yield [*path, head], _("no question has the code “%(code)s”.") % {"code": shown(code)}
            return
        comparison = KINDS[question.kind].compares
        name = _("the question “%(code)s” (%(kind)s)") % {"code": code, "kind": question.kind.value}
        if comparison is None:
            yield [*path, head], _("%(name)s: no condition can look into a table or into the pieces.") % {"name": name}
            return
        allowed = comparison.operators
        known = tuple(choice.value for choice in question.choices) if question.choices else None
    if operator not in allowed:
        yield (
            [*path, operator],
            _("%(name)s is not compared by “%(operator)s”: write %(allowed)s.")
            % {"name": name, "operator": operator, "allowed": ", ".join(allowed)},
        )
        return
    yield from _value_problems(condition[operator], operator, comparison, name, known, [*path, operator])


def _value_problems(
    written: Any, operator: str, comparison: Comparison, name: str, known: tuple | None, path: list
) -> Iterator[Found]:
    if operator == "answered":
        if not isinstance(written, bool):
            yield path, _("“answered” is followed by true or false.")
        return
    if operator == "in" and not (isinstance(written, list) and written):
        yield path, _("“in” is followed by a list of values between brackets: [a, b].")
        return
    for value in written if operator == "in" else [written]:
        if comparison.read(value) is UNKNOWN or (comparison is CHOICES and not isinstance(value, str)):
            yield (
                path,
                _("%(name)s cannot be compared with “%(value)s”: write %(expected)s.")
                % {"name": name, "value": shown(value), "expected": comparison.expects},
            )
        elif known is not None and comparison in (CHOICE, CHOICES) and value not in known:
            yield (
                path,
                _("%(name)s never has the value “%(value)s”: write one of %(known)s.")
                % {"name": name, "value": shown(value), "known": ", ".join(item for item in known if item)},
            )


# --- circles --------------------------------------------------------------------------------------------------------


def _names(condition: Any) -> Iterator[str]:
    """The questions that a condition names, those of its parts included."""
    if isinstance(condition, dict):
        if isinstance(condition.get("answer"), str):
            yield condition["answer"]
        for item in condition.values():
            yield from _names(item)
    elif isinstance(condition, list):
        for item in condition:
            yield from _names(item)


def _leads_to(rules: ProgrammeRules) -> dict[str, set[str]]:
    """For each question the questions on which its being shown hangs."""
    return {
        code: {*_names(question.show_if), *_names(rules.section_of(code).show_if)}
        for code, question in rules.questions.items()
    }


def _circles(rules: ProgrammeRules) -> Iterator[Found]:
    leads_to = _leads_to(rules)
    for rank, section in enumerate(rules.sections):
        for place, question in enumerate(section.questions):
            circle = _way_back(question.code, leads_to)
            if circle:
                yield (
                    ["sections", rank, "questions", place, "show_if" if question.show_if else "code"],
                    _("the conditions go in a circle: %(way)s. Remove one of them.") % {"way": " → ".join(circle)},
                )


def _way_back(start: str, leads_to: dict[str, set[str]]) -> list[str]:
    """The shortest way from a question back to itself; empty when there is none."""
    ways, seen = [[start]], set()
    while ways:
        way = ways.pop(0)
        for following in sorted(leads_to[way[-1]]):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


# --- impossibilities ------------------------------------------------------------------------------------------------


def _impossible(owners: list[Owner], rules: ProgrammeRules) -> Iterator[Found]:
    for owner in owners:
        if not _is_possible(owner, rules):
            yield owner.path, _("this condition can never be fulfilled: nobody would ever see what hangs on it.")


def _is_possible(owner: Owner, rules: ProgrammeRules) -> bool:
    """Whether some combination of answers and facts fulfils a condition. With too many to try, it is believed."""
    conditions = _conditions_behind(owner, rules)
    codes = sorted({name for condition in conditions for name in _names(condition)})
    facts = sorted({leaf["applicant"] for leaf in _leaves(conditions) if "applicant" in leaf})
    answers = [_telling_answers(rules.questions[code], _values(conditions, code)) for code in codes]
    applicants = [_telling_facts(fact, rules) for fact in facts]
    if prod(len(domain) for domain in [*answers, *applicants]) > MOST_CASES:
        return True
    return any(
        _is_fulfilled(
            owner,
            FormFacts(
                dict(zip(codes, values[: len(codes)], strict=True)),
                ApplicantFacts(**dict(zip(facts, values[len(codes) :], strict=True))),
                rules,
            ),
        )
        for values in product(*answers, *applicants)
    )


def _is_fulfilled(owner: Owner, facts: FormFacts) -> bool:
    if owner.question is not None and is_shown(owner.question, facts) is not True:
        return False
    return owner.is_question or verdict(owner.condition, facts) is True


def _conditions_behind(owner: Owner, rules: ProgrammeRules) -> list[Any]:
    """The condition itself, and those that show the questions it hangs on, and so on."""
    waiting = {*_names(owner.condition), *([owner.question.code] if owner.question else [])}
    conditions, seen = [owner.condition], set()
    while waiting:
        code = waiting.pop()
        seen.add(code)
        own = [rules.questions[code].show_if, rules.section_of(code).show_if]
        conditions += [condition for condition in own if condition]
        waiting |= {name for condition in own for name in _names(condition)} - seen
    return conditions


def _leaves(conditions: Any) -> Iterator[dict]:
    if isinstance(conditions, dict) and ("answer" in conditions or "applicant" in conditions):
        yield conditions
    elif isinstance(conditions, dict | list):
        for item in conditions.values() if isinstance(conditions, dict) else conditions:
            yield from _leaves(item)


def _values(conditions: list, code: str) -> list[Any]:
    """The values with which an answer is compared."""
    found = []
    for leaf in _leaves(conditions):
        if leaf.get("answer") == code:
            operator = next(word for word in OPERATORS if word in leaf)
            found += leaf[operator] if operator == "in" else [leaf[operator]]
    return found


def _telling_answers(question: Question, values: list[Any]) -> list[Any]:
    """No answer, and answers on each side of every value compared, within what the question takes."""
    comparison = KINDS[question.kind].compares
    if comparison is YES_NO:
        return [None, True, False]
    if comparison is CHOICE:
        return [None, *(choice.value for choice in question.choices)]
    if comparison is CHOICES:
        first = question.choices[0].value if question.choices else ""
        named = sorted({first, *(value for value in values if isinstance(value, str))})[:8]
        return [list(ticked) for size in range(len(named) + 1) for ticked in combinations(named, size)]
    if comparison is PERIOD:
        return [None, {"start": "2026-01-01", "end": "2026-12-31"}]
    if comparison is DAY:
        days = [date.fromisoformat(value) for value in values if isinstance(value, str)]
        return [
            None,
            *((day + timedelta(days=gap)).isoformat() for day in days or [date(2026, 1, 1)] for gap in (-1, 0, 1)),
        ]
    if comparison in (AMOUNT, NUMBER, WHOLE_NUMBER):
        return [
            None,
            *_telling_numbers(question, values, Decimal(1) if comparison is WHOLE_NUMBER else Decimal("0.01")),
        ]
    return [None, "\u2026", *(value for value in values if isinstance(value, str))]


def _telling_numbers(question: Question, values: list[Any], step: Decimal) -> list[str]:
    least = question.minimum if question.minimum is not None else Decimal(0)
    numbers = [Decimal(str(value)) for value in values if not isinstance(value, bool)] + [least]
    if question.maximum is not None:
        numbers.append(question.maximum)
    near = {number + gap for number in numbers for gap in (-step, Decimal(0), step)}
    taken = (number for number in near if least <= number and (question.maximum is None or number <= question.maximum))
    return [str(number) for number in sorted(taken)]


def _telling_facts(fact: str, rules: ProgrammeRules) -> list[Any]:
    if fact == "kind":
        return list(rules.applicant_kinds)
    return list(APPLICANT_VALUES.get(fact, (True, False)))
