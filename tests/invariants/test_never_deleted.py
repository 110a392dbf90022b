"""Which rows the role of the application may remove: every table is guarded against it, or says here why it need not be."""

import re

import pgtrigger
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from tests.database_roles import as_the_application

APPS = ("core", "applicants", "grants", "agreements", "reporting")
HELD = "once something rests on it, its foreign keys hold it"
# Tables without any guard on deletion, and why.
REMOVABLE = {
    "applicants.Applicant": HELD,
    "applicants.Department": "a list of the State, read from a file",
    "applicants.LegalCategory": "a list of the State, read from a file",
    "core.SentForm": "keys of forms that were sent, forgotten after some days",
    "core.StoredFile": "the documents that name it hold it",
    "core.OutboxMessage_attachments": "the mail stays, and the documents that it brought are kept by themselves",
    "core.User": HELD,
    "core.User_groups": "a role is taken off: its history says by whom",
    "core.User_user_permissions": "never looked at: roles decide",
    "grants.CommitteeSession_programmes": "the programmes of a session that is prepared are chosen again",
    "grants.Programme": HELD,
    "grants.ProgrammeAssignment": "an administrator takes an officer off a programme: its history says so",
    "reporting.AccountingYear": HELD,
    "reporting.EUBeneficiary": HELD,
    "reporting.EUProgramme": HELD,
    "reporting.ErrorType": HELD,
    "reporting.Fund": HELD,
    "reporting.InterventionField": HELD,
    "reporting.Priority": HELD,
    "reporting.SpecificObjective": HELD,
}
# Tables of which the product itself removes rows, and when: their guards refuse the rest.
REMOVED_BY_THE_PRODUCT = {
    "agreements.Agreement": "while it is a draft",
    "agreements.AgreementBudgetLine": "while its act is a draft",
    "agreements.AgreementShare": "while its act is a draft",
    "agreements.ClaimPiece": "while its claim is written",
    "agreements.DuplicateWarning": "with a line that is taken out of a claim that is written",
    "agreements.ExpenditureLine": "while its claim is written",
    "agreements.ExpenditureUpload": "one that was not taken in",
    "agreements.Instalment": "while its act is a draft",
    "agreements.Tranche": "while its act is a draft",
    "applicants.DeMinimisAid": "a declaration that is taken back; a grant stays",
    "applicants.Membership": "a person stops to act for a body",
    "core.Document": "once it was kept as long as it had to be, or was never filed",
    "core.Job": "one that made no file",
    "grants.AgendaItem": "while its session is not closed",
    "grants.BudgetLine": "while its case is not decided: the form is written anew",
    "grants.CommitteeMember": "while the session is not closed",
    "grants.CommitteeSession": "while it is not closed",
    "grants.Partner": "while its case is not decided: the form is written anew",
    "grants.PersonLine": "while its case is not decided: the form is written anew",
    "grants.Piece": "from a draft, by its applicant",
    "grants.Recusal": "one declared by mistake, before the session is closed",
    "reporting.ExpenditureDeclaration": "while it is a draft",
    "reporting.ExpenditureItem": "with a declaration that is a draft",
    "reporting.PaymentApplicationEntry": "while its application is open",
    "reporting.PaymentApplicationLine": "while its application is open",
    "reporting.PriorityAllocation": "while nothing is planned or asked for on it",
}


def tables() -> dict[str, type[models.Model]]:
    return {
        model._meta.label: model
        for label in APPS
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        if not hasattr(model, "pgh_tracked_model") and not model._meta.proxy and model._meta.managed
    }


def refusing(model: type[models.Model]) -> list[pgtrigger.Trigger]:
    """The triggers of a table that refuse a deletion, some or all."""
    return [
        trigger
        for trigger in getattr(model._meta, "triggers", ())
        if re.search(r"\bDELETE\b", str(trigger.operation)) and "RAISE EXCEPTION" in str(trigger.get_func(model))
    ]


def test_every_table_is_guarded_or_says_why_not():
    assert {label for label, model in tables().items() if not refusing(model)} == set(REMOVABLE)


def test_what_the_product_removes_is_said():
    """A guard with no condition, that does nothing else, lets nothing be removed: all others are named."""
    partly = {
        label
        for label, model in tables().items()
        if (guards := refusing(model)) and not any(_refuses_all(model, trigger) for trigger in guards)
    }
    assert partly == set(REMOVED_BY_THE_PRODUCT)


def _refuses_all(model: type[models.Model], trigger: pgtrigger.Trigger) -> bool:
    func = str(trigger.get_func(model)).strip()
    return not trigger.condition and func.startswith("RAISE EXCEPTION")


GUARDED = sorted(
    label
    for label, model in tables().items()
    if any(_refuses_all(model, trigger) for trigger in refusing(model))
)  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("label", GUARDED)
def test_nothing_of_it_is_removed_by_the_application(region, label):
    table = tables()[label]._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - a table of ours
        if not cursor.fetchone()[0]:
            return  # this Region has none
    with as_the_application(), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - a table of ours


@pytest.mark.django_db
def test_a_doubt_that_nobody_answered_is_not_removed(region):
    with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM reporting_operationflag WHERE id = (SELECT min(id) FROM reporting_operationflag)")
