"""The event log: who did what to which case, chained by hash, never rewritten."""

import pgtrigger
from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.engine.kinds import kind_of
from core.models.indexes import for_lists
from core.triggers import append_only_triggers, transaction_trigger

# A seal comes after the last one, now, and seals an event that is there as it is: whoever may add seals, adds no others.
FOLLOWS = {
    "name": "follows_the_last",
    "operation": pgtrigger.Insert,
    "when": pgtrigger.Before,
    "declare": [("last", "bigint")],
    "func": """
        SELECT max(position) INTO last FROM core_eventseal;
        IF NEW.position <> coalesce(last, 0) + 1 THEN
            RAISE EXCEPTION 'a seal comes after the last one (%)', last USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.sealed_at > clock_timestamp() OR NEW.sealed_at < clock_timestamp() - interval '1 day' THEN
            RAISE EXCEPTION 'a seal is made now, not at %', NEW.sealed_at USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.event_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM core_event AS event WHERE event.id = NEW.event_id AND event.hash = NEW.event_hash
            AND event.transaction IS NOT DISTINCT FROM NEW.transaction
        ) THEN
            RAISE EXCEPTION 'there is no such event to seal: %', NEW.event_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    """,
}


class EventQuerySet(models.QuerySet):
    def of(self, subject: models.Model) -> "EventQuerySet":
        """The events of one subject, oldest first."""
        return self.filter(content_type=kind_of(subject), object_id=subject.pk).order_by("sequence")


class Event(models.Model):
    """One thing that happened to one subject.

    ``hash`` covers what happened and the hash before it in the subject's chain (see :func:`core.events.hash_of`).
    ``data`` is the input, ``changes`` is ``{field: [before, after]}``: what may name people (with ``comment`` and
    ``actor_label``) enters the hash through ``content_hash``, made with ``salt``, so that it can be erased one day
    (``formula`` 2; the events of formula 1 hash it as it is). ``transaction`` is given by the database, the same on the
    lines of the row history that the transaction wrote; so is ``recorded_at``, the instant of its own clock.
    """

    content_type = models.ForeignKey(ContentType, on_delete=models.PROTECT, related_name="+")
    object_id = models.BigIntegerField()
    subject = GenericForeignKey("content_type", "object_id")
    sequence = models.PositiveIntegerField()
    created_at = models.DateTimeField(_("When"), db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("Who"),
    )
    actor_label = models.CharField(_("Acting as"), max_length=200, blank=True)
    action = models.CharField(_("Action"), max_length=100)
    from_state = models.CharField(_("State before"), max_length=50, blank=True)
    to_state = models.CharField(_("State after"), max_length=50, blank=True)
    data = models.JSONField(_("Input"), default=dict, encoder=DjangoJSONEncoder)
    comment = models.TextField(_("Comment"), blank=True)
    changes = models.JSONField(_("Changes"), default=dict, encoder=DjangoJSONEncoder)
    formula = models.PositiveSmallIntegerField(default=1, db_default=1, editable=False)
    salt = models.CharField(max_length=32, blank=True, db_default="", editable=False)
    content_hash = models.CharField(max_length=64, blank=True, db_default="", editable=False)
    transaction = models.UUIDField(null=True, editable=False, db_index=True)
    recorded_at = models.DateTimeField(null=True, editable=False)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["content_type", "object_id", "sequence"]
        indexes = for_lists("event", "action")
        constraints = [
            models.UniqueConstraint(
                fields=["content_type", "object_id", "sequence"], name="core_event_subject_sequence_unique"
            ),
            models.CheckConstraint(condition=models.Q(sequence__gte=1), name="core_event_sequence_from_one"),
            models.CheckConstraint(
                condition=models.Q(sequence=1, previous_hash="")
                | (models.Q(sequence__gt=1) & ~models.Q(previous_hash="")),
                name="core_event_previous_hash_present",
            ),
        ]
        triggers = [
            *append_only_triggers(),
            transaction_trigger("transaction", also="NEW.recorded_at := clock_timestamp(); "),
        ]

    #: What its page calls it: its action in words, which the line of imports keeps from its model.
    words = ""

    def __str__(self) -> str:
        return self.words or f"{self.action} #{self.sequence}"


class EventSeal(models.Model):
    """One link of the single chain over all that happened, so that a missing chain or a missing tail is found.

    It seals one event, or a batch of lines of the row history of one table (``lines`` of them; their hashes are
    :class:`core.models.proof.HistorySeal`, ``batch_hash`` is over those; ``columns`` says what was hashed).
    ``event_id`` is a plain number on purpose: the seal outlives an event that somebody removes. ``round`` is the first
    position that was sealed in the same instant: what one transaction wrote is always sealed in one round. ``oldest``
    is when the first of what it seals was written, by the clock of the database, as ``sealed_at`` is: formula 2 hashes
    both.
    """

    # Nobody changes a seal, so nobody has to hold its row to speak of it.
    NEVER_CHANGES = True

    position = models.PositiveBigIntegerField(_("Position"), primary_key=True)
    event_id = models.BigIntegerField(_("Event number"), unique=True, null=True)
    event_hash = models.CharField(max_length=64, blank=True)
    transaction = models.UUIDField(null=True, db_index=True)
    table = models.CharField(_("Table"), max_length=63, blank=True, db_default="")
    lines = models.PositiveIntegerField(_("History lines"), default=0, db_default=0)
    columns = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    batch_hash = models.CharField(max_length=64, blank=True, db_default="")
    round = models.PositiveBigIntegerField(default=0, db_default=0)
    formula = models.PositiveSmallIntegerField(_("Formula"), default=1, db_default=1)
    oldest = models.DateTimeField(_("Oldest content"), null=True)
    hash = models.CharField(_("Hash"), max_length=64)
    sealed_at = models.DateTimeField(_("Sealed on"))

    class Meta:
        verbose_name = _("event seal")
        verbose_name_plural = _("event seals")
        ordering = ["position"]
        constraints = [
            models.CheckConstraint(
                condition=(models.Q(event_id__isnull=False, table="", lines=0) & ~models.Q(event_hash=""))
                | (models.Q(event_id__isnull=True, lines__gte=1) & ~models.Q(table="") & ~models.Q(batch_hash="")),
                name="core_eventseal_one_thing",
            ),
            # What no hash takes in says nothing: columns that have no meaning for what is sealed stay empty.
            models.CheckConstraint(
                condition=models.Q(event_id__isnull=False, batch_hash="", columns={})
                | models.Q(event_id__isnull=True, event_hash="", transaction__isnull=True),
                name="core_eventseal_says_no_more",
            ),
        ]
        triggers = [*append_only_triggers(), pgtrigger.Trigger(**FOLLOWS)]

    def __str__(self) -> str:
        return f"{self.position}: {self.hash[:12]}"
