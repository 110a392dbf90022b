"""What the law had erased accuses nobody: of every kind of row, alone and all at once, the figures and the proof are clean."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, models, transaction

from applicants.models import BankAccount
from core.acting import acting_as
from core.engine import needs
from core.engine.erasure import ErasureRefused, erase
from core.engine.needs import why_needed
from core.figures.checking import look
from core.history import personal_fields, tracked_models

pytestmark = pytest.mark.django_db
REASON = "Demande au titre de l’article 17."
# Without its number, an account on which money waits would be paid nowhere: that is a true finding.
ALWAYS_ASKED = {BankAccount}


def kinds() -> list[type[models.Model]]:
    return [model for model in tracked_models() if personal_fields(model)]


def accused() -> list[tuple]:
    return [
        (result.invariant.code, result.count, result.rows[:2], result.error) for result in look() if not result.holds
    ]


def erase_all(model: type[models.Model]) -> list[str]:
    """Erase what can be of this kind; the sentences of what was left."""
    rows = [row for row in model._base_manager.order_by("pk") if not why_needed(row)]
    if not rows or not refusal_of(rows):
        return []
    return [said for row in rows if (said := refusal_of([row]))]


def refusal_of(rows: list[models.Model]) -> str:
    try:
        with acting_as(label="tests"):
            erase(rows, reason=REASON)
    except ErasureRefused as refusal:
        return str(refusal)
    return ""


@pytest.fixture
def nobody_waits(monkeypatch):
    """As if nothing rested on a row: the hardest case, and that of what was erased before anybody asked."""
    monkeypatch.setattr(needs, "_needs", {model: needs._needs[model] for model in ALWAYS_ASKED})


@pytest.mark.parametrize("model", kinds(), ids=[model._meta.label for model in kinds()])
def test_the_erasure_of_a_kind_of_row_accuses_nobody(region, nobody_waits, model):
    left = erase_all(model)
    assert [sentence for sentence in left if "violates" in sentence or "Key (" in sentence] == []
    assert accused() == []


def test_the_erasure_of_everything_accuses_nobody(region, nobody_waits):
    for model in kinds():
        erase_all(model)
    assert accused() == []
    call_command("verify_history", "--no-files", stdout=StringIO())


def test_what_somebody_waits_for_is_left_with_its_reason(region):
    """Each row is erased or refused in a sentence that ends; whatever was erased, nothing that follows is stopped."""
    refused = {}
    for model in kinds():
        for row in model._base_manager.order_by("pk"):
            if sentences := why_needed(row):
                refused.setdefault(model._meta.label, []).extend(sentences)
    assert {"agreements.Agreement", "agreements.ExpenditureLine", "applicants.BankAccount", "applicants.Applicant",
            "grants.Application", "core.User"} <= refused.keys()  # fmt: skip
    assert all(sentence.endswith(".") for sentences in refused.values() for sentence in sentences)
    for model in kinds():
        erase_all(model)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert accused() == []
