"""What is ordered of each part of a grant is due for its expenditure, or was written down as paid above it."""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, PaymentClaim
from agreements.models.due_rules import AXES_OF, COMPARES, DUE_IN_ALL, SETTLES, TERMS
from core.days_in_sql import day_of
from core.figures.invariants import Invariant, Unit, register

DUE = _("Terms of the agreement: what is paid follows the expenditure of the very part (year, person, axis) it is for.")

#: … of agreements that paid something.
AXES = AXES_OF.format(which="a.ordered_amount > 0")
#: … and of those of which a balance on expenditure is certified (``claim``).
AXES_COMPARED = AXES_OF.format(which="a.id IN (SELECT agreement_id FROM claim WHERE compares)")
#: … and of those of which the final claim on expenditure was ordered, paid or closed (``closed``).
AXES_CLOSED = AXES_OF.format(which="a.id IN (SELECT agreement_id FROM closed)")
#: SQL: the claims that count, with the part that they are of.
CLAIMS = f"""
    SELECT c.id, c.number, c.agreement_id, i.tranche_id, i.kind, i.needs_expenditure, c.state, c.ordered_at,
           c.ordered_amount, c.claimed_amount, c.certified_amount, c.certified_total, c.certified_at, c.due_as_certified,
           c.overpaid_amount, {SETTLES} AS settles, {COMPARES} AS compares
    FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id WHERE c.state <> 'rejected'
"""  # noqa: S608 - fragments of our own

