"""Counters of the public case numbers."""

import pgtrigger
from django.db import models

from core.history import tracked
from core.triggers import never_deleted

COUNTS_UP = """
    IF TG_OP = 'INSERT' AND NEW.last_value <> 1 OR TG_OP = 'UPDATE' AND (
        NEW.last_value <> OLD.last_value + 1 OR NEW.prefix <> OLD.prefix OR NEW.year <> OLD.year
    ) THEN
        RAISE EXCEPTION 'the numbers of a counter follow one another' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


@tracked
class Sequence(models.Model):
    """The last number given for a prefix and a year. See :func:`core.sequences.next_number`."""

    prefix = models.CharField(max_length=30)
    year = models.PositiveSmallIntegerField()
    last_value = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prefix", "year"], name="core_sequence_prefix_year_unique"),
        ]
        triggers = [
            never_deleted(),
            pgtrigger.Trigger(
                name="counts_up",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=COUNTS_UP,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}-{self.year}"
