"""The live figures of a Region at work are clean, and each invariant sees its own false state."""

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from core.figures.checking import look, look_at
from core.figures.invariants import Invariant, invariant_of, invariants
from tests.invariants import agreements_breaks, applicants_breaks, core_breaks, grants_breaks, reporting_breaks
from tests.invariants.sabotage import broken_codes, sabotage, statements_of

pytestmark = pytest.mark.django_db

DECLARED = (core_breaks, applicants_breaks, grants_breaks, agreements_breaks, reporting_breaks)
CODES = [invariant.code for invariant in invariants()]
# Statements that one look may make, whatever the number of rows.
QUERIES = 3


def test_a_region_at_work_breaks_nothing(region):
    assert [(result.invariant.code, result.rows, result.error) for result in look() if not result.holds] == []


@pytest.mark.parametrize("code", broken_codes())
def test_a_false_state_is_found(region, code):
    invariant = invariant_of(code)
    assert look_at(invariant).holds
    sabotage(statements_of(code))
    result = look_at(invariant)
    assert result.error == ""
    assert result.count >= 1
    for row in result.rows:
        assert row.label
        invariant.shown(row.expected, row.subject)
        invariant.shown(row.found, row.subject)


# --- conformance ----------------------------------------------------------------------------------------------------


def test_every_invariant_is_broken_by_a_test():
    assert sorted(broken_codes()) == sorted(CODES)
    assert len(CODES) == len(set(CODES))


@pytest.mark.parametrize("invariant", invariants(), ids=CODES)
def test_every_invariant_says_what_it_is(invariant: Invariant):
    assert apps.is_installed(invariant.app_label)
    for text in (invariant.name, invariant.sentence, invariant.source):
        with translation.override("en"):
            english = str(text)
        with translation.override("fr"):
            french = str(text)
        assert english and french and english != french
    subject = invariant.subject._meta
    assert reverse(f"admin:{subject.app_label}_{subject.model_name}_change", args=[1])


@pytest.mark.parametrize("invariant", invariants(), ids=CODES)
def test_every_invariant_is_few_statements(region, invariant: Invariant):
    list(invariant.broken())  # what is asked once in the life of a process is known
    with CaptureQueriesContext(
        connection,
    ) as captured:
        list(invariant.broken())
    assert len(captured) <= QUERIES


def test_a_code_that_nobody_declares_raises():
    with pytest.raises(LookupError):
        invariant_of("grants.nothing")
    with pytest.raises(LookupError):
        look(["grants.nothing"])
