"""Voted money: what an envelope says of itself is what its rows add up to, and stays under what was voted."""

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Invariant, Unit, register
from grants.models import Application, Commitment, Envelope

BUDGET = _("General Code of Local Authorities, Article L4312-4: an authorisation is the ceiling of what is committed.")
CREDITS = _("General Code of Local Authorities, Article L4312-4: payment credits are the ceiling of a year’s payments.")

register(
    Invariant(
        code="grants.envelope-is-its-commitments",
        name=_("Committed amount of an envelope"),
        sentence=_("What an envelope says is committed is the sum of its commitments less what they released."),
        source=BUDGET,
        subject=Envelope,
        sql="""
            SELECT e.id, e.code AS label, coalesce(c.total, 0) AS expected, e.committed_amount AS found
            FROM grants_envelope e LEFT JOIN (
                SELECT envelope_id, sum(amount - released_amount) AS total FROM grants_commitment GROUP BY envelope_id
            ) AS c ON c.envelope_id = e.id
            WHERE e.committed_amount <> coalesce(c.total, 0) ORDER BY e.id
        """,
    ),
    Invariant(
        code="grants.envelope-covers-its-grants",
        name=_("Voted amount of an envelope"),
        sentence=_("An envelope’s voted amount covers what is committed and what was granted and awaits its act."),
        source=BUDGET,
        subject=Envelope,
        sql="""
            SELECT e.id, e.code AS label, e.voted_amount AS expected,
                   e.committed_amount + coalesce(a.total, 0) AS found
            FROM grants_envelope e LEFT JOIN (
                SELECT call.envelope_id, sum(app.granted_amount) AS total FROM grants_application app
                JOIN grants_call call ON call.id = app.call_id
                WHERE app.state = 'approved'
                  AND NOT EXISTS (SELECT 1 FROM grants_commitment c WHERE c.application_id = app.id)
                GROUP BY call.envelope_id
            ) AS a ON a.envelope_id = e.id
            WHERE e.committed_amount + coalesce(a.total, 0) > e.voted_amount ORDER BY e.id
        """,
        relation="≤",
    ),
    Invariant(
        code="grants.commitment-on-its-envelope",
        name=_("Envelope of a commitment"),
        sentence=_("A commitment is held on the envelope that the call of its case had when it was made."),
        source=BUDGET,
        subject=Commitment,
        # A call may draw on another envelope for its next cases: its history says on which one when.
        sql="""
            SELECT c.id, c.reference AS label, wanted.code AS expected, e.code AS found
            FROM grants_commitment c JOIN grants_envelope e ON e.id = c.envelope_id
            JOIN grants_application app ON app.id = c.application_id JOIN grants_call call ON call.id = app.call_id
            LEFT JOIN LATERAL (
                SELECT line.envelope_id FROM grants_callevent line
                WHERE line.pgh_obj_id = call.id AND line.pgh_created_at <= c.created_at ORDER BY line.pgh_id DESC LIMIT 1
            ) AS at_the_time ON TRUE
            LEFT JOIN grants_envelope wanted ON wanted.id = coalesce(at_the_time.envelope_id, call.envelope_id)
            WHERE c.amount > c.released_amount AND wanted.id IS DISTINCT FROM e.id ORDER BY c.id
        """,
        unit=Unit.TEXT,
    ),
    Invariant(
        code="grants.one-commitment-a-case",
        name=_("One commitment a case"),
        sentence=_("A case holds money once: at most one of its commitments is not wholly released."),
        source=BUDGET,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, 1 AS expected, count(*) AS found
            FROM grants_commitment c JOIN grants_application app ON app.id = c.application_id
            WHERE c.amount > c.released_amount GROUP BY app.id, app.number HAVING count(*) > 1 ORDER BY app.id
        """,
        unit=Unit.NUMBER,
        counted=_("commitments"),
        relation="≤",
    ),
    Invariant(
        code="grants.credit-is-its-uses",
        name=_("Payment credits used"),
        sentence=_("What a year’s payment credits say is ordered is the sum of their uses less what was given back."),
        source=CREDITS,
        subject=Envelope,
        sql="""
            SELECT e.id, e.code || ' · ' || p.year AS label, coalesce(u.total, 0) AS expected, p.ordered_amount AS found
            FROM grants_paymentcredit p JOIN grants_envelope e ON e.id = p.envelope_id LEFT JOIN (
                SELECT credit_id, sum(amount - released_amount) AS total FROM grants_credituse GROUP BY credit_id
            ) AS u ON u.credit_id = p.id
            WHERE p.ordered_amount <> coalesce(u.total, 0) ORDER BY e.id, p.year
        """,
    ),
    Invariant(
        code="grants.credit-within-voted",
        name=_("Payment credits of a year"),
        sentence=_("What is ordered in a year stays within the payment credits voted for it."),
        source=CREDITS,
        subject=Envelope,
        sql="""
            SELECT e.id, e.code || ' · ' || p.year AS label, p.voted_amount AS expected, coalesce(u.total, 0) AS found
            FROM grants_paymentcredit p JOIN grants_envelope e ON e.id = p.envelope_id LEFT JOIN (
                SELECT credit_id, sum(amount - released_amount) AS total FROM grants_credituse GROUP BY credit_id
            ) AS u ON u.credit_id = p.id
            WHERE coalesce(u.total, 0) > p.voted_amount ORDER BY e.id, p.year
        """,
        relation="≤",
    ),
    Invariant(
        code="grants.credit-within-authorisation",
        name=_("Payment credits within their envelope"),
        sentence=_("The payment credits voted for a year stay within what was voted for the whole envelope."),
        source=CREDITS,
        subject=Envelope,
        sql="""
            SELECT e.id, e.code || ' · ' || p.year AS label, e.voted_amount AS expected, p.voted_amount AS found
            FROM grants_paymentcredit p JOIN grants_envelope e ON e.id = p.envelope_id
            WHERE p.voted_amount > e.voted_amount ORDER BY e.id, p.year
        """,
        relation="≤",
    ),
    Invariant(
        code="grants.sums-move-with-an-entry",
        name=_("Sums of an envelope and what moved them"),
        sentence=_(
            "What an envelope has committed moves with a commitment, and what is ordered on its credits with the use of an "
            "order, in the same transaction: never by itself."
        ),
        source=_("Rule 9 of the domain: one fact is written by one door; a register equals the facts that feed it."),
        subject=Envelope,
        # Lines of before the history knew its transactions are passed over.
        sql="""
            WITH moved AS (
                SELECT pgh_obj_id AS id, NULL::bigint AS credit, pgh_context_id AS written_in, committed_amount AS now,
                       lag(committed_amount) OVER (PARTITION BY pgh_obj_id ORDER BY pgh_id) AS before
                FROM grants_envelopeevent
                UNION ALL
                SELECT envelope_id, pgh_obj_id, pgh_context_id, ordered_amount,
                       lag(ordered_amount) OVER (PARTITION BY pgh_obj_id ORDER BY pgh_id)
                FROM grants_paymentcreditevent
            )
            SELECT e.id, e.code AS label, moved.before AS expected, moved.now AS found
            FROM moved JOIN grants_envelope e ON e.id = moved.id
            WHERE moved.now <> moved.before AND moved.written_in IS NOT NULL AND CASE WHEN moved.credit IS NULL
                THEN NOT EXISTS (SELECT 1 FROM grants_commitmentevent entry
                                 WHERE entry.envelope_id = moved.id AND entry.pgh_context_id = moved.written_in)
                ELSE NOT EXISTS (SELECT 1 FROM grants_credituseevent entry
                                 WHERE entry.credit_id = moved.credit AND entry.pgh_context_id = moved.written_in) END
            ORDER BY e.id
        """,
    ),
    Invariant(
        code="grants.envelope-of-the-call",
        name=_("Programme of an envelope"),
        sentence=_("A call draws on an envelope of its own programme."),
        source=BUDGET,
        subject=Envelope,
        sql="""
            SELECT e.id, c.code || ' · ' || e.code AS label, own.code AS expected, p.code AS found
            FROM grants_call c JOIN grants_programmeversion v ON v.id = c.programme_version_id
            JOIN grants_programme own ON own.id = v.programme_id
            JOIN grants_envelope e ON e.id = c.envelope_id JOIN grants_programme p ON p.id = e.programme_id
            WHERE p.id <> own.id ORDER BY e.id, c.id
        """,
        unit=Unit.TEXT,
    ),
    Invariant(
        code="grants.closed-envelope-owes-nothing",
        name=_("Grants on a closed envelope"),
        sentence=_("A closed envelope has no grant that awaits its act, and no case that a session has to decide."),
        source=BUDGET,
        subject=Envelope,
        sql="""
            SELECT e.id, e.code || ' · ' || a.number AS label, 0 AS expected, coalesce(a.granted_amount, a.proposed_amount) AS found
            FROM grants_envelope e JOIN grants_call c ON c.envelope_id = e.id JOIN grants_application a ON a.call_id = c.id
            WHERE e.is_closed AND (
                (a.state = 'approved' AND NOT EXISTS (SELECT 1 FROM grants_commitment k WHERE k.application_id = a.id))
                OR a.state = 'scheduled'
            ) ORDER BY e.id, a.id
        """,
    ),
)
