"""Every field of every tracked table is told in French words, or is declared as not shown; every sum knows its entries."""

import re
from datetime import UTC, datetime, timedelta

import pgtrigger
import pytest
from celery import current_app
from django.apps import apps
from django.contrib import admin
from django.core.management import get_commands
from django.utils import translation

from core.admin.changes import ChangeLine, choices_of, counted_fields, parts_of
from core.admin.values import field_label, label_in_words
from core.engine.changes import Change, newest_first
from core.engine.entries import entries_of
from core.engine.labels import _own as own_labels
from core.history import tracked_models
from core.models import Document, Job
from core.money import MoneyField

TRACKED = [model for model in tracked_models() if model._meta.app_label != "sample"]
# The labels that are spelled alike in both languages are in the catalogue all the same.
FRENCH = {str(text).casefold() for _key, text in translation.trans_real.translation("fr")._catalog.items()}


@pytest.mark.parametrize("model", TRACKED, ids=lambda model: model._meta.label)
def test_every_field_has_a_label_in_french_or_is_declared_as_not_shown(model):
    """Of the fields that a history may show; a foreign key that nobody named is called what it holds."""
    labels = {name: field_label(model, name) for name in counted_fields(model)}
    assert {name: label for name, label in labels.items() if label.casefold() not in FRENCH} == {}


def test_what_links_to_any_table_is_one_field_and_keys_of_the_machine_are_none():
    assert "content_type" not in counted_fields(Document) and "object_id" in counted_fields(Document)
    assert not {"claim", "lease_until", "key"} & set(counted_fields(Job))


def test_every_amount_of_a_part_has_its_lines_on_the_page():
    models = [model for model in apps.get_models() if model._meta.app_label != "sample"]
    hidden = {
        (model._meta.label, part.model._meta.label, item.name)
        for model in models
        for part in parts_of(model)
        for item in part.model._meta.concrete_fields
        if isinstance(item, MoneyField) and item.name not in part.fields
    }
    assert hidden == set()


# Nothing ever becomes of these rows: what stands on the page of what they belong to is all of their history.
WRITTEN_ONCE = {
    "agreements.ClaimReply", "applicants.CallBack", "applicants.UndertakingAnswer", "core.MessageAttachment",
    "grants.AidComputation", "grants.ProgrammeVersion", "grants.Snapshot",
}  # fmt: skip
WITHOUT_A_HISTORY_PAGE = {
    "agreements.ExpenditureUpload": "a file that was sent, with what was read of it; the lines of the claim have their history",
    "applicants.Invitation": "each step is an event of the body",
    "applicants.KeptInterest": "follows the accesses of a person; an interest that is lifted is an event of the body",
    "applicants.NoInterest": "what somebody declares is an event of the body, with its reason",
    "core.FileCheck": "when a file was last read anew, by Essor alone; a fault is told to who answers for it",
    "core.RoleGroup": "the roles, which the code alone writes",
    "core.Sequence": "the last number given; each number is on its row",
    "core.StoredFile": "the content of a file never changes; its scan is on the page of the document",
    "grants.CreditUse": "each step of what is ordered on a credit is told with its entry, on the page of the envelope",
    "grants.Message": "what was sent stays as it was sent; when it was read stands beside it",
    "grants.Note": "a note is not edited",
}


def test_every_tracked_table_has_a_history_page_is_part_of_one_or_says_why_not():
    """What an end decides of an agreement had a history in the database, and none on any screen."""
    pages = {model for model in admin.site._registry if model in TRACKED}
    parts = {part.model for model in pages for part in parts_of(model)}
    without = {model._meta.label: model for model in TRACKED if model not in pages | parts}
    assert set(without) == WRITTEN_ONCE | set(WITHOUT_A_HISTORY_PAGE)
    for label in WRITTEN_ONCE:
        protected = [trigger for trigger in without[label]._meta.triggers if isinstance(trigger, pgtrigger.Protect)]
        assert any(str(trigger.operation) == "UPDATE OR DELETE" for trigger in protected), label


def test_no_part_is_registered_of_a_row_that_has_no_page():
    owners = {model for model in apps.get_models() if model._meta.app_label != "sample" and parts_of(model)}
    assert owners - set(admin.site._registry) == set()


def test_every_sum_that_the_database_keeps_knows_its_entries():
    kept = {
        (model, column)
        for model in TRACKED
        for trigger in getattr(model._meta, "triggers", ())
        if "pg_trigger_depth() < 2" in (func := str(getattr(trigger, "func", "") or ""))
        for column in re.findall(r'NEW\."?(\w+)"? := 0', func)
        if isinstance(model._meta.get_field(column), MoneyField)  # not the last number given to a line
    }
    assert len(kept) >= 11
    assert {(model.__name__, column) for model, column in kept if entries_of(model, column) is None} == set()


def test_whoever_writes_without_a_person_has_a_name_in_words():
    ours = {name for name, app in get_commands().items() if isinstance(app, str) and app in OUR_APPS}
    names = {f"command {name}" for name in ours | {"migrate", "createsuperuser", "changepassword"}}
    names |= {f"task {name}" for name in current_app.tasks if name.partition(".")[0] in OUR_APPS}
    names |= own_labels - {"tests"} | {"reminders of opinions"}
    assert len(names) > 20
    raw = {name: words for name in names if re.search(r"[“«_]", words := label_in_words(name)) or words == name}
    assert raw == {}
    assert label_in_words("POST /compte/") == "une personne qui n’est pas connectée"


OUR_APPS = {"core", "applicants", "grants", "agreements", "reporting", "demo"}


def test_two_fields_that_are_called_alike_are_told_apart_in_the_filter():
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    lines = [
        ChangeLine(moment, "", "Code", "", "", code="euprogramme.code", label="Code", of="Programme européen"),
        ChangeLine(moment, "", "Priorité 1 · Code", "", "", code="priority.code", label="Code", of="Priorité"),
        ChangeLine(moment, "", "Nom", "", "", code="euprogramme.name", label="Nom", of="Programme européen"),
    ]
    assert choices_of(lines) == [
        ("euprogramme.name", "Nom"),
        ("priority.code", "Priorité · Code"),
        ("euprogramme.code", "Programme européen · Code"),
    ]


def a_change(line: int, at: datetime, name: str = "kind") -> Change:
    return Change(
        model=Document, pk=1, kind="update", name=name, before=None, after=line, values={}, line=line, at=at,
        user_id=None, label="", transaction=None,
    )  # fmt: skip


def test_what_one_minute_holds_stands_in_the_order_of_its_history():
    """Transactions overlap: the one that began later may have written first."""
    begun = datetime(2026, 5, 1, 10, 0, 5, tzinfo=UTC)
    first, second, later = begun + timedelta(seconds=2), begun, begun + timedelta(minutes=1)
    changes = [a_change(7, second), a_change(6, first), a_change(8, later), a_change(1, first, "name")]
    ordered = newest_first(changes)
    assert [change.line for change in ordered if change.name == "kind"] == [8, 7, 6]
    assert ordered[0].line == 8
