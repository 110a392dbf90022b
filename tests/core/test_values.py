"""Values of fields as people read them: no raw code, no microsecond, no number for a name."""

import re

import pytest

from core.admin.values import Names, label_in_words, value_text
from core.models import StoredFile
from grants.admin.history_parts import READERS
from grants.models import Application
from grants.rules.schema import QuestionKind

pytestmark = pytest.mark.django_db


def plain(text: str) -> str:
    return re.sub(r"[\u202f\xa0]", " ", text)


def test_every_kind_of_question_that_keeps_an_answer_is_read():
    tables = {QuestionKind.BUDGET, QuestionKind.PERSONS, QuestionKind.PARTNERS, QuestionKind.PIECES}
    assert set(READERS) == set(QuestionKind) - tables


@pytest.mark.parametrize(
    ("name", "raw", "shown"),
    [
        ("granted_amount", "12345.60", "12 345,60 €"),
        ("granted_amount", None, "–"),
        ("project_start", "2026-08-09", "09/08/2026"),
        ("submitted_at", "2026-11-24T21:47:13.123456+00:00", "24 novembre 2026, 22 h 47"),
        ("state", "in_instruction", "En instruction"),
        ("title", "", "–"),
        ("title", "Une\x07 cloche", "Une cloche"),
        ("nothing_of_the_model", {"label": "CPO-2026-00012", "id": 3}, "CPO-2026-00012"),
        ("nothing_of_the_model", ["a", "b"], "a ; b"),
        ("nothing_of_the_model", True, "Oui"),
        ("answers", {"objet": "Réemploi"}, "sur la fiche"),  # each answer is said by its question, not by its key
        ("answers", [], "–"),
    ],
)
def test_values_look_as_everywhere(name, raw, shown):
    assert plain(value_text(Application, name, raw, Names())) == shown


def test_a_person_who_is_gone_keeps_a_number():
    assert value_text(Application, "instructor", 999_999, Names()).endswith("999999")


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("job sample.report #12", "tâche n° 12 : "),
        ("command report", "commande : établissement d’un rapport"),
        ("command shell", "commande « shell »"),  # the frame's own: it is called as it is typed
        ("task core.tasks.seal_events", "tâche périodique : scellement de l’historique"),
        ("reprise 12, J. Martin", "reprise 12, J. Martin"),
        ("", ""),
    ],
)
def test_who_acts_where_no_person_does_is_said_in_words(label, shown):
    assert plain(label_in_words(label)).startswith(shown)


def test_sizes_of_files_have_their_unit():
    assert plain(value_text(StoredFile, "size", 2_500_000, Names())) == "2,4 Mo"
