"""What was computed is what is signed: years and persons of an act are those of the plan that was granted."""

from django.utils.translation import gettext_lazy as _

from agreements.figures.schedule import LIVE
from agreements.models import Agreement
from core.figures.invariants import Invariant, register

# A grant of before the plans keeps the amounts that were signed: its plan has no parts.
PARTS = "jsonb_array_elements(app.granted_plan -> 'parts')"
PLANNED = f"""
    SELECT a.id, 'year ' || (part ->> 'year') AS place, sum((part ->> 'amount')::numeric) AS amount,
           coalesce(sum((part ->> 'cost')::numeric) FILTER (WHERE (part ->> 'amount')::numeric > 0),
                    sum((part ->> 'cost')::numeric)) AS cost
    FROM agreements_agreement a JOIN grants_application app ON app.id = a.application_id CROSS JOIN {PARTS} AS part
    WHERE a.state IN {LIVE} AND part ->> 'year' IS NOT NULL GROUP BY a.id, part ->> 'year'
    UNION ALL
    SELECT id, 'person ' || row_number() OVER (PARTITION BY id ORDER BY rank), amount, cost FROM (
        SELECT a.id, p.rank, sum((part ->> 'amount')::numeric) AS amount,
               sum((part ->> 'cost')::numeric) FILTER (WHERE (part ->> 'amount')::numeric > 0) AS cost
        FROM agreements_agreement a JOIN grants_application app ON app.id = a.application_id CROSS JOIN {PARTS} AS part
        JOIN grants_personline p ON p.application_id = app.id AND p.id::text = part ->> 'person'
        WHERE a.state IN {LIVE} GROUP BY a.id, p.id HAVING sum((part ->> 'amount')::numeric) > 0) AS helped
"""  # noqa: S608 - a constant
SIGNED = """
    SELECT agreement_id AS id, 'year ' || rank AS place, label, amount, cost FROM agreements_tranche
    UNION ALL
    SELECT agreement_id, 'person ' || rank, person_name, amount, cost FROM agreements_agreementshare
"""

register(
    Invariant(
        code="agreements.base-is-its-parts",
        name=_("Eligible base of an act"),
        sentence=_(
            "The eligible base of an act is the cost of the years, persons and parts of the project that are granted "
            "something, and of no other."
        ),
        source=_("Decision 10 of the documentation: one plan of the grant, from the computation to the payment."),
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number AS label, plan.base AS expected, a.eligible_base AS found
            FROM agreements_agreement a JOIN grants_application app ON app.id = a.application_id
            CROSS JOIN LATERAL (
                SELECT nullif(sum((part ->> 'cost')::numeric), 0) AS base, count(*) AS parts
                FROM {PARTS} AS part WHERE (part ->> 'amount')::numeric > 0) AS plan
            WHERE a.state IN {LIVE} AND plan.parts > 0 AND plan.base IS DISTINCT FROM a.eligible_base ORDER BY a.id
        """,  # noqa: S608 - a constant
    ),
    Invariant(
        code="agreements.act-is-the-plan",
        name=_("Plan of an act"),
        sentence=_(
            "Each year and each person of an act has the amount and the cost of the plan that was granted: nothing was "
            "shared out again."
        ),
        source=_("Decision 10 of the documentation: one plan of the grant, from the computation to the payment."),
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number || ' · ' || coalesce(kept.label, kept.place) AS label,
                   CASE WHEN planned IS DISTINCT FROM signed THEN planned ELSE planned_cost END AS expected,
                   CASE WHEN planned IS DISTINCT FROM signed THEN signed ELSE signed_cost END AS found
            FROM (
                SELECT id, place, label, mine.amount AS planned, mine.cost AS planned_cost, its.amount AS signed,
                       its.cost AS signed_cost
                FROM ({PLANNED}) AS mine FULL JOIN ({SIGNED}) AS its USING (id, place)
            ) AS kept JOIN agreements_agreement a ON a.id = kept.id JOIN grants_application app ON app.id = a.application_id
            WHERE a.state IN {LIVE} AND jsonb_array_length(coalesce(app.granted_plan -> 'parts', '[]')) > 0
              AND ROW(planned, planned_cost) IS DISTINCT FROM ROW(signed, signed_cost)
            ORDER BY a.id, kept.place
        """,  # noqa: S608 - a constant
    ),
    Invariant(
        code="agreements.annex-says-the-grant",
        name=_("Annexed budget of an act"),
        sentence=_(
            "The line of the Region in the budget annexed to an act is what the act grants; of what was asked and not "
            "granted, the whole stands there to be found by the beneficiary."
        ),
        source=_("Law 2000-321, Article 10: the agreement states the amount and the terms of its payment."),
        subject=Agreement,
        # An act of before these lines keeps the budget that was signed: none of its lines is marked.
        sql="""
            SELECT a.id, a.number AS label, a.granted_amount + greatest(its.asked - a.granted_amount, 0) AS expected,
                   its.granted + its.missing AS found
            FROM agreements_agreement a JOIN (
                SELECT agreement_id, sum(amount) FILTER (WHERE financing = 'grant') AS granted, sum(asked_amount) AS asked,
                       coalesce(sum(amount) FILTER (WHERE financing = 'to_find'), 0) AS missing
                FROM agreements_agreementbudgetline WHERE financing <> '' GROUP BY agreement_id
            ) AS its ON its.agreement_id = a.id
            WHERE its.granted IS DISTINCT FROM a.granted_amount OR its.missing <> greatest(its.asked - a.granted_amount, 0)
            ORDER BY a.id
        """,
    ),
)
