"""Kept totals: what claims, tranches, agreements and batches say of themselves is what their rows add up to."""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, PaymentBatch, PaymentClaim
from core.figures.invariants import Invariant, Unit, register
from grants.models import Commitment

TOTAL = _("Rule 9 of the domain: a register equals the facts that feed it.")

register(
    Invariant(
        code="agreements.declared-is-the-lines",
        name=_("Declared expenditure of a claim"),
        sentence=_("The expenditure that a claim declares is the sum of its lines."),
        source=TOTAL,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number AS label, coalesce(sum(l.declared_amount), 0) AS expected, c.declared_total AS found
            FROM agreements_paymentclaim c LEFT JOIN agreements_expenditureline l ON l.claim_id = c.id
            GROUP BY c.id HAVING coalesce(sum(l.declared_amount), 0) <> c.declared_total ORDER BY c.id
        """,
    ),
    Invariant(
        code="agreements.certified-is-the-lines",
        name=_("Certified expenditure of a claim"),
        sentence=_("The certified expenditure of a claim is the sum of what was certified of its lines."),
        source=TOTAL,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number AS label, coalesce(sum(l.certified_amount), 0) AS expected, c.certified_total AS found
            FROM agreements_paymentclaim c LEFT JOIN agreements_expenditureline l ON l.claim_id = c.id
            GROUP BY c.id HAVING coalesce(sum(l.certified_amount), 0) <> c.certified_total ORDER BY c.id
        """,
    ),
    Invariant(
        code="agreements.kept-of-what-is-retained",
        name=_("Expenditure on accounts that were retained"),
        sentence=_(
            "Nothing is kept of an expenditure on an account of the annexed budget of which nothing was retained."
        ),
        source=_("Terms of the agreement: the expenditure that counts is that of the budget that was retained."),
        subject=PaymentClaim,
        sql="""
            WITH account AS (
                SELECT agreement_id, account_code, axis, sum(amount) AS planned, sum(coalesce(eligible_amount, amount)) AS retained
                FROM agreements_agreementbudgetline WHERE side = 'charge' GROUP BY agreement_id, account_code, axis
            ), told AS (SELECT DISTINCT agreement_id, axis FROM account)
            SELECT c.id, c.number || '/' || l.rank AS label, 0 AS expected, l.certified_amount AS found
            FROM agreements_expenditureline l JOIN agreements_paymentclaim c ON c.id = l.claim_id AND c.state <> 'rejected'
            LEFT JOIN told ON told.agreement_id = c.agreement_id AND told.axis = l.axis
            JOIN account ON account.agreement_id = c.agreement_id AND account.account_code = l.account_code
             AND account.axis = coalesce(told.axis, account.axis)
            WHERE l.certified_amount <> 0 GROUP BY c.id, l.id
            HAVING sum(account.planned) > 0 AND sum(account.retained) = 0 ORDER BY c.id, l.rank
        """,
    ),
    Invariant(
        code="agreements.ordered-is-the-orders",
        name=_("Ordered amount of a claim"),
        sentence=_("What a claim says is ordered is the sum of its orders that were not cancelled."),
        source=TOTAL,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number AS label, coalesce(sum(o.amount), 0) AS expected, c.ordered_amount AS found
            FROM agreements_paymentclaim c LEFT JOIN agreements_paymentorder o ON o.claim_id = c.id AND o.state <> 'cancelled'
            GROUP BY c.id HAVING coalesce(sum(o.amount), 0) <> c.ordered_amount ORDER BY c.id
        """,
    ),
    Invariant(
        code="agreements.paid-is-the-orders",
        name=_("Paid amount of a claim"),
        sentence=_("What a claim says is paid is the sum of its paid orders."),
        source=TOTAL,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number AS label, coalesce(sum(o.amount), 0) AS expected, c.paid_amount AS found
            FROM agreements_paymentclaim c LEFT JOIN agreements_paymentorder o ON o.claim_id = c.id AND o.state = 'paid'
            GROUP BY c.id HAVING coalesce(sum(o.amount), 0) <> c.paid_amount ORDER BY c.id
        """,
    ),
    Invariant(
        code="agreements.agreement-ordered-is-its-claims",
        name=_("Ordered amount of an agreement"),
        sentence=_("What an agreement says is ordered is the sum of the live orders of its claims."),
        source=TOTAL,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, coalesce(o.total, 0) AS expected, a.ordered_amount AS found
            FROM agreements_agreement a LEFT JOIN (
                SELECT c.agreement_id, sum(o.amount) AS total FROM agreements_paymentorder o
                JOIN agreements_paymentclaim c ON c.id = o.claim_id WHERE o.state <> 'cancelled' GROUP BY c.agreement_id
            ) AS o ON o.agreement_id = a.id
            WHERE a.ordered_amount <> coalesce(o.total, 0) ORDER BY a.id
        """,
    ),
    Invariant(
        code="agreements.agreement-paid-is-its-claims",
        name=_("Paid amount of an agreement"),
        sentence=_("What an agreement says is paid is the sum of the paid orders of its claims."),
        source=TOTAL,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, coalesce(o.total, 0) AS expected, a.paid_amount AS found
            FROM agreements_agreement a LEFT JOIN (
                SELECT c.agreement_id, sum(o.amount) AS total FROM agreements_paymentorder o
                JOIN agreements_paymentclaim c ON c.id = o.claim_id WHERE o.state = 'paid' GROUP BY c.agreement_id
            ) AS o ON o.agreement_id = a.id
            WHERE a.paid_amount <> coalesce(o.total, 0) ORDER BY a.id
        """,
    ),
    Invariant(
        code="agreements.tranche-ordered-is-its-claims",
        name=_("Ordered amount of a tranche"),
        sentence=_("What a tranche says is ordered is the sum of the live orders of its claims."),
        source=TOTAL,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || t.label AS label, coalesce(o.total, 0) AS expected, t.ordered_amount AS found
            FROM agreements_tranche t JOIN agreements_agreement a ON a.id = t.agreement_id LEFT JOIN (
                SELECT i.tranche_id, sum(o.amount) AS total FROM agreements_paymentorder o
                JOIN agreements_paymentclaim c ON c.id = o.claim_id JOIN agreements_instalment i ON i.id = c.instalment_id
                WHERE o.state <> 'cancelled' GROUP BY i.tranche_id
            ) AS o ON o.tranche_id = t.id
            WHERE t.ordered_amount <> coalesce(o.total, 0) ORDER BY a.id, t.rank
        """,
    ),
    Invariant(
        code="agreements.given-up-is-its-parts",
        name=_("Given up of a claim"),
        sentence=_(
            "What a claim says was given up is the sum of its parts that were, of each person at most their share, with"
            " what is ordered for them."
        ),
        source=TOTAL,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number || coalesce(' · ' || s.person_name, '') AS label,
                   CASE WHEN c.given_up_amount <> g.total THEN g.total ELSE s.amount END AS expected,
                   CASE WHEN c.given_up_amount <> g.total THEN c.given_up_amount ELSE s.gone END AS found
            FROM agreements_paymentclaim c
            CROSS JOIN LATERAL (SELECT coalesce(sum(p.amount), 0) AS total FROM agreements_givenuppart p WHERE p.claim_id = c.id) AS g
            LEFT JOIN LATERAL (
                SELECT share.person_name, share.amount, sum(all_of.amount) AS gone FROM agreements_givenuppart p
                JOIN agreements_agreementshare share ON share.id = p.share_id
                JOIN (SELECT share_id, amount FROM agreements_givenuppart
                      UNION ALL SELECT share_id, amount FROM agreements_paymentorder WHERE state <> 'cancelled') AS all_of
                  ON all_of.share_id = share.id
                WHERE p.claim_id = c.id GROUP BY share.id, p.id HAVING sum(all_of.amount) > share.amount LIMIT 1) AS s ON TRUE
            WHERE c.given_up_amount <> g.total OR s.amount IS NOT NULL ORDER BY c.id
        """,
    ),
    Invariant(
        code="agreements.commitment-ordered-is-its-orders",
        name=_("Ordered amount of a commitment"),
        sentence=_("What a commitment says is ordered is the sum of the live orders of its agreement."),
        source=TOTAL,
        subject=Commitment,
        sql="""
            SELECT k.id, k.reference AS label, coalesce(o.total, 0) AS expected, k.ordered_amount AS found
            FROM grants_commitment k LEFT JOIN (
                SELECT a.commitment_id, sum(o.amount) AS total FROM agreements_paymentorder o
                JOIN agreements_paymentclaim c ON c.id = o.claim_id JOIN agreements_agreement a ON a.id = c.agreement_id
                WHERE o.state <> 'cancelled' GROUP BY a.commitment_id
            ) AS o ON o.commitment_id = k.id
            WHERE k.ordered_amount <> coalesce(o.total, 0) ORDER BY k.id
        """,
    ),
    Invariant(
        code="agreements.batch-ended-right",
        name=_("End of a batch"),
        sentence=_(
            "A paid batch paid something and holds no order that waits; a cancelled one holds no live order at all."
        ),
        source=TOTAL,
        subject=PaymentBatch,
        sql="""
            SELECT b.id, b.number AS label,
                   CASE WHEN count(o.id) FILTER (WHERE o.state = 'paid') > 0 AND count(o.id) FILTER (WHERE o.state = 'ordered') = 0
                        THEN 'paid' WHEN count(o.id) = 0 THEN 'void' ELSE 'sent' END AS expected, b.state AS found
            FROM agreements_paymentbatch b
            LEFT JOIN agreements_paymentorder o ON o.batch_id = b.id AND o.state <> 'cancelled'
            WHERE b.state IN ('paid', 'void') GROUP BY b.id
            HAVING (b.state = 'void' AND count(o.id) > 0) OR (b.state = 'paid' AND (
                count(o.id) FILTER (WHERE o.state = 'paid') = 0 OR count(o.id) FILTER (WHERE o.state = 'ordered') > 0))
            ORDER BY b.id
        """,
        unit=Unit.STATE,
    ),
    Invariant(
        code="agreements.batch-is-its-orders",
        name=_("Total of a batch"),
        sentence=_("The total with which a batch was closed is the sum of the orders that it then held."),
        source=_(
            "General Code of Local Authorities, Annex I, heading 7: what the accountant pays is what was ordered."
        ),
        subject=PaymentBatch,
        sql="""
            SELECT b.id, b.number AS label, b.closed_total AS expected, coalesce(sum(o.amount), 0) AS found
            FROM agreements_paymentbatch b LEFT JOIN (
                SELECT o.batch_id, o.amount, o.state, e.created_at AS cancelled_at FROM agreements_paymentorder o
                LEFT JOIN core_event e ON e.object_id = o.id AND e.to_state = 'cancelled' AND e.content_type_id =
                    (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'paymentorder')
            ) AS o ON o.batch_id = b.id AND (o.state <> 'cancelled' OR o.cancelled_at > b.closed_at)
            WHERE b.state <> 'open' GROUP BY b.id HAVING coalesce(sum(o.amount), 0) <> b.closed_total ORDER BY b.id
        """,
    ),
)
