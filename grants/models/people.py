"""Who is in an application besides the lead applicant: partners of a collective, persons of a SCOP in formation."""

from decimal import Decimal

import pgtrigger
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from applicants.models.triggers import naming_stays
from core.history import tracked
from core.money import MoneyField
from grants.models.guards import kept_once_decided, person_keeps_their_file


@tracked(personal=["name"])
class Partner(models.Model):
    """A partner of the collective that the lead applicant files for."""

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="partners", verbose_name=_("application")
    )
    rank = models.PositiveSmallIntegerField(_("rank"))
    applicant = models.ForeignKey(
        "applicants.Applicant",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="partnerships",
        verbose_name=_("known structure"),
    )
    name = models.CharField(_("name"), max_length=200)
    siret = models.CharField(_("SIRET"), max_length=14, blank=True)
    role = models.CharField(_("role in the project"), max_length=200, blank=True)
    contribution = MoneyField(_("contribution"), default=Decimal(0), validators=[MinValueValidator(Decimal(0))])

    class Meta:
        verbose_name = _("partner")
        verbose_name_plural = _("partners")
        ordering = ["application_id", "rank"]
        triggers = [kept_once_decided()]
        constraints = [
            models.UniqueConstraint(fields=["application", "rank"], name="partner_rank_unique"),
            models.CheckConstraint(condition=models.Q(contribution__gte=0), name="partner_contribution_not_negative"),
        ]

    def __str__(self):
        return self.name


@tracked(personal=["first_name", "last_name", "email"])
class PersonLine(models.Model):
    """A natural person of a grouped application (Capital SCOP), granted on their own contribution.

    No national identity number is asked or stored.
    """

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="persons", verbose_name=_("application")
    )
    rank = models.PositiveSmallIntegerField(_("rank"))
    applicant = models.ForeignKey(
        "applicants.Applicant",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="person_lines",
        verbose_name=_("known person"),
    )
    first_name = models.CharField(_("first name"), max_length=100)
    last_name = models.CharField(_("last name"), max_length=100)
    email = models.EmailField(_("e-mail"), blank=True)
    own_contribution = MoneyField(_("own contribution to the capital"), default=Decimal(0))
    computed_amount = MoneyField(_("computed aid"), null=True, blank=True)
    granted_amount = MoneyField(_("granted aid"), null=True, blank=True)

    class Meta:
        verbose_name = _("person of the application")
        verbose_name_plural = _("persons of the application")
        ordering = ["application_id", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["application", "rank"], name="person_line_rank_unique"),
            models.CheckConstraint(
                condition=models.Q(own_contribution__gte=0), name="person_line_contribution_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(computed_amount__isnull=True) | models.Q(computed_amount__gte=0),
                name="person_line_computed_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(granted_amount__isnull=True) | models.Q(granted_amount__gte=0),
                name="person_line_granted_not_negative",
            ),
        ]
        triggers = [
            naming_stays(
                pgtrigger.Update | pgtrigger.Delete,
                body="SELECT applicant_id FROM grants_application WHERE id = OLD.application_id",
                place="'case:' || OLD.application_id",
                taken_off="TG_OP = 'DELETE' OR lower(NEW.email) IS DISTINCT FROM lower(OLD.email)",
            ),
            person_keeps_their_file(),
            kept_once_decided(),
        ]

    def __str__(self):
        return self.full_name

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()
