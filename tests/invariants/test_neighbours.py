"""What was once possible while conditions looked at their own row alone: each of these false states is found by a figure.

That they are refused is tested where they would be made; ``docs/trust.md`` has one table of both.
"""

import pytest
from django.conf import settings

from tests.invariants.neighbours_breaks import STATES
from tests.invariants.sabotage import statements_of
from tests.invariants.test_breaking import finds

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("what", STATES)
def test_what_was_once_possible_is_found(region, what):
    code, statements = STATES[what]
    finds(code, statements or statements_of(code))


def test_the_page_of_what_is_trusted_names_each():
    page = (settings.BASE_DIR / "docs" / "trust.md").read_text()
    assert [what for what, (code, _made) in STATES.items() if f"| {what} | `{code}` |" not in page] == []
