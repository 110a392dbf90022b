"""The weighted total of a case, on 20."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from grants.rules.scoring import total_score


@dataclass
class Criterion:
    code: str
    weight: int
    max_score: int
    label: str = ""


CRITERIA = [Criterion("jobs", 40, 20), Criterion("sector", 30, 20), Criterion("governance", 30, 20)]


def scores(**values):
    return {code: Decimal(str(value)) for code, value in values.items()}


def test_the_total_is_weighted():
    """The mock-up's case: 15, 16 and 12 at 40, 30 and 30 % give 14.4."""
    result = total_score(CRITERIA, scores(jobs=15, sector=16, governance=12))
    assert result.total == Decimal("14.40")
    assert [line.points for line in result.lines] == [Decimal("6.0"), Decimal("4.8"), Decimal("3.6")]


def test_scales_and_weights_need_not_be_alike():
    criteria = [Criterion("a", 2, 5), Criterion("b", 1, 10)]
    assert total_score(criteria, scores(a=4, b=5)).total == Decimal("14.00")


def test_a_third_is_rounded_half_up_to_the_hundredth():
    criteria = [Criterion("a", 1, 3), Criterion("b", 1, 3), Criterion("c", 1, 3)]
    assert total_score(criteria, scores(a=1, b=1, c=0)).total == Decimal("4.44")


def test_without_every_score_there_is_no_total():
    result = total_score(CRITERIA, scores(jobs=15))
    assert result.total is None
    assert result.missing == ("sector", "governance")


def test_a_programme_without_criteria_has_no_total():
    assert total_score([], {}).total is None


@pytest.mark.parametrize("score", ["-0.01", "20.01"])
def test_a_score_outside_its_scale_is_refused(score):
    with pytest.raises(ValueError, match="jobs"):
        total_score(CRITERIA, scores(jobs=score))
