"""SQL of data steps, as it stood when they were written: the product moves on, and they stay as they are."""

# 0012 to 0025: operations of agreements that have ended, and what these come to (``reporting.rules.ends.End``).
AT_THE_END = """
    SELECT o.id, ((
    CASE WHEN EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id)
         THEN a.paid_amount + (
             SELECT coalesce(sum(greatest(least(l.amount, coalesce(c.certified_amount - c.given_up_amount, c.claimed_amount))
                                          - c.paid_amount, 0)), 0)
             FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
             JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected'))
         ELSE a.ordered_amount END
) - (SELECT coalesce(sum(c.overpaid_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id)
    - coalesce((SELECT s.unjustified_amount FROM agreements_settlement s WHERE s.agreement_id = a.id), 0)), ((
    CASE WHEN EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id)
         THEN a.paid_amount + (
             SELECT coalesce(sum(greatest(least(l.amount, coalesce(c.certified_amount - c.given_up_amount, c.claimed_amount))
                                          - c.paid_amount, 0)), 0)
             FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
             JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected'))
         ELSE a.ordered_amount END
) - (SELECT coalesce(sum(c.overpaid_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id)),
    (SELECT coalesce(sum(CASE WHEN d.state = 'controlled' THEN i.retained_amount ELSE i.declared_amount END), 0)
       FROM reporting_expenditureitem i JOIN reporting_expendituredeclaration d ON d.id = i.declaration_id
      WHERE d.operation_id = o.id)
 + (SELECT coalesce(sum(c.declared_total), 0)
    FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
    JOIN agreements_paymentclaim c ON c.id = l.claim_id JOIN agreements_instalment n ON n.id = c.instalment_id
    WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected')
      AND c.certified_amount IS NULL AND n.needs_expenditure
), (EXISTS (SELECT 1
    FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
    JOIN agreements_paymentclaim c ON c.id = l.claim_id JOIN agreements_instalment n ON n.id = c.instalment_id
    WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected')
      AND c.certified_amount IS NULL AND n.needs_expenditure
)),
           greatest(a.eligible_base, a.granted_amount),
    (SELECT coalesce(sum(c.declared_total), 0) FROM agreements_paymentclaim c
      WHERE c.agreement_id = a.id AND c.state NOT IN ('draft', 'rejected'))
      FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
     WHERE a.state IN ('completed', 'terminated', 'lapsed') AND TRUE ORDER BY o.id
"""

# 0018: doubts (``f``) that wait, and that the plan in force makes untrue.
UNTRUE_DOUBTS = """
    reporting_operationflag f
    JOIN reporting_operation o ON o.id = f.operation_id JOIN reporting_operationversion v ON v.id = o.current_id
    WHERE f.state = 'open' AND NOT CASE f.kind
        WHEN 'rate_above_priority' THEN o.id IN (SELECT o.id FROM
    reporting_operation o JOIN reporting_operationversion v ON v.id = o.current_id
    JOIN reporting_priorityallocation a ON a.priority_id = v.priority_id AND a.fund_id = v.fund_id
         AND a.category_of_region = v.category_of_region
    JOIN LATERAL (SELECT CASE WHEN a.basis = 'public' THEN coalesce(sum(f.amount) FILTER (
                      WHERE f.kind IN ('eu', 'state', 'region', 'local', 'public')), 0) ELSE v.eligible_cost END AS amount
                  FROM reporting_financingline f WHERE f.version_id = v.id) AS base ON TRUE
    WHERE base.amount > 0 AND v.eu_amount * 100 > base.amount * a.eu_rate
)
        WHEN 'eu_above_eligible' THEN v.eu_amount > v.eligible_cost
        WHEN 'no_eligible_cost' THEN v.eligible_cost = 0
        WHEN 'no_eu_amount' THEN v.eu_amount = 0
        WHEN 'no_priority' THEN v.priority_id IS NULL
        WHEN 'fund_unknown' THEN v.fund_id IS NULL
        ELSE v.programmed_on IS NOT NULL AND coalesce(f.detail ->> 'programmed_on', v.programmed_on::text)
             = v.programmed_on::text END
"""

