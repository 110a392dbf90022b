"""Reference tables: legal categories, and the departments with the regions they are in."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.history import tracked


@tracked
class LegalCategory(models.Model):
    """A legal form of the INSEE nomenclature (level 3, four digits), kept to those that the SSE meets."""

    class Membership(models.TextChoices):
        BY_STATUTE = "by_statute", pgettext_lazy("SSE", "by its statute")
        CONDITIONAL = "conditional", pgettext_lazy("SSE", "under conditions")
        NO = "no", pgettext_lazy("SSE", "no")

    code = models.CharField(_("code"), max_length=4, unique=True)
    label = models.CharField(_("label"), max_length=200)
    family = models.CharField(_("family"), max_length=60, blank=True)
    ess = models.CharField(_("part of the SSE"), max_length=12, choices=Membership.choices)
    note = models.CharField(_("note"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("legal category")
        verbose_name_plural = _("legal categories")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=models.Q(code__regex=r"^\d{4}$"), name="legal_category_code"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.label}"


@tracked
class Department(models.Model):
    """A department, its region (INSEE code) and its NUTS 2 area (a region of before 2016, mostly)."""

    code = models.CharField(_("code"), max_length=3, unique=True)
    name = models.CharField(_("name"), max_length=60)
    region_insee = models.CharField(_("region (INSEE code)"), max_length=2, db_index=True)
    region_name = models.CharField(_("region"), max_length=60)
    nuts2 = models.CharField(_("NUTS 2 code"), max_length=4, db_index=True)
    nuts2_name = models.CharField(_("NUTS 2 area"), max_length=60)

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
