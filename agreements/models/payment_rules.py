"""Where batches and orders stand, and the SQL of what they wait for."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
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


def batch_closed_with_workbook() -> models.CheckConstraint:
    """A batch is closed by somebody with its workbook and its total, or cancelled empty."""
    return models.CheckConstraint(
        condition=Q(state="open", closed_by__isnull=True)
        | Q(closed_by__isnull=False, closed_at__isnull=False, closed_total__isnull=False, workbook__isnull=False)
        | Q(
            state="void",
            closed_by__isnull=False,
            closed_at__isnull=False,
            closed_total__isnull=True,
            workbook__isnull=True,
        ),
        name="batch_closed_with_workbook",
    )


def batch_of_its_year() -> pgtrigger.Trigger:
    """A batch is of the budget year in which it is opened, and keeps its number and its year."""
    return pgtrigger.Trigger(
        name="batch_of_its_year",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        func=f"""
            IF TG_OP = 'UPDATE' THEN
                IF ROW(NEW.number, NEW.year, NEW.opened_at, NEW.opened_by_id)
                   IS DISTINCT FROM ROW(OLD.number, OLD.year, OLD.opened_at, OLD.opened_by_id) THEN
                    {refuse("a batch keeps its number, its year and who opened it")}
                END IF;
            ELSIF NEW.year <> EXTRACT(YEAR FROM NEW.opened_at AT TIME ZONE '{settings.TIME_ZONE}') THEN
                {refuse("a batch is of the budget year in which it is opened, not of %", "NEW.year")}
            END IF;
            RETURN NEW;
        """,
    )


def order_takes_its_credits() -> pgtrigger.Trigger:
    """An order takes payment credits of its envelope, of the year of its batch, in which it is made; a cancelled one
    gives them back.

    Looked at when the transaction ends. An order of before this rule, without credits, may still be paid or cancelled.
    """
    return pgtrigger.Trigger(
        name="order_takes_its_credits",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update,
        timing=pgtrigger.Deferred,
        declare=[("its", "agreements_paymentorder%ROWTYPE"), ("used", "NUMERIC"), ("of_year", "INTEGER")],
        func=f"""
            SELECT * INTO its FROM agreements_paymentorder WHERE id = NEW.id;
            SELECT b.year INTO of_year FROM agreements_paymentbatch b WHERE b.id = its.batch_id;
            IF TG_OP = 'INSERT' AND of_year <> EXTRACT(YEAR FROM its.ordered_at AT TIME ZONE '{settings.TIME_ZONE}') THEN
                {refuse("the batch is of the budget year %: an order goes in a batch of its year", "of_year")}
            END IF;
            SELECT u.amount - u.released_amount INTO used
              FROM grants_credituse u JOIN grants_paymentcredit p ON p.id = u.credit_id
              JOIN agreements_paymentclaim c ON c.id = its.claim_id JOIN agreements_agreement a ON a.id = c.agreement_id
              JOIN grants_commitment k ON k.id = a.commitment_id
             WHERE u.reference = its.reference AND p.envelope_id = k.envelope_id AND p.year = of_year;
            IF used IS NULL AND TG_OP = 'UPDATE' THEN RETURN NULL; END IF;
            IF used IS DISTINCT FROM (CASE WHEN its.state = 'cancelled' THEN 0 ELSE its.amount END) THEN
                {refuse("the order % does not take its payment credits of %", "its.reference", "of_year")}
            END IF;
            RETURN NULL;
        """,
    )


def paid_after_its_batch() -> pgtrigger.Trigger:
    """What the accountant paid was sent before: no payment is dated before the day on which its batch was closed."""
    return pgtrigger.Trigger(
        name="paid_after_its_batch",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.paid_on IS DISTINCT FROM NEW.paid_on"),
        declare=[("sent_on", "DATE")],
        func=f"""
            SELECT (closed_at AT TIME ZONE '{settings.TIME_ZONE}')::date INTO sent_on
              FROM agreements_paymentbatch WHERE id = NEW.batch_id;
            IF NEW.paid_on < sent_on THEN
                {refuse("the payment (%) comes before the sending of its batch, on %", "NEW.paid_on", "sent_on")}
            END IF;
            RETURN NEW;
        """,
    )


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
