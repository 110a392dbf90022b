"""From the computation to the vote: what is proposed was computed, what is granted was decided."""

from django.utils.translation import gettext_lazy as _

from core.days_in_sql import day_of
from core.figures.invariants import Invariant, Unit, register
from grants.models import Application, CommitteeSession

COMPUTED = _("Rule of the programme: a proposal and a grant stay within the aid that the rules compute.")
DECIDED = _("Rule 6 of the domain: a decided amount never changes; what is in force is what was voted.")
SEPARATION = _("Rule 4 of the domain: who instructs does not give the visa.")

register(
    Invariant(
        code="grants.computed-is-newest",
        name=_("Computed aid of a case"),
        sentence=_("The computed aid of a proposed case is the amount of its newest kept computation."),
        source=COMPUTED,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, c.amount AS expected, app.computed_amount AS found
            FROM grants_application app LEFT JOIN LATERAL (
                SELECT amount FROM grants_aidcomputation WHERE application_id = app.id ORDER BY number DESC LIMIT 1
            ) AS c ON TRUE
            WHERE app.state IN ('instructed', 'ready_for_committee', 'scheduled')
              AND app.computed_amount IS DISTINCT FROM c.amount ORDER BY app.id
        """,
    ),
    Invariant(
        code="grants.proposal-within-computed",
        name=_("Proposal within the computation"),
        sentence=_("A live proposal is not above the computation on which it rests."),
        source=COMPUTED,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, c.amount AS expected, p.amount AS found
            FROM grants_proposal p JOIN grants_application app ON app.id = p.application_id
            LEFT JOIN grants_aidcomputation c ON c.id = p.computation_id
            WHERE p.sent_back_at IS NULL AND p.amount > coalesce(c.amount, 0) ORDER BY app.id
        """,
        relation="≤",
    ),
    Invariant(
        code="grants.proposal-on-newest-computation",
        name=_("Proposal on the newest computation"),
        sentence=_("The proposal that waits for its visa or its vote rests on the newest computation of the case."),
        source=_("Rule 10 of the domain: what rests on figures that changed is void until it is made again."),
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, newest.number AS expected, c.number AS found
            FROM grants_proposal p JOIN grants_application app ON app.id = p.application_id
            JOIN grants_aidcomputation c ON c.id = p.computation_id
            JOIN LATERAL (SELECT number FROM grants_aidcomputation WHERE application_id = app.id
                          ORDER BY number DESC LIMIT 1) AS newest ON TRUE
            WHERE p.sent_back_at IS NULL AND app.state IN ('instructed', 'ready_for_committee', 'scheduled')
              AND newest.number <> c.number ORDER BY app.id
        """,
        unit=Unit.NUMBER,
        counted=_("number of the computation"),
    ),
    Invariant(
        code="grants.proposal-on-present-figures",
        name=_("Proposal on the figures of now"),
        sentence=_(
            "No figure under a proposal that waits for its visa, its vote or its act changed since the computation."
        ),
        source=_("Rule 10 of the domain: what rests on figures that changed is void until it is made again."),
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, 'same' AS expected, 'changed' AS found
            FROM grants_proposal p JOIN grants_application app ON app.id = p.application_id
            JOIN grants_aidcomputation c ON c.id = p.computation_id
            WHERE p.sent_back_at IS NULL AND p.favourable
              AND app.state IN ('instructed', 'ready_for_committee', 'scheduled', 'approved')
              AND c.basis <> grants_aid_basis(app.id)
              -- What the law had emptied is not there to be compared.
              AND NOT EXISTS (SELECT 1 FROM core_erasure e WHERE e."table" = 'grants_application' AND e.row = app.id::text)
            ORDER BY app.id
        """,
        unit=Unit.TEXT,
        words={"same": _("the figures of the computation"), "changed": _("figures that changed since")},
    ),
    Invariant(
        code="grants.proposal-on-present-opinions",
        name=_("Proposal on the opinions of the file of now"),
        sentence=_(
            "A proposal that waits for its visa or its vote rests on opinions given on the newest file, or upheld for it."
        ),
        source=_("Rule 10 of the domain: what rests on figures that changed is void until it is made again."),
        subject=Application,
        sql="""
            SELECT app.id, app.number || ' · ' || opinion.body AS label, file.number AS expected,
                   greatest(opinion.file_number, opinion.upheld_number, 0) AS found
            FROM grants_proposal p JOIN grants_application app ON app.id = p.application_id
            JOIN LATERAL (SELECT max(number) AS number FROM grants_snapshot WHERE application_id = app.id) AS file ON TRUE
            JOIN grants_opinion opinion ON opinion.application_id = app.id AND opinion.result <> ''
            WHERE p.sent_back_at IS NULL AND app.state IN ('instructed', 'ready_for_committee', 'scheduled')
              AND greatest(opinion.file_number, opinion.upheld_number, 0) < file.number
              AND NOT EXISTS (
                  SELECT 1 FROM grants_opinion later
                  WHERE later.application_id = app.id AND later.result <> '' AND later.code = opinion.code
                    AND later.body = opinion.body AND later.id > opinion.id) ORDER BY app.id, opinion.id
        """,
        unit=Unit.NUMBER,
        counted=_("number of the opinion’s file"),
    ),
    Invariant(
        code="grants.proposed-is-the-proposal",
        name=_("Proposed amount of a case"),
        sentence=_("The proposed amount of a case that waits for its vote is that of its live proposal."),
        source=DECIDED,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, coalesce(p.amount, app.computed_amount) AS expected,
                   CASE WHEN p.id IS NOT NULL THEN app.proposed_amount END AS found
            FROM grants_application app
            LEFT JOIN grants_proposal p ON p.application_id = app.id AND p.sent_back_at IS NULL
            WHERE app.state IN ('instructed', 'ready_for_committee', 'scheduled')
              AND (p.id IS NULL OR app.proposed_amount IS DISTINCT FROM p.amount) ORDER BY app.id
        """,
    ),
    Invariant(
        code="grants.agenda-is-the-proposal",
        name=_("Amount put before the committee"),
        sentence=_(
            "The amount of a case on an agenda is that of its live proposal; once decided, one that was proposed for it."
        ),
        source=DECIDED,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, p.amount AS expected, item.proposed_amount AS found
            FROM grants_agendaitem item JOIN grants_application app ON app.id = item.application_id
            CROSS JOIN LATERAL (
                SELECT max(amount) AS amount, bool_or(amount = item.proposed_amount) AS is_known FROM grants_proposal
                WHERE application_id = app.id AND CASE WHEN item.decision = '' THEN sent_back_at IS NULL ELSE TRUE END
            ) AS p
            WHERE p.is_known IS NOT TRUE ORDER BY app.id, item.id
        """,
    ),
    Invariant(
        code="grants.base-within-the-budget",
        name=_("Eligible base and what is retained of the budget"),
        sentence=_(
            "What is spent of a live proposal, year by year or in all, rests on no more than what is retained of the budget of its "
            "case."
        ),
        source=COMPUTED,
        subject=Application,
        # What a person brings to a company is spent by nobody: it is in no budget.
        sql="""
            WITH kept AS (
                SELECT application_id, sum(coalesce(eligible_amount, amount)) AS amount FROM grants_budgetline
                WHERE side = 'charge' AND account_code NOT LIKE '86%%' GROUP BY 1
            )
            SELECT app.id, app.number AS label, kept.amount AS expected, p.eligible_base AS found
            FROM grants_proposal p JOIN grants_application app ON app.id = p.application_id
            JOIN kept ON kept.application_id = app.id
            WHERE p.sent_back_at IS NULL AND p.eligible_base > kept.amount AND NOT EXISTS (
                SELECT 1 FROM jsonb_array_elements(p.plan -> 'parts') AS part WHERE part ->> 'person' <> '')
            ORDER BY app.id
        """,
        relation="≤",
    ),
    Invariant(
        code="grants.visa-by-another",
        name=_("Visa by another person"),
        sentence=_("A case goes to the committee with a visa, given by another person than who proposed or instructs."),
        source=SEPARATION,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, 1 AS expected, count(p.visa_by_id) FILTER (
                       WHERE p.visa_by_id <> p.made_by_id AND p.visa_by_id IS DISTINCT FROM app.instructor_id) AS found
            FROM grants_application app
            LEFT JOIN grants_proposal p ON p.application_id = app.id AND p.sent_back_at IS NULL
            WHERE app.state IN ('ready_for_committee', 'scheduled', 'approved', 'rejected', 'contracted', 'closed')
            GROUP BY app.id, app.number
            HAVING count(p.visa_by_id) FILTER (
                       WHERE p.visa_by_id <> p.made_by_id AND p.visa_by_id IS DISTINCT FROM app.instructor_id) <> 1
            ORDER BY app.id
        """,
        unit=Unit.NUMBER,
        counted=_("visas given by another person"),
    ),
    Invariant(
        code="grants.granted-is-decided",
        name=_("Granted amount of a case"),
        sentence=_("The granted amount of a case is the amount that a closed session decided for it."),
        source=DECIDED,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, d.decided_amount AS expected, app.granted_amount AS found
            FROM grants_application app LEFT JOIN LATERAL (
                SELECT item.decided_amount FROM grants_agendaitem item
                JOIN grants_committeesession s ON s.id = item.session_id
                WHERE item.application_id = app.id AND item.decision = 'granted' AND s.state = 'closed'
                ORDER BY s.closed_at DESC LIMIT 1
            ) AS d ON TRUE
            WHERE app.granted_amount IS DISTINCT FROM d.decided_amount ORDER BY app.id
        """,
    ),
    Invariant(
        code="grants.granted-within-computed",
        name=_("Grant within the computation"),
        sentence=_("A grant is not above the aid that was computed for its proposal."),
        source=COMPUTED,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, c.amount AS expected, app.granted_amount AS found
            FROM grants_application app
            JOIN grants_proposal p ON p.application_id = app.id AND p.sent_back_at IS NULL
            JOIN grants_aidcomputation c ON c.id = p.computation_id
            WHERE app.granted_amount > c.amount ORDER BY app.id
        """,
        relation="≤",
    ),
    Invariant(
        code="grants.persons-share-the-grant",
        name=_("Grant of the persons of a case"),
        sentence=_("What the persons of a case are granted adds up to what the case is granted."),
        source=DECIDED,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, app.granted_amount AS expected, sum(coalesce(p.granted_amount, 0)) AS found
            FROM grants_application app JOIN grants_personline p ON p.application_id = app.id
            WHERE app.granted_amount IS NOT NULL GROUP BY app.id, app.number, app.granted_amount
            HAVING sum(coalesce(p.granted_amount, 0)) <> app.granted_amount ORDER BY app.id
        """,
    ),
    Invariant(
        code="grants.persons-within-computed",
        name=_("Grant of each person"),
        sentence=_("No person of a case is granted more than the aid computed for them."),
        source=COMPUTED,
        subject=Application,
        sql="""
            SELECT app.id, app.number || ' · ' || p.rank AS label, p.computed_amount AS expected, p.granted_amount AS found
            FROM grants_personline p JOIN grants_application app ON app.id = p.application_id
            WHERE p.granted_amount > coalesce(p.computed_amount, 0) ORDER BY app.id, p.rank
        """,
        relation="≤",
    ),
    Invariant(
        code="grants.plan-within-computed",
        name=_("Parts of a proposal and of a grant"),
        sentence=_(
            "No year, person or axis of a live proposal, or of a grant, is above what was computed for it, and each keeps "
            "its cost."
        ),
        source=COMPUTED,
        subject=Application,
        sql="""
            SELECT app.id, app.number || coalesce(' · ' || (mine ->> 'year'), '') || coalesce(' · ' || nullif(mine ->> 'name', ''), '')
                       AS label,
                   (theirs ->> it.what)::numeric AS expected, (mine ->> it.what)::numeric AS found
            FROM (
                SELECT application_id, computation_id, plan FROM grants_proposal WHERE sent_back_at IS NULL
                UNION ALL
                SELECT g.id, p.computation_id, g.granted_plan FROM grants_application g
                JOIN grants_proposal p ON p.application_id = g.id AND p.sent_back_at IS NULL WHERE g.granted_amount IS NOT NULL
            ) AS kept
            JOIN grants_application app ON app.id = kept.application_id
            LEFT JOIN grants_aidcomputation c ON c.id = kept.computation_id
            CROSS JOIN LATERAL jsonb_array_elements(kept.plan -> 'parts') AS mine
            LEFT JOIN LATERAL jsonb_array_elements(c.plan -> 'parts') AS theirs
                ON ROW(mine -> 'axis', mine -> 'year', mine -> 'person')
                   IS NOT DISTINCT FROM ROW(theirs -> 'axis', theirs -> 'year', theirs -> 'person')
            -- Where the amount is within what was computed, it is the cost that differs.
            CROSS JOIN LATERAL (SELECT CASE WHEN (mine ->> 'amount')::numeric <= (theirs ->> 'amount')::numeric THEN 'cost'
                                       ELSE 'amount' END AS what) AS it
            WHERE theirs IS NULL OR (mine ->> 'amount')::numeric > (theirs ->> 'amount')::numeric
               OR (mine ->> 'cost')::numeric <> (theirs ->> 'cost')::numeric
            ORDER BY app.id
        """,
    ),
    Invariant(
        code="grants.session-on-its-day",
        name=_("Day of a session"),
        sentence=_("No session is opened or closed before the day on which it is held."),
        source=_(
            "General Code of Local Authorities, Articles L4132-18 and L4141-1: the members meet on the day convened."
        ),
        subject=CommitteeSession,
        sql=f"""
            SELECT id, title || ' · ' || deliberation_number AS label, {day_of("held_at")} AS expected,
                   {day_of("least(opened_at, closed_at)")} AS found
            FROM grants_committeesession
            WHERE {day_of("least(opened_at, closed_at)")}
                  < {day_of("held_at")} ORDER BY id
        """,  # noqa: S608 - the day of a moment
        unit=Unit.DAY,
        relation="≥",
    ),
    Invariant(
        code="grants.session-is-decided",
        name=_("Decisions of a closed session"),
        sentence=_("A closed session has decided on every case of its agenda."),
        source=_("Rule 6 of the domain, and General Code of Local Authorities, Article L4141-1."),
        subject=CommitteeSession,
        sql="""
            SELECT s.id, s.title || ' · ' || s.deliberation_number AS label, 0 AS expected, count(item.id) AS found
            FROM grants_committeesession s JOIN grants_agendaitem item ON item.session_id = s.id
            WHERE s.state = 'closed' AND item.decision = '' GROUP BY s.id ORDER BY s.id
        """,
        unit=Unit.NUMBER,
        counted=_("points without a decision"),
    ),
    Invariant(
        code="grants.scheduled-on-an-agenda",
        name=_("Cases on an agenda"),
        sentence=_("A scheduled case stands on the agenda of exactly one session that is not closed."),
        source=_("Rule 9 of the domain: one fact under one reference."),
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, 1 AS expected, count(s.id) AS found FROM grants_application app
            LEFT JOIN grants_agendaitem item ON item.application_id = app.id AND item.decision <> 'deferred'
            LEFT JOIN grants_committeesession s ON s.id = item.session_id AND s.state <> 'closed'
            WHERE app.state = 'scheduled' GROUP BY app.id, app.number HAVING count(s.id) <> 1 ORDER BY app.id
        """,
        unit=Unit.NUMBER,
        counted=_("agendas"),
    ),
    Invariant(
        code="grants.session-follows-its-cases",
        name=_("Date of a session"),
        sentence=_(
            "A session is held on the day of its convening, and of the filing of each case of its agenda, or later."
        ),
        source=_("Regulation (EU) 2023/2831, Article 3(2) and (3): an aid counts from the day on which it is granted."),
        subject=CommitteeSession,
        sql=f"""
            SELECT s.id, concat_ws(' · ', s.title, nullif(s.deliberation_number, '')) AS label,
                   {day_of("greatest(s.convened_at, max(a.submitted_at))")} AS expected,
                   least({day_of("s.held_at")}, s.deliberation_on) AS found
            FROM grants_committeesession s LEFT JOIN grants_agendaitem i ON i.session_id = s.id
            LEFT JOIN grants_application a ON a.id = i.application_id GROUP BY s.id
            HAVING least({day_of("s.held_at")}, s.deliberation_on)
                   < {day_of("greatest(s.convened_at, max(a.submitted_at))")} ORDER BY s.id
        """,  # noqa: S608 - the day of a moment
        unit=Unit.DAY,
        relation="≥",
    ),
)
