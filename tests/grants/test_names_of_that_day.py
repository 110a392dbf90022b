"""A history speaks with the names of its day: what was renamed since is called as it was, with today's name beside it."""

import pytest
from django.db import transaction
from django.utils import translation

from core.acting import acting_as
from core.admin.changes import change_lines
from core.admin.events import lines as event_lines
from core.events import history, record
from core.roles import Role
from tests.factories.instruction import CaseFactory, staff

# Committed for good: each name has its instant, and no two of them are one.
pytestmark = pytest.mark.django_db(transaction=True)


def renamed(row, **names) -> None:
    """Another name from now on, by a person of the administration."""
    with acting_as(label="command migrate"), transaction.atomic():
        for name, value in names.items():
            setattr(row, name, value)
        row.save(update_fields=list(names))


def test_people_and_programmes_are_called_as_they_were():
    with acting_as(label="tests"):
        case = CaseFactory(state="in_instruction")
        officer, other = staff(Role.INSTRUCTOR), staff(Role.INSTRUCTOR)
    renamed(officer, first_name="Elena", last_name="Rossi")
    renamed(other, first_name="Elena", last_name="Blum")
    with acting_as(officer), transaction.atomic():
        case.instructor = officer
        case.save()
        record(case, "note", actor=officer)
    renamed(officer, last_name="Rossi-Martin")
    with acting_as(other), transaction.atomic():
        case.instructor = other
        case.save()
    with translation.override("fr"):
        (event,) = [line for line in event_lines(case, list(history(case))) if line.event.action == "note"]
        assert event.who.startswith("Elena Rossi (aujourd’hui")
        newest, oldest = [line for line in change_lines(case) if line.code == "application.instructor"][:2]
    assert (oldest.who, oldest.after) == (
        "Elena Rossi (aujourd’hui : Elena Rossi-Martin)".replace(" :", "\u202f:"),
    ) * 2
    assert (newest.who, newest.before, newest.after) == ("Elena Blum", "Elena Rossi-Martin", "Elena Blum")
