"""SQL of data steps, as it stood when they were written: the product moves on, and they stay as they are."""

# 0022: euros that remain a grant of an agreement ``a`` that has ended.
STILL_GRANTED = """
((
    CASE WHEN EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = a.id)
         THEN a.paid_amount + (
             SELECT coalesce(sum(l.amount - c.paid_amount), 0)
             FROM agreements_settlement s JOIN agreements_settlementline l ON l.settlement_id = s.id
             JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = a.id AND l.outcome = 'pay' AND c.state NOT IN ('paid', 'rejected'))
         ELSE a.ordered_amount END
) - (SELECT coalesce(sum(c.overpaid_amount), 0) FROM agreements_paymentclaim c WHERE c.agreement_id = a.id))
"""

# 0043: settlements (id, agreement_id, amount): euros that are paid and that no certified expenditure makes due.
UNJUSTIFIED = """
    WITH axis AS (
    SELECT a.id AS agreement_id, t.id AS tranche_id, part ->> 'axis' AS axis, sum((part ->> 'amount')::numeric) AS granted,
           sum((part ->> 'cost')::numeric) AS base
    FROM agreements_agreement a JOIN grants_application app ON app.id = a.application_id
    CROSS JOIN jsonb_array_elements(app.granted_plan -> 'parts') AS part
    LEFT JOIN agreements_tranche t ON t.agreement_id = a.id AND t.rank = (part ->> 'year')::int
    WHERE a.ended_on IS NOT NULL AND (part ->> 'cost')::numeric > 0 GROUP BY a.id, t.id, part ->> 'axis'
), claim AS (
        SELECT concat(c.agreement_id, '/', i.tranche_id) AS key, c.agreement_id, i.tranche_id, c.id, c.certified_total,
               c.overpaid_amount, c.state <> 'paid' AND i.needs_expenditure AND c.certified_amount IS NULL AS declares,
               CASE WHEN c.state = 'paid' THEN c.paid_amount
                    ELSE greatest(least(coalesce(l.amount, 0), coalesce(c.certified_amount - c.given_up_amount, c.claimed_amount)),
                                  c.paid_amount) END AS amount
        FROM agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id
        JOIN agreements_instalment i ON i.id = c.instalment_id
        LEFT JOIN agreements_settlementline l ON l.claim_id = c.id AND l.outcome = 'pay'
        WHERE a.ended_on IS NOT NULL AND c.state <> 'rejected'
    ), spending AS (
        SELECT claim.key, l.axis, sum(coalesce(l.certified_amount, 0)) AS spent
        FROM claim JOIN agreements_expenditureline l ON l.claim_id = claim.id GROUP BY 1, 2
    ), part AS (
        SELECT key, agreement_id, tranche_id, sum(amount) AS total, sum(overpaid_amount) AS noted,
               sum(certified_total) AS spent
        FROM claim GROUP BY key, agreement_id, tranche_id HAVING sum(amount) > 0 AND NOT bool_or(declares)
    ), its AS (
        SELECT part.*,
    coalesce(t.amount, a.granted_amount) AS granted, coalesce(t.cost, a.eligible_base) AS base, a.proration AS policy,
    a.proration_tolerance, a.proration_cut
 FROM part JOIN agreements_agreement a ON a.id = part.agreement_id
        LEFT JOIN agreements_tranche t ON t.id = part.tranche_id
        WHERE EXISTS (
            SELECT 1 FROM agreements_instalment i WHERE i.agreement_id = part.agreement_id AND i.kind = 'balance'
             AND i.needs_expenditure AND i.tranche_id IS NOT DISTINCT FROM part.tranche_id)
    ), above AS (
        SELECT agreement_id, sum(greatest(total - noted - due, 0)) AS amount FROM (
    SELECT its.*, CASE
        WHEN cardinality(known.axes) > 1 AND NOT EXISTS (
            SELECT 1 FROM spending s WHERE s.key = its.key AND s.axis <> ALL (known.axes) AND s.spent <> 0)
        THEN (SELECT sum(greatest(least(coalesce(s.spent, 0), CASE
    WHEN policy <> 'none' AND x.base > 0 AND coalesce(s.spent, 0) < x.base
        AND (policy = 'strict' OR coalesce(s.spent, 0) * 100 < x.base * (100 - its.proration_tolerance)
             OR (its.proration_cut = 'from' AND coalesce(s.spent, 0) * 100 = x.base * (100 - its.proration_tolerance)))
    THEN round(div(x.granted * coalesce(s.spent, 0) * 100, x.base) / 100, 2) ELSE x.granted END), 0))
              FROM axis x LEFT JOIN spending s ON s.key = its.key AND s.axis = x.axis
              WHERE x.agreement_id = its.agreement_id AND x.tranche_id IS NOT DISTINCT FROM its.tranche_id)
        ELSE greatest(least(its.spent, CASE
    WHEN policy <> 'none' AND its.base > 0 AND its.spent < its.base
        AND (policy = 'strict' OR its.spent * 100 < its.base * (100 - its.proration_tolerance)
             OR (its.proration_cut = 'from' AND its.spent * 100 = its.base * (100 - its.proration_tolerance)))
    THEN round(div(its.granted * its.spent * 100, its.base) / 100, 2) ELSE its.granted END), 0) END AS due
    FROM its LEFT JOIN LATERAL (
        SELECT array_agg(DISTINCT x.axis) AS axes FROM axis x
        WHERE x.agreement_id = its.agreement_id AND x.tranche_id IS NOT DISTINCT FROM its.tranche_id) AS known ON TRUE
) AS known GROUP BY agreement_id
    )
    SELECT s.id, s.agreement_id, coalesce(above.amount, 0) AS amount
    FROM agreements_settlement s JOIN agreements_agreement a ON a.id = s.agreement_id
    LEFT JOIN above ON above.agreement_id = a.id WHERE a.ended_on IS NOT NULL
"""

