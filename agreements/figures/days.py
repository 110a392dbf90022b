"""Each day of a payment follows the one that it rests on: notified, filed, certified, ordered, sent, paid, ended."""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, PaymentClaim
from agreements.settlements.triggers import KEPT_WITHOUT_A_DAY
from core.days_in_sql import TODAY, day_of
from core.figures.invariants import Invariant, Severity, Unit, register

ORDER = _(
    "General Code of Local Authorities, Annex I, heading 7: an order rests on the certificate that goes before it."
)


register(
    Invariant(
        code="agreements.payment-days-in-order",
        name=_("Days of a payment"),
        sentence=_(
            "A claim is filed once its act was notified, then certified, ordered in an open batch, sent with it, then paid: "
            "no day comes before the one that it follows, and none is to come."
        ),
        source=ORDER,
        subject=PaymentClaim,
        sql=f"""
            SELECT c.id, coalesce(o.reference, c.number) || ' · ' || step.name AS label,
                   step.sign || step.limit_of AS expected, step.day AS found
            FROM agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id
            LEFT JOIN agreements_paymentorder o ON o.claim_id = c.id AND o.state <> 'cancelled'
            LEFT JOIN agreements_paymentbatch b ON b.id = o.batch_id
            CROSS JOIN LATERAL (VALUES
                (1, 'filed', '≥ ', a.notified_on, {day_of("c.submitted_at")}),
                (2, 'certified', '≥ ', {day_of("c.submitted_at")}, {day_of("c.certified_at")}),
                (3, 'claim_ordered', '≥ ', {day_of("c.certified_at")}, {day_of("c.ordered_at")}),
                (4, 'ordered', '≥ ', {day_of("c.certified_at")}, {day_of("o.ordered_at")}),
                (5, 'ordered', '≥ ', {day_of("b.opened_at")}, {day_of("o.ordered_at")}),
                (6, 'batch', '≥ ', {day_of("o.ordered_at")}, {day_of("b.closed_at")}),
                (7, 'order_paid', '≥ ', {day_of("b.closed_at")}, o.paid_on), (8, 'order_paid', '≤ ', {TODAY}, o.paid_on),
                (9, 'claim_paid', '≥ ', CASE WHEN o.paid_on <= {TODAY} THEN o.paid_on END, c.paid_on),
                (10, 'claim_paid', '≤ ', {TODAY}, c.paid_on)) AS step (rank, name, sign, limit_of, day)
            WHERE CASE step.sign WHEN '≥ ' THEN step.day < step.limit_of ELSE step.day > step.limit_of END
            ORDER BY c.id, step.rank
        """,  # noqa: S608 - fragments of our own
        unit=Unit.DAY,
        relation="",
        label_words={
            "filed": _("claim filed"),
            "certified": _("claim certified"),
            "claim_ordered": _("claim ordered"),
            "ordered": _("order placed"),
            "batch": _("batch sent"),
            "order_paid": _("order paid"),
            "claim_paid": _("claim paid"),
        },
    ),
    Invariant(
        code="agreements.paid-with-its-last-order",
        name=_("Day on which a claim was paid"),
        sentence=_(
            "A claim was paid on the day of the last of its payments, and on no day where nothing was paid of it."
        ),
        source=ORDER,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number AS label, max(o.paid_on) AS expected, c.paid_on AS found FROM agreements_paymentclaim c
            LEFT JOIN agreements_paymentorder o ON o.claim_id = c.id AND o.state = 'paid'
            WHERE c.state = 'paid' GROUP BY c.id HAVING c.paid_on IS DISTINCT FROM max(o.paid_on) ORDER BY c.id
        """,
        unit=Unit.DAY,
    ),
    Invariant(
        code="agreements.year-days-in-order",
        name=_("Days of a year and of an end"),
        sentence=_(
            "A year opens once its act was notified and the report before it accepted, a report is filed then decided, an "
            "agreement ends on the day of its settlement."
        ),
        source=_("Terms of the multi-year agreement: each year follows the accepted report of the year before."),
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number || coalesce(' · ' || told.label, '') AS label, told.follows AS expected, told.day AS found
            FROM (
                SELECT t.agreement_id, t.label, a.notified_on AS follows, t.released_on AS day
                FROM agreements_tranche t JOIN agreements_agreement a ON a.id = t.agreement_id
                UNION ALL
                SELECT t.agreement_id, t.label, {day_of("r.decided_at")}, t.released_on
                FROM agreements_tranche t JOIN agreements_tranche was ON was.agreement_id = t.agreement_id
                 AND was.rank = (SELECT max(x.rank) FROM agreements_tranche x
                                 WHERE x.agreement_id = t.agreement_id AND x.rank < t.rank AND x.amount > 0)
                JOIN agreements_tranchereport r ON r.tranche_id = was.id
                UNION ALL
                SELECT t.agreement_id, t.label, {day_of("r.filed_at")}, {day_of("r.decided_at")}
                FROM agreements_tranchereport r JOIN agreements_tranche t ON t.id = r.tranche_id
                UNION ALL
                SELECT s.agreement_id, NULL, {day_of("s.decided_at")}, a.ended_on
                FROM agreements_settlement s JOIN agreements_agreement a ON a.id = s.agreement_id
            ) AS told JOIN agreements_agreement a ON a.id = told.agreement_id
            WHERE told.day < told.follows ORDER BY a.id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.DAY,
        relation="≥",
    ),
    Invariant(
        code="agreements.given-back-with-a-day",
        name=_("Answer to a claim given back"),
        sentence=_(
            "A claim given back to its beneficiary, or kept unfiled when its agreement ended, says until which day it is expected."
        ),
        source=_("Law 2021-875, Article 2: a grant is paid within sixty days; a claim that nobody sees is late."),
        subject=PaymentClaim,
        sql=f"""
            SELECT c.id, c.number AS label, {day_of("coalesce(c.submitted_at, c.opened_at)")} AS expected, c.answer_due_on AS found
            FROM agreements_paymentclaim c
            WHERE c.state = 'returned' AND c.answer_due_on IS NULL OR {KEPT_WITHOUT_A_DAY} ORDER BY c.id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.DAY,
        relation="≥",
        severity=Severity.FOLLOW_UP,
    ),
)