# 0023: euros that the plan of an operation ``o`` lays on the EU and on the Region, and that its agreement ``a`` still grants.
PLANNED = """
    (SELECT coalesce(sum(fl.amount), 0) FROM reporting_financingline fl
      WHERE fl.version_id = o.current_id AND fl.kind IN ('eu', 'region'))
"""
STILL_GRANTED = """
    CASE WHEN a.state NOT IN ('completed', 'terminated', 'lapsed') THEN a.granted_amount - (SELECT coalesce(sum(c.given_up_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id) ELSE ((
    CASE WHEN EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id)
         THEN a.paid_amount + (
             SELECT coalesce(sum(l.amount - c.paid_amount), 0)
             FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
             JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected'))
         ELSE a.ordered_amount END
) - (SELECT coalesce(sum(c.overpaid_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id)) END
"""

# 0026: operations (id, code, payable, asked, of_eu) of which more is certified or asked than is or will be paid.
BEYOND_WHAT_IS_PAID = """
    SELECT * FROM (
        SELECT o.id, o.code,
    CASE WHEN a.state NOT IN ('completed', 'terminated', 'lapsed') THEN a.granted_amount - (SELECT coalesce(sum(c.given_up_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id) ELSE ((
    CASE WHEN EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id)
         THEN a.paid_amount + (
             SELECT coalesce(sum(l.amount - c.paid_amount), 0)
             FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
             JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected'))
         ELSE a.ordered_amount END
) - (SELECT coalesce(sum(c.overpaid_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id)) END
 AS payable,
    (SELECT coalesce(sum(e.public_amount - (
                SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
                 WHERE al.certificate_id = ct.id AND al.kind IN ('state', 'local', 'public'))), 0)
       FROM reporting_paymentapplicationentry e JOIN reporting_certificate ct ON ct.id = e.certificate_id
      WHERE ct.operation_id = o.id AND e.released_at IS NULL)
 AS asked,
    (SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
       JOIN reporting_certificate ct ON ct.id = al.certificate_id WHERE ct.operation_id = o.id AND al.kind = 'eu')
 AS of_eu
          FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id WHERE TRUE) AS its
     WHERE its.asked > its.payable OR its.of_eu > its.payable OR EXISTS (
    SELECT money.id AS operation_id, money.code, ct.id, ct.number, part.of_eu, greatest(money.payable - money.asked, 0) AS most
      FROM (
    SELECT o.id, o.code,
    CASE WHEN a.state NOT IN ('completed', 'terminated', 'lapsed') THEN a.granted_amount - (SELECT coalesce(sum(c.given_up_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id) ELSE ((
    CASE WHEN EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id)
         THEN a.paid_amount + (
             SELECT coalesce(sum(l.amount - c.paid_amount), 0)
             FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
             JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected'))
         ELSE a.ordered_amount END
) - (SELECT coalesce(sum(c.overpaid_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id)) END
 AS payable,
    (SELECT coalesce(sum(e.public_amount - (
                SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
                 WHERE al.certificate_id = ct.id AND al.kind IN ('state', 'local', 'public'))), 0)
       FROM reporting_paymentapplicationentry e JOIN reporting_certificate ct ON ct.id = e.certificate_id
      WHERE ct.operation_id = o.id AND e.released_at IS NULL)
 AS asked
      FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
 WHERE o.id = its.id) AS money JOIN reporting_certificate ct ON ct.operation_id = money.id
      CROSS JOIN LATERAL (SELECT coalesce(sum(al.amount), 0) AS of_eu FROM reporting_certificateallocation al
                           WHERE al.certificate_id = ct.id AND al.kind = 'eu') AS part
     WHERE part.of_eu > money.payable - money.asked AND NOT EXISTS (
         SELECT 1 FROM reporting_paymentapplicationentry e WHERE e.certificate_id = ct.id AND e.released_at IS NULL)
)
"""

