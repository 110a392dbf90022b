"""The expenditure behind a claim: its lines."""

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from agreements.models.querysets import OfClaimQuerySet
from agreements.models.retained_accounts import of_its_axis
from agreements.models.triggers import differs, refuse, while_claim_is_written
from agreements.rules.duplicates import Invoice, keys_of
from core.history import tracked
from core.models.indexes import for_lists
from core.money import MAX_AMOUNT, MoneyField
from grants.models import BudgetLine

DECLARED_COLUMNS = [
    "claim_id",
    "rank",
    "account_code",
    "axis",
    "category",
    "supplier_name",
    "supplier_siret",
    "invoice_number",
    "invoice_date",
    "paid_on",
    "paid_before_why",
    "other_year_why",
    "description",
    "invoice_total",
    "declared_amount",
    "proof_id",
    "duplicate_key",
    "corrects_number",
    "alike_keys",
    "proof_key",
]

#: What an officer looks at when a line is kept or cut: once one of these is written otherwise, nobody has seen the line.
EXAMINED_COLUMNS = [
    "account_code",
    "axis",
    "supplier_name",
    "supplier_siret",
    "invoice_number",
    "corrects_number",
    "invoice_date",
    "paid_on",
    "paid_before_why",
    "other_year_why",
    "description",
    "invoice_total",
    "declared_amount",
    "proof_id",
]
#: What an answer about two lines rests on: all of it, but where and when the invoice is booked.
COMPARED_COLUMNS = [
    name
    for name in EXAMINED_COLUMNS
    if name not in ("account_code", "axis", "paid_on", "paid_before_why", "other_year_why")
]


#: SQL: the last day on which an expenditure of the agreement ``{0}`` may be paid (``Agreement.last_day_to_pay``).
LAST_DAY_TO_PAY = 'greatest({0}."end", {0}.claim_deadline, {0}.report_due_on)'

#: What its keys are made of.
TELLS_THE_INVOICE = frozenset({
    "supplier_name", "supplier_siret", "invoice_number", "invoice_total", "corrects_number", "proof"
})  # fmt: skip


def _line_rules() -> str:
    """PL/pgSQL: what was declared changes only while the claim is written, what is certified only in review.

    A line that is written otherwise was not examined: what had been kept of it, as it was, is forgotten.
    """
    return f"""
        SELECT state INTO its_state FROM agreements_paymentclaim WHERE id = NEW.claim_id FOR SHARE;
        IF {differs(DECLARED_COLUMNS)} AND its_state NOT IN ('draft', 'returned') THEN
            {refuse("the lines of a claim that was filed do not change")}
        END IF;
        IF {differs(EXAMINED_COLUMNS)} THEN
            NEW.certified_amount := NULL;
            NEW.certified_reason := '';
            RETURN NEW;
        END IF;
        IF ROW(NEW.certified_amount, NEW.certified_reason) IS DISTINCT FROM
           ROW(OLD.certified_amount, OLD.certified_reason) AND its_state NOT IN ('under_review') THEN
            {refuse("a line is certified while its claim is under review")}
        END IF;
        RETURN NEW;
    """


def _answers_lapse() -> pgtrigger.Trigger:
    """An answer holds for the two lines as they were: once one is written otherwise, the question is open again."""
    return pgtrigger.Trigger(
        name="answers_lapse",
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(differs(COMPARED_COLUMNS)),
        func="""
            UPDATE agreements_duplicatewarning SET lapsed_at = clock_timestamp()
             WHERE (line_id = NEW.id OR other_line_id = NEW.id) AND answered_at IS NOT NULL AND lapsed_at IS NULL;
            RETURN NULL;
        """,
    )


