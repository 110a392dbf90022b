"""Files and what they are to a case: the content once, by its hash; a document for each use of it."""

import pgtrigger
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.days_in_sql import TODAY
from core.engine.kinds import kind_of
from core.history import tracked
from core.models.indexes import for_lists


class ScanState(models.TextChoices):
    """What the scanner said of a file."""

    NOT_SCANNED = "not_scanned", pgettext_lazy("file", "not scanned")
    PENDING = "pending", pgettext_lazy("file", "scan under way")
    CLEAN = "clean", pgettext_lazy("file", "scanned, nothing found")
    INFECTED = "infected", pgettext_lazy("file", "blocked by the scanner")


@tracked
class StoredFile(models.Model):
    """The bytes of a file, kept once under their SHA-256 however often they are sent."""

    sha256 = models.CharField(_("SHA-256"), max_length=64, unique=True)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    media_type = models.CharField(_("media type"), max_length=100)
    scan_state = models.CharField(
        _("scan"), max_length=12, choices=ScanState.choices, default=ScanState.NOT_SCANNED, db_index=True
    )
    scanned_at = models.DateTimeField(_("scanned at"), null=True, blank=True)
    scan_detail = models.CharField(_("what the scanner said"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("stored file")
        verbose_name_plural = _("stored files")
        indexes = for_lists("file", "media_type")
        constraints = [
            models.CheckConstraint(condition=models.Q(sha256__regex=r"^[0-9a-f]{64}$"), name="stored_file_sha256"),
            models.CheckConstraint(condition=models.Q(size__gt=0), name="stored_file_not_empty"),
            models.CheckConstraint(condition=models.Q(scan_state__in=ScanState.values), name="stored_file_scan_state"),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="content_is_fixed", fields=["sha256", "size", "media_type", "created_at"]),
        ]

    def __str__(self) -> str:
        return self.sha256

    @property
    def storage_name(self) -> str:
        """Where the bytes are in the documents storage: spread over folders by the first digits of the hash."""
        return f"{self.sha256[:2]}/{self.sha256[2:4]}/{self.sha256}"


class DocumentQuerySet(models.QuerySet):
    """Documents, with their file."""

    def about(self, subject: models.Model) -> "DocumentQuerySet":
        """The documents of ``subject``, oldest first."""
        return self.filter(content_type=kind_of(subject), object_id=subject.pk).order_by("uploaded_at", "pk")


@tracked(personal=["name"])
class Document(models.Model):
    """A file under the name its sender gave it, tied to the case, account or report it belongs to.

    Who may read it is what the subject's model registered with ``core.documents.register_access``.
    """

    class Notice(models.TextChoices):
        NATIONAL_NUMBER = (
            "national_number",
            _("This file seems to hold a social security number. Send a version without it."),
        )

    file = models.ForeignKey(StoredFile, models.PROTECT, related_name="documents", verbose_name=_("file"))
    name = models.CharField(_("name"), max_length=160)
    kind = models.CharField(_("kind"), max_length=60, blank=True)
    content_type = models.ForeignKey(ContentType, models.PROTECT, null=True, blank=True, related_name="+")
    object_id = models.BigIntegerField(null=True, blank=True)
    subject = GenericForeignKey("content_type", "object_id")
    notices = models.JSONField(_("notices"), default=list, blank=True)
    uploaded_by = models.ForeignKey(
        "core.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("sent by")
    )
    uploaded_at = models.DateTimeField(_("sent at"), default=timezone.now)
    retention_until = models.DateField(
        _("keep until"),
        null=True,
        blank=True,
        help_text=_("No one can delete the document before this date; the date can only move later."),
    )

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        indexes = [
            *for_lists("document", "uploaded_at", "kind", "name"),
            models.Index(fields=["content_type", "object_id", "uploaded_at"], name="document_subject"),
        ]
        constraints = [
            models.CheckConstraint(condition=~models.Q(name=""), name="document_has_a_name"),
            models.CheckConstraint(
                condition=models.Q(content_type__isnull=True, object_id__isnull=True)
                | models.Q(content_type__isnull=False, object_id__isnull=False),
                name="document_subject_is_whole",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="document_is_fixed",
                fields=["file", "name", "content_type", "object_id", "uploaded_by", "uploaded_at"],
            ),
            pgtrigger.Trigger(
                name="keep_until_retention_ends",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__retention_until__isnull=False),
                func=f"""
                    IF OLD.retention_until >= {TODAY} THEN
                        RAISE EXCEPTION 'document % must be kept until %', OLD.id, OLD.retention_until
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN OLD;
                """,
            ),
            pgtrigger.Trigger(
                name="retention_only_moves_later",
                operation=pgtrigger.UpdateOf("retention_until"),
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__retention_until__isnull=False),
                func="""
                    IF NEW.retention_until IS NULL OR NEW.retention_until < OLD.retention_until THEN
                        RAISE EXCEPTION 'document % must be kept until %', OLD.id, OLD.retention_until
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The address that checks the reader's rights, then serves the file."""
        return reverse("core:document", args=[self.pk])

    @property
    def sha256(self) -> str:
        """The file's hash, as printed on receipts and acts."""
        return self.file.sha256

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return self.file.size

    @property
    def notice_sentences(self) -> list[str]:
        """What the sender and the officer should know of this file."""
        return [str(self.Notice(code).label) for code in self.notices if code in self.Notice.values]

    @property
    def is_ready(self) -> bool:
        """Whether the bytes may leave the store as far as the scanner is concerned."""
        return self.file.scan_state in {ScanState.CLEAN, ScanState.NOT_SCANNED}
