"""The register of de minimis aid is the grants: once a case, with the amount that is still granted, ended ones out."""

from django.utils.translation import gettext_lazy as _

from agreements.settlements.kept import STILL_GRANTED
from applicants.models import DeMinimisAid
from core.days_in_sql import day_of
from core.figures.invariants import Invariant, Unit, register
from grants.models import Application

REGISTER = _("Regulation (EU) 2023/2831, Article 6: a register of every de minimis aid granted.")

# What each case of a de minimis regime is worth in the register: what is granted, or what is left of it once it has ended.
WORTH = f"""
    SELECT app.id, app.number, app.applicant_id, v.definition ->> 'de_minimis' AS regime,
           CASE WHEN app.state IN ('approved', 'contracted') THEN app.granted_amount
                WHEN app.state IN ('closed', 'lapsed') THEN coalesce({STILL_GRANTED}, 0) ELSE 0 END AS amount
    FROM grants_application app JOIN grants_programmeversion v ON v.id = app.programme_version_id
    LEFT JOIN agreements_agreement a ON a.application_id = app.id
    WHERE app.number IS NOT NULL AND coalesce(v.definition ->> 'de_minimis', '') <> ''
"""  # noqa: S608 - a constant

register(
    Invariant(
        code="agreements.register-is-grants",
        name=_("Register of de minimis aid"),
        sentence=_(
            "The register holds each grant of a de minimis regime at its amount, and an ended one at what is paid or kept of "
            "it, less what was paid above what is due."
        ),
        source=REGISTER,
        subject=Application,
        sql=f"""
            SELECT worth.id, worth.number AS label, worth.amount AS expected, coalesce(kept.amount, 0) AS found
            FROM ({WORTH}) AS worth LEFT JOIN (
                SELECT case_number, sum(amount) AS amount FROM applicants_deminimisaid
                WHERE origin = 'granted' AND withdrawn_on IS NULL GROUP BY case_number
            ) AS kept ON kept.case_number = worth.number
            WHERE worth.amount <> coalesce(kept.amount, 0) ORDER BY worth.id
        """,  # noqa: S608 - a constant
    ),
    Invariant(
        code="agreements.register-on-the-day-of-the-grant",
        name=_("Day of a grant in the register"),
        sentence=_(
            "A grant stands in the register on the day of the vote, of its deliberation, or of the decision that its act names."
        ),
        source=_("Regulation (EU) 2023/2831, Article 3(3): aid is granted when the right to it is conferred."),
        subject=DeMinimisAid,
        sql=f"""
            SELECT aid.id, aid.case_number AS label, vote.day AS expected, aid.granted_on AS found
            FROM applicants_deminimisaid aid JOIN grants_application app ON app.number = aid.case_number
            LEFT JOIN agreements_agreement a ON a.application_id = app.id
            CROSS JOIN LATERAL (
                SELECT coalesce(s.deliberation_on, {day_of("s.held_at")}) AS day,
                       ARRAY[s.deliberation_on, {day_of("s.held_at")}, a.decision_date] AS known
                FROM grants_agendaitem item JOIN grants_committeesession s ON s.id = item.session_id
                WHERE item.application_id = app.id AND item.decision = 'granted' AND s.state = 'closed'
                ORDER BY s.closed_at DESC LIMIT 1
            ) AS vote
            WHERE aid.origin = 'granted' AND aid.granted_on <> ALL (array_remove(vote.known, NULL)) ORDER BY aid.id
        """,  # noqa: S608 - the day of a moment
        unit=Unit.DAY,
    ),
    Invariant(
        code="agreements.register-says-its-grant",
        name=_("Authority and sector of a grant in the register"),
        sentence=_(
            "A grant stands in the register under the authority that granted it, and in the sector of its proposal, or the one "
            "that was given on its page."
        ),
        source=_(
            "Regulation (EU) 2023/2831, Article 6(1): beneficiary, amount, day, authority, instrument and sector."
        ),
        subject=DeMinimisAid,
        # The name of the Region may change: what the register said first stays.
        sql="""
            SELECT aid.id, aid.case_number || ' · ' || it.part AS label, it.wanted AS expected, it.kept AS found
            FROM applicants_deminimisaid aid JOIN grants_application app ON app.number = aid.case_number
            LEFT JOIN grants_proposal p ON p.application_id = app.id AND p.sent_back_at IS NULL
            CROSS JOIN LATERAL (VALUES
                ('authority', (
                    SELECT first.authority FROM applicants_deminimisaidevent first
                    WHERE first.pgh_obj_id = aid.id ORDER BY first.pgh_id LIMIT 1), aid.authority),
                ('sector', coalesce((
                    SELECT e.changes -> 'sector' ->> 1 FROM core_event e
                    WHERE e.object_id = aid.applicant_id AND e.action = 'de_minimis_completed' AND e.content_type_id =
                        (SELECT id FROM django_content_type WHERE app_label = 'applicants' AND model = 'applicant')
                       AND e.data -> 'aid' ->> 'id' = aid.id::text AND e.changes -> 'sector' IS NOT NULL
                    ORDER BY e.sequence DESC LIMIT 1
                ), p.register_sector), aid.sector)) AS it (part, wanted, kept)
            WHERE aid.origin = 'granted' AND it.wanted <> '' AND it.kept <> it.wanted ORDER BY aid.id, it.part
        """,
        unit=Unit.TEXT,
        label_words={"authority": _("granted by"), "sector": _("sector (NACE)")},
    ),
    Invariant(
        code="agreements.register-once-a-case",
        name=_("Once a case in the register"),
        sentence=_("Each grant of the register stands there once, under its case, its beneficiary and its regime."),
        source=REGISTER,
        subject=DeMinimisAid,
        sql=f"""
            SELECT aid.id, coalesce(nullif(aid.case_number, ''), aid.reference) AS label, 1 AS expected,
                   count(*) OVER (PARTITION BY aid.case_number) * (worth.id IS NOT NULL)::int AS found
            FROM applicants_deminimisaid aid LEFT JOIN ({WORTH}) AS worth ON worth.number = aid.case_number
                AND worth.applicant_id = aid.applicant_id AND worth.regime = aid.regime
            WHERE aid.origin = 'granted' AND (worth.id IS NULL OR aid.case_number IN (
                SELECT case_number FROM applicants_deminimisaid WHERE origin = 'granted'
                GROUP BY case_number HAVING count(*) > 1)) ORDER BY aid.id
        """,  # noqa: S608 - a constant
        unit=Unit.NUMBER,
        counted=_("rows of the register"),
    ),
)
