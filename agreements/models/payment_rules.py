"""Where batches and orders stand, and the SQL of what they wait for."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from agreements.models.due_rules import ordered_while_due, sent_while_due
from agreements.models.triggers import born_in, refuse
from agreements.rules.deadlines import LAST_OF_INVESTMENT, LAST_OF_RUNNING_COSTS
from applicants.models.triggers import bodies_of_case
from core.days_in_sql import day_of, year_of
from core.engine.erasure import NO_IBAN

CASES_OF_BATCH = """ANY (ARRAY(
    SELECT a.application_id FROM agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id
      JOIN agreements_agreement a ON a.id = c.agreement_id
     WHERE o.batch_id = NEW.id AND o.state <> 'cancelled'))"""
#: SQL of all who are paid by a batch, and of the bodies of the cases for which they are.
BODIES_OF_BATCH = f"""
    SELECT o.payee_id, NULL::text, NULL::text FROM agreements_paymentorder o WHERE o.batch_id = NEW.id AND o.state <> 'cancelled'
    UNION ALL {bodies_of_case(CASES_OF_BATCH)}
"""


# The applicant's row is what a change of account locks (applicants.bank_accounts.enter_account): the two come one after
# the other. What the accountant paid before the day of the change may still be written down.
ORDER_WAITS_FOR_ACCOUNT = f"""
    PERFORM 1 FROM applicants_applicant WHERE id = NEW.payee_id FOR SHARE;
    IF EXISTS (
        SELECT 1 FROM applicants_bankaccount WHERE applicant_id = NEW.payee_id AND state = 'entered' AND is_change
          AND (TG_OP = 'INSERT' OR {day_of("entered_at")} <= NEW.paid_on)
    ) THEN
        {refuse("a change of account of the payee waits to be verified")}
    END IF;
    RETURN NEW;
"""

#: The account of the order was replaced by one that was entered by the day of the payment: somebody says why it is paid on.
PAID_ON_REPLACED_ACCOUNT = f"""
    IF NEW.replaced_account_reason = '' AND EXISTS (
        SELECT 1 FROM applicants_bankaccount mine JOIN applicants_bankaccount other
            ON other.applicant_id = mine.applicant_id AND other.entered_at > mine.entered_at
        WHERE mine.id = NEW.bank_account_id AND mine.state = 'superseded' AND other.verified_at IS NOT NULL
          AND {day_of("other.entered_at")} <= NEW.paid_on
    ) THEN
        {refuse("the account of the order was replaced before the payment, and nobody says why it is paid")}
    END IF;
"""


def account_is_known(account: str) -> str:
    """PL/pgSQL: none of the accounts that this SQL selects was erased by law: nobody knows where they are."""
    return f"""
    IF EXISTS (SELECT 1 FROM applicants_bankaccount
               WHERE id IN ({account}) AND (state = 'erased' OR starts_with(iban, '{NO_IBAN}'))) THEN
        {refuse("the account of an order was erased by law")}
    END IF;
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
    {account_is_known("SELECT bank_account_id FROM agreements_paymentorder WHERE batch_id = NEW.id AND state = 'ordered'")}
    RETURN NEW;
"""

#: SQL: the orders that stand on the credits of an investment (a programme authorisation), for "AND …".
INVESTMENT_ORDERS = """
    SELECT o.id FROM agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id
      JOIN agreements_agreement a ON a.id = c.agreement_id JOIN grants_commitment k ON k.id = a.commitment_id
      JOIN grants_envelope e ON e.id = k.envelope_id
     WHERE e.kind = 'AP' AND o.state <> 'cancelled'"""


def last_day(after: tuple[int, int, int], year: str) -> str:
    """SQL of a day of :mod:`agreements.rules.deadlines` (years after the budget year, month, day)."""
    years, month, day = after
    return f"make_date({year} + {years}, {month}, {day})"


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
            ELSIF NEW.year <> {year_of("NEW.opened_at")} THEN
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
            IF TG_OP = 'INSERT' AND of_year <> {year_of("its.ordered_at")} THEN
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
            SELECT {day_of("closed_at")} INTO sent_on
              FROM agreements_paymentbatch WHERE id = NEW.batch_id;
            IF NEW.paid_on IS NOT NULL AND sent_on IS NULL THEN
                {refuse("the batch of this payment was not sent")}
            END IF;
            IF NEW.paid_on < sent_on THEN
                {refuse("the payment (%) comes before the sending of its batch, on %", "NEW.paid_on", "sent_on")}
            END IF;
            RETURN NEW;
        """,
    )


