"""Who bears what is certified: public money what is due on it, year by year; nothing above what is paid, unless somebody is told."""

from django.utils.translation import gettext_lazy as _

from agreements.models.due_rules import AXES_OF, DUE_IN_ALL
from core.figures.invariants import Invariant, Severity, register
from reporting.models import Operation
from reporting.models.granted import BEYOND_WHAT_IS_PAID, NOT_ASKABLE, NOTHING_TO_DECLARE

#: SQL of the operations whose agreement pays parts (years, axes) at rates of their own and whose certificates have one plan:
#: (id, label, euros due on what is certified, within the plan, euros of the EU and the Region certified, number of parts).
DUE_ON_CERTIFIED = f"""
    WITH axis AS ({AXES_OF.format(which="a.eu_fund <> ''")}), item AS (
        SELECT concat(ct.operation_id, '/', n.tranche_id) AS key, ct.operation_id, c.agreement_id, n.tranche_id, l.axis,
               sum(i.retained_amount) AS spent
        FROM reporting_certificate ct JOIN reporting_expenditureitem i ON i.declaration_id = ct.declaration_id
        JOIN agreements_expenditureline l ON l.id = i.expenditure_line_id
        JOIN agreements_paymentclaim c ON c.id = l.claim_id JOIN agreements_instalment n ON n.id = c.instalment_id
        WHERE n.tranche_id IS NOT NULL OR (SELECT count(*) FROM axis x WHERE x.agreement_id = c.agreement_id) > 1
        GROUP BY ct.operation_id, c.agreement_id, n.tranche_id, l.axis
    ), spending AS (SELECT key, axis, spent FROM item), part AS (
        SELECT key, operation_id, agreement_id, tranche_id, sum(spent) AS spent, count(*) AS pieces
        FROM item GROUP BY key, operation_id, agreement_id, tranche_id
    ), its AS (
        SELECT part.*, coalesce(t.amount, a.granted_amount) AS granted, coalesce(t.cost, a.eligible_base) AS base,
               'strict' AS policy, a.proration_tolerance, a.proration_cut
        FROM part JOIN agreements_agreement a ON a.id = part.agreement_id
        LEFT JOIN agreements_tranche t ON t.id = part.tranche_id
    ), due AS (
        SELECT operation_id, sum(due) AS amount, sum(pieces) AS pieces FROM ({DUE_IN_ALL}) AS known GROUP BY operation_id
    ), shared AS (
        SELECT ct.operation_id, max(ct.version_id) AS version_id,
               sum((SELECT coalesce(sum(al.amount), 0) FROM reporting_certificateallocation al
                    WHERE al.certificate_id = ct.id AND al.kind IN ('eu', 'region'))) AS amount
        FROM reporting_certificate ct GROUP BY ct.operation_id HAVING count(DISTINCT ct.version_id) = 1
    )
    SELECT o.id, o.code AS label, least(due.amount, planned.amount) AS expected, shared.amount AS found, due.pieces,
           planned.region
    FROM due JOIN shared ON shared.operation_id = due.operation_id JOIN reporting_operation o ON o.id = due.operation_id
    CROSS JOIN LATERAL (SELECT coalesce(sum(fl.amount), 0) AS amount,
                              coalesce(sum(fl.amount) FILTER (WHERE fl.kind = 'region'), 0) AS region
                         FROM reporting_financingline fl
                         WHERE fl.version_id = shared.version_id AND fl.kind IN ('eu', 'region')) AS planned
"""  # noqa: S608 - fragments of our own

register(
    Invariant(
        code="reporting.public-part-is-due",
        name=_("Public part of what is certified"),
        sentence=_(
            "Where the years or axes of a grant are paid at rates of their own, the EU and the Region bear together of what is "
            "certified what is due on it, each part at its rate: to the cent that each rounding may lose."
        ),
        source=_("Regulation (EU) 2021/1060, Article 91(3)(c): public contribution made or to be made."),
        subject=Operation,
        sql=f"""
            SELECT id, label, expected, found FROM ({DUE_ON_CERTIFIED}) AS known
            WHERE found > expected + 0.01 * pieces OR (region > 0 AND found < expected - 0.02) ORDER BY id
        """,  # noqa: S608 - fragments of our own
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="reporting.certified-is-paid-or-doubted",
        name=_("Certified above what is paid"),
        sentence=_(
            "Of what is certified, no more is the EU’s, nor asked from the Commission or left out for it, than is paid of the "
            "grant or may still be, unless somebody is asked about it."
        ),
        source=_("Regulation (EU) 2021/1060, Article 91(3)(c): public contribution made or to be made."),
        subject=Operation,
        sql=f"""
            SELECT beyond.id, beyond.code || coalesce(' · ' || unasked.number, '') AS label,
                   CASE WHEN beyond.asked > beyond.payable THEN beyond.payable
                        ELSE coalesce(unasked.most, beyond.payable_eu) END AS expected,
                   CASE WHEN beyond.asked > beyond.payable THEN beyond.asked
                        ELSE coalesce(unasked.of_eu, beyond.of_eu) END AS found
            FROM ({BEYOND_WHAT_IS_PAID.format(which="TRUE")}) AS beyond LEFT JOIN LATERAL (
                SELECT ct.number, ct.most, ct.of_eu FROM ({NOT_ASKABLE.format(which="o.id = beyond.id")}) AS ct
                WHERE beyond.asked <= beyond.payable AND beyond.of_eu <= beyond.payable_eu
                ORDER BY ct.id, ct.tranche_id LIMIT 1) AS unasked ON TRUE
            WHERE NOT EXISTS (
                SELECT 1 FROM reporting_operationflag f
                WHERE f.operation_id = beyond.id AND f.kind = 'certified_not_paid' AND f.state <> 'obsolete')
            ORDER BY beyond.id
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="reporting.nothing-to-declare-is-doubted",
        name=_("Operations of which nothing can be declared"),
        sentence=_(
            "The EU bears nothing of an operation whose agreement makes no payment on expenditure, unless somebody is asked "
            "about it."
        ),
        source=_("Regulation (EU) 2021/1060, Article 63(2): only expenditure that was incurred and paid is eligible."),
        subject=Operation,
        sql=f"""
            SELECT o.id, o.code AS label, 0 AS expected, v.eu_amount AS found
            FROM reporting_operation o JOIN reporting_operationversion v ON v.id = o.current_id
            WHERE {NOTHING_TO_DECLARE} AND NOT EXISTS (
                SELECT 1 FROM reporting_operationflag f
                WHERE f.operation_id = o.id AND f.kind = 'nothing_to_declare' AND f.state <> 'obsolete') ORDER BY o.id
        """,  # noqa: S608 - fragments of our own
    ),
)
