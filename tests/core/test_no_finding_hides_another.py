"""A forged row may be the one from which words or other checks are read: every other finding is still told."""

import pytest
from django.db import connection

from core.acting import acting_as
from core.engine import findings
from core.engine.findings import Finding
from core.engine.seals import seal_all
from core.models.user import User
from tests.core.test_proof_of_the_proof import behind_the_triggers, broken, in_english, sql
from tests.factories.core import UserFactory

__all__ = ["in_english"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("problem", [KeyError("code"), AttributeError("x"), LookupError, RuntimeError])
def test_a_value_without_words_is_told_as_it_stands(monkeypatch, problem):
    def read_from_a_forged_row(*_of: object) -> str:
        raise problem

    monkeypatch.setattr(findings, "_values_say", [read_from_a_forged_row])
    told = str(Finding("core_user", 1, "first_name", "Anne", "Jeanne", None, "this row was changed"))
    assert all(text in told for text in ("Anne", "Jeanne", "this row was changed"))


def _changed(person: User, phone: str) -> int:
    """The seal of the line that a change wrote."""
    with acting_as(person, label="test"):
        User.objects.filter(pk=person.pk).update(phone=phone)
    seal_all()
    with connection.cursor() as cursor:
        cursor.execute("""SELECT max(position) FROM core_eventseal WHERE "table" = 'core_user'""")
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    "columns", ["{}", '{"public": []}', '{"public": [], "personal": []}', "[1]", '{"public": 1, "personal": 2}']
)
def test_a_seal_that_names_no_columns_is_named_and_hides_no_forged_line(columns):
    seal_all()
    person, other = UserFactory(), UserFactory()
    position = _changed(person, "0102030405")
    _changed(other, "0607080910")
    with behind_the_triggers():
        sql("UPDATE core_eventseal SET columns = %s WHERE position = %s", columns, position)
        sql("UPDATE core_user SET phone = '99' WHERE id = %s", other.pk)
        sql("UPDATE core_userevent SET phone = '99' WHERE pgh_id = (SELECT max(pgh_id) FROM core_userevent)")
    lines = broken()
    assert any(line.startswith(f"core_eventseal id={position}") for line in lines), lines
    assert any(line.startswith(f"core_user id={other.pk}") for line in lines), lines
    assert not any("could not be made" in line for line in lines), lines