register(
    Invariant(
        code="agreements.ordered-within-due",
        name=_("Ordered within what is due"),
        sentence=_(
            "What is ordered on proof of expenditure of a year or of an agreement, and all of it once its balance is "
            "settled, is due for the certified expenditure of that part, axis by axis, or was written down as paid above "
            "what is due."
        ),
        source=DUE,
        subject=Agreement,
        # What is declared and not decided yet counts at its best.
        sql=f"""
            WITH axis AS ({AXES}), claim AS ({CLAIMS}), spending AS (
                SELECT concat(c.agreement_id, '/', c.tranche_id) AS key, l.axis,
                       sum(CASE WHEN c.state IN ('certified', 'ordered', 'paid') THEN coalesce(l.certified_amount, 0)
                                ELSE l.declared_amount END) AS spent
                FROM claim c JOIN agreements_expenditureline l ON l.claim_id = c.id GROUP BY 1, 2
            ), part AS (
                SELECT concat(c.agreement_id, '/', c.tranche_id) AS key, c.agreement_id, c.tranche_id,
                       sum(c.ordered_amount) FILTER (WHERE c.needs_expenditure) AS on_proof, sum(c.ordered_amount) AS total,
                       sum(c.overpaid_amount) AS noted, bool_or(c.settles) AS settled
                FROM claim c GROUP BY c.agreement_id, c.tranche_id
            ), its AS (
                SELECT part.*, {TERMS}, a.number || coalesce(' · ' || t.label, '') AS label,
                       coalesce((SELECT sum(s.spent) FROM spending s WHERE s.key = part.key), 0) AS spent
                FROM part JOIN agreements_agreement a ON a.id = part.agreement_id
                LEFT JOIN agreements_tranche t ON t.id = part.tranche_id WHERE part.total > 0
            )
            SELECT agreement_id AS id, label, due + noted AS expected, CASE WHEN settled THEN total ELSE on_proof END AS found
            FROM ({DUE_IN_ALL}) AS known
            WHERE CASE WHEN settled THEN total ELSE coalesce(on_proof, 0) END > due + noted ORDER BY agreement_id
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="agreements.overpaid-is-what-exceeds",
        name=_("Paid above what is due"),
        sentence=_(
            "A claim closed because nothing is due says by how much the payments made before it exceed what was due on its "
            "part, less what another claim said already."
        ),
        source=DUE,
        subject=PaymentClaim,
        # As it stood when the claim was closed: claims decided later are not looked at.
        sql=f"""
            WITH axis AS ({AXES}), claim AS ({CLAIMS}), closed AS (
                SELECT * FROM claim WHERE state = 'paid' AND certified_amount = 0
            ), before AS (
                SELECT closed.id AS key, claim.id, claim.ordered_amount, claim.overpaid_amount, claim.settles
                FROM closed JOIN claim ON claim.agreement_id = closed.agreement_id
                 AND claim.tranche_id IS NOT DISTINCT FROM closed.tranche_id
                 AND claim.state = 'paid' AND claim.ordered_at <= closed.ordered_at
            ), spending AS (
                SELECT before.key, l.axis, sum(coalesce(l.certified_amount, 0)) AS spent
                FROM before JOIN agreements_expenditureline l ON l.claim_id = before.id GROUP BY 1, 2
            ), its AS (
                SELECT closed.id AS key, closed.number AS label, closed.agreement_id, closed.tranche_id, {TERMS},
                       closed.overpaid_amount, closed.needs_expenditure AND closed.kind <> 'interim' AS closes,
                       coalesce((SELECT sum(s.spent) FROM spending s WHERE s.key = closed.id), 0) AS spent, known.*
                FROM closed JOIN agreements_agreement a ON a.id = closed.agreement_id
                LEFT JOIN agreements_tranche t ON t.id = closed.tranche_id
                CROSS JOIN LATERAL (
                    SELECT coalesce(sum(b.ordered_amount), 0) AS already, coalesce(sum(b.overpaid_amount), 0) AS noted,
                           coalesce(bool_or(b.settles), FALSE) AS settled
                    FROM before b WHERE b.key = closed.id AND b.id <> closed.id) AS known
            )
            SELECT key AS id, label, expected, overpaid_amount AS found FROM (
                SELECT known.*, CASE WHEN settled OR closes THEN greatest(already - noted - due, 0) ELSE 0 END AS expected
                FROM ({DUE_IN_ALL}) AS known) AS told
            WHERE expected <> overpaid_amount ORDER BY key
        """,  # noqa: S608 - fragments of our own
    ),
    Invariant(
        code="agreements.accepted-within-due",
        name=_("Accepted within what is due"),
        sentence=_(
            "Once the final claim of an agreement or of a year is certified on expenditure, the claim certified last is "
            "within what is left: what is due in all for the expenditure of that part, less what is accepted on its other "
            "claims, ordered or not."
        ),
        source=DUE,
        subject=PaymentClaim,
        # What is declared and not decided yet counts at its best, and what was kept of a claim that was rejected since.
        sql=f"""
            WITH claim AS ({CLAIMS}), axis AS ({AXES_COMPARED}), last AS (
                SELECT DISTINCT ON (c.agreement_id, c.tranche_id) c.*, concat(c.agreement_id, '/', c.tranche_id) AS key
                FROM claim c WHERE c.certified_amount IS NOT NULL
                 AND c.agreement_id IN (SELECT agreement_id FROM claim WHERE compares)
                ORDER BY c.agreement_id, c.tranche_id, c.certified_at DESC, c.certified_amount
            ), spending AS (
                SELECT last.key, l.axis, sum(CASE WHEN c.state IN ('certified', 'ordered', 'paid') THEN coalesce(l.certified_amount, 0)
                    WHEN c.state = 'rejected' THEN greatest(l.certified_amount, 0) ELSE greatest(l.declared_amount, 0) END) AS spent
                FROM last JOIN agreements_paymentclaim c ON c.agreement_id = last.agreement_id
                JOIN agreements_instalment i ON i.id = c.instalment_id AND i.tranche_id IS NOT DISTINCT FROM last.tranche_id
                JOIN agreements_expenditureline l ON l.claim_id = c.id GROUP BY 1, 2
            ), its AS (
                SELECT last.key, last.id AS claim_id, last.number AS label, last.certified_amount, last.agreement_id,
                       last.tranche_id, {TERMS}, others.accepted,
                       coalesce((SELECT sum(s.spent) FROM spending s WHERE s.key = last.key), 0) AS spent
                FROM last JOIN agreements_agreement a ON a.id = last.agreement_id
                LEFT JOIN agreements_tranche t ON t.id = last.tranche_id
                CROSS JOIN LATERAL (
                    SELECT coalesce(sum(c.certified_amount) FILTER (WHERE c.id <> last.id), 0) AS accepted,
                           bool_or(c.compares) AS compared
                    FROM claim c WHERE c.agreement_id = last.agreement_id
                     AND c.tranche_id IS NOT DISTINCT FROM last.tranche_id) AS others
                WHERE others.compared
            )
            SELECT claim_id AS id, label, greatest(due - accepted, 0) AS expected, certified_amount AS found
            FROM ({DUE_IN_ALL}) AS known WHERE certified_amount > greatest(due - accepted, 0) ORDER BY claim_id
        """,  # noqa: S608 - fragments of our own
        relation="≤",
    ),
    Invariant(
        code="agreements.closed-with-all-that-is-due",
        name=_("Closed accounts hold what is due"),
        sentence=_(
            "Once the final claim of an agreement or of a year is ordered, paid or closed, all that its expenditure makes due "
            "beside the other claims was due when it was certified: less was certified for a reason, never because a claim "
            "that was counted fell afterwards."
        ),
        source=DUE,
        subject=PaymentClaim,
        # While another claim is under way its own end decides; expenditure that was checked later was not counted then; and
        # what an end refuses is given up by its settlement. Of others, what was due on them counts.
        sql=f"""
            WITH claim AS ({CLAIMS}), closed AS (
                SELECT last.*, concat(last.agreement_id, '/', last.tranche_id) AS key FROM claim last
                WHERE last.settles AND last.due_as_certified IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM claim c WHERE c.agreement_id = last.agreement_id AND c.id <> last.id
                     AND c.tranche_id IS NOT DISTINCT FROM last.tranche_id
                     AND (c.state NOT IN ('draft', 'certified', 'ordered', 'paid')
                          OR c.needs_expenditure AND c.certified_at > last.ordered_at))
                 AND NOT EXISTS (
                    SELECT 1 FROM agreements_settlementline l JOIN agreements_paymentclaim c ON c.id = l.claim_id
                     WHERE c.agreement_id = last.agreement_id AND c.state = 'rejected')
            ), axis AS ({AXES_CLOSED}), counted AS (
                SELECT closed.key, c.* FROM closed JOIN claim c ON c.agreement_id = closed.agreement_id
                 AND c.tranche_id IS NOT DISTINCT FROM closed.tranche_id
            ), spending AS (
                SELECT counted.key, l.axis, sum(coalesce(l.certified_amount, 0)) AS spent
                FROM counted JOIN agreements_expenditureline l ON l.claim_id = counted.id GROUP BY 1, 2
            ), its AS (
                SELECT closed.key, closed.id AS claim_id, closed.number AS label, closed.agreement_id, closed.tranche_id, {TERMS},
                       closed.claimed_amount, closed.due_as_certified, others.spent, others.accepted
                FROM closed JOIN agreements_agreement a ON a.id = closed.agreement_id
                LEFT JOIN agreements_tranche t ON t.id = closed.tranche_id
                CROSS JOIN LATERAL (
                    SELECT sum(c.certified_total) AS spent,
                           coalesce(sum(greatest(c.certified_amount, c.due_as_certified)) FILTER (WHERE c.id <> closed.id), 0)
                           AS accepted
                    FROM counted c WHERE c.key = closed.key) AS others
            )
            SELECT claim_id AS id, label, least(greatest(due - accepted, 0), claimed_amount) AS expected,
                   due_as_certified AS found
            FROM ({DUE_IN_ALL}) AS known
            WHERE least(greatest(due - accepted, 0), claimed_amount) > due_as_certified ORDER BY claim_id
        """,  # noqa: S608 - fragments of our own
    ),
    Invariant(
        code="agreements.nothing-after-the-final-claim",
        name=_("Nothing claimed after the final claim"),
        sentence=_(
            "Once the final claim of an agreement or of a year is filed, no other payment of it is begun, filed and certified."
        ),
        source=DUE,
        subject=PaymentClaim,
        sql=f"""
            SELECT c.id, c.number AS label, {day_of("last.submitted_at")} AS expected, {day_of("c.opened_at")} AS found
            FROM agreements_paymentclaim last
            JOIN agreements_instalment i ON i.id = last.instalment_id AND i.kind = 'balance'
            JOIN agreements_instalment other ON other.agreement_id = i.agreement_id AND other.kind <> 'balance'
             AND other.tranche_id IS NOT DISTINCT FROM i.tranche_id
            JOIN agreements_paymentclaim c ON c.instalment_id = other.id AND c.state NOT IN ('draft', 'rejected')
            WHERE last.state NOT IN ('draft', 'rejected') AND c.opened_at > last.submitted_at ORDER BY c.id
        """,  # noqa: S608 - the day of a moment
        unit=Unit.DAY,
        relation="≤",
    ),
)
