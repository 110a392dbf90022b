"""What the database refused: the name of the constraint, and the sentence for a person."""

from django.db import DatabaseError

from core.engine.refusals import refusal_message


def constraint_name(error: DatabaseError) -> str:
    """The name of the constraint that the database enforced; empty when it names none."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


def violation_message(error: DatabaseError) -> str | None:
    """The sentence of the constraint or trigger itself; None for one that has only the common one."""
    return refusal_message(error, common=False)
