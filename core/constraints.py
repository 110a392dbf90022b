"""What a database constraint says to a person: the message declared beside it in the model."""

from functools import cache

from django.apps import apps
from django.db import IntegrityError, models


@cache
def _constraints() -> dict[str, models.BaseConstraint]:
    return {
        constraint.name: constraint
        for model in apps.get_models(include_auto_created=True)
        for constraint in model._meta.constraints
    }


def constraint_name(error: IntegrityError) -> str:
    """The name of the constraint that the database enforced; empty when it names none."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


def violation_message(error: IntegrityError) -> str | None:
    """The constraint's own ``violation_error_message``; None for one that declares none."""
    constraint = _constraints().get(constraint_name(error))
    if constraint is None or constraint.violation_error_message == constraint.default_violation_error_message:
        return None
    return str(constraint.get_violation_error_message())
