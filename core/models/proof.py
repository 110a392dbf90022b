"""What the proof of the past rests on, beside the events: the seals of the row history, salts, erasures."""

import pgtrigger
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.history import tracked
from core.models.document import StoredFile
from core.triggers import append_only_triggers, never_deleted, no_truncate


class HistorySeal(models.Model):
    """The hash of one line of the row history, as it was when its batch entered the chain of seals.

    ``position`` is the seal of the batch, ``table`` the tracked table, ``row`` the primary key of the row that the line
    speaks of, ``line`` the ``pgh_id``. Plain values on purpose: a seal outlives what somebody removes.
    ``personal_digest`` (empty where a table holds nothing personal) is made with the row's salt, see
    :class:`PersonSalt`; ``digest`` covers the other columns and ``personal_digest``.
    """

    position = models.PositiveBigIntegerField()
    table = models.CharField(max_length=63)
    line = models.BigIntegerField()
    row = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    personal_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("seal of a history line")
        verbose_name_plural = _("seals of history lines")
        constraints = [models.UniqueConstraint(fields=["table", "line"], name="core_historyseal_line_once")]
        indexes = [models.Index(fields=["position"], name="core_historyseal_position")]
        triggers = append_only_triggers()

    def __str__(self) -> str:
        return f"{self.table} {self.row} ({self.line})"


class PersonSalt(models.Model):
    """What the personal values of one row are hashed with. It stands outside the chains, and goes when they are erased.

    Without it, nobody can find out by trying which name or number a remaining hash was made of.
    """

    table = models.CharField(max_length=63)
    row = models.CharField(max_length=64)
    salt = models.UUIDField()

    class Meta:
        verbose_name = _("salt of a person")
        verbose_name_plural = _("salts of persons")
        constraints = [models.UniqueConstraint(fields=["table", "row"], name="core_personsalt_row_once")]
        triggers = [pgtrigger.Protect(name="stays_or_goes", operation=pgtrigger.Update), never_deleted(), no_truncate()]

    def __str__(self) -> str:
        return f"{self.table} {self.row}"


class Erasure(models.Model):
    """One place where personal values were erased by law: the lines of a row up to ``last_line``, or one event.

    ``event`` is the number of the recorded event that says who erased, and why: its input names this place.
    """

    table = models.CharField(max_length=63)
    row = models.CharField(max_length=64)
    last_line = models.BigIntegerField(null=True, blank=True)
    event = models.BigIntegerField()
    erased_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("erasure of personal values")
        verbose_name_plural = _("erasures of personal values")
        indexes = [models.Index(fields=["table", "row"], name="core_erasure_place")]
        triggers = append_only_triggers()

    def __str__(self) -> str:
        return f"{self.table} {self.row}"


@tracked(exclude=["checked_at"])
class FileCheck(models.Model):
    """When the bytes of a stored file were last read again and compared with their hash, and what was found.

    Its history keeps what was found, not each night on which nothing was.
    """

    class Fault(models.TextChoices):
        """What may be wrong with the bytes."""

        MISSING = "missing", _("file not there")
        CHANGED = "changed", _("changed")
        UNREADABLE = "unreadable", _("cannot be read")

    file = models.OneToOneField(StoredFile, models.CASCADE, primary_key=True, related_name="check_of_bytes")
    checked_at = models.DateTimeField(default=timezone.now)
    fault = models.CharField(max_length=10, choices=Fault.choices, blank=True)

    class Meta:
        verbose_name = _("check of a stored file")
        verbose_name_plural = _("checks of stored files")
        indexes = [models.Index(fields=["checked_at"], name="core_filecheck_oldest")]
        triggers = [
            never_deleted(),
            pgtrigger.Trigger(
                name="read_by_now",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF NEW.checked_at > clock_timestamp() + interval '1 hour' THEN
                        RAISE EXCEPTION 'a file was not read at %', NEW.checked_at USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_id}: {self.fault or 'ok'}"
