"""In SQL, for the figures and for what the database refuses: what an agreement ``a`` that has ended holds and grants.

``agreements.settlements.services`` says the same in Python: ``held_of``, ``overpaid_of`` and ``still_granted``. Money
paid above what is due has left the envelope, but is no aid: it is to be asked back.
"""

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