@tracked(personal=["supplier_name", "description", "duplicate_key", "name_key", "alike_keys"])
class ExpenditureLine(models.Model):
    """One paid cost. Amounts are euros; a credit note is negative.

    ``declared_amount`` is the part of the invoice put on this agreement, ``certified_amount`` what the
    instructor keeps of it (null until reviewed), with the reason of a cut.
    """

    claim = models.ForeignKey(
        "agreements.PaymentClaim", on_delete=models.PROTECT, related_name="lines", verbose_name=_("claim")
    )
    rank = models.PositiveIntegerField(_("rank"))
    account_code = models.CharField(_("account"), max_length=20)
    # Where the plan of the grant has several axes: the one that the expenditure belongs to.
    axis = models.CharField(_("part of the project"), max_length=40, blank=True, default="", db_default="")
    category = models.CharField(_("category"), max_length=120, blank=True)
    supplier_name = models.CharField(_("supplier"), max_length=200)
    supplier_siret = models.CharField(_("SIRET of the supplier"), max_length=14, blank=True)
    invoice_number = models.CharField(_("invoice number"), max_length=60)
    invoice_date = models.DateField(_("invoice date"))
    paid_on = models.DateField(_("paid on"))
    # What its beneficiary answers where it was paid before the date of its invoice; the officer reads it with the line.
    paid_before_why = models.CharField(
        _("why it was paid before its invoice"), max_length=300, blank=True, default="", db_default=""
    )
    # What its beneficiary answers where its invoice is dated in another year than the one that the claim is about.
    other_year_why = models.CharField(
        _("why it belongs to this year"), max_length=300, blank=True, default="", db_default=""
    )
    description = models.CharField(_("what was bought"), max_length=300)
    invoice_total = MoneyField(_("total of the invoice"))
    declared_amount = MoneyField(_("declared amount"))
    # Of a credit note: the number of the invoice that it corrects, as written and as it is compared.
    corrects_number = models.CharField(_("corrects the invoice"), max_length=60, blank=True, default="", db_default="")
    corrects_key = models.CharField(max_length=60, editable=False, blank=True, default="", db_default="")
    certified_amount = MoneyField(_("certified amount"), null=True, blank=True)
    certified_reason = models.CharField(_("reason of the cut"), max_length=300, blank=True)
    proof = models.ForeignKey(
        "core.Document",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="expenditure_lines",
        verbose_name=_("proof"),
    )
    duplicate_key = models.CharField(max_length=200, editable=False, db_index=True)
    # The same by the supplier's name: another row of this invoice may lack the number.
    name_key = models.CharField(max_length=200, editable=False, db_index=True, default="", db_default="")
    # The same by number and total: the supplier may be written in any way.
    total_key = models.CharField(max_length=80, editable=False, db_index=True, default="", db_default="")
    # What its supplier and number look like, and the hash of its proof: another line may be this invoice in disguise.
    alike_keys = ArrayField(models.CharField(max_length=16), editable=False, default=list, db_default=[])
    proof_key = models.CharField(max_length=64, editable=False, blank=True, db_index=True, default="", db_default="")

    objects = OfClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("expenditure line")
        verbose_name_plural = _("expenditure lines")
        ordering = ["claim", "rank"]
        indexes = [
            *for_lists("expenditure_line", "supplier_name"),
            GinIndex(fields=["alike_keys"], fastupdate=False, name="expenditure_alike"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["claim", "rank"], name="expenditure_rank_unique", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(condition=Q(supplier_siret__regex=r"^(\d{14})?$"), name="expenditure_siret_shape"),
            models.CheckConstraint(condition=~Q(declared_amount=0), name="expenditure_declares_something"),
            models.CheckConstraint(
                condition=Q(declared_amount__lt=0, invoice_total__lte=F("declared_amount"))
                | Q(declared_amount__gt=0, invoice_total__gte=F("declared_amount")),
                name="expenditure_within_invoice",
            ),
            models.CheckConstraint(
                condition=Q(invoice_total__gte=-MAX_AMOUNT, invoice_total__lte=MAX_AMOUNT),
                name="expenditure_invoice_is_plausible",
                violation_error_message=_(
                    "The total of the invoice is no plausible amount: check the number of its digits."
                ),
            ),
            models.CheckConstraint(
                condition=Q(certified_amount__isnull=True)
                | Q(declared_amount__gt=0, certified_amount__gte=0, certified_amount__lte=F("declared_amount"))
                | Q(declared_amount__lt=0, certified_amount__lte=0, certified_amount__gte=F("declared_amount")),
                name="expenditure_certified_within_declared",
            ),
            models.CheckConstraint(
                condition=Q(certified_amount__isnull=True)
                | Q(certified_amount=F("declared_amount"))
                | ~Q(certified_reason=""),
                name="expenditure_cut_has_reason",
            ),
            models.CheckConstraint(condition=~Q(duplicate_key=""), name="expenditure_is_recognisable"),
            models.CheckConstraint(
                condition=Q(declared_amount__lt=0)
                & (Q(corrects_number="", corrects_key="") | (~Q(corrects_number="") & ~Q(corrects_key="")))
                | Q(declared_amount__gt=0, corrects_number="", corrects_key=""),
                name="expenditure_credit_names_its_invoice",
                violation_error_message=_("Only a credit note names the invoice that it corrects."),
            ),
        ]
        triggers = [
            while_claim_is_written("the lines"),
            pgtrigger.Trigger(
                name="credit_names_its_invoice",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Q(new__declared_amount__lt=0, new__corrects_number=""),
                func=refuse("a credit note names the invoice that it corrects"),
            ),
            pgtrigger.Trigger(
                name="line_within_eligible_dates",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                declare=[
                    ("its", "agreements_agreement%ROWTYPE"),
                    ("year", "agreements_tranche%ROWTYPE"),
                    ("last_day", "DATE"),
                ],
                func=f"""
                    IF TG_OP = 'UPDATE' AND ROW(NEW.invoice_date, NEW.paid_on, NEW.claim_id, NEW.axis, NEW.paid_before_why,
                                                    NEW.other_year_why)
                       IS NOT DISTINCT FROM ROW(OLD.invoice_date, OLD.paid_on, OLD.claim_id, OLD.axis, OLD.paid_before_why,
                                                OLD.other_year_why) THEN
                        RETURN NEW;
                    END IF;
                    SELECT a.* INTO its FROM agreements_agreement a
                      JOIN agreements_paymentclaim c ON c.agreement_id = a.id WHERE c.id = NEW.claim_id;
                    IF NEW.invoice_date NOT BETWEEN its.start AND its."end" THEN
                        {refuse("the invoice is dated outside the period of the agreement")}
                    END IF;
                    IF EXISTS (SELECT 1 FROM agreements_tranche t WHERE t.agreement_id = its.id AND t.amount = 0
                               AND NEW.invoice_date BETWEEN t.starts_on AND t.ends_on) THEN
                        {refuse("the invoice is of a year for which nothing is granted")}
                    END IF;
                    IF NEW.axis <> '' AND EXISTS (
                        SELECT 1 FROM grants_application app
                         CROSS JOIN jsonb_array_elements(coalesce(app.granted_plan -> 'parts', '[]')) AS part
                         WHERE app.id = its.application_id AND part ->> 'axis' = NEW.axis
                        HAVING sum((part ->> 'amount')::numeric) = 0) THEN
                        {refuse("the expenditure is of a part of the project for which nothing is granted")}
                    END IF;
                    last_day := {LAST_DAY_TO_PAY.format("its")};
                    IF NEW.paid_on NOT BETWEEN its.start AND last_day THEN
                        {refuse("the expenditure is paid outside the eligible dates, % to %", "its.start", "last_day")}
                    END IF;
                    IF NEW.paid_on < NEW.invoice_date AND btrim(NEW.paid_before_why) = '' THEN
                        {refuse("an expenditure that is paid before its invoice says why")}
                    END IF;
                    SELECT t.* INTO year FROM agreements_paymentclaim c
                      JOIN agreements_instalment i ON i.id = c.instalment_id
                      JOIN agreements_tranche t ON t.id = i.tranche_id WHERE c.id = NEW.claim_id;
                    IF FOUND AND NEW.invoice_date NOT BETWEEN year.starts_on AND year.ends_on
                       AND btrim(NEW.other_year_why) = '' THEN
                        {refuse("an invoice of another year says why it belongs to the year of the claim")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="line_of_a_retained_account",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("account_code", "axis", "claim_id"),
                func=f"""
                    IF EXISTS (SELECT 1 FROM agreements_agreementbudgetline b
                                JOIN agreements_paymentclaim c ON c.agreement_id = b.agreement_id
                               WHERE c.id = NEW.claim_id AND b.side = 'charge' AND b.account_code = NEW.account_code
                                 AND {of_its_axis("NEW", "b")}
                              HAVING sum(b.amount) > 0 AND sum(coalesce(b.eligible_amount, b.amount)) = 0) THEN
                        {refuse("the expenditure is of an account of which nothing is retained")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="line_rules",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                declare=[("its_state", "TEXT")],
                func=_line_rules(),
            ),
            _answers_lapse(),
            pgtrigger.Trigger(
                name="totals_of_the_claim",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                declare=[("of_claim", "BIGINT"), ("declared", "NUMERIC"), ("certified", "NUMERIC")],
                func=f"""
                    of_claim := CASE WHEN TG_OP = 'DELETE' THEN OLD.claim_id ELSE NEW.claim_id END;
                    declared := (CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE NEW.declared_amount END)
                        - (CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE OLD.declared_amount END);
                    certified := (CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE coalesce(NEW.certified_amount, 0) END)
                        - (CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE coalesce(OLD.certified_amount, 0) END);
                    IF TG_OP = 'INSERT' AND EXISTS (
                        SELECT 1 FROM agreements_paymentclaim WHERE id = of_claim AND last_rank >= NEW.rank) THEN
                        {refuse("the number of a line is given once: % was given", "NEW.rank")}
                    END IF;
                    IF declared <> 0 OR certified <> 0 THEN
                        UPDATE agreements_paymentclaim SET declared_total = declared_total + declared,
                            certified_total = certified_total + certified,
                            last_rank = CASE WHEN TG_OP = 'INSERT' THEN NEW.rank ELSE last_rank END WHERE id = of_claim;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self):
        return f"{self.claim_id}/{self.rank} {self.supplier_name} {self.invoice_number}"

    def save(self, *args, **kwargs):
        """Keep the keys by which the invoice is recognised on other lines."""
        fields = kwargs.get("update_fields")
        if fields is None or TELLS_THE_INVOICE & {*fields}:
            keys = self.keys()
            for name, key in keys.items():
                setattr(self, name, key)
            if fields is not None:
                kwargs["update_fields"] = {*fields, *keys}
        super().save(*args, **kwargs)

    def keys(self) -> dict[str, Any]:
        """The columns by which its invoice is compared with others, made of what the line says."""
        return keys_of(self.invoice, self.corrects_number) | {
            "alike_keys": sorted(
                {*self.invoice.alike_keys(), *self.invoice.same_day_keys(self.claim.agreement.beneficiary_id)}
            ),
            "proof_key": self.proof.file.sha256 if self.proof_id else "",
        }

    @property
    def invoice(self) -> Invoice:
        """What tells its invoice from another one."""
        return Invoice(
            self.supplier_name, self.supplier_siret, self.invoice_number, self.invoice_date, self.invoice_total
        )

    @property
    def is_of_another_year(self) -> bool:
        """Whether its invoice is dated in another year than the one that its claim is about."""
        return self.claim.is_of_another_year(self.invoice_date)

    @property
    def axis_label(self) -> str:
        """The part of the project that it belongs to, as the budget calls it."""
        return str(dict(BudgetLine.Axis.choices).get(self.axis, self.axis))

    @property
    def cut_amount(self):
        """Euros that the review took off; null until reviewed."""
        return None if self.certified_amount is None else self.declared_amount - self.certified_amount
