"""What is still due on an agreement that has ended, in SQL: paid, and kept by its settlement for claims under way."""

#: Euros of the agreement ``a`` that remain a grant after its end. Ends of before the settlements: what was ordered.
STILL_GRANTED = """
    CASE WHEN EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id)
         THEN a.paid_amount + (
             SELECT coalesce(sum(l.amount - c.paid_amount), 0)
             FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
             JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected'))
         ELSE a.ordered_amount END
"""