def ordered_after_its_certificate() -> pgtrigger.Trigger:
    """A payment is ordered from the certification of its claim and the opening of its batch on."""
    return pgtrigger.Trigger(
        name="ordered_after_its_certificate",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("earliest", "DATE")],
        func=f"""
            SELECT greatest({day_of("c.certified_at")},
                            {day_of("b.opened_at")}) INTO earliest
              FROM agreements_paymentclaim c, agreements_paymentbatch b WHERE c.id = NEW.claim_id AND b.id = NEW.batch_id;
            IF {day_of("NEW.ordered_at")} < earliest THEN
                {refuse("a payment is ordered once its claim is certified and its batch open, on %", "earliest")}
            END IF;
            RETURN NEW;
        """,
    )


def stands_with_its_claim() -> pgtrigger.Trigger:
    """An order stands on a claim that is ordered or paid, and an ordered claim has an order that stands.

    Looked at when the transaction ends: orders are placed before their claim moves, and cancelled before it goes back.
    """
    return pgtrigger.Trigger(
        name="stands_with_its_claim",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update,
        timing=pgtrigger.Deferred,
        declare=[("its_state", "TEXT"), ("stands", "BOOLEAN")],
        func=f"""
            SELECT c.state, EXISTS (SELECT 1 FROM agreements_paymentorder o
                                    WHERE o.claim_id = c.id AND o.state <> 'cancelled')
              INTO its_state, stands FROM agreements_paymentclaim c WHERE c.id = NEW.claim_id;
            IF stands AND its_state NOT IN ('ordered', 'paid') OR NOT stands AND its_state = 'ordered' THEN
                {refuse("a claim is ordered as long as one of its orders stands")}
            END IF;
            RETURN NULL;
        """,
    )


def batch_sent_with_its_total() -> pgtrigger.Trigger:
    """A batch is sent with the sum of its orders, at least one, none of them made later."""
    return pgtrigger.Trigger(
        name="batch_sent_with_its_total",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'open' AND NEW.state = 'sent'"),
        declare=[("total", "NUMERIC"), ("last_on", "DATE")],
        func=f"""
            SELECT coalesce(sum(amount), 0), {day_of("max(ordered_at)")}
              INTO total, last_on FROM agreements_paymentorder WHERE batch_id = NEW.id AND state <> 'cancelled';
            IF total = 0 THEN
                {refuse("the batch holds no order")}
            END IF;
            IF {day_of("NEW.closed_at")} > {last_day(LAST_OF_RUNNING_COSTS, "NEW.year")} THEN
                {refuse("the budget year % took orders until 31 January of the next", "NEW.year")}
            END IF;
            IF {day_of("NEW.closed_at")} > {last_day(LAST_OF_INVESTMENT, "NEW.year")}
               AND EXISTS ({INVESTMENT_ORDERS} AND o.batch_id = NEW.id) THEN
                {refuse("the investment credits of % took orders until 31 December", "NEW.year")}
            END IF;
            IF NEW.closed_total IS DISTINCT FROM total THEN
                {refuse("the orders of the batch come to % and not to %", "total", "NEW.closed_total")}
            END IF;
            IF {day_of("NEW.closed_at")} < last_on THEN
                {refuse("the batch is sent after its last order, of %", "last_on")}
            END IF;
            RETURN NEW;
        """,
    )


def batch_triggers() -> list[pgtrigger.Trigger]:
    """What a batch keeps: where it begins, its year, its total, and orders that are due."""
    return [born_in("open"), batch_of_its_year(), batch_sent_with_its_total(), sent_while_due()]


def order_triggers() -> list[pgtrigger.Trigger]:
    """What an order keeps of its claim, what is due on it, its batch and its credits."""
    return [
        born_in("ordered"),
        order_takes_its_credits(),
        paid_after_its_batch(),
        ordered_after_its_certificate(),
        ordered_while_due(),
        stands_with_its_claim(),
    ]


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
