"""Every open claim and report stands in the work list of a person who can do something about it."""

from django.utils.translation import gettext_lazy as _

from agreements.changed_since import CHANGED
from agreements.models import PaymentClaim, TrancheReport
from core.figures.invariants import Invariant, Severity, Unit, register
from core.roles import Role

SOMEBODY = """
    EXISTS (
        SELECT 1 FROM core_user u
        JOIN core_user_groups r ON r.user_id = u.id JOIN auth_group g ON g.id = r.group_id
        JOIN grants_programmeassignment s ON s.user_id = u.id AND s.programme_id = v.programme_id
        WHERE u.is_active AND g.name = wanted.role
          AND (wanted.role <> 'instructor' OR app.instructor_id IS NULL OR app.instructor_id = u.id)
          AND u.id IS DISTINCT FROM wanted.not_by
    )
"""

register(
    Invariant(
        code="agreements.open-claim-is-somebodys",
        name=_("Claims in a work list"),
        sentence=_(
            "Every filed claim that is not over stands in the work list of an active person: the instructor of its case, "
            "then a finance officer who did not certify it."
        ),
        source=_("Law 2021-875, Article 2: a grant is paid within sixty days; a claim that nobody sees is late."),
        subject=PaymentClaim,
        sql=f"""
            SELECT c.id, c.number AS label, wanted.role AS expected, NULL AS found FROM agreements_paymentclaim c
            JOIN agreements_agreement a ON a.id = c.agreement_id JOIN grants_application app ON app.id = a.application_id
            JOIN grants_programmeversion v ON v.id = app.programme_version_id
            CROSS JOIN LATERAL (SELECT
                CASE WHEN c.state IN ('certified', 'ordered') AND c.id NOT IN {CHANGED} THEN 'finance_officer'
                     ELSE 'instructor' END AS role,
                CASE WHEN c.state = 'certified' THEN c.certified_by_id END AS not_by) AS wanted
            WHERE c.state IN ('submitted', 'under_review', 'suspended', 'returned', 'certified', 'ordered')
              AND NOT {SOMEBODY} ORDER BY c.id
        """,  # noqa: S608 - a constant
        unit=Unit.TEXT,
        words=dict(Role.choices),
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="agreements.open-report-is-somebodys",
        name=_("Reports in a work list"),
        sentence=_("Every filed report on a year stands in the work list of an active instructor of its programme."),
        source=_("Terms of the multi-year agreement: the next year waits for the report to be read."),
        subject=TrancheReport,
        sql=f"""
            SELECT t.id, a.number || ' · ' || y.label AS label, wanted.role AS expected, NULL AS found
            FROM agreements_tranchereport t JOIN agreements_tranche y ON y.id = t.tranche_id
            JOIN agreements_agreement a ON a.id = y.agreement_id JOIN grants_application app ON app.id = a.application_id
            JOIN grants_programmeversion v ON v.id = app.programme_version_id
            CROSS JOIN LATERAL (SELECT 'instructor' AS role, NULL::bigint AS not_by) AS wanted
            WHERE t.state = 'filed' AND NOT {SOMEBODY} ORDER BY t.id
        """,  # noqa: S608 - a constant
        unit=Unit.TEXT,
        words=dict(Role.choices),
        severity=Severity.FOLLOW_UP,
    ),
)
