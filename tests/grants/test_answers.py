"""Answers: what is kept of what was typed, and what is said of it, on both sides of each boundary."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.lib.planned_days import periods, plans
from grants.rules.answers import normalise, parse_amount, parse_day, problems_of
from grants.rules.conditions import ApplicantFacts, FormFacts
from grants.rules.schema import Choice, Question, QuestionKind, Text
from tests.grants.test_conditions import BASE

LABEL = Text("Question")
CHOICES = (
    Choice("a", LABEL),
    Choice("b", LABEL),
    Choice("c", LABEL, show_if={"applicant": "signs_cer", "equals": True}),
)
FACTS = FormFacts({}, ApplicantFacts(), BASE)


def question(kind: str, **more) -> Question:
    choices = CHOICES if kind in ("choice", "multiple", "attestations") else ()
    return Question("code", QuestionKind(kind), LABEL, choices=choices, **more)


def problems(kind: str, value, **more) -> list[str]:
    return problems_of(question(kind, **more), value, FACTS)


def in_days(days: int) -> str:
    return (timezone.localdate() + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("kind", "raw", "kept"),
    [
        ("text", "  Reims ", "Reims"),
        ("text", None, ""),
        ("long_text", "a\r\nb ", "a\nb"),
        ("integer", "1 200", 1200),
        ("integer", "-3", -3),
        ("integer", "12,5", "12,5"),
        ("integer", "1234567890", "1234567890"),
        ("decimal", "1,5", "1.5"),
        ("decimal", "4", "4"),
        ("decimal", "un et demi", "un et demi"),
        ("money", "1 500", "1500"),
        ("money", "1 500,50 €", "1500.50"),
        ("money", "beaucoup", "beaucoup"),
        ("date", "1/12/2026", "2026-12-01"),
        ("date", "31/02/2026", "31/02/2026"),
        ("period", {"start": "1/1/2026", "end": "x"}, {"start": "2026-01-01", "end": "x"}),
        ("period", None, {"start": "", "end": ""}),
        ("yes_no", "yes", True),
        ("yes_no", "no", False),
        ("yes_no", True, True),
        ("yes_no", "", None),
        ("choice", " a ", "a"),
        ("multiple", ["b", "z", "a"], ["a", "b"]),
        ("multiple", "a", ["a"]),
        ("attestations", None, []),
        ("email", " a@b.fr ", "a@b.fr"),
        ("phone", " 03 26 00 00 00", "03 26 00 00 00"),
        ("siret", "418 166 096 00051", "41816609600051"),
    ],
)
def test_what_is_kept_and_kept_again_the_same(kind, raw, kept):
    assert normalise(question(kind), raw) == kept
    assert normalise(question(kind), kept) == kept


@pytest.mark.parametrize("kind", ["partners", "persons", "budget", "tranches", "pieces"])
def test_tables_and_pieces_are_kept_elsewhere(kind):
    with pytest.raises(KeyError):
        normalise(question(kind), "x")
    with pytest.raises(KeyError):
        problems(kind, "x")


@pytest.mark.parametrize(
    ("kind", "good", "bad", "more"),
    [
        ("text", "x" * 200, "x" * 201, {}),
        ("text", "x" * 5, "x" * 6, {"max_length": 5}),
        ("long_text", "x" * 5000, "x" * 5001, {}),
        ("integer", 0, -1, {}),
        ("integer", 10, 11, {"maximum": Decimal(10)}),
        ("integer", 10, 9, {"minimum": Decimal(10)}),
        ("integer", 3, "three", {}),
        ("decimal", "1.5", "1.555", {}),
        ("decimal", "10000", "10000.5", {"maximum": Decimal(10000)}),
        ("money", "0.00", "-0.01", {}),
        ("money", "10.00", "10.01", {"maximum": Decimal(10)}),
        ("money", "10.00", "9.99", {"minimum": Decimal(10)}),
        ("money", "12", "douze", {}),
        ("date", "2026-12-31", "2026-02-31", {}),
        ("period", {"start": "2026-01-01", "end": "2026-01-01"}, {"start": "2026-01-02", "end": "2026-01-01"}, {}),
        ("period", {"start": "2026-01-01", "end": "2026-12-31"}, {"start": "2026-01-01", "end": "2027-01-01"}, {"max_months": 12}),
        ("period", {"start": "2026-01-01", "end": "2026-01-02"}, {"start": "2026-01-01", "end": ""}, {}),
        ("date", "2000-01-01", "1999-12-31", {}),
        ("date", in_days(plans()), in_days(plans() + 1), {}),
        ("period", {"start": in_days(plans()), "end": in_days(periods())}, {"start": in_days(plans() + 1), "end": in_days(periods())}, {}),
        ("period", {"start": "2026-01-01", "end": in_days(periods())}, {"start": "2026-01-01", "end": in_days(periods() + 1)}, {}),
        ("choice", "a", "z", {}),
        ("multiple", ["a"], ["z"], {}),
        ("multiple", ["a"], "a", {}),
        ("yes_no", False, "perhaps", {}),
        ("email", "a@b.fr", "a@b", {}),
        ("phone", "03 26 00 00 00", "12", {}),
        ("siret", "41816609600051", "41816609600052", {}),
        ("attestations", ["a", "b"], ["a"], {}),
    ],
)  # fmt: skip
def test_both_sides_of_each_boundary(kind, good, bad, more):
    assert problems(kind, good, **more) == []
    assert problems(kind, bad, **more)


@pytest.mark.parametrize(
    "kind", ["text", "integer", "money", "date", "period", "choice", "multiple", "yes_no", "email"]
)
def test_a_compulsory_question_wants_an_answer(kind):
    assert problems(kind, None)
    assert problems(kind, None, required=False) == []


def test_a_statement_that_concerns_others_is_not_asked():
    signer = FormFacts({}, ApplicantFacts(signs_cer=True), BASE)
    assert problems_of(question("attestations"), ["a", "b"], FACTS) == []
    assert problems_of(question("attestations"), ["a", "b"], signer)


def test_amounts_and_days_are_read_or_are_nothing():
    assert parse_amount("12 345,67 €") == Decimal("12345.67")
    assert parse_amount("1,234.56") == Decimal("1234.56")
    assert parse_amount("12,345") is None
    assert parse_day("31/12/2026").isoformat() == "2026-12-31"
    assert parse_day("31/13/2026") is None
