"""When a section, a question, a choice or a piece is shown. Pure functions over answers and facts of the applicant.

Forms: ``{answer: code, equals: x}``, ``{answer: code, in: [x, y]}``, ``{answer: code, contains: x}`` (multiple choice),
``{answer: code, at_least: n}``, ``{answer: code, answered: true}``, ``{applicant: fact, equals: x}``, and ``all``,
``any``, ``not`` of those. Answers are compared by the type of their question (``grants.programmes.comparisons``).

Visibility is transitive: what was typed in a question that is hidden now counts as no answer. A condition on an answer
that cannot be read ("about ten" for an amount) is unknown: what hangs on it stays shown, and nothing is filed before the
answer is mended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grants.programmes.comparisons import CHOICE, YES_NO, Comparison, compare
from grants.programmes.kinds import KINDS
from grants.rules.schema import PieceRule, ProgrammeRules, Question, Section


@dataclass(frozen=True)
class ApplicantFacts:
    """What conditions may ask about the lead applicant."""

    kind: str = "legal"
    is_association: bool = False
    ess_statut: str = ""
    signs_cer: bool = False
    in_formation: bool = False


APPLICANT_COMPARISONS: dict[str, Comparison] = {
    "kind": CHOICE,
    "is_association": YES_NO,
    "ess_statut": CHOICE,
    "signs_cer": YES_NO,
    "in_formation": YES_NO,
}


@dataclass(frozen=True)
class FormFacts:
    """The answers typed so far, who asks, and the form that they are typed in."""

    answers: Mapping[str, Any]
    applicant: ApplicantFacts
    rules: ProgrammeRules

    def answer(self, code: str) -> Any:
        """The answer to a question that is shown; None for one that is hidden. Raises KeyError: no such question."""
        return self.answers.get(code) if is_shown(self.rules.questions[code], self) is not False else None


def holds(condition: dict | None, facts: FormFacts) -> bool:
    """Whether what carries this condition is shown: it is fulfilled, or nobody can tell yet."""
    return verdict(condition, facts) is not False


def verdict(condition: dict | None, facts: FormFacts, asking: tuple[str, ...] = ()) -> bool | None:
    """Whether a condition is fulfilled; None when it hangs on an answer that cannot be read. No condition always is.

    ``asking`` are the questions whose visibility is being asked: a condition that comes back to one of them (a file
    loaded before cycles were refused) has no answer.
    """
    if not condition:
        return True
    if "all" in condition:
        return _every([verdict(item, facts, asking) for item in condition["all"]])
    if "any" in condition:
        return _negated(_every([_negated(verdict(item, facts, asking)) for item in condition["any"]]))
    if "not" in condition:
        return _negated(verdict(condition["not"], facts, asking))
    if "applicant" in condition:
        fact = condition["applicant"]
        return compare(condition, getattr(facts.applicant, fact), APPLICANT_COMPARISONS[fact])
    return _answer_verdict(condition, facts, asking)


def _answer_verdict(condition: dict, facts: FormFacts, asking: tuple[str, ...]) -> bool | None:
    question = facts.rules.questions[condition["answer"]]
    comparison = KINDS[question.kind].compares
    shown = is_shown(question, facts, asking)
    if shown is None or comparison is None:
        return None
    value = facts.answers.get(question.code) if shown else None
    if not is_answered(value):
        return condition.get("answered") is False
    return compare(condition, value, comparison)


def _every(verdicts: list[bool | None]) -> bool | None:
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _negated(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def is_shown(question: Question, facts: FormFacts, asking: tuple[str, ...] = ()) -> bool | None:
    """Whether a question and its section are shown; None when nobody can tell."""
    if question.code in asking:
        return None
    asking = (*asking, question.code)
    section = facts.rules.section_of(question.code)
    return _every([verdict(section.show_if, facts, asking), verdict(question.show_if, facts, asking)])


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
