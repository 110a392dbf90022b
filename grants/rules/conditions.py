"""When a section, a question, a choice or a piece is shown. Pure functions over answers and facts of the applicant.

Forms: ``{answer: code, equals: x}``, ``{answer: code, in: [x, y]}``, ``{answer: code, contains: x}`` (multiple choice),
``{answer: code, at_least: n}``, ``{answer: code, answered: true}``, ``{applicant: fact, equals: x}``, and ``all``,
``any``, ``not`` of those.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from grants.rules.schema import PieceRule, ProgrammeRules, Question, Section


@dataclass(frozen=True)
class ApplicantFacts:
    """What conditions may ask about the lead applicant."""

    kind: str = "legal"
    is_association: bool = False
    ess_statut: str = ""
    signs_cer: bool = False
    in_formation: bool = False


@dataclass(frozen=True)
class FormFacts:
    """The answers typed so far and who asks."""

    answers: Mapping[str, Any]
    applicant: ApplicantFacts = ApplicantFacts()


def holds(condition: dict | None, facts: FormFacts) -> bool:
    """Whether a condition is fulfilled; no condition always is."""
    if not condition:
        return True
    if "all" in condition:
        return all(holds(item, facts) for item in condition["all"])
    if "any" in condition:
        return any(holds(item, facts) for item in condition["any"])
    if "not" in condition:
        return not holds(condition["not"], facts)
    if "applicant" in condition:
        return _compare(condition, getattr(facts.applicant, condition["applicant"]))
    return _compare(condition, facts.answers.get(condition["answer"]))


def _compare(condition: dict, value: Any) -> bool:
    if "equals" in condition:
        return value == condition["equals"]
    if "in" in condition:
        return value in condition["in"]
    if "contains" in condition:
        return condition["contains"] in (value or [])
    if "at_least" in condition:
        try:
            return value not in (None, "") and Decimal(str(value)) >= Decimal(str(condition["at_least"]))
        except InvalidOperation:
            return False
    return is_answered(value) == condition["answered"]


def is_answered(value: Any) -> bool:
    """Whether there is something in an answer; ``False`` (the answer no) is something."""
    if isinstance(value, dict):
        return any(is_answered(item) for item in value.values())
    return value not in (None, "", [])


def shown_sections(rules: ProgrammeRules, facts: FormFacts) -> list[Section]:
    """The steps of the form for these facts."""
    return [section for section in rules.sections if holds(section.show_if, facts)]


def shown_questions(section: Section, facts: FormFacts) -> list[Question]:
    """The questions of a step for these facts."""
    return [question for question in section.questions if holds(question.show_if, facts)]


def expected_pieces(rules: ProgrammeRules, facts: FormFacts) -> list[PieceRule]:
    """The pieces that concern this application, compulsory or not."""
    return [piece for piece in rules.pieces if holds(piece.show_if, facts)]
