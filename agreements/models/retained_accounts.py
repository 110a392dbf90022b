"""More is certified of an account than was retained of it only for a reason: the rule of the claim in SQL."""

import pgtrigger

from agreements.models.triggers import refuse


def of_its_axis(line: str, charge: str) -> str:
    """SQL: a charge of the annexed budget is of the axis of an expenditure; of any, where the expenditure says none or the
    budget has no charge of its axis."""
    return f"""({line}.axis = '' OR {charge}.axis = {line}.axis OR NOT EXISTS (
        SELECT 1 FROM agreements_agreementbudgetline own WHERE own.agreement_id = {charge}.agreement_id
           AND own.side = 'charge' AND own.axis = {line}.axis))"""


def kept_above_says_why() -> pgtrigger.Trigger:
    """Who certifies a claim that keeps something of an account of which less was retained than planned, and that all claims of
    the act are above, says why (``agreements.budget_accounts.SpentAccount.asks_why``)."""
    return pgtrigger.Trigger(
        name="kept_above_says_why",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "NEW.state = 'certified' AND NEW.kept_above_reason = '' AND NEW.certified_at IS DISTINCT FROM OLD.certified_at"
        ),
        func=f"""
            IF EXISTS (
                SELECT 1 FROM (
                    SELECT l.account_code, l.axis, sum(l.certified_amount) AS kept,
                           coalesce(sum(l.certified_amount) FILTER (WHERE c.id = NEW.id), 0) AS kept_here
                      FROM agreements_paymentclaim c JOIN agreements_expenditureline l ON l.claim_id = c.id
                     WHERE c.agreement_id = NEW.agreement_id AND c.state <> 'rejected' GROUP BY l.account_code, l.axis) spent
                  CROSS JOIN LATERAL (
                    SELECT sum(b.amount) AS planned, sum(coalesce(b.eligible_amount, b.amount)) AS retained
                      FROM agreements_agreementbudgetline b
                     WHERE b.agreement_id = NEW.agreement_id AND b.side = 'charge' AND b.account_code = spent.account_code
                       AND {of_its_axis("spent", "b")}) account
                 WHERE account.retained < account.planned AND spent.kept > account.retained AND spent.kept_here <> 0) THEN
                {refuse("more is certified of an account than was retained of it, and nothing says why")}
            END IF;
            RETURN NEW;
        """,
    )
