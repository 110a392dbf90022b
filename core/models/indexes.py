"""The indexes of what a list of the staff site filters and sorts by."""

from django.db import models

NAME_LENGTH = 30  # of an index, for Django


def for_lists(prefix: str, *names: str) -> list[models.Index]:
    """One index for each field that a list offers as a filter or an order; ``prefix`` names the table, short."""
    return [models.Index(fields=[name], name=f"{prefix}_by_{name}"[:NAME_LENGTH]) for name in names]
