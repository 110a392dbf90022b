"""The live figures of a Region at work are clean, and each invariant sees its own false state."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from core.figures.checking import look, look_at
from core.figures.invariants import Invariant, invariant_of, invariants
from tests.invariants.looking import Looker
from tests.invariants.sabotage import sabotage, settings_of, statements_of
from tests.invariants.test_declared import CODES

pytestmark = pytest.mark.django_db
# Statements that one look may make, whatever the number of rows.
QUERIES = 3


def test_a_region_at_work_breaks_nothing(region):
    assert [(result.invariant.code, result.rows, result.error) for result in look() if not result.holds] == []


@pytest.mark.parametrize("code", CODES)
def test_a_false_state_is_found(region, code):
    invariant = invariant_of(code)
    assert look_at(invariant).holds
    sabotage(statements_of(code))
    with override_settings(**settings_of(code)):
        result = look_at(invariant)
    assert result.error == ""
    assert result.count >= 1
    for row in result.rows:
        assert row.label
        invariant.shown(row.expected, row.subject)
        invariant.shown(row.found, row.subject)


def test_the_look_after_each_random_move_sees_what_the_full_one_sees(region):
    looker = Looker()
    assert looker.broken() == []
    code = "agreements.certifier-does-not-order"
    sabotage(statements_of(code))
    assert code in [broken for broken, _rows, _error in looker.broken()]


@pytest.mark.parametrize("invariant", invariants(), ids=CODES)
def test_every_invariant_is_few_statements(region, invariant: Invariant):
    list(invariant.broken())  # what is asked once in the life of a process is known
    with CaptureQueriesContext(connection) as captured:
        list(invariant.broken())
    assert len(captured) <= QUERIES
