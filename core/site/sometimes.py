"""Fields that are compulsory in some cases only: a page never calls them optional, their help says when they are asked."""

from typing import TypeVar

from django.forms import Field

AnyField = TypeVar("AnyField", bound=Field)


def sometimes(field: AnyField) -> AnyField:
    """``field``, told without "(optional)" though the form itself does not require it: its rule stands elsewhere."""
    field.required = False
    field.sometimes_required = True
    return field
