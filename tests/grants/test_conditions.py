"""Conditions of the form: like is compared with like, what cannot be read is unknown, what is hidden says nothing."""

from dataclasses import replace
from decimal import Decimal

import pytest

from grants.rules.conditions import (
    ApplicantFacts,
    FormFacts,
    expected_pieces,
    holds,
    is_answered,
    is_shown,
    shown_questions,
    shown_sections,
    verdict,
)
from grants.rules.definition import read_definition
from grants.rules.schema import Choice, ProgrammeRules, Question, QuestionKind, Section, Text, parse_programme
from grants.services.programmes import PROGRAMMES_FOLDER

BASE = parse_programme(read_definition(PROGRAMMES_FOLDER / "progress1.yaml"))
LABEL = Text("Question")
CHOICES = (Choice("a", LABEL), Choice("b", LABEL))


def question(code: str, kind: QuestionKind, show_if: dict | None = None, **more) -> Question:
    return Question(code, kind, LABEL, show_if=show_if, **more)


def rules_with(*questions: Question, **sections) -> ProgrammeRules:
    """A form of one step with these questions, and other steps by name."""
    first = Section("first", LABEL, questions)
    return replace(BASE, sections=(first, *sections.values()), pieces=())


FORM = rules_with(
    question("money", QuestionKind.MONEY),
    question("count", QuestionKind.INTEGER),
    question("day", QuestionKind.DATE),
    question("text", QuestionKind.TEXT),
    question("yes", QuestionKind.YES_NO),
    question("one", QuestionKind.CHOICE, choices=CHOICES),
    question("many", QuestionKind.MULTIPLE, choices=CHOICES),
    question("period", QuestionKind.PERIOD),
    question("table", QuestionKind.PARTNERS),
)


def about(rules=FORM, applicant: ApplicantFacts | None = None, **answers) -> FormFacts:
    return FormFacts(answers, applicant or ApplicantFacts(), rules)


def asked(code: str, condition: dict, answer) -> bool | None:
    return verdict({"answer": code} | condition, about(**{code: answer}))


# --- each type, both sides of each boundary -------------------------------------------------------------------------


@pytest.mark.parametrize("written", [1500, "1500", "1500.00", Decimal("1500.0"), Decimal("1500.00")])
def test_amounts_are_amounts_however_they_are_written(written):
    assert asked("money", {"equals": written}, "1500.00") is True
    assert asked("money", {"equals": written}, "1500") is True
    assert asked("money", {"equals": written}, "1500.01") is False
    assert asked("money", {"equals": written}, "1499.99") is False
    assert asked("money", {"in": [3, written]}, "1500.00") is True
    assert asked("money", {"at_least": written}, "1500.00") is True
    assert asked("money", {"at_least": written}, "1499.99") is False
    assert asked("money", {"at_least": written}, "10000.00") is True  # not in the order of letters


@pytest.mark.parametrize(
    ("code", "condition", "yes", "no"),
    [
        ("count", {"equals": 10}, 10, 9),
        ("count", {"equals": "10"}, 10, 11),
        ("count", {"in": [1, 10]}, 10, 2),
        ("count", {"at_least": 10}, 10, 9),
        ("count", {"at_least": 10}, 100, 9),
        ("day", {"equals": "2026-12-31"}, "2026-12-31", "2026-12-30"),
        ("day", {"at_least": "2026-12-31"}, "2026-12-31", "2026-12-30"),
        ("day", {"at_least": "2026-12-31"}, "2027-01-01", "2025-12-31"),
        ("day", {"in": ["2026-12-31"]}, "2026-12-31", "2027-12-31"),
        ("text", {"equals": "Reims"}, "Reims", "reims"),
        ("text", {"in": ["Reims", "Troyes"]}, "Troyes", "Nancy"),
        ("yes", {"equals": True}, True, False),
        ("yes", {"equals": False}, False, True),
        ("one", {"equals": "a"}, "a", "b"),
        ("one", {"in": ["a"]}, "a", "b"),
        ("many", {"contains": "a"}, ["b", "a"], ["b"]),
        ("period", {"answered": True}, {"start": "2026-01-01", "end": ""}, {"start": "", "end": ""}),
        ("text", {"answered": True}, "x", ""),
        ("text", {"answered": False}, None, "x"),
        ("yes", {"answered": True}, False, None),
    ],
)
def test_each_type_on_both_sides(code, condition, yes, no):
    assert asked(code, condition, yes) is True
    assert asked(code, condition, no) is False


@pytest.mark.parametrize("code", ["money", "count", "day", "text", "yes", "one"])
def test_no_answer_fulfils_no_comparison(code):
    for nothing in (None, ""):
        assert asked(code, {"equals": True if code == "yes" else "a" if code == "one" else 0}, nothing) is False


