"""In SQL, for the figures and for what the database refuses: what an agreement ``a`` that has ended holds and grants.

``agreements.settlements.services`` says the same in Python: ``held_of``, ``closed_above`` and ``still_granted``. Money
paid above what is due has left the envelope, but is no aid: it is to be asked back.
"""

from agreements.models.due_rules import AXES_OF, DUE_IN_ALL, TERMS

#: Euros paid above what is due: each claim that was closed for nothing says what exceeds it.
OVERPAID = "(SELECT coalesce(sum(c.overpaid_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id)"

#: Euros of its commitment: paid, and kept by its settlement for claims that are not over. Ends of before the
#: settlements: what was ordered.
HELD = """
    CASE WHEN EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id)
         THEN a.paid_amount + (
             SELECT coalesce(sum(l.amount - c.paid_amount), 0)
             FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
             JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected'))
         ELSE a.ordered_amount END
"""

#: Euros that remain a grant: of what it holds, what is not to be asked back.
STILL_GRANTED = f"(({HELD}) - {OVERPAID})"

#: Euros that are paid or may still be, at most: of a claim that goes on, no more than what is certified of it by now.
PAYABLE = """
    CASE WHEN EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id)
         THEN a.paid_amount + (
             SELECT coalesce(sum(greatest(least(l.amount, coalesce(c.certified_amount - c.given_up_amount, c.claimed_amount))
                                          - c.paid_amount, 0)), 0)
             FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
             JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected'))
         ELSE a.ordered_amount END
"""

#: Euros of these that are to stay with the beneficiary: less what is to be asked back.
JUSTIFIED = f"""(({PAYABLE}) - {OVERPAID}
    - coalesce((SELECT s.unjustified_amount FROM agreements_settlement s WHERE s.agreement_id = a.id), 0))"""

#: SQL of the settlements (id, agreement_id, amount, paid) ``{which}`` (on an agreement ``a``): the euros that are paid, or
#: will be on a claim that goes on, and that no certified expenditure makes due, on the parts (the whole, or a year) of which
#: nobody declares anything more; and those of what is paid alone. ``agreements.settlements.unjustified`` says the same in Python.
UNJUSTIFIED = f"""
    WITH axis AS ({AXES_OF}), claim AS (
        SELECT concat(c.agreement_id, '/', i.tranche_id) AS key, c.agreement_id, i.tranche_id, c.id, c.certified_total,
               c.overpaid_amount, c.paid_amount, c.state <> 'paid' AND i.needs_expenditure AND c.certified_amount IS NULL AS declares,
               CASE WHEN c.state = 'paid' THEN c.paid_amount
                    ELSE greatest(least(coalesce(l.amount, 0), coalesce(c.certified_amount - c.given_up_amount, c.claimed_amount)),
                                  c.paid_amount) END AS amount
        FROM agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id
        JOIN agreements_instalment i ON i.id = c.instalment_id
        LEFT JOIN agreements_settlementline l ON l.claim_id = c.id AND l.outcome = 'pay'
        WHERE {{which}} AND c.state <> 'rejected'
    ), spending AS (
        SELECT claim.key, l.axis, sum(coalesce(l.certified_amount, 0)) AS spent
        FROM claim JOIN agreements_expenditureline l ON l.claim_id = claim.id GROUP BY 1, 2
    ), part AS (
        SELECT key, agreement_id, tranche_id, sum(amount) AS total, sum(paid_amount) AS paid,
               sum(overpaid_amount) AS noted, sum(certified_total) AS spent
        FROM claim GROUP BY key, agreement_id, tranche_id HAVING sum(amount) > 0 AND NOT bool_or(declares)
    ), its AS (
        SELECT part.*, {TERMS} FROM part JOIN agreements_agreement a ON a.id = part.agreement_id
        LEFT JOIN agreements_tranche t ON t.id = part.tranche_id
        WHERE EXISTS (
            SELECT 1 FROM agreements_instalment i WHERE i.agreement_id = part.agreement_id AND i.kind = 'balance'
             AND i.needs_expenditure AND i.tranche_id IS NOT DISTINCT FROM part.tranche_id)
    ), above AS (
        SELECT agreement_id, sum(greatest(total - noted - due, 0)) AS amount, sum(greatest(paid - noted - due, 0)) AS paid
        FROM ({DUE_IN_ALL}) AS known GROUP BY agreement_id
    )
    SELECT s.id, s.agreement_id, coalesce(above.amount, 0) AS amount, coalesce(above.paid, 0) AS paid
    FROM agreements_settlement s JOIN agreements_agreement a ON a.id = s.agreement_id
    LEFT JOIN above ON above.agreement_id = a.id WHERE {{which}}
"""
