"""Each thing that the SQL of a figure looks at is broken: with its branch taken out, a declared false state is not seen."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import override_settings

from agreements.models.claim_rules import ended_by
from agreements.models.same_invoice import MAY_BE_ONE, OF_THE_SAME, OVER_THEIR_TOTAL, credits_over_their_invoice
from applicants.figures.accounts import NUMBER_WAS_ERASED, NUMBER_WAS_ON_FILE
from applicants.models.applicant import SINGLE_UNDERTAKING
from applicants.models.triggers import bodies_of_case, interested
from core.figures.invariants import invariant_of, invariants
from core.figures.taken_accounts import steps_in_one_hand, steps_of_one_maker
from core.models.hands import UNANSWERED_HANDS
from reporting.models.credit_notes import apart_from_its_invoice, retained_beyond, sums_by_note
from tests.invariants.branches import Branch, branches
from tests.invariants.sabotage import breaks_of, sabotage, settings_of
from tests.invariants.test_declared import DECLARED

pytestmark = pytest.mark.django_db

# Conditions that are written once for a figure and for what refuses or asks: they are tried where they refuse and ask.
WRITTEN_ONCE: dict[str, Iterable[str]] = {
    "tests/applicants/test_no_interest.py, test_interests_that_stay.py, tests/grants/test_impartial.py": (
        interested("act.who", "of_case.id", "act.done_at", "of_case.address", "of_case.place"),
        interested("act.who", "of_case.id", "act.done_at"),
        interested("u.id", "account.applicant_id", "account.verified_at"),
        bodies_of_case("act.of_case"),
    ),
    "tests/applicants/test_bank_accounts.py": (
        # Whom a call of before, or what was erased, does not accuse; which numbers were on file, as the trigger asks too.
        f"(c.known_days IS NULL OR {NUMBER_WAS_ON_FILE} OR {NUMBER_WAS_ERASED})",
    ),
    "tests/core/test_known_persons.py": (
        steps_in_one_hand("SELECT 1"),
        steps_of_one_maker("SELECT 1"),
        UNANSWERED_HANDS,
    ),
    "tests/agreements/test_suppliers.py": (
        MAY_BE_ONE,
        OF_THE_SAME,
        OVER_THEIR_TOTAL,
        credits_over_their_invoice("TRUE"),
    ),
    "tests/agreements/test_kept_drafts.py": (ended_by("event", "c"),),
    "tests/reporting/test_credit_notes.py": (
        sums_by_note("TRUE", "credit_item.declaration_id"),
        retained_beyond("note.declaration_id", alone="note.controlled_at IS NOT NULL"),
        apart_from_its_invoice("note.declaration_id"),
    ),
    "tests/applicants/test_single_undertaking.py": (SINGLE_UNDERTAKING.replace("%s", "g.applicant_id"),),
}


def of_figure(code: str) -> list[Branch]:
    """The branches of a figure that are its own."""
    elsewhere = {branch.text for written in WRITTEN_ONCE.values() for sql in written for branch in branches(sql)}
    return [branch for branch in branches(invariant_of(code).sql) if branch.text not in elsewhere]


WITH_BRANCHES = [invariant.code for invariant in invariants() if of_figure(invariant.code)]


@pytest.mark.parametrize("code", WITH_BRANCHES)
def test_without_a_branch_a_false_state_goes_unseen(region, code):
    """Or what is true is found to be false: where a branch says what goes with what."""
    assert DECLARED
    parameters = invariant_of(code).parameters
    unshown = [branch for branch in of_figure(code) if not _finds(branch.without, parameters())]
    for statements in breaks_of(code):
        if not unshown:
            break
        with override_settings(**settings_of(code)):
            point = transaction.savepoint()
            sabotage(statements)
            unshown = [branch for branch in unshown if _finds(branch.without, parameters())]
            transaction.savepoint_rollback(point)
    assert [branch.text for branch in unshown] == [], "no break shows that these see anything (breaks_too)"


def _finds(sql: str, parameters: Mapping[str, Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, dict(parameters))
        return cursor.fetchone() is not None


def test_the_branches_of_a_statement():
    found = branches(
        "SELECT a FROM t WHERE (left(x, 9) = 1 OR y IS DISTINCT FROM (SELECT 1 FROM u WHERE p OR q)) AND NOT (c OR d) "
        "UNION ALL SELECT b FROM v CROSS JOIN LATERAL (VALUES (1, '('), (2, 'OR')) AS step ORDER BY 1"
    )
    assert [branch.text for branch in found] == [
        "SELECT a FROM t WHERE (left(x, 9) = 1 OR y IS DISTINCT FROM (SELECT 1 FROM u WHERE p OR q)) AND NOT (c OR d)",
        "left(x, 9) = 1",
        "y IS DISTINCT FROM (SELECT 1 FROM u WHERE p OR q)",
        "SELECT b FROM v CROSS JOIN LATERAL (VALUES (1, '('), (2, 'OR')) AS step",
        "(1, '('),",
        ", (2, 'OR')",
    ]
    assert "(FALSE OR y IS" in found[1].without
    assert "(VALUES (2, 'OR'))" in found[4].without and "(VALUES (1, '('))" in found[5].without
