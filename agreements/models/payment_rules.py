"""Where batches and orders stand, and the SQL of what they wait for."""

from django.conf import settings
from django.db import models
from django.utils.translation import pgettext_lazy

from agreements.models.triggers import refuse

#: SQL of all who are paid by a batch, and of the beneficiaries for whom they are.
BODIES_OF_BATCH = """
    SELECT unnest(ARRAY[o.payee_id, a.beneficiary_id]) FROM agreements_paymentorder o
        JOIN agreements_paymentclaim c ON c.id = o.claim_id JOIN agreements_agreement a ON a.id = c.agreement_id
        WHERE o.batch_id = NEW.id AND o.state <> 'cancelled'
"""


# The applicant's row is what a change of account locks (applicants.bank_accounts.enter_account): the two come one after
# the other. What the accountant paid before the day of the change may still be written down.
ORDER_WAITS_FOR_ACCOUNT = f"""
    PERFORM 1 FROM applicants_applicant WHERE id = NEW.payee_id FOR SHARE;
    IF EXISTS (
        SELECT 1 FROM applicants_bankaccount WHERE applicant_id = NEW.payee_id AND state = 'entered' AND is_change
          AND (TG_OP = 'INSERT' OR (entered_at AT TIME ZONE '{settings.TIME_ZONE}')::date <= NEW.paid_on)
    ) THEN
        {refuse("a change of account of the payee waits to be verified")}
    END IF;
    RETURN NEW;
"""

BATCH_WAITS_FOR_ACCOUNTS = f"""
    PERFORM 1 FROM applicants_applicant WHERE id IN (
        SELECT payee_id FROM agreements_paymentorder WHERE batch_id = NEW.id AND state = 'ordered'
    ) ORDER BY id FOR SHARE;
    IF EXISTS (
        SELECT 1 FROM agreements_paymentorder o JOIN applicants_bankaccount b ON b.applicant_id = o.payee_id
        WHERE o.batch_id = NEW.id AND o.state = 'ordered' AND b.state = 'entered' AND b.is_change
    ) THEN
        {refuse("a change of account of a payee of this batch waits to be verified")}
    END IF;
    RETURN NEW;
"""


class BatchState(models.TextChoices):
    """Where a batch stands."""

    OPEN = "open", pgettext_lazy("batch", "Open")
    SENT = "sent", pgettext_lazy("batch", "Sent to finance")
    PAID = "paid", pgettext_lazy("batch", "Paid")
    VOID = "void", pgettext_lazy("batch", "Cancelled")


class OrderState(models.TextChoices):
    """What became of an order."""

    ORDERED = "ordered", pgettext_lazy("order", "Ordered")
    PAID = "paid", pgettext_lazy("order", "Paid")
    CANCELLED = "cancelled", pgettext_lazy("order", "Cancelled")
