"""Who finances an operation: one line a source."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.history import tracked
from core.money import MoneyField
from core.triggers import append_only_triggers
from grants.eu_funds import EuFund
from reporting.models.funds import line_of_its_fund
from reporting.models.operation import FINANCING_VARIABLES, OperationVersion, financing_check
from reporting.models.querysets import OfOperationQuerySet


class SourceKind(models.TextChoices):
    """Where money comes from. ``unexplained`` is the gap of a source whose EU amount exceeds the eligible cost."""

    EU = "eu", _("European Union")
    STATE = "state", _("State")
    REGION = "region", _("Region")
    LOCAL = "local", _("Other local authorities")
    PUBLIC = "public", _("Other public sources")
    PRIVATE = "private", _("Private sources")
    OWN = "own", _("Beneficiary")
    UNKNOWN = "unknown", _("Sources not detailed")
    UNEXPLAINED = "unexplained", _("Gap to be explained")


PUBLIC_SOURCES = (SourceKind.EU, SourceKind.STATE, SourceKind.REGION, SourceKind.LOCAL, SourceKind.PUBLIC)


def name_in_words(kind: str, name: str) -> str:
    """The name of a source as people know it: a European fund in their language, any other as it is written."""
    return str(EuFund(name).label) if kind == SourceKind.EU and name in EuFund.values else name


class FinancingLineQuerySet(OfOperationQuerySet):
    operation_path = "version__operation__"


@tracked
class FinancingLine(models.Model):
    """What one source brings to an operation, in euros."""

    version = models.ForeignKey(
        OperationVersion, on_delete=models.PROTECT, related_name="financing", verbose_name=_("version")
    )
    rank = models.PositiveSmallIntegerField(_("rank"))
    kind = models.CharField(_("source"), max_length=12, choices=SourceKind.choices)
    label = models.CharField(_("name of the source"), max_length=200, blank=True)
    amount = MoneyField(_("amount"))

    objects = FinancingLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("line of the financing plan")
        verbose_name_plural = _("lines of financing plans")
        ordering = ["version_id", "rank"]  # by the key itself: the order of versions would join two more tables
        constraints = [
            models.UniqueConstraint(fields=["version", "rank"], name="financing_rank_unique"),
            models.CheckConstraint(
                condition=Q(amount__gte=0) | Q(kind="unexplained"), name="financing_not_negative_but_a_gap"
            ),
        ]
        triggers = [
            *append_only_triggers(),
            line_of_its_fund(),
            pgtrigger.Trigger(
                name="adds_up",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                declare=FINANCING_VARIABLES,
                func=financing_check("NEW.version_id"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"

    @property
    def name(self) -> str:
        """The name of the source, for people."""
        return name_in_words(self.kind, self.label)

    @property
    def is_public(self) -> bool:
        return self.kind in PUBLIC_SOURCES