@pytest.mark.parametrize(
    ("code", "answer", "condition"),
    [
        ("money", "about ten", {"at_least": 10}),
        ("money", "1 500,00", {"equals": 1500}),
        ("count", "a dozen", {"equals": 12}),
        ("day", "31/12/2026 or so", {"at_least": "2026-12-31"}),
        ("yes", "perhaps", {"equals": True}),
        ("many", 3, {"contains": "a"}),
    ],
)
def test_what_cannot_be_read_is_unknown_and_never_quietly_no(code, answer, condition):
    facts = about(**{code: answer})
    condition = {"answer": code} | condition
    assert verdict(condition, facts) is None
    assert verdict({"not": condition}, facts) is None
    assert holds(condition, facts)
    assert holds({"not": condition}, facts)


def test_unknown_in_all_and_any():
    unknown, yes = {"answer": "money", "equals": 1}, {"answer": "yes", "equals": True}
    facts = about(money="many", yes=True)
    no = {"not": yes}
    assert verdict({"all": [unknown, yes]}, facts) is None
    assert verdict({"all": [unknown, no]}, facts) is False
    assert verdict({"any": [unknown, yes]}, facts) is True
    assert verdict({"any": [unknown, no]}, facts) is None


def test_a_table_or_an_operator_of_another_type_is_unknown():
    assert asked("table", {"answered": True}, [{"name": "x"}]) is None
    assert asked("text", {"at_least": 3}, "5") is None


def test_a_question_that_is_not_there_raises():
    with pytest.raises(KeyError):
        verdict({"answer": "gone", "equals": 1}, about())
    with pytest.raises(KeyError):
        about().answer("gone")
    with pytest.raises(AttributeError):
        verdict({"applicant": "gone", "equals": 1}, about())


def test_facts_of_the_applicant():
    association = ApplicantFacts(is_association=True, ess_statut="association")
    facts = about(applicant=association)
    assert holds({"applicant": "is_association", "equals": True}, facts)
    assert not holds({"applicant": "is_association", "equals": False}, facts)
    assert holds({"applicant": "ess_statut", "in": ["association", "mutual"]}, facts)
    assert not holds({"applicant": "kind", "equals": "natural"}, facts)


def test_all_any_not():
    yes, no = {"answer": "yes", "equals": True}, {"answer": "yes", "equals": False}
    facts = about(yes=True)
    assert holds(None, facts)
    assert holds({"all": [yes, {"not": no}]}, facts)
    assert not holds({"all": [yes, no]}, facts)
    assert holds({"any": [no, yes]}, facts)
    assert not holds({"any": [no, {"not": yes}]}, facts)


# --- what is hidden -------------------------------------------------------------------------------------------------

CHAIN = rules_with(
    question("first", QuestionKind.YES_NO),
    question("second", QuestionKind.YES_NO, {"answer": "first", "equals": True}),
    question("third", QuestionKind.TEXT, {"answer": "second", "equals": True}),
    last=Section(
        "last", LABEL, (question("fourth", QuestionKind.MONEY),), show_if={"answer": "third", "answered": True}
    ),
)


def test_an_old_answer_of_a_hidden_question_opens_nothing():
    answers = {"first": True, "second": True, "third": "x", "fourth": "10.00"}
    shown = about(CHAIN, **answers)
    assert [section.code for section in shown_sections(CHAIN, shown)] == ["first", "last"]
    assert shown.answer("fourth") == "10.00"
    hidden = about(CHAIN, **answers | {"first": False})  # the rest is as it was typed before
    assert [item.code for item in shown_questions(CHAIN.sections[0], hidden)] == ["first"]
    assert [section.code for section in shown_sections(CHAIN, hidden)] == ["first"]
    assert hidden.answer("second") is None
    assert hidden.answer("fourth") is None
    assert is_shown(CHAIN.questions["fourth"], hidden) is False
    assert holds({"answer": "second", "answered": False}, hidden)
    assert not holds({"answer": "fourth", "at_least": 1}, hidden)


def test_a_circle_in_an_old_version_is_unknown_and_ends():
    circle = rules_with(
        question("one", QuestionKind.YES_NO, {"answer": "two", "equals": True}),
        question("two", QuestionKind.YES_NO, {"answer": "one", "equals": True}),
    )
    assert is_shown(circle.questions["one"], about(circle, one=True, two=True)) is None


def test_pieces_follow_the_answers_that_are_shown():
    partnership = next(piece for piece in BASE.pieces if piece.code == "partnership")
    assert partnership in expected_pieces(BASE, about(BASE, is_collective=True))
    assert partnership not in expected_pieces(BASE, about(BASE, is_collective=False))


@pytest.mark.parametrize(
    ("value", "answered"),
    [(None, False), ("", False), ([], False), ({"start": "", "end": ""}, False), (False, True), (0, True), ("x", True),
     ({"start": "2026-01-01", "end": ""}, True), (["a"], True)],
)  # fmt: skip
def test_what_counts_as_an_answer(value, answered):
    assert is_answered(value) is answered