# 0026: true of an operation ``o`` with its plan ``v``: of which the EU bears something and nothing can be declared.
NOTHING_TO_DECLARE = """
    (v.eu_amount > 0 AND o.agreement_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM agreements_instalment i WHERE i.agreement_id = o.agreement_id AND i.needs_expenditure))
"""

# 0028: operations (id, code, payable, asked, payable_eu, of_eu, years) of which more of a year is certified or asked than is paid.
BEYOND_BY_YEAR = """
    SELECT * FROM (
        SELECT o.id, o.code, its.* FROM reporting_operation o CROSS JOIN LATERAL (
            SELECT sum(least(part.payable, part.asked)) AS payable, sum(part.asked) AS asked,
                   sum(least(part.payable, part.of_eu)) AS payable_eu, sum(part.of_eu) AS of_eu,
                   string_agg(part.label, ', ' ORDER BY part.tranche_id)
                       FILTER (WHERE greatest(part.asked, part.of_eu) > part.payable) AS years
              FROM (
    SELECT paid.tranche_id, paid.label, paid.payable, (
               SELECT coalesce(sum(e.public_amount - (
                          SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
                           WHERE al.certificate_id = ct.id AND al.kind IN ('state', 'local', 'public'))), 0)
                 FROM reporting_paymentapplicationentry e JOIN reporting_certificate ct ON ct.id = e.certificate_id
    JOIN reporting_expendituredeclaration d ON d.id = ct.declaration_id JOIN agreements_paymentclaim k ON k.id = d.claim_id
    JOIN agreements_instalment n ON n.id = k.instalment_id
                WHERE ct.operation_id = o.id AND e.released_at IS NULL
                  AND n.tranche_id IS NOT DISTINCT FROM paid.tranche_id) AS asked, (
               SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
                 JOIN reporting_certificate ct ON ct.id = al.certificate_id
    JOIN reporting_expendituredeclaration d ON d.id = ct.declaration_id JOIN agreements_paymentclaim k ON k.id = d.claim_id
    JOIN agreements_instalment n ON n.id = k.instalment_id
                WHERE ct.operation_id = o.id AND al.kind = 'eu'
                  AND n.tranche_id IS NOT DISTINCT FROM paid.tranche_id) AS of_eu
      FROM agreements_agreement a CROSS JOIN LATERAL (
    SELECT i.tranche_id, max(t.label) AS label,
           sum((CASE WHEN a.state IN ('completed', 'terminated', 'lapsed') THEN CASE WHEN c.id IS NULL THEN 0
    WHEN NOT EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id) THEN c.ordered_amount
    WHEN sl.outcome = 'pay' AND c.state <> 'paid' THEN sl.amount ELSE c.paid_amount END ELSE CASE WHEN c.state = 'paid' THEN c.paid_amount
    WHEN c.certified_amount IS NOT NULL THEN c.certified_amount - c.given_up_amount
    WHEN (c.id IS NULL OR c.state = 'draft') AND coalesce((t.state = 'closed' OR EXISTS (
    SELECT 1 FROM agreements_paymentclaim f JOIN agreements_instalment fi ON fi.id = f.instalment_id
     WHERE fi.agreement_id = i.agreement_id AND fi.tranche_id IS NOT DISTINCT FROM i.tranche_id AND fi.kind = 'balance'
       AND f.state IN ('ordered', 'paid'))), FALSE) THEN 0 ELSE i.amount END END) - coalesce(c.overpaid_amount, 0)) AS payable
      FROM agreements_instalment i LEFT JOIN agreements_tranche t ON t.id = i.tranche_id
      LEFT JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.state <> 'rejected'
      LEFT JOIN agreements_settlementline sl ON sl.claim_id = c.id
     WHERE i.agreement_id = a.id GROUP BY i.tranche_id
) AS paid WHERE a.id = o.agreement_id
) AS part) AS its WHERE TRUE) AS money
     WHERE money.asked > money.payable OR money.of_eu > money.payable_eu
        OR EXISTS (
    SELECT o.id AS operation_id, o.code, ct.id, ct.number, borne.of_eu, greatest(part.payable - part.asked, 0) AS most,
           part.tranche_id
      FROM reporting_operation o CROSS JOIN LATERAL (
    SELECT paid.tranche_id, paid.label, paid.payable, (
               SELECT coalesce(sum(e.public_amount - (
                          SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
                           WHERE al.certificate_id = ct.id AND al.kind IN ('state', 'local', 'public'))), 0)
                 FROM reporting_paymentapplicationentry e JOIN reporting_certificate ct ON ct.id = e.certificate_id
    JOIN reporting_expendituredeclaration d ON d.id = ct.declaration_id JOIN agreements_paymentclaim k ON k.id = d.claim_id
    JOIN agreements_instalment n ON n.id = k.instalment_id
                WHERE ct.operation_id = o.id AND e.released_at IS NULL
                  AND n.tranche_id IS NOT DISTINCT FROM paid.tranche_id) AS asked, (
               SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
                 JOIN reporting_certificate ct ON ct.id = al.certificate_id
    JOIN reporting_expendituredeclaration d ON d.id = ct.declaration_id JOIN agreements_paymentclaim k ON k.id = d.claim_id
    JOIN agreements_instalment n ON n.id = k.instalment_id
                WHERE ct.operation_id = o.id AND al.kind = 'eu'
                  AND n.tranche_id IS NOT DISTINCT FROM paid.tranche_id) AS of_eu
      FROM agreements_agreement a CROSS JOIN LATERAL (
    SELECT i.tranche_id, max(t.label) AS label,
           sum((CASE WHEN a.state IN ('completed', 'terminated', 'lapsed') THEN CASE WHEN c.id IS NULL THEN 0
    WHEN NOT EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id) THEN c.ordered_amount
    WHEN sl.outcome = 'pay' AND c.state <> 'paid' THEN sl.amount ELSE c.paid_amount END ELSE CASE WHEN c.state = 'paid' THEN c.paid_amount
    WHEN c.certified_amount IS NOT NULL THEN c.certified_amount - c.given_up_amount
    WHEN (c.id IS NULL OR c.state = 'draft') AND coalesce((t.state = 'closed' OR EXISTS (
    SELECT 1 FROM agreements_paymentclaim f JOIN agreements_instalment fi ON fi.id = f.instalment_id
     WHERE fi.agreement_id = i.agreement_id AND fi.tranche_id IS NOT DISTINCT FROM i.tranche_id AND fi.kind = 'balance'
       AND f.state IN ('ordered', 'paid'))), FALSE) THEN 0 ELSE i.amount END END) - coalesce(c.overpaid_amount, 0)) AS payable
      FROM agreements_instalment i LEFT JOIN agreements_tranche t ON t.id = i.tranche_id
      LEFT JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.state <> 'rejected'
      LEFT JOIN agreements_settlementline sl ON sl.claim_id = c.id
     WHERE i.agreement_id = a.id GROUP BY i.tranche_id
) AS paid WHERE a.id = o.agreement_id
) AS part
      JOIN reporting_certificate ct ON ct.operation_id = o.id
    JOIN reporting_expendituredeclaration d ON d.id = ct.declaration_id JOIN agreements_paymentclaim k ON k.id = d.claim_id
    JOIN agreements_instalment n ON n.id = k.instalment_id
      CROSS JOIN LATERAL (SELECT coalesce(sum(al.amount), 0) AS of_eu FROM reporting_certificateallocation al
                           WHERE al.certificate_id = ct.id AND al.kind = 'eu') AS borne
     WHERE o.id = money.id AND n.tranche_id IS NOT DISTINCT FROM part.tranche_id AND borne.of_eu > part.payable - part.asked
       AND NOT EXISTS (
         SELECT 1 FROM reporting_paymentapplicationentry e WHERE e.certificate_id = ct.id AND e.released_at IS NULL)
)
"""

