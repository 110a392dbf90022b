"""In SQL: what is paid of each part of an agreement ``a``, and may still be. ``agreements.settlements.payable`` says it in Python,
and why.
"""

from agreements.settlements.triggers import ENDED

_CLOSED = """(t.state = 'closed' OR EXISTS (
    SELECT 1 FROM agreements_paymentclaim f JOIN agreements_instalment fi ON fi.id = f.instalment_id
     WHERE fi.agreement_id = i.agreement_id AND fi.tranche_id IS NOT DISTINCT FROM i.tranche_id AND fi.kind = 'balance'
       AND f.state IN ('ordered', 'paid')))"""
_WHILE_IN_FORCE = f"""CASE WHEN c.state = 'paid' THEN c.paid_amount
    WHEN c.certified_amount IS NOT NULL THEN c.certified_amount - c.given_up_amount
    WHEN (c.id IS NULL OR c.state = 'draft') AND coalesce({_CLOSED}, FALSE) THEN 0 ELSE i.amount END"""
_AFTER_THE_END = """CASE WHEN c.id IS NULL THEN 0
    WHEN NOT EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id) THEN c.ordered_amount
    WHEN sl.outcome = 'pay' AND c.state <> 'paid' THEN sl.amount ELSE c.paid_amount END"""

#: SQL of the parts of an agreement ``a``: (tranche_id, label, euros that are paid or may still be): each payment as
#: ``agreements.settlements.payable`` counts it.
PAYABLE_PARTS = f"""
    SELECT i.tranche_id, max(t.label) AS label,
           sum((CASE WHEN a.state IN {ENDED} THEN {_AFTER_THE_END} ELSE {_WHILE_IN_FORCE} END) - coalesce(c.overpaid_amount, 0)) AS payable
      FROM agreements_instalment i LEFT JOIN agreements_tranche t ON t.id = i.tranche_id
      LEFT JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.state <> 'rejected'
      LEFT JOIN agreements_settlementline sl ON sl.claim_id = c.id
     WHERE i.agreement_id = a.id GROUP BY i.tranche_id
"""
#: SQL of the euros of an agreement ``a`` that are paid or may still be, in all.
PAYABLE_IN_ALL = f"(SELECT coalesce(sum(payable_part.payable), 0) FROM ({PAYABLE_PARTS}) AS payable_part)"
