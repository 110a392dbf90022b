"""Scoring on a programme's criteria: pure functions.

A criterion has a weight (any positive number; shares are taken of their sum) and a scale. The total is on 20, as
French juries read it, rounded to one hundredth, half up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

OUT_OF = Decimal(20)
HUNDREDTH = Decimal("0.01")


class WeightedCriterion(Protocol):
    """What scoring needs to know of a criterion."""

    code: str
    label: str
    weight: Decimal
    max_score: Decimal


@dataclass(frozen=True)
class ScoreLine:
    """One criterion with its score and what it brings to the total."""

    code: str
    label: str
    weight_share: Decimal
    score: Decimal | None
    max_score: Decimal
    points: Decimal | None


@dataclass(frozen=True)
class ScoringResult:
    """The total on 20, or ``None`` as long as a criterion lacks its score."""

    total: Decimal | None
    lines: tuple[ScoreLine, ...]
    missing: tuple[str, ...]


def total_score(criteria: Iterable[WeightedCriterion], scores: Mapping[str, Decimal]) -> ScoringResult:
    """Weigh the scores of a case.

    Args:
        criteria: the programme's criteria.
        scores: score by criterion code, each between 0 and the criterion's maximum.

    Raises:
        ValueError: when a score lies outside its scale.
    """
    criteria = list(criteria)
    whole = sum((Decimal(criterion.weight) for criterion in criteria), Decimal(0))
    lines, missing = [], []
    for criterion in criteria:
        share = Decimal(criterion.weight) / whole
        score = scores.get(criterion.code)
        points = None
        if score is None:
            missing.append(criterion.code)
        else:
            points = _points(criterion, score, share)
        lines.append(ScoreLine(criterion.code, criterion.label, share, score, Decimal(criterion.max_score), points))
    total = None
    if lines and not missing:
        exact = sum((line.points for line in lines), Decimal(0))
        total = exact.quantize(HUNDREDTH, rounding=ROUND_HALF_UP)
    return ScoringResult(total, tuple(lines), tuple(missing))


def _points(criterion: WeightedCriterion, score: Decimal, share: Decimal) -> Decimal:
    highest = Decimal(criterion.max_score)
    if not 0 <= score <= highest:
        raise ValueError(f"score of {criterion.code} must lie between 0 and {highest}")
    return score / highest * OUT_OF * share