# 0028: operations (id, planned, payable) of agreements in force whose plan counts on more than is paid, a part being given up.
PLANS_ABOVE_PAYABLE = """
    SELECT o.id,
    (SELECT coalesce(sum(fl.amount), 0) FROM reporting_financingline fl
      WHERE fl.version_id = o.current_id AND fl.kind IN ('eu', 'region'))
 AS planned, (SELECT coalesce(sum(payable_part.payable), 0) FROM (
    SELECT i.tranche_id, max(t.label) AS label,
           sum((CASE WHEN a.state IN ('completed', 'terminated', 'lapsed') THEN CASE WHEN c.id IS NULL THEN 0
    WHEN NOT EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id) THEN c.ordered_amount
    WHEN sl.outcome = 'pay' AND c.state <> 'paid' THEN sl.amount ELSE c.paid_amount END ELSE CASE WHEN c.state = 'paid' THEN c.paid_amount
    WHEN c.certified_amount IS NOT NULL THEN c.certified_amount - c.given_up_amount
    WHEN (c.id IS NULL OR c.state = 'draft') AND coalesce((t.state = 'closed' OR EXISTS (
    SELECT 1 FROM agreements_paymentclaim f JOIN agreements_instalment fi ON fi.id = f.instalment_id
     WHERE fi.agreement_id = i.agreement_id AND fi.tranche_id IS NOT DISTINCT FROM i.tranche_id AND fi.kind = 'balance'
       AND f.state IN ('ordered', 'paid'))), FALSE) THEN 0 ELSE i.amount END END) - coalesce(c.overpaid_amount, 0)) AS payable
      FROM agreements_instalment i LEFT JOIN agreements_tranche t ON t.id = i.tranche_id
      LEFT JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.state <> 'rejected'
      LEFT JOIN agreements_settlementline sl ON sl.claim_id = c.id
     WHERE i.agreement_id = a.id GROUP BY i.tranche_id
) AS payable_part) AS payable
      FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
     WHERE a.state NOT IN ('completed', 'terminated', 'lapsed') AND (EXISTS (SELECT 1 FROM agreements_paymentclaim c WHERE c.agreement_id = a.id AND c.given_up_amount > 0)) AND
    (SELECT coalesce(sum(fl.amount), 0) FROM reporting_financingline fl
      WHERE fl.version_id = o.current_id AND fl.kind IN ('eu', 'region'))
 > greatest((SELECT coalesce(sum(payable_part.payable), 0) FROM (
    SELECT i.tranche_id, max(t.label) AS label,
           sum((CASE WHEN a.state IN ('completed', 'terminated', 'lapsed') THEN CASE WHEN c.id IS NULL THEN 0
    WHEN NOT EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id) THEN c.ordered_amount
    WHEN sl.outcome = 'pay' AND c.state <> 'paid' THEN sl.amount ELSE c.paid_amount END ELSE CASE WHEN c.state = 'paid' THEN c.paid_amount
    WHEN c.certified_amount IS NOT NULL THEN c.certified_amount - c.given_up_amount
    WHEN (c.id IS NULL OR c.state = 'draft') AND coalesce((t.state = 'closed' OR EXISTS (
    SELECT 1 FROM agreements_paymentclaim f JOIN agreements_instalment fi ON fi.id = f.instalment_id
     WHERE fi.agreement_id = i.agreement_id AND fi.tranche_id IS NOT DISTINCT FROM i.tranche_id AND fi.kind = 'balance'
       AND f.state IN ('ordered', 'paid'))), FALSE) THEN 0 ELSE i.amount END END) - coalesce(c.overpaid_amount, 0)) AS payable
      FROM agreements_instalment i LEFT JOIN agreements_tranche t ON t.id = i.tranche_id
      LEFT JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.state <> 'rejected'
      LEFT JOIN agreements_settlementline sl ON sl.claim_id = c.id
     WHERE i.agreement_id = a.id GROUP BY i.tranche_id
) AS payable_part),
    (SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
       JOIN reporting_certificate ct ON ct.id = al.certificate_id WHERE ct.operation_id = o.id AND al.kind = 'eu')
)
"""
