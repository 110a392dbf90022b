"""The rate of a priority in SQL: on which base it counts, and that no operation is above it without a doubt.

Sources: Regulation (EU) 2021/1060, Article 112(2): the rate applies to total or to public expenditure;
``eu_cofinancing_model.md``, invariant 2: an operation may be above its priority's rate, a person says that it is meant.
"""

import pgtrigger

from agreements.models.triggers import refuse
from reporting.models.granted import (
    BEYOND_WHAT_IS_PAID,
    BORNE_BY_EU,
    NOTHING_TO_DECLARE,
    PAID_AT_THE_END,
    PAYABLE_IN_ALL,
    PLANNED,
)

#: SQL of the operations (``o``), their plans in force (``v``), the allocations that they are planned on (``a``) and the
#: euros that the rate applies to (``base.amount``), where the EU bears more than the rate.
ABOVE_THEIR_RATE = """
    reporting_operation o JOIN reporting_operationversion v ON v.id = o.current_id
    JOIN reporting_priorityallocation a ON a.priority_id = v.priority_id AND a.fund_id = v.fund_id
         AND a.category_of_region = v.category_of_region
    JOIN LATERAL (SELECT CASE WHEN a.basis = 'public' THEN coalesce(sum(f.amount) FILTER (
                      WHERE f.kind IN ('eu', 'state', 'region', 'local', 'public')), 0) ELSE v.eligible_cost END AS amount
                  FROM reporting_financingline f WHERE f.version_id = v.id) AS base ON TRUE
    WHERE base.amount > 0 AND v.eu_amount * 100 > base.amount * a.eu_rate
"""
#: SQL, true of a doubt (``f``) on this very share of ``o`` that stands, raised against this rate or a lower one.
ON_THIS_SHARE = """
    f.operation_id = o.id AND f.kind = 'rate_above_priority' AND f.state <> 'obsolete'
    AND (f.detail ->> 'rate')::numeric = ceil(v.eu_amount * 10000 / base.amount) / 100
    AND (f.detail ->> 'limit')::numeric <= a.eu_rate
"""


#: SQL of the doubts (``f``) that wait for an answer on operations (``o``) whose plan in force (``v``) says otherwise.
UNTRUE_DOUBTS = f"""
    reporting_operationflag f
    JOIN reporting_operation o ON o.id = f.operation_id JOIN reporting_operationversion v ON v.id = o.current_id
    WHERE f.state = 'open' AND NOT CASE f.kind
        WHEN 'rate_above_priority' THEN o.id IN (SELECT o.id FROM {ABOVE_THEIR_RATE})
        WHEN 'eu_above_eligible' THEN v.eu_amount > v.eligible_cost
        WHEN 'no_eligible_cost' THEN v.eligible_cost = 0
        WHEN 'no_eu_amount' THEN v.eu_amount = 0
        WHEN 'no_priority' THEN v.priority_id IS NULL
        WHEN 'fund_unknown' THEN v.fund_id IS NULL
        WHEN 'fault_open' THEN EXISTS (SELECT 1 FROM agreements_paymentclaim c WHERE c.id = f.claim_id AND c.state = 'paid')
        WHEN 'above_payable' THEN {PLANNED} > (
            SELECT greatest({PAYABLE_IN_ALL}, {BORNE_BY_EU}) FROM agreements_agreement a WHERE a.id = o.agreement_id)
        WHEN 'paid_not_borne' THEN {PLANNED} < (SELECT {PAID_AT_THE_END} FROM agreements_agreement a WHERE a.id = o.agreement_id)
        WHEN 'certified_not_paid' THEN o.id IN (SELECT beyond.id FROM ({BEYOND_WHAT_IS_PAID.format(which="TRUE")}) AS beyond)
        WHEN 'nothing_to_declare' THEN {NOTHING_TO_DECLARE}
        ELSE v.programmed_on IS NOT NULL AND coalesce(f.detail ->> 'programmed_on', v.programmed_on::text)
             = v.programmed_on::text END
"""  # noqa: S608 - fragments of our own


def share_is_doubted(where: str) -> pgtrigger.Trigger:
    """When the transaction ends, each operation of ``where`` (SQL on NEW) above its rate has a doubt on that share."""
    return pgtrigger.Trigger(
        name="share_is_doubted",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update,
        timing=pgtrigger.Deferred,
        condition=pgtrigger.Condition('NEW."priority_id" IS NOT NULL'),
        declare=[("above", "TEXT")],
        func=f"""
            SELECT o.code INTO above FROM {ABOVE_THEIR_RATE} AND {where}
               AND NOT EXISTS (SELECT 1 FROM reporting_operationflag f WHERE {ON_THIS_SHARE}) ORDER BY o.id LIMIT 1;
            IF above IS NOT NULL THEN
                {refuse("the EU bears more of % than the rate of its priority, and nobody is asked about it", "above")}
            END IF;
            RETURN NULL;
        """,  # noqa: S608 - fragments of our own
    )
