"""Each declared invariant says what it is, in both languages, and is broken by a test."""

import re
from io import StringIO
from itertools import chain

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils import translation

from core.figures.checking import look
from core.figures.invariants import Invariant, invariant_of, invariants
from tests.invariants import (
    agreements_breaks,
    agreements_further_breaks,
    applicants_breaks,
    core_breaks,
    endings_breaks,
    grants_breaks,
    grants_further_breaks,
    reporting_breaks,
    reporting_further_breaks,
)
from tests.invariants.sabotage import breaks_of, broken_codes

DECLARED = (
    core_breaks,
    applicants_breaks,
    grants_breaks,
    agreements_breaks,
    endings_breaks,
    reporting_breaks,
    agreements_further_breaks,
    grants_further_breaks,
    reporting_further_breaks,
)
CODES = [invariant.code for invariant in invariants()]


def test_every_invariant_is_broken_by_a_test():
    assert DECLARED and sorted(broken_codes()) == sorted(CODES)
    assert len(CODES) == len(set(CODES)) >= 40


# The words before a "LIMIT 1", inner brackets left out: whether the select that it ends says an order.
_ORDERED = re.compile(r"ORDER BY (?:[^()]|\([^()]*\))*$")
_BARE_ORDER = re.compile(r"\)\)\)\.\*.* ORDER BY \w+(?: DESC)? LIMIT")


@pytest.mark.parametrize("code", CODES)
def test_a_break_takes_the_same_row_every_time(code):
    for statement in chain.from_iterable(breaks_of(code)):
        for limit in re.finditer("LIMIT", statement):
            assert _ORDERED.search(statement[: limit.start()]), f"whichever row stands first: {statement}"
        # Where a column is written anew, its bare name in ORDER BY is the new value, which says no order of the rows.
        assert not _BARE_ORDER.search(statement), f"an order of what is written, not of what is read: {statement}"


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


def test_a_code_that_nobody_declares_raises():
    with pytest.raises(LookupError):
        invariant_of("grants.nothing")
    with pytest.raises(LookupError):
        look(["grants.nothing"])


def test_the_page_of_the_invariants_is_up_to_date(tmp_path):
    call_command("figures_document", check=True, stdout=StringIO())
    out = tmp_path / "figures.md"
    with pytest.raises(CommandError, match="stale"):
        call_command("figures_document", check=True, out=out)
    call_command("figures_document", out=out, stdout=StringIO())
    assert all(f"`{code}`" in out.read_text() for code in CODES)
