"""A programme (dispositif) and the successive versions of its rules."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from core.history import tracked
from core.models.own_rights import not_to_oneself
from grants.rules.schema import ProgrammeRules, parse_programme


class ProgrammeQuerySet(models.QuerySet):
    """Programmes are public; what is out of the catalogue stays readable by its code."""

    def in_catalogue(self):
        return self.filter(is_active=True)


@tracked
class Programme(models.Model):
    """A scheme with its rules. The rules live in versions, loaded from ``grants/programmes/*.yaml``."""

    code = models.CharField(_("code"), max_length=30, unique=True)
    name = models.CharField(_("name"), max_length=200)
    summary = models.CharField(_("in one line"), max_length=300)
    number_prefix = models.CharField(_("prefix of case numbers"), max_length=8)
    is_active = models.BooleanField(_("in the catalogue"), default=True)
    search_text = models.TextField(editable=False, default="")

    objects = ProgrammeQuerySet.as_manager()

    class Meta:
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["number_prefix"], name="programme_number_prefix_unique"),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        """The public page of the programme."""
        return reverse("grants:programme", args=[self.code])

    @property
    def current_version(self) -> "ProgrammeVersion":
        """The version that a new call takes. Raises ProgrammeVersion.DoesNotExist before the first load."""
        return self.versions.latest("number")


@tracked
class ProgrammeVersion(models.Model):
    """The rules of a programme as they were loaded on one day; an application keeps the version it was filed under."""

    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="versions", verbose_name=_("programme")
    )
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("definition"))
    sha256 = models.CharField(_("fingerprint"), max_length=64)
    loaded_at = models.DateTimeField(_("loaded on"), auto_now_add=True)

    class Meta:
        verbose_name = _("version of a programme")
        verbose_name_plural = _("versions of programmes")
        ordering = ["programme", "number"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "number"], name="programme_version_number_unique"),
        ]
        triggers = [
            pgtrigger.Protect(name="programme_version_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self):
        return f"{self.programme.name} (v{self.number})"

    @cached_property
    def rules(self) -> ProgrammeRules:
        """The typed rules of this version."""
        return parse_programme(self.definition, key=self.sha256)


@tracked
class ProgrammeAssignment(models.Model):
    """A member of staff works on the cases of this programme."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="programme_assignments",
        verbose_name=_("person"),
    )
    programme = models.ForeignKey(
        Programme, on_delete=models.CASCADE, related_name="assignments", verbose_name=_("programme")
    )

    class Meta:
        verbose_name = _("assignment to a programme")
        verbose_name_plural = _("assignments to programmes")
        ordering = ["programme", "user"]
        constraints = [
            models.UniqueConstraint(fields=["user", "programme"], name="programme_assignment_unique"),
        ]
        triggers = [not_to_oneself("no_programme_to_oneself")]

    def __str__(self):
        return f"{self.user} – {self.programme}"
