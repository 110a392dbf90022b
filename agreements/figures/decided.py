"""What an end says of what it found and decided, and who decided it: as payments, claims and events say it themselves.

An event keeps who, when and why apart from the row: neither is changed alone. A comment that was erased says nothing.
"""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, PaymentBatch, PaymentClaim, SettlementLine
from core.figures.invariants import Invariant, Unit, register

END = _("Rule 2 of the domain: what an ended agreement held was given back to its envelope.")
WHO = _("Code of relations between the public and the administration, Article L212-1: an act names whoever decided it.")
AS_TOLD = {"event": _("as its event says"), "other": _("otherwise")}

_OF = """e.object_id = {row} AND e.content_type_id =
    (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = '{model}')"""
#: SQL: all that Python takes for a blank at the ends of what a person typed.
_BLANKS = "E'" + "".join(f"\\u{code:04x}" for code in range(0x3001) if chr(code).isspace()) + "'"
#: SQL: the reason that an event ``e`` keeps, without the blanks around it; NULL once it is erased.
_REASON = f"""CASE WHEN NOT EXISTS (
    SELECT 1 FROM core_erasure gone WHERE gone."table" = 'core_event' AND gone.row = e.id::text)
    THEN btrim(e.comment, {_BLANKS}) END"""  # noqa: S608 - fragments of our own
#: SQL: whether two moments are those of one act, which takes less than that.
_AT_ONCE = "abs(extract(epoch FROM {one} - {other})) < 600"
#: SQL of the event of an end (id, actor_id, created_at, reason) that a settlement ``s`` was written for. Events are numbered
#: under the lock of their agreement: what has a lower number came before the end.
_END = f"""
    SELECT e.id, e.actor_id, e.created_at, {_REASON} AS reason FROM core_event e
    WHERE e.from_state = 'in_force' AND e.to_state = s.target AND {_OF.format(row="s.agreement_id", model="agreement")}
    ORDER BY e.id DESC LIMIT 1
"""  # noqa: S608 - fragments of our own
#: SQL, true of an event ``e`` that gave up the part ``p`` of a claim: the database wrote both in one transaction.
_GAVE_UP = f"""{_OF.format(row="p.claim_id", model="paymentclaim")} AND e.action IN ('give_up', 'give_up_at_end')
    AND EXISTS (SELECT 1 FROM agreements_givenuppartevent line WHERE line.pgh_obj_id = p.id AND line.pgh_label = 'insert'
                 AND line.pgh_context_id = e.transaction)"""  # noqa: S608 - fragments of our own
_OF_CLAIM = _OF.format(row="c.id", model="paymentclaim")

