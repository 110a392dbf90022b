"""The plan of an operation: financed exactly, within its priority, for the agreement that it comes from."""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement
from agreements.settlements.triggers import ENDED
from core.figures.invariants import Invariant, Severity, Unit, register
from grants.eu_funds import EuFund
from reporting.eu_programmes.guards import ABOVE_THEIR_RATE, ON_THIS_SHARE, UNTRUE_DOUBTS
from reporting.models import CategoryOfRegion, Operation, OperationFlag, Priority
from reporting.models.flag import FlagKind, FlagState
from reporting.models.granted import (
    BORNE_BY_EU,
    BORNE_BY_OTHERS,
    DECLARABLE,
    GAVE_UP,
    GRANTED_IN_PLAN,
    JUSTIFIED,
    PAYABLE_IN_ALL,
    PLANNED,
)

PLAN = _("Model of co-financing, invariant of the plan: the sources of an operation add up to its eligible cost.")
RATE = _("Regulation (EU) 2021/1060, Article 112: the co-financing rate of a priority applies to its expenditure.")

register(
    Invariant(
        code="reporting.plan-is-eligible",
        name=_("Financing plan of an operation"),
        sentence=_("The sources of an operation’s plan add up to its eligible cost, in each of its versions."),
        source=PLAN,
        subject=Operation,
        sql="""
            SELECT o.id, o.code || ' v' || v.number AS label, v.eligible_cost AS expected, coalesce(sum(f.amount), 0) AS found
            FROM reporting_operationversion v JOIN reporting_operation o ON o.id = v.operation_id
            LEFT JOIN reporting_financingline f ON f.version_id = v.id
            GROUP BY o.id, v.id HAVING coalesce(sum(f.amount), 0) <> v.eligible_cost ORDER BY o.id, v.number
        """,
    ),
    Invariant(
        code="reporting.eu-amount-is-planned",
        name=_("EU amount of an operation"),
        sentence=_("The EU amount of an operation is the sum of the EU’s lines of its plan, in each of its versions."),
        source=PLAN,
        subject=Operation,
        sql="""
            SELECT o.id, o.code || ' v' || v.number AS label,
                   coalesce(sum(f.amount) FILTER (WHERE f.kind = 'eu'), 0) AS expected, v.eu_amount AS found
            FROM reporting_operationversion v JOIN reporting_operation o ON o.id = v.operation_id
            LEFT JOIN reporting_financingline f ON f.version_id = v.id
            GROUP BY o.id, v.id HAVING coalesce(sum(f.amount) FILTER (WHERE f.kind = 'eu'), 0) <> v.eu_amount
            ORDER BY o.id, v.number
        """,
    ),
    Invariant(
        code="reporting.current-is-the-last",
        name=_("Version in force of an operation"),
        sentence=_(
            "What is in force of an operation is its last version, and its versions are numbered without a gap."
        ),
        source=_("Rule 6 of the domain: a correction is a new version, and never edits an earlier one."),
        subject=Operation,
        sql="""
            SELECT o.id, o.code AS label, count(v.id) AS expected, max(c.number) AS found FROM reporting_operation o
            LEFT JOIN reporting_operationversion v ON v.operation_id = o.id
            LEFT JOIN reporting_operationversion c ON c.id = o.current_id AND c.operation_id = o.id
            GROUP BY o.id HAVING max(c.number) IS DISTINCT FROM max(v.number) OR count(v.id) <> max(v.number) ORDER BY o.id
        """,
        unit=Unit.NUMBER,
        counted=_("number of the version"),
    ),
    Invariant(
        code="reporting.operation-runs-as-its-act",
        name=_("Period of an operation"),
        sentence=_(
            "An operation of an agreement begins and ends on the days of its act, unless somebody corrected them."
        ),
        source=_("Regulation (EU) 2021/1060, Article 49(3): the list of operations says when each begins and ends."),
        subject=Operation,
        # What was erased by law of the event accuses nobody.
        sql="""
            SELECT o.id, o.code || ' v' || v.number || ' · ' || it.name AS label, it.said AS expected, it.kept AS found
            FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
            JOIN reporting_operationversion v ON v.operation_id = o.id
            CROSS JOIN LATERAL (VALUES ('start_date', a.start, v.start_date), ('end_date', a.end, v.end_date)) AS it (name, said, kept)
            WHERE it.kept <> it.said AND NOT EXISTS (
                SELECT 1 FROM core_event e WHERE e.object_id = o.id AND e.action = 'revise' AND e.content_type_id =
                    (SELECT id FROM django_content_type WHERE app_label = 'reporting' AND model = 'operation')
                 AND coalesce(e.data -> 'fields' @> to_jsonb(it.name), TRUE)) ORDER BY o.id, v.number, it.name
        """,
        unit=Unit.DAY,
        label_words={"start_date": _("start"), "end_date": _("end")},
    ),
    Invariant(
        code="reporting.eligible-can-be-claimed",
        name=_("Eligible cost of an operation by years"),
        sentence=_(
            "The eligible cost of an operation does not count a year for which its agreement grants nothing: no claim may "
            "declare it."
        ),
        source=PLAN,
        subject=Operation,
        sql="""
            SELECT o.id, o.code AS label, greatest(years.funded, a.granted_amount) AS expected, v.eligible_cost AS found
            FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
            JOIN reporting_operationversion v ON v.id = o.current_id
            JOIN (
                SELECT agreement_id, coalesce(sum(cost) FILTER (WHERE amount > 0), 0) AS funded FROM agreements_tranche
                GROUP BY agreement_id HAVING bool_or(amount = 0)
            ) AS years ON years.agreement_id = a.id
            WHERE a.ended_on IS NULL AND v.eligible_cost > greatest(years.funded, a.granted_amount) ORDER BY o.id
        """,
        relation="≤",
    ),
    Invariant(
        code="reporting.plan-covers-the-grant",
        name=_("Region and EU in the plan"),
        sentence=_(
            "The EU and the Region together bear, in the plan of an operation, what its agreement grants and was not given up: "
            "once it has ended, what is paid, or may still be, and is not asked back, within what others leave of its eligible "
            "cost."
        ),
        source=PLAN,
        subject=Operation,
        sql=f"""
            SELECT id, label, expected, found FROM (
                SELECT o.id, o.code AS label, {PLANNED} AS found,
                       CASE WHEN a.state IN {ENDED} THEN least({JUSTIFIED}, v.eligible_cost - {BORNE_BY_OTHERS})
                            ELSE {GRANTED_IN_PLAN} END AS expected
                FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
                JOIN reporting_operationversion v ON v.id = o.current_id) AS known
            WHERE found < expected ORDER BY id
        """,  # noqa: S608 - fragments of our own
        relation="≥",
    ),
    Invariant(
        code="reporting.ended-within-what-is-declared",
        name=_("Eligible cost of an ended operation"),
        sentence=_(
            "Once its agreement has ended, the eligible cost of an operation is no more than what is declared and was not "
            "rejected, and what the claims that its settlement lets go on can still declare."
        ),
        source=_("Regulation (EU) 2021/1060, Article 63(2): only expenditure that was incurred and paid is eligible."),
        subject=Operation,
        sql=f"""
            SELECT o.id, o.code AS label, {DECLARABLE} AS expected, v.eligible_cost AS found
            FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
            JOIN reporting_operationversion v ON v.id = o.current_id
            WHERE a.state IN {ENDED} AND v.eligible_cost > {DECLARABLE} ORDER BY o.id
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="reporting.ended-within-what-is-kept",
        name=_("Operation of an ended agreement"),
        sentence=_(
            "Once its agreement has ended, the EU and the Region bear together, in the plan of an operation, no more than what is "
            "paid and still kept, less what was paid above what is due, or than what is certified on the EU."
        ),
        source=_("Rule 12 of the domain: a plan never goes under what is certified."),
        subject=Operation,
        sql=f"""
            SELECT o.id, o.code AS label, greatest({PAYABLE_IN_ALL}, {BORNE_BY_EU}) AS expected,
                   coalesce(sum(f.amount) FILTER (WHERE f.kind IN ('eu', 'region')), 0) AS found
            FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
            LEFT JOIN reporting_financingline f ON f.version_id = o.current_id
            WHERE a.state IN {ENDED} GROUP BY o.id, a.id
            HAVING coalesce(sum(f.amount) FILTER (WHERE f.kind IN ('eu', 'region')), 0) > greatest({PAYABLE_IN_ALL}, {BORNE_BY_EU})
            ORDER BY o.id
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="reporting.given-up-is-doubted",
        name=_("Plan that counts on what was given up"),
        sentence=_(
            "While an agreement of which a part was given up is in force, the EU and the Region bear no more in the plan of its "
            "operation than what is paid or can still be, year by year, or is certified on the EU, unless somebody is asked "
            "about it."
        ),
        source=PLAN,
        subject=Operation,
        sql=f"""
            SELECT o.id, o.code AS label, greatest({PAYABLE_IN_ALL}, {BORNE_BY_EU}) AS expected, {PLANNED} AS found
            FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
            WHERE a.state NOT IN {ENDED} AND {GAVE_UP}
              AND {PLANNED} > greatest({PAYABLE_IN_ALL}, {BORNE_BY_EU}) AND NOT EXISTS (
                  SELECT 1 FROM reporting_operationflag f
                  WHERE f.operation_id = o.id AND f.kind = 'above_payable' AND f.state = 'open') ORDER BY o.id
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="reporting.cofinanced-has-operation",
        name=_("Operation of a co-financed agreement"),
        sentence=_("Every agreement in force that a European fund co-finances has its operation."),
        source=_("Regulation (EU) 2021/1060, Article 72(1)(e): data of each operation are recorded and stored."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, a.eu_fund AS expected, o.code AS found FROM agreements_agreement a
            LEFT JOIN reporting_operation o ON o.agreement_id = a.id
            WHERE a.eu_fund <> '' AND a.state IN ('in_force', 'completed') AND o.id IS NULL ORDER BY a.id
        """,
        unit=Unit.TEXT,
        words=dict(EuFund.choices),
    ),
    Invariant(
        code="reporting.fund-of-its-agreement",
        name=_("Fund of an operation"),
        sentence=_(
            "The fund of an agreement’s operation, and the EU’s line of its plan, are of the fund that its act names."
        ),
        source=_("Rule 9 of the domain: one fact is written by one door; the act says which fund co-finances it."),
        subject=Operation,
        sql="""
            SELECT o.id, o.code AS label, a.eu_fund AS expected,
                   CASE WHEN fund.code IS DISTINCT FROM a.eu_fund THEN coalesce(fund.code, '') ELSE line.label END AS found
            FROM reporting_operation o JOIN agreements_agreement a ON a.id = o.agreement_id
            JOIN reporting_operationversion v ON v.id = o.current_id LEFT JOIN reporting_fund fund ON fund.id = v.fund_id
            LEFT JOIN reporting_financingline line ON line.version_id = v.id AND line.kind = 'eu'
            WHERE fund.code IS DISTINCT FROM a.eu_fund OR line.label <> a.eu_fund ORDER BY o.id
        """,
        unit=Unit.TEXT,
        words=dict(EuFund.choices),
    ),
    Invariant(
        code="reporting.eu-within-eligible",
        name=_("EU amount within the eligible cost"),
        sentence=_(
            "The EU amount of an operation is within its eligible cost, unless a person answered the doubt or still has to."
        ),
        source=RATE,
        subject=Operation,
        sql="""
            SELECT o.id, o.code AS label, v.eligible_cost AS expected, v.eu_amount AS found
            FROM reporting_operation o JOIN reporting_operationversion v ON v.id = o.current_id
            WHERE v.eu_amount > v.eligible_cost
              AND NOT EXISTS (SELECT 1 FROM reporting_operationflag f
                              WHERE f.operation_id = o.id AND f.kind = 'eu_above_eligible'
                                AND f.state <> 'obsolete') ORDER BY o.id
        """,
        relation="≤",
    ),
    Invariant(
        code="reporting.rate-above-is-doubted",
        name=_("EU share above the rate of the priority"),
        sentence=_(
            "The EU bears more of an operation than the rate of its priority only with a doubt on this very share, which a "
            "person answered before any of its expenditure is declared."
        ),
        source=RATE,
        subject=Operation,
        sql=f"""
            SELECT o.id, o.code AS label, round(base.amount * a.eu_rate / 100, 2) AS expected, v.eu_amount AS found
            FROM {ABOVE_THEIR_RATE}
              AND NOT EXISTS (
                  SELECT 1 FROM reporting_operationflag f WHERE {ON_THIS_SHARE}
                     AND (f.state = 'answered' OR NOT EXISTS (
                         SELECT 1 FROM reporting_expendituredeclaration d
                         WHERE d.operation_id = o.id AND d.submitted_at > f.raised_at)))
            ORDER BY o.id
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="reporting.open-doubt-is-true",
        name=_("Doubts that wait"),
        sentence=_("What a doubt that waits for its answer says of an operation is still so in its plan in force."),
        source=RATE,
        subject=OperationFlag,
        sql=f"""
            SELECT f.id, o.code AS label, 'obsolete' AS expected, f.kind AS found FROM {UNTRUE_DOUBTS} ORDER BY f.id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
        words=dict([*FlagKind.choices, *FlagState.choices]),
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="reporting.eu-within-its-call",
        name=_("EU share of a call"),
        sentence=_(
            "The EU bears no more of an operation’s eligible cost than the share that the call of its case allows."
        ),
        source=_("Model of co-financing, invariant 2: the share of the EU is within the maximum set by the call."),
        subject=Operation,
        sql="""
            SELECT o.id, o.code AS label, trunc(v.eligible_cost * c.eu_rate_limit / 100, 2) AS expected, v.eu_amount AS found
            FROM reporting_operation o JOIN reporting_operationversion v ON v.id = o.current_id
            JOIN agreements_agreement a ON a.id = o.agreement_id JOIN grants_application app ON app.id = a.application_id
            JOIN grants_call c ON c.id = app.call_id
            WHERE v.eu_amount * 100 > v.eligible_cost * c.eu_rate_limit ORDER BY o.id
        """,
        relation="≤",
    ),
    Invariant(
        code="reporting.priority-within-its-amount",
        name=_("Amounts of a priority"),
        sentence=_(
            "The EU amounts of the operations of a priority, fund and category of region are together within the "
            "amount that the programme gives to it."
        ),
        source=_("Regulation (EU) 2021/1060, Article 22(3)(g): the financing plan of the programme."),
        subject=Priority,
        sql="""
            SELECT p.id, p.code || ' · ' || fund.code || ' · ' || a.category_of_region AS label, a.amount AS expected,
                   sum(v.eu_amount) AS found
            FROM reporting_priorityallocation a JOIN reporting_priority p ON p.id = a.priority_id
            JOIN reporting_fund fund ON fund.id = a.fund_id
            JOIN reporting_operationversion v ON v.priority_id = a.priority_id AND v.fund_id = a.fund_id
                AND v.category_of_region = a.category_of_region
            JOIN reporting_operation o ON o.current_id = v.id
            WHERE a.amount IS NOT NULL GROUP BY p.id, a.id, fund.id HAVING sum(v.eu_amount) > a.amount ORDER BY p.id
        """,
        label_words=dict([*CategoryOfRegion.choices, *EuFund.choices]),
        relation="≤",
    ),
    Invariant(
        code="reporting.operation-has-its-allocation",
        name=_("Category of region of an operation"),
        sentence=_(
            "The priority of an operation of an agreement has money of its fund in the category of region of the operation."
        ),
        source=_("Regulation (EU) 2021/1060, Article 22(3)(g): the financing plan of the programme."),
        subject=Operation,
        sql="""
            SELECT o.id, o.code || ' · ' || p.code || ' · ' || fund.code AS label, (
                       SELECT string_agg(a.category_of_region, ' ' ORDER BY a.category_of_region)
                       FROM reporting_priorityallocation a WHERE a.priority_id = p.id AND a.fund_id = fund.id
                   ) AS expected, v.category_of_region AS found
            FROM reporting_operation o JOIN reporting_operationversion v ON v.id = o.current_id
            JOIN reporting_priority p ON p.id = v.priority_id JOIN reporting_fund fund ON fund.id = v.fund_id
            WHERE o.agreement_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM reporting_priorityallocation a WHERE a.priority_id = p.id AND a.fund_id = fund.id
                   AND a.category_of_region = v.category_of_region) ORDER BY o.id
        """,
        unit=Unit.TEXT,
        words=dict(CategoryOfRegion.choices),
        label_words=dict(EuFund.choices),
    ),
)
