"""Counters of the public case numbers."""

from django.db import models


class Sequence(models.Model):
    """The last number given for a prefix and a year. See :func:`core.sequences.next_number`."""

    prefix = models.CharField(max_length=30)
    year = models.PositiveSmallIntegerField()
    last_value = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prefix", "year"], name="core_sequence_prefix_year_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}-{self.year}"
