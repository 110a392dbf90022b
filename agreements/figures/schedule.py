"""What was granted is what the act plans: tranches, instalments and shares, to the cent."""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement
from core.days_in_sql import day_of
from core.figures.invariants import Invariant, Unit, register

ACT = _("Law 2000-321, Article 10: the agreement states the amount and the terms of its payment.")
LIVE = "('draft', 'sent', 'signed_by_beneficiary', 'in_force', 'completed', 'terminated')"

register(
    Invariant(
        code="agreements.granted-is-voted",
        name=_("Amount of an agreement"),
        sentence=_("An agreement grants the amount that was voted for its case."),
        source=_("Rule 6 of the domain: a decided amount never changes."),
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number AS label, app.granted_amount AS expected, a.granted_amount AS found
            FROM agreements_agreement a JOIN grants_application app ON app.id = a.application_id
            WHERE a.state IN {LIVE}
              AND a.granted_amount IS DISTINCT FROM app.granted_amount
            ORDER BY a.id
        """,  # noqa: S608 - a constant
    ),
    Invariant(
        code="agreements.tranches-add-up",
        name=_("Tranches of an agreement"),
        sentence=_("The tranches of a multi-year agreement add up to what it grants."),
        source=ACT,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, a.granted_amount AS expected, sum(t.amount) AS found
            FROM agreements_agreement a JOIN agreements_tranche t ON t.agreement_id = a.id
            GROUP BY a.id HAVING sum(t.amount) <> a.granted_amount ORDER BY a.id
        """,
    ),
    Invariant(
        code="agreements.instalments-add-up",
        name=_("Instalments of an agreement"),
        sentence=_("The instalments of an agreement add up to what it grants: nothing granted has no way to be paid."),
        source=ACT,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, a.granted_amount AS expected, coalesce(sum(i.amount), 0) AS found
            FROM agreements_agreement a LEFT JOIN agreements_instalment i ON i.agreement_id = a.id
            GROUP BY a.id HAVING coalesce(sum(i.amount), 0) <> a.granted_amount ORDER BY a.id
        """,
    ),
    Invariant(
        code="agreements.instalments-of-a-tranche",
        name=_("Instalments of a tranche"),
        sentence=_("The instalments of a tranche add up to the tranche, and belong to the same agreement."),
        source=ACT,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || t.label AS label, t.amount AS expected, coalesce(sum(i.amount), 0) AS found
            FROM agreements_tranche t JOIN agreements_agreement a ON a.id = t.agreement_id
            LEFT JOIN agreements_instalment i ON i.tranche_id = t.id AND i.agreement_id = t.agreement_id
            GROUP BY a.id, t.id HAVING coalesce(sum(i.amount), 0) <> t.amount ORDER BY a.id, t.rank
        """,
    ),
    Invariant(
        code="agreements.shares-add-up",
        name=_("Shares of the persons"),
        sentence=_("The shares of the persons of an act add up to what it grants."),
        source=ACT,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, a.granted_amount AS expected, coalesce(sum(s.amount), 0) AS found
            FROM agreements_agreement a LEFT JOIN agreements_agreementshare s ON s.agreement_id = a.id
            GROUP BY a.id
            HAVING (count(s.id) > 0 OR a.payee = 'persons') AND coalesce(sum(s.amount), 0) <> a.granted_amount
            ORDER BY a.id
        """,
    ),
    Invariant(
        code="agreements.share-is-granted",
        name=_("Share of each person"),
        sentence=_("Each person’s share in an act is what the committee granted this person."),
        source=_("Rule 6 of the domain: a decided amount never changes."),
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number || ' · ' || s.person_name AS label, p.granted_amount AS expected, s.amount AS found
            FROM agreements_agreementshare s JOIN agreements_agreement a ON a.id = s.agreement_id
            LEFT JOIN LATERAL (
                SELECT granted_amount FROM (
                    SELECT granted_amount, row_number() OVER (ORDER BY rank) AS place FROM grants_personline
                    WHERE application_id = a.application_id AND granted_amount > 0) AS granted
                WHERE granted.place = s.rank
            ) AS p ON TRUE
            WHERE a.state IN {LIVE} AND s.amount IS DISTINCT FROM p.granted_amount ORDER BY a.id, s.rank
        """,  # noqa: S608 - a constant
    ),
    Invariant(
        code="agreements.committed-in-force",
        name=_("Commitment of an agreement"),
        sentence=_("An agreement in force has a commitment of the amount that it grants, for its own case."),
        source=_("General Code of Local Authorities, Article L4312-4: nothing is due that is not committed."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, a.granted_amount AS expected, c.amount - c.released_amount AS found
            FROM agreements_agreement a
            LEFT JOIN grants_commitment c ON c.id = a.commitment_id AND c.application_id = a.application_id
            WHERE a.state = 'in_force' AND c.amount - c.released_amount IS DISTINCT FROM a.granted_amount ORDER BY a.id
        """,
    ),
    Invariant(
        code="agreements.tranche-after-report",
        name=_("Release of a tranche"),
        sentence=_(
            "A tranche after the first is open only when the report on the year before, of those with a grant, was accepted."
        ),
        source=_("Terms of the multi-year agreement: each year follows the accepted report of the year before."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || t.label AS label, 1 AS expected, count(r.id) AS found
            FROM agreements_tranche t JOIN agreements_agreement a ON a.id = t.agreement_id
            JOIN agreements_tranche before ON before.agreement_id = t.agreement_id AND before.rank = (
                SELECT max(x.rank) FROM agreements_tranche x
                WHERE x.agreement_id = t.agreement_id AND x.rank < t.rank AND x.amount > 0)
            LEFT JOIN agreements_tranchereport r ON r.tranche_id = before.id AND r.state = 'accepted'
            WHERE t.state <> 'planned' GROUP BY a.id, t.id HAVING count(r.id) <> 1 ORDER BY a.id, t.rank
        """,
        unit=Unit.NUMBER,
        counted=_("accepted reports"),
    ),
    Invariant(
        code="agreements.report-after-its-year",
        name=_("Report on a year"),
        sentence=_("No report on a year is accepted before the year has ended."),
        source=_("Terms of the multi-year agreement: each year follows the accepted report of the year before."),
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number || ' · ' || t.label AS label, t.ends_on + 1 AS expected,
                   {day_of("r.decided_at")} AS found
            FROM agreements_tranchereport r JOIN agreements_tranche t ON t.id = r.tranche_id
            JOIN agreements_agreement a ON a.id = t.agreement_id
            WHERE r.state = 'accepted' AND {day_of("r.decided_at")} <= t.ends_on ORDER BY a.id, t.rank
        """,  # noqa: S608 - the day of a moment
        unit=Unit.DAY,
        relation="≥",
    ),
)