# 0055: the same, and those of what is paid alone: settlements (id, agreement_id, amount, paid).
UNJUSTIFIED_AND_PAID = """
    WITH axis AS (
    SELECT a.id AS agreement_id, t.id AS tranche_id, part ->> 'axis' AS axis, sum((part ->> 'amount')::numeric) AS granted,
           sum((part ->> 'cost')::numeric) AS base
    FROM agreements_agreement a JOIN grants_application app ON app.id = a.application_id
    CROSS JOIN jsonb_array_elements(app.granted_plan -> 'parts') AS part
    LEFT JOIN agreements_tranche t ON t.agreement_id = a.id AND t.rank = (part ->> 'year')::int
    WHERE a.ended_on IS NOT NULL AND (part ->> 'cost')::numeric > 0 GROUP BY a.id, t.id, part ->> 'axis'
), claim AS (
        SELECT concat(c.agreement_id, '/', i.tranche_id) AS key, c.agreement_id, i.tranche_id, c.id, c.certified_total,
               c.overpaid_amount, c.paid_amount, c.state <> 'paid' AND i.needs_expenditure AND c.certified_amount IS NULL AS declares,
               CASE WHEN c.state = 'paid' THEN c.paid_amount
                    ELSE greatest(least(coalesce(l.amount, 0), coalesce(c.certified_amount - c.given_up_amount, c.claimed_amount)),
                                  c.paid_amount) END AS amount
        FROM agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id
        JOIN agreements_instalment i ON i.id = c.instalment_id
        LEFT JOIN agreements_settlementline l ON l.claim_id = c.id AND l.outcome = 'pay'
        WHERE a.ended_on IS NOT NULL AND c.state <> 'rejected'
    ), spending AS (
        SELECT claim.key, l.axis, sum(coalesce(l.certified_amount, 0)) AS spent
        FROM claim JOIN agreements_expenditureline l ON l.claim_id = claim.id GROUP BY 1, 2
    ), part AS (
        SELECT key, agreement_id, tranche_id, sum(amount) AS total, sum(paid_amount) AS paid,
               sum(overpaid_amount) AS noted, sum(certified_total) AS spent
        FROM claim GROUP BY key, agreement_id, tranche_id HAVING sum(amount) > 0 AND NOT bool_or(declares)
    ), its AS (
        SELECT part.*,
    coalesce(t.amount, a.granted_amount) AS granted, coalesce(t.cost, a.eligible_base) AS base, a.proration AS policy,
    a.proration_tolerance, a.proration_cut
 FROM part JOIN agreements_agreement a ON a.id = part.agreement_id
        LEFT JOIN agreements_tranche t ON t.id = part.tranche_id
        WHERE EXISTS (
            SELECT 1 FROM agreements_instalment i WHERE i.agreement_id = part.agreement_id AND i.kind = 'balance'
             AND i.needs_expenditure AND i.tranche_id IS NOT DISTINCT FROM part.tranche_id)
    ), above AS (
        SELECT agreement_id, sum(greatest(total - noted - due, 0)) AS amount, sum(greatest(paid - noted - due, 0)) AS paid
        FROM (
    SELECT its.*, CASE
        WHEN cardinality(known.axes) > 1 AND NOT EXISTS (
            SELECT 1 FROM spending s WHERE s.key = its.key AND s.axis <> ALL (known.axes) AND s.spent <> 0)
        THEN (SELECT sum(greatest(least(coalesce(s.spent, 0), CASE
    WHEN policy <> 'none' AND x.base > 0 AND coalesce(s.spent, 0) < x.base
        AND (policy = 'strict' OR coalesce(s.spent, 0) * 100 < x.base * (100 - its.proration_tolerance)
             OR (its.proration_cut = 'from' AND coalesce(s.spent, 0) * 100 = x.base * (100 - its.proration_tolerance)))
    THEN round(div(x.granted * coalesce(s.spent, 0) * 100, x.base) / 100, 2) ELSE x.granted END), 0))
              FROM axis x LEFT JOIN spending s ON s.key = its.key AND s.axis = x.axis
              WHERE x.agreement_id = its.agreement_id AND x.tranche_id IS NOT DISTINCT FROM its.tranche_id)
        ELSE greatest(least(its.spent, CASE
    WHEN policy <> 'none' AND its.base > 0 AND its.spent < its.base
        AND (policy = 'strict' OR its.spent * 100 < its.base * (100 - its.proration_tolerance)
             OR (its.proration_cut = 'from' AND its.spent * 100 = its.base * (100 - its.proration_tolerance)))
    THEN round(div(its.granted * its.spent * 100, its.base) / 100, 2) ELSE its.granted END), 0) END AS due
    FROM its LEFT JOIN LATERAL (
        SELECT array_agg(DISTINCT x.axis) AS axes FROM axis x
        WHERE x.agreement_id = its.agreement_id AND x.tranche_id IS NOT DISTINCT FROM its.tranche_id) AS known ON TRUE
) AS known GROUP BY agreement_id
    )
    SELECT s.id, s.agreement_id, coalesce(above.amount, 0) AS amount, coalesce(above.paid, 0) AS paid
    FROM agreements_settlement s JOIN agreements_agreement a ON a.id = s.agreement_id
    LEFT JOIN above ON above.agreement_id = a.id WHERE a.ended_on IS NOT NULL
"""
