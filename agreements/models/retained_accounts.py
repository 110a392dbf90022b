"""More is certified of an account than was retained of it only for a reason: the rule of the claim in SQL."""

import pgtrigger

from agreements.models.triggers import refuse


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
                    SELECT account_code, sum(amount) AS planned, sum(coalesce(eligible_amount, amount)) AS retained
                      FROM agreements_agreementbudgetline WHERE agreement_id = NEW.agreement_id AND side = 'charge'
                     GROUP BY account_code) account
                  JOIN agreements_paymentclaim c ON c.agreement_id = NEW.agreement_id AND c.state <> 'rejected'
                  JOIN agreements_expenditureline l ON l.claim_id = c.id AND l.account_code = account.account_code
                 WHERE account.retained < account.planned GROUP BY account.account_code, account.retained
                HAVING sum(l.certified_amount) > account.retained
                   AND coalesce(sum(l.certified_amount) FILTER (WHERE c.id = NEW.id), 0) <> 0) THEN
                {refuse("more is certified of an account than was retained of it, and nothing says why")}
            END IF;
            RETURN NEW;
        """,
    )