register(
    Invariant(
        code="agreements.settlement-says-what-was-paid",
        name=_("What was paid when an agreement ended"),
        sentence=_("What a settlement says was paid is the sum of the orders that were recorded as paid by then."),
        source=END,
        subject=Agreement,
        sql=f"""
            WITH paid AS (
                SELECT s.id, coalesce(sum(o.amount), 0) AS amount FROM agreements_settlement s
                JOIN LATERAL ({_END}) AS ended ON TRUE
                LEFT JOIN agreements_paymentclaim c ON c.agreement_id = s.agreement_id
                LEFT JOIN agreements_paymentorder o ON o.claim_id = c.id AND EXISTS (
                    SELECT 1 FROM core_event e
                    WHERE e.to_state = 'paid' AND e.id < ended.id AND {_OF.format(row="o.id", model="paymentorder")})
                GROUP BY s.id
            )
            SELECT a.id, a.number AS label, paid.amount AS expected, s.paid_amount AS found
            FROM paid JOIN agreements_settlement s ON s.id = paid.id JOIN agreements_agreement a ON a.id = s.agreement_id
            WHERE s.paid_amount <> paid.amount ORDER BY a.id
        """,  # noqa: S608 - fragments of our own
    ),
    Invariant(
        code="agreements.settlement-keeps-what-was-certified",
        name=_("What an end kept for a claim"),
        sentence=_(
            "What a settlement keeps for a claim is what was certified of it by then, less what was given up; of one that was "
            "certified later, no less than what is ordered."
        ),
        source=END,
        subject=PaymentClaim,
        sql=f"""
            WITH kept AS (
                SELECT c.id, c.number, l.amount, CASE
                    WHEN c.certified_amount IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM core_event e
                        WHERE e.id > ended.id AND e.action IN ('certify', 'certify_less') AND {_OF_CLAIM})
                    THEN c.certified_amount - (
                        SELECT coalesce(sum(p.amount), 0) FROM agreements_givenuppart p
                        WHERE p.claim_id = c.id AND EXISTS (
                            SELECT 1 FROM core_event e WHERE e.id < ended.id AND {_GAVE_UP}))
                    ELSE greatest(l.amount, c.ordered_amount) END AS known
                FROM agreements_settlementline l JOIN agreements_settlement s ON s.id = l.settlement_id
                JOIN LATERAL ({_END}) AS ended ON TRUE
                JOIN agreements_paymentclaim c ON c.id = l.claim_id WHERE l.outcome = 'pay'
            )
            SELECT id, number AS label, known AS expected, amount AS found FROM kept WHERE amount <> known ORDER BY id
        """,  # noqa: S608 - fragments of our own
    ),
    Invariant(
        code="agreements.settlement-decides-as-told",
        name=_("What an end decided of a claim"),
        sentence=_(
            "A claim that its settlement says is refused was refused, or given up whole, by that very end; one that was refused "
            "later had been kept."
        ),
        source=END,
        subject=PaymentClaim,
        sql=f"""
            WITH claim AS (
                SELECT c.id, c.number, l.outcome, CASE
                    WHEN told.action = 'refuse_at_end' OR told.from_state <> 'ordered' THEN 'refuse' ELSE 'pay' END AS known,
                    c.state = 'rejected' AND EXISTS (
                        SELECT 1 FROM core_event e WHERE e.to_state = 'rejected' AND e.id > ended.id AND {_OF_CLAIM}) AS later
                FROM agreements_settlement s JOIN LATERAL ({_END}) AS ended ON TRUE
                JOIN agreements_paymentclaim c ON c.agreement_id = s.agreement_id
                LEFT JOIN agreements_settlementline l ON l.claim_id = c.id
                LEFT JOIN LATERAL (
                    SELECT e.action, e.from_state FROM core_event e
                    WHERE e.action IN ('refuse_at_end', 'give_up_at_end') AND {_OF_CLAIM}
                ) AS told ON TRUE
            )
            SELECT id, number AS label, known AS expected, outcome AS found FROM claim
            WHERE outcome <> known
            UNION ALL
            SELECT id, number, known, 'none' FROM claim WHERE outcome IS NULL AND later ORDER BY id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
        words=dict(SettlementLine.Outcome.choices) | {"none": _("none")},
    ),
    Invariant(
        code="agreements.settlement-of-its-end",
        name=_("Who ended an agreement, when and why"),
        sentence=_("Who decided a settlement, when and why is what the event of the end of its agreement says."),
        source=WHO,
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number || ' · ' || said.what AS label, 'event' AS expected, 'other' AS found
            FROM agreements_settlement s JOIN agreements_agreement a ON a.id = s.agreement_id
            LEFT JOIN LATERAL ({_END}) AS ended ON TRUE
            CROSS JOIN LATERAL (VALUES
                ('who', ended.id IS NOT NULL AND s.decided_by_id IS NOT DISTINCT FROM ended.actor_id),
                ('why', s.reason = coalesce(ended.reason, s.reason)),
                ('when', coalesce({_AT_ONCE.format(one="ended.created_at", other="s.decided_at")}, FALSE))
            ) AS said(what, is_so)
            WHERE NOT said.is_so ORDER BY a.id, said.what
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
        words=AS_TOLD,
        label_words={"who": _("decided by"), "why": _("reason"), "when": _("decided on")},
    ),
    Invariant(
        code="agreements.given-up-as-told",
        name=_("Who gave up a part of a claim"),
        sentence=_("Who gave up a part of a claim, when and why is what an event of the claim says."),
        source=WHO,
        subject=PaymentClaim,
        sql=f"""
            SELECT c.id, c.number AS label, 'event' AS expected, 'other' AS found
            FROM agreements_givenuppart p JOIN agreements_paymentclaim c ON c.id = p.claim_id
            WHERE NOT EXISTS (
                SELECT 1 FROM core_event e
                WHERE {_GAVE_UP} AND e.actor_id IS NOT DISTINCT FROM p.decided_by_id
                 AND {_AT_ONCE.format(one="e.created_at", other="p.decided_at")}
                 AND btrim(p.reason, {_BLANKS}) = coalesce({_REASON}, btrim(p.reason, {_BLANKS})))
            ORDER BY c.id, p.id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
        words=AS_TOLD,
    ),
    Invariant(
        code="agreements.payment-steps-as-told",
        name=_("Who closed a batch and recorded a payment"),
        sentence=_("Who closed a batch of payments, and who recorded each payment, is whom the event says."),
        source=WHO,
        subject=PaymentBatch,
        sql=f"""
            SELECT b.id, b.number AS label, 'event' AS expected, 'other' AS found FROM agreements_paymentbatch b
            WHERE b.closed_by_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM core_event e WHERE e.from_state = 'open' AND e.actor_id = b.closed_by_id
                 AND {_OF.format(row="b.id", model="paymentbatch")})
            UNION ALL
            SELECT o.batch_id, o.reference, 'event', 'other' FROM agreements_paymentorder o
            WHERE o.state = 'paid' AND NOT EXISTS (
                SELECT 1 FROM core_event e WHERE e.to_state = 'paid' AND e.actor_id = o.confirmed_by_id
                 AND {_OF.format(row="o.id", model="paymentorder")})
            ORDER BY 1, 2
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
        words=AS_TOLD,
    ),
)
