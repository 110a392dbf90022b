"""What the control retained, shared between the sources of the financing plan."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from agreements.models.triggers import refuse
from applicants.models.triggers import bodies_of_case, impartial
from core.history import tracked
from core.models.indexes import for_lists
from core.money import MoneyField
from core.triggers import append_only_triggers
from reporting.models.declaration import ExpenditureDeclaration
from reporting.models.financing import FinancingLine, SourceKind
from reporting.models.operation import Operation, OperationVersion
from reporting.models.querysets import OfOperationQuerySet

CASE_OF_DECLARATION = """(SELECT a.application_id FROM agreements_agreement a
    JOIN agreements_paymentclaim c ON c.agreement_id = a.id
    JOIN reporting_expendituredeclaration d ON d.claim_id = c.id WHERE d.id = NEW.declaration_id)"""

_VARIABLES = [
    ("its", "reporting_certificate%ROWTYPE"),
    ("shared", "NUMERIC"),
    ("retained", "NUMERIC"),
    ("of_eu", "NUMERIC"),
    ("granted", "NUMERIC"),
    ("certified", "NUMERIC"),
    ("eligible", "NUMERIC"),
]


def _sum_check(certificate_id: str) -> str:
    return f"""
        SELECT * INTO its FROM reporting_certificate WHERE id = {certificate_id};
        SELECT coalesce(sum(amount), 0) INTO shared FROM reporting_certificateallocation
          WHERE certificate_id = its.id;
        SELECT coalesce(sum(retained_amount), 0) INTO retained FROM reporting_expenditureitem
          WHERE declaration_id = its.declaration_id;
        IF shared <> its.total THEN
            {refuse("the allocations add up to % and not to the certified %", "shared", "its.total")}
        END IF;
        IF retained <> its.total THEN
            {refuse("the retained items add up to % and not to the certified %", "retained", "its.total")}
        END IF;
        IF NOT EXISTS (
            SELECT 1 FROM reporting_expendituredeclaration d JOIN reporting_operationversion v ON v.id = its.version_id
            WHERE d.id = its.declaration_id AND d.state = 'controlled' AND d.operation_id = its.operation_id
              AND v.operation_id = its.operation_id AND d.controller_id = its.issued_by_id
        ) THEN
            {refuse("a certificate ends the control of its declaration, by its controller")}
        END IF;
        SELECT coalesce(sum(a.amount), 0) INTO of_eu FROM reporting_certificateallocation a
          JOIN reporting_certificate c ON c.id = a.certificate_id
          WHERE c.operation_id = its.operation_id AND a.kind = 'eu';
        SELECT eu_amount INTO granted FROM reporting_operationversion WHERE id = its.version_id;
        IF of_eu > granted AND its.total > 0 THEN
            {refuse("the EU would bear % of an operation for which it grants %", "of_eu", "granted")}
        END IF;
        SELECT coalesce(sum(total), 0) INTO certified FROM reporting_certificate
          WHERE operation_id = its.operation_id;
        SELECT eligible_cost INTO eligible FROM reporting_operationversion WHERE id = its.version_id;
        IF certified > eligible AND its.total > 0 THEN
            {refuse("% would be certified of an operation whose eligible cost is %", "certified", "eligible")}
        END IF;
        RETURN NULL;
    """


@tracked
class Certificate(models.Model):
    """The certificate of service performed of one declaration: issued once, never changed.

    ``version`` is the version of the operation whose financing plan shared the amount. ``sha256`` is the hash of the
    items and allocations as they were certified.
    """

    number = models.CharField(_("number"), max_length=30, unique=True)
    declaration = models.OneToOneField(
        ExpenditureDeclaration, on_delete=models.PROTECT, related_name="certificate", verbose_name=_("declaration")
    )
    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="certificates", verbose_name=_("operation")
    )
    version = models.ForeignKey(
        OperationVersion, on_delete=models.PROTECT, related_name="certificates", verbose_name=_("version")
    )
    total = MoneyField(_("certified"))
    issued_at = models.DateTimeField(_("issued on"), default=timezone.now, editable=False)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("issued by")
    )
    sha256 = models.CharField(_("SHA-256"), max_length=64)

    objects = OfOperationQuerySet.as_manager()

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        ordering = ["-issued_at", "-pk"]
        indexes = [
            *for_lists("certificate", "issued_at", "total"),
            models.Index(fields=["operation", "issued_at"], name="certificate_of_operation"),
        ]
        constraints = [models.CheckConstraint(condition=~Q(total=0), name="certificate_certifies_something")]
        triggers = [
            impartial(["issued_by_id"], bodies_of_case(CASE_OF_DECLARATION)),
            *append_only_triggers(),
            pgtrigger.Trigger(
                name="shared_exactly", when=pgtrigger.After, operation=pgtrigger.Insert, timing=pgtrigger.Deferred,
                declare=_VARIABLES, func=_sum_check("NEW.id"),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number

    @cached_property
    def entry(self):
        """The entry of the payment application in which it stands, or None; from ``entries``, where they were fetched."""
        return next((entry for entry in self.entries.all() if entry.released_at is None), None)

    def amount_of(self, kind: str):
        """Return the euros that a kind of source bears of this certificate."""
        return sum((line.amount for line in self.allocations.all() if line.kind == kind), 0)


class AllocationQuerySet(OfOperationQuerySet):
    operation_path = "certificate__operation__"


@tracked
class CertificateAllocation(models.Model):
    """The part of a certified amount that one source bears. Without ``source``, the beneficiary's remainder."""

    certificate = models.ForeignKey(
        Certificate, on_delete=models.PROTECT, related_name="allocations", verbose_name=_("certificate")
    )
    source = models.ForeignKey(
        FinancingLine, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations",
        verbose_name=_("line of the financing plan"),
    )  # fmt: skip
    kind = models.CharField(_("source"), max_length=12, choices=SourceKind.choices)
    amount = MoneyField(_("amount"))

    objects = AllocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("allocation of a certificate")
        verbose_name_plural = _("allocations of certificates")
        ordering = ["certificate", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["certificate", "source"], nulls_distinct=False, name="certificate_allocation_unique"
            ),
        ]
        triggers = [
            *append_only_triggers(),
            pgtrigger.Trigger(
                name="adds_up", when=pgtrigger.After, operation=pgtrigger.Insert, timing=pgtrigger.Deferred,
                declare=_VARIABLES, func=_sum_check("NEW.certificate_id"),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.certificate} · {self.get_kind_display()}"
