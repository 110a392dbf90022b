"""Whom a row names is whom its event names: every column that names who did something is told of, or held elsewhere."""

import pytest
from django.apps import apps
from django.db import models

from core.figures.as_told import CODE, Told, persons_told
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import User
from tests.invariants.sabotage import sabotage

APPS = ("applicants", "grants", "agreements", "reporting")
# The columns that another figure holds, or of which no event names the row; those that say of whom a row is, not who did it.
ELSEWHERE = {
    "reporting.controlled-by-another": ["ExpenditureItem.decided_by"],
    "agreements.payment-steps-as-told": ["PaymentBatch.closed_by", "PaymentOrder.confirmed_by"],
    "agreements.settlement-of-its-end": ["Settlement.decided_by"],
    "agreements.given-up-as-told": ["GivenUpPart.decided_by"],
}
WITHOUT = {
    "who began or wrote it, which no event of the row says, or events of what it is part of": [
        "Applicant.created_by",
        "Application.created_by",
        "CheckAnswer.answered_by",
        "ClaimReply.author",
        "CreditUse.created_by",
        "DeMinimisAid.entered_by",
        "DeMinimisAid.recorded_by",
        "DuplicateWarning.answered_by",
        "ExpenditureUpload.uploaded_by",
        "Invitation.accepted_by",
        "Invitation.invited_by",
        "KeptInterest.lifted_by",
        "Message.author",
        "Note.author",
        "OperationVersion.recorded_by",
        "Opinion.asked_by",
        "Opinion.recorded_by",
        "Opinion.upheld_by",
        "Piece.added_by",
        "Recusal.declared_by",
        "Score.scored_by",
        "Snapshot.taken_by",
        "UndertakingAnswer.answered_by",
    ],
    "of whom a row is": [
        "Application.instructor",
        "ExpenditureDeclaration.instructor",
        "JoinRequest.user",
        "KeptInterest.user",
        "Membership.user",
        "NoInterest.user",
        "ProgrammeAssignment.user",
    ],
}


def named() -> set[tuple[type[models.Model], str]]:
    """The columns that name a person of the product, of every table but those of the row history."""
    return {
        (model, item.name)
        for model in apps.get_models()
        for item in model._meta.concrete_fields
        if model._meta.app_label in APPS and item.related_model is User and not hasattr(model, "pgh_tracked_model")
    }


def test_every_column_of_a_person_is_told_of():
    told = {f"{one.model.__name__}.{one.person}" for one in persons_told()}
    others = {column for columns in (*ELSEWHERE.values(), *WITHOUT.values()) for column in columns}
    assert all(invariant_of(code) for code in ELSEWHERE)
    assert {f"{model.__name__}.{name}" for model, name in named()} == told | others
    assert not told & others


@pytest.mark.django_db
@pytest.mark.parametrize(
    "told", persons_told(), ids=[f"{told.model.__name__}-{told.person}" for told in persons_told()]
)
def test_each_person_who_is_not_the_actor_is_found(region, told: Told):
    """Somebody else is written on a row that names the actor of its event, or on one whose step nobody took."""
    rows = told.model._base_manager.order_by(f"{told.person}_id", "pk")  # those that name nobody come last
    if (row := rows.values_list("pk", flat=True).first()) is None:
        return  # the Region has no such row
    table = told.model._meta.db_table
    another = f"(SELECT max(u.id) FROM core_user u WHERE u.id IS DISTINCT FROM {table}.{told.column})"  # noqa: S608
    sabotage((f"UPDATE {table} SET {told.column} = {another} WHERE id = {row}",))  # noqa: S608 - names of ours
    found = look_at(invariant_of(CODE)).rows
    assert [(broken.subject, broken.pk) for broken in found] == [(told.model, row)]
