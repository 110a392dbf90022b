"""A certificate in a payment application: what it asks of it, and when it was given back."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agreements.models.triggers import refuse
from core.history import tracked
from core.money import MoneyField
from reporting.effects import of_claims_in_doubt
from reporting.models.certificate import Certificate
from reporting.models.guards import certified_by_the_end_of_its_year, sums_entries
from reporting.models.payment_application import OfApplicationQuerySet, PaymentApplicationLine


class EntryQuerySet(OfApplicationQuerySet):
    """Entries of payment applications."""

    def asked(self):
        """Those that count: their application was not withdrawn."""
        return self.filter(released_at__isnull=True)

    def in_doubt(self):
        """Those that count and of which the claim is suspended, certified no more, or ended with its fault open."""
        return self.asked().filter(of_claims_in_doubt("certificate__declaration__claim"))


@tracked
class PaymentApplicationEntry(models.Model):
    """One certificate in one payment application: its public contribution is what public sources bear of it, less what
    the Region neither paid nor will pay. ``released_at`` says since when it waits for another one, because the
    application was withdrawn after it was closed: a certificate stands in one application at most at a time."""

    line = models.ForeignKey(
        PaymentApplicationLine, on_delete=models.PROTECT, related_name="entries", verbose_name=_("line")
    )
    certificate = models.ForeignKey(
        Certificate, on_delete=models.PROTECT, related_name="entries", verbose_name=_("certificate")
    )
    eligible_amount = MoneyField(_("eligible expenditure"))
    union_amount = MoneyField(_("Union contribution"))
    public_amount = MoneyField(_("public contribution"))
    unpaid_amount = MoneyField(_("certified on the Region and not paid"), default=0, db_default=0)
    entered_at = models.DateTimeField(_("entered on"), default=timezone.now, editable=False)
    released_at = models.DateTimeField(_("given back on"), null=True, blank=True, editable=False)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("entry of a payment application")
        verbose_name_plural = _("entries of payment applications")
        ordering = ["line", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(unpaid_amount__gte=0), name="entry_unpaid_not_negative"),
            models.UniqueConstraint(
                fields=["certificate"],
                condition=Q(released_at__isnull=True),
                name="certificate_in_one_application",
                violation_error_message=_("This certificate stands in a payment application already."),
            ),
        ]
        triggers = [
            certified_by_the_end_of_its_year(),
            pgtrigger.Trigger(
                name="fits_its_certificate",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                declare=[("its_state", "TEXT"), ("fitting", "BOOLEAN")],
                func=f"""
                    IF TG_OP = 'UPDATE' AND (OLD.released_at IS NOT NULL OR NEW.released_at IS NULL
                       OR ROW(NEW.line_id, NEW.certificate_id, NEW.eligible_amount, NEW.union_amount, NEW.public_amount, NEW.unpaid_amount)
                          IS DISTINCT FROM
                          ROW(OLD.line_id, OLD.certificate_id, OLD.eligible_amount, OLD.union_amount, OLD.public_amount, OLD.unpaid_amount))
                    THEN
                        {refuse("an entry of a payment application does not change")}
                    END IF;
                    IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF;
                    SELECT a.state INTO its_state FROM reporting_paymentapplicationline l
                      JOIN reporting_paymentapplication a ON a.id = l.application_id
                      WHERE l.id = CASE WHEN TG_OP = 'DELETE' THEN OLD.line_id ELSE NEW.line_id END;
                    IF its_state <> 'open' THEN
                        {refuse("the entries of a closed payment application do not change")}
                    END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    SELECT v.fund_id = a.fund_id AND o.programme_id = a.programme_id AND v.priority_id = l.priority_id
                           AND v.category_of_region = l.category_of_region AND NEW.eligible_amount = c.total
                           AND NEW.union_amount = (SELECT coalesce(sum(amount), 0)
                               FROM reporting_certificateallocation WHERE certificate_id = c.id AND kind = 'eu')
                           AND NEW.public_amount + NEW.unpaid_amount = (SELECT coalesce(sum(amount), 0)
                               FROM reporting_certificateallocation WHERE certificate_id = c.id
                               AND kind IN ('eu', 'state', 'region', 'local', 'public'))
                           AND NEW.unpaid_amount <= greatest((SELECT coalesce(sum(amount), 0)
                               FROM reporting_certificateallocation WHERE certificate_id = c.id AND kind = 'region'), 0)
                      INTO fitting
                      FROM reporting_certificate c
                      JOIN reporting_operationversion v ON v.id = c.version_id
                      JOIN reporting_operation o ON o.id = c.operation_id
                      JOIN reporting_paymentapplicationline l ON l.id = NEW.line_id
                      JOIN reporting_paymentapplication a ON a.id = l.application_id
                      WHERE c.id = NEW.certificate_id;
                    IF fitting IS NOT TRUE THEN
                        {refuse("an entry has the fund, programme, priority, category and amounts of its certificate")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            sums_entries(pgtrigger.Insert | pgtrigger.Delete, "coalesce(NEW.line_id, OLD.line_id)"),
            pgtrigger.Trigger(
                name="released_with_its_application",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Condition("NEW.released_at IS NOT NULL"),
                func=f"""
                    IF NOT EXISTS (SELECT 1 FROM reporting_paymentapplicationline l
                                   JOIN reporting_paymentapplication a ON a.id = l.application_id
                                   WHERE l.id = NEW.line_id AND a.state = 'void') THEN
                        {refuse("what an application asks for is given back when it is withdrawn")}
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.certificate}"
