"""What must reach the world after a transaction: rows written in it, carried out after it."""

import pgtrigger
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.history import tracked
from core.models.indexes import for_lists
from core.triggers import Digest, append_only_triggers, mark_trigger, never_deleted, no_truncate

# What becomes of a mail on its way; all else stays as it was decided.
DELIVERY = ("state", "attempts", "next_attempt_at", "reason", "sent_at")
# What a mail says to whom: in a CHECK, and in the trigger that marks it.
MARK = Digest(
    Concat(
        Cast("to", models.TextField()),
        models.Value("|"),
        models.F("subject_line"),
        models.Value("|"),
        models.F("body"),
        output_field=models.TextField(),
    )
)
STAYS = "RAISE EXCEPTION 'a mail says what it said, and one that left has left' USING ERRCODE = 'check_violation';"
SAID = """NEW."to"::text || '|' || NEW.subject_line || '|' || NEW.body"""


@tracked(
    exclude=["to", "subject_line", "body", "reason", "next_attempt_at"], personal=["content_mark", "reply_to", "key"]
)
class OutboxMessage(models.Model):
    """One mail, ready to leave: rendered when it was decided, delivered at least once.

    What it says to whom never changes, and no mail is deleted. Its words (with links that open accounts) stay out of the
    history, which keeps ``content_mark``, made of them by the database, where answers go, and the ``key`` (which may
    hold an address).
    """

    # What stands for the words of a mail that was erased by law, and the marks of that.
    ERASED = {
        "to": ["erased@erased.invalid"],
        "subject_line": "—",
        "body": "—",
        "content_mark": Digest(models.Value("{erased@erased.invalid}|—|—")),
        "reply_to": models.Value("erased@erased.invalid"),
        "key": Concat(models.Value("erased:"), Cast("pk", models.CharField())),
    }

    class State(models.TextChoices):
        PENDING = "pending", pgettext_lazy("message", "waiting")
        SENT = "sent", pgettext_lazy("message", "sent")
        FAILED = "failed", pgettext_lazy("message", "failed")

    key = models.CharField(_("key"), max_length=200, unique=True)
    template = models.CharField(_("template"), max_length=200)
    to = ArrayField(models.EmailField(), verbose_name=_("recipients"))
    reply_to = models.EmailField(_("answers go to"), blank=True)
    language = models.CharField(_("language"), max_length=8)
    subject_line = models.CharField(_("subject"), max_length=250)
    body = models.TextField(_("text"))
    attachments = models.ManyToManyField("core.Document", blank=True, related_name="+", verbose_name=_("attachments"))
    content_type = models.ForeignKey(ContentType, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    object_id = models.BigIntegerField(null=True, blank=True)
    subject = GenericForeignKey("content_type", "object_id")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), default=timezone.now)
    reason = models.TextField(_("reason"), blank=True)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent on"), null=True, blank=True)
    content_mark = models.CharField(max_length=64, blank=True, db_default="", editable=False)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-id"]
        indexes = [
            *for_lists("outbox", "state", "template", "sent_at"),
            models.Index(fields=["next_attempt_at"], condition=models.Q(state="pending"), name="core_outbox_due"),
            models.Index(fields=["content_type", "object_id"], name="core_outbox_subject"),
            models.Index(fields=["-created_at", "-id"], name="core_outbox_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "sent", "failed"]), name="core_outbox_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state="sent", sent_at__isnull=False)
                | (~models.Q(state="sent") & models.Q(sent_at=None)),
                name="core_outbox_sent_has_a_date",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="failed") | ~models.Q(reason=""), name="core_outbox_failed_has_a_reason"
            ),
            models.CheckConstraint(condition=models.Q(to__len__gt=0), name="core_outbox_has_a_recipient"),
            models.CheckConstraint(condition=models.Q(content_mark=MARK), name="core_outbox_content_is_marked"),
        ]
        triggers = [
            never_deleted(),
            no_truncate(),
            mark_trigger("content_mark", SAID),
            pgtrigger.Trigger(
                name="says_what_it_said",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange(exclude=[*DELIVERY, "content_mark"]),
                func=STAYS,
            ),
            pgtrigger.Trigger(
                name="sent_is_sent",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__state="sent"),
                func=STAYS,
            ),
        ]

    def __str__(self) -> str:
        return self.subject_line


@tracked
class MessageAttachment(OutboxMessage.attachments.through):
    """A document that left with a mail."""

    class Meta:
        proxy = True
        triggers = append_only_triggers()
        verbose_name = _("attachment of a message")
        verbose_name_plural = _("attachments of messages")

    def __str__(self) -> str:
        return f"{self.outboxmessage_id}: {self.document_id}"
