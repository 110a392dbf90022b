"""How agreements end: each from in force with its settlement, which adds up."""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, PaymentClaim
from agreements.settlements.kept import UNJUSTIFIED
from agreements.settlements.triggers import ENDED, GOES_ON
from core.days_in_sql import day_of
from core.figures.invariants import Invariant, Severity, Unit, register

END = _("Rule 2 of the domain: what an ended agreement held was given back to its envelope.")

register(
    Invariant(
        code="agreements.settlement-adds-up",
        name=_("Amounts of a settlement"),
        sentence=_(
            "What a settlement says was granted is what was paid, what is kept and what was given up; what is kept is the "
            "sum of the claims that go on, less what was paid of them."
        ),
        source=END,
        subject=Agreement,
        sql="""
            WITH paid AS (
                SELECT o.claim_id, o.amount, e.created_at FROM agreements_paymentorder o
                JOIN core_event e ON e.object_id = o.id AND e.to_state = 'paid' AND e.content_type_id =
                    (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'paymentorder')
            ), lines AS (
                SELECT s.id, coalesce(sum(l.amount), 0) - coalesce(sum(p.paid), 0) AS kept FROM agreements_settlement s
                LEFT JOIN agreements_settlementline l ON l.settlement_id = s.id AND l.outcome = 'pay'
                LEFT JOIN LATERAL (SELECT sum(paid.amount) AS paid FROM paid
                                   WHERE paid.claim_id = l.claim_id AND paid.created_at <= s.decided_at) AS p ON TRUE
                GROUP BY s.id
            )
            SELECT a.id, a.number AS label,
                   CASE WHEN s.kept_amount <> lines.kept THEN lines.kept ELSE a.granted_amount END AS expected,
                   CASE WHEN s.kept_amount <> lines.kept THEN s.kept_amount
                        ELSE s.paid_amount + s.kept_amount + s.freed_amount END AS found
            FROM agreements_settlement s JOIN agreements_agreement a ON a.id = s.agreement_id JOIN lines ON lines.id = s.id
            WHERE s.kept_amount <> lines.kept OR s.granted_amount <> a.granted_amount
               OR s.paid_amount + s.kept_amount + s.freed_amount <> s.granted_amount
            ORDER BY a.id
        """,
    ),
    Invariant(
        code="agreements.settlement-asks-back",
        name=_("Paid and justified by nothing"),
        sentence=_(
            "A settlement says, as claims now stand, what is paid or still kept and that no certified expenditure makes due, on "
            "the parts of its agreement of which nobody declares anything more, and how much of that is paid: to be asked back."
        ),
        source=_(
            "Terms of the agreement: what is paid follows the expenditure of the very part (year, person, axis) it is for."
        ),
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number AS label,
                   CASE WHEN s.unjustified_amount <> known.amount THEN known.amount ELSE known.paid END AS expected,
                   CASE WHEN s.unjustified_amount <> known.amount THEN s.unjustified_amount
                        ELSE s.unjustified_paid_amount END AS found
            FROM ({UNJUSTIFIED.format(which="a.ended_on IS NOT NULL")}) AS known
            JOIN agreements_settlement s ON s.id = known.id JOIN agreements_agreement a ON a.id = s.agreement_id
            WHERE (s.unjustified_amount, s.unjustified_paid_amount) <> (known.amount, known.paid) ORDER BY a.id
        """,  # noqa: S608 - fragments of our own
    ),
    Invariant(
        code="agreements.ended-is-settled",
        name=_("Settlement of an ended agreement"),
        sentence=_("Each agreement that ended after its entry in force has its settlement, which names this very end."),
        source=END,
        subject=Agreement,
        # Those that ended before the first settlement was ever made had none to make.
        sql=f"""
            SELECT a.id, a.number AS label, a.state AS expected, s.target AS found FROM agreements_agreement a
            LEFT JOIN agreements_settlement s ON s.agreement_id = a.id
            WHERE a.state IN ('completed', 'terminated', 'lapsed') AND a.terms_sha256 <> ''
              AND s.target IS DISTINCT FROM a.state
              AND (s.id IS NOT NULL OR a.ended_on >= (SELECT {day_of("min(decided_at)")}
                                                      FROM agreements_settlement))
            ORDER BY a.id
        """,  # noqa: S608 - the day of a moment
        unit=Unit.STATE,
    ),
    Invariant(
        code="agreements.ended-on-a-day",
        name=_("Day of the end of an agreement"),
        sentence=_("Each agreement that has ended says on which day, and no other one does."),
        source=END,
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number AS label, CASE WHEN a.state IN {ENDED} THEN 'day' ELSE 'none' END AS expected,
                   CASE WHEN a.state IN {ENDED} THEN 'none' ELSE 'day' END AS found
            FROM agreements_agreement a WHERE (a.state IN {ENDED}) <> (a.ended_on IS NOT NULL) ORDER BY a.id
        """,  # noqa: S608 - a constant
        unit=Unit.TEXT,
        words={"day": _("a day of the end"), "none": _("none")},
    ),
    Invariant(
        code="agreements.end-settles-every-claim",
        name=_("Claims of an ended agreement"),
        sentence=_(
            "Each claim of an agreement that ended with its settlement was paid or refused by then, or is named by the "
            "settlement as one that goes on."
        ),
        source=END,
        subject=PaymentClaim,
        sql=f"""
            WITH ended AS (
                SELECT a.id, last.created_at AS at FROM agreements_settlement s
                JOIN agreements_agreement a ON a.id = s.agreement_id AND a.state IN {ENDED}
                LEFT JOIN LATERAL (
                    SELECT max(e.created_at) AS created_at FROM core_event e
                    WHERE e.object_id = a.id AND e.to_state = a.state AND e.from_state <> e.to_state AND e.content_type_id =
                        (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'agreement')
                ) AS last ON TRUE
            )
            SELECT c.id, c.number AS label, 'rejected' AS expected, c.state AS found
            FROM ended JOIN agreements_paymentclaim c ON c.agreement_id = ended.id
            WHERE NOT {GOES_ON.format(claim="c.id")} AND (c.state NOT IN ('paid', 'rejected') OR c.state = 'paid' AND EXISTS (
                SELECT 1 FROM core_event e WHERE e.object_id = c.id AND e.to_state = 'paid' AND e.created_at > ended.at
                 AND e.content_type_id =
                    (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'paymentclaim')))
            ORDER BY c.id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.STATE,
    ),
    Invariant(
        code="agreements.given-up-for-a-reason",
        name=_("Reason of what is given up"),
        sentence=_(
            "What is given up of a grant (by the settlement of its end, of one of its claims, of its commitment) is given up "
            "for a reason, which is written."
        ),
        source=_("Code of relations between the public and the administration, Article L211-2: such acts say why."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || gone.place AS label, 'reason' AS expected, 'none' AS found FROM (
                SELECT agreement_id, 'settlement' AS place FROM agreements_settlement
                WHERE freed_amount > 0 AND btrim(reason) = ''
                UNION ALL
                SELECT c.agreement_id, c.number FROM agreements_givenuppart p
                JOIN agreements_paymentclaim c ON c.id = p.claim_id WHERE btrim(p.reason) = ''
                UNION ALL
                SELECT a.id, k.reference FROM agreements_agreement a JOIN grants_commitment k ON k.id = a.commitment_id
                WHERE k.released_amount > 0 AND btrim(k.release_reason) = ''
            ) AS gone JOIN agreements_agreement a ON a.id = gone.agreement_id ORDER BY a.id, gone.place
        """,
        unit=Unit.TEXT,
        words={"reason": _("a reason"), "none": _("none")},
        label_words={"settlement": _("settlement")},
    ),
    Invariant(
        code="agreements.ended-early-for-a-reason",
        name=_("Reason of an early end"),
        sentence=_("Each act that was terminated or lapsed, also before it was in force, has the reason of its end."),
        source=_("Code of relations between the public and the administration, Article L211-2: such acts say why."),
        subject=Agreement,
        # A reason that named a person may have been erased since: the event stays.
        sql="""
            SELECT a.id, a.number AS label, 'reason' AS expected, 'none' AS found FROM agreements_agreement a
            WHERE a.state IN ('terminated', 'lapsed') AND NOT EXISTS (
                SELECT 1 FROM core_event e WHERE e.object_id = a.id AND e.to_state = a.state AND e.content_type_id =
                    (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'agreement')
                AND (trim(e.comment) <> '' OR EXISTS (
                    SELECT 1 FROM core_erasure gone WHERE gone."table" = 'core_event' AND gone.row = e.id::text)))
            ORDER BY a.id
        """,
        unit=Unit.TEXT,
        words={"reason": _("a reason"), "none": _("none")},
        severity=Severity.FOLLOW_UP,
    ),
)
