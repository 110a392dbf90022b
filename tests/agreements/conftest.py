"""After whatever a test of agreements did the legal way, what ends say of what they found and decided accuses nobody."""

from collections.abc import Iterator

import pytest
from django.db import connection

from core.figures.invariants import invariant_of

TOLD_OF_ENDS = (
    "settlement-says-what-was-paid",
    "settlement-keeps-what-was-certified",
    "settlement-decides-as-told",
    "settlement-of-its-end",
    "given-up-as-told",
    "payment-steps-as-told",
)


@pytest.fixture(autouse=True)
def what_ends_say_accuses_nobody(request: pytest.FixtureRequest) -> Iterator[None]:
    """These figures compare a settlement with events: every way in which a test ends something must leave them whole."""
    if request.node.get_closest_marker("django_db") is None:
        yield
        return
    request.getfixturevalue("db")  # before this fixture: still there when it looks
    yield
    if not connection.needs_rollback:
        accused = {code: list(invariant_of(f"agreements.{code}").broken()) for code in TOLD_OF_ENDS}
        assert not any(accused.values()), accused
