"""What a claim and a batch pass, or do not: a registered body, an end that somebody gave, the last day of a budget year."""

from django.utils.translation import gettext_lazy as _

from agreements.models import PaymentBatch, PaymentClaim
from agreements.models.claim_rules import AWAITS_SIRET, CATEGORY_OF_BODY, ended_by
from agreements.models.payment_rules import INVESTMENT_ORDERS, last_day
from agreements.rules.deadlines import LAST_OF_INVESTMENT, LAST_OF_RUNNING_COSTS
from core.days_in_sql import TODAY, day_of
from core.figures.invariants import Invariant, Severity, Unit, register

register(
    Invariant(
        code="agreements.filed-once-registered",
        name=_("Registration of a paid body"),
        sentence=_("No claim stands filed, certified or paid for a body that still awaits its SIRET number."),
        source=_("Law 2000-321, Article 9-1: a grant is given to a body, which exists under its number."),
        subject=PaymentClaim,
        sql=f"""
            SELECT c.id, c.number || ' · ' || body.name AS label, 'siret' AS expected, 'none' AS found
            FROM agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id
            JOIN applicants_applicant body ON body.id = a.beneficiary_id {CATEGORY_OF_BODY}
            WHERE c.state NOT IN ('draft', 'returned', 'rejected') AND {AWAITS_SIRET} ORDER BY c.id
        """,  # noqa: S608 - constants
        unit=Unit.TEXT,
        words={"siret": _("a SIRET number"), "none": _("none")},
    ),
    Invariant(
        code="agreements.rejected-by-an-event",
        name=_("End of a claim without a payment"),
        sentence=_(
            "A claim that was never filed ended because its beneficiary gave it up or its agreement was settled, one that was "
            "filed because it was rejected or not kept by the settlement, one that the settlement kept and nobody filed because "
            "the day to file it was past: an event says so."
        ),
        source=_("Rule 6 of the domain: history is append-only, and nothing happens without leaving an event."),
        subject=PaymentClaim,
        sql=f"""
            SELECT c.id, c.number AS label, 'event' AS expected, 'none' AS found FROM agreements_paymentclaim c
            WHERE c.state = 'rejected' AND NOT EXISTS (
                SELECT 1 FROM core_event event JOIN django_content_type kind ON kind.id = event.content_type_id
                 WHERE kind.app_label = 'agreements' AND kind.model = 'paymentclaim' AND event.object_id = c.id
                   AND {ended_by("event", "c")}) ORDER BY c.id
        """,  # noqa: S608 - constants
        unit=Unit.TEXT,
        words={"event": _("an event that says why"), "none": _("none")},
    ),
    Invariant(
        code="agreements.filed-with-its-forecast",
        name=_("What was said at a filing"),
        sentence=_(
            "A claim keeps what its beneficiary was told when filing it: what would be due, asked back and no longer paid."
        ),
        source=_(
            "Code of relations between the public and the administration, Article L112-3: what is received is answered."
        ),
        subject=PaymentClaim,
        # Claims filed before this was kept have none.
        sql="""
            SELECT c.id, c.number AS label, 'said' AS expected, 'none' AS found FROM agreements_paymentclaim c
            WHERE c.state <> 'draft' AND c.due_as_filed IS NULL AND c.submitted_at > (
                SELECT min(m.applied) FROM django_migrations m
                 WHERE m.app = 'agreements' AND m.name = '0038_claims_keep_what_was_said_at_their_filing') ORDER BY c.id
        """,
        unit=Unit.TEXT,
        words={"said": _("what was said at the filing"), "none": _("none")},
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="agreements.left-out-is-planned",
        name=_("Payments that a final claim leaves out"),
        sentence=_(
            "What a filing is said to leave out is of a final claim, and within the other payments planned of its part."
        ),
        source=_(
            "Code of relations between the public and the administration, Article L112-3: what is received is answered."
        ),
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number AS label, planned.amount AS expected, c.left_out_as_filed AS found
            FROM agreements_paymentclaim c JOIN agreements_instalment its ON its.id = c.instalment_id
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(i.amount), 0) AS amount FROM agreements_instalment i
                WHERE i.agreement_id = c.agreement_id AND i.tranche_id IS NOT DISTINCT FROM its.tranche_id
                  AND i.kind <> 'balance' AND its.kind = 'balance') AS planned
            WHERE c.left_out_as_filed > planned.amount ORDER BY c.id
        """,
        relation="≤",
    ),
    Invariant(
        code="agreements.open-batch-in-time",
        name=_("Open batches"),
        sentence=_("No batch is still open after the last day on which it may be sent."),
        source=_(
            "General Code of Local Authorities, Article L1612-11: the additional days are for running costs alone."
        ),
        subject=PaymentBatch,
        sql=f"""
            SELECT b.id, b.number AS label, told.last AS expected, {TODAY} AS found
            FROM agreements_paymentbatch b CROSS JOIN LATERAL (
                SELECT CASE WHEN EXISTS ({INVESTMENT_ORDERS} AND o.batch_id = b.id)
                       THEN {last_day(LAST_OF_INVESTMENT, "b.year")} ELSE {last_day(LAST_OF_RUNNING_COSTS, "b.year")} END AS last
            ) AS told
            WHERE b.state = 'open' AND told.last < {TODAY} ORDER BY b.id
        """,  # noqa: S608 - constants
        unit=Unit.DAY,
        relation="≤",
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="agreements.sent-within-its-year",
        name=_("Last day of a budget year"),
        sentence=_(
            "A batch is sent by 31 January after its budget year, and by 31 December of it where it holds an order on the "
            "credits of an investment; nothing is ordered on them later."
        ),
        source=_(
            "General Code of Local Authorities, Article L1612-11: the additional days are for running costs alone."
        ),
        subject=PaymentBatch,
        sql=f"""
            SELECT b.id, b.number AS label, told.last AS expected, {day_of("b.closed_at")} AS found
            FROM agreements_paymentbatch b CROSS JOIN LATERAL (
                SELECT CASE WHEN EXISTS ({INVESTMENT_ORDERS} AND o.batch_id = b.id)
                       THEN {last_day(LAST_OF_INVESTMENT, "b.year")} ELSE {last_day(LAST_OF_RUNNING_COSTS, "b.year")} END AS last
            ) AS told
            WHERE b.state IN ('sent', 'paid') AND {day_of("b.closed_at")} > told.last
            UNION ALL
            SELECT b.id, o.reference, {last_day(LAST_OF_INVESTMENT, "b.year")}, {day_of("o.ordered_at")}
            FROM agreements_paymentorder o JOIN agreements_paymentbatch b ON b.id = o.batch_id
            WHERE o.id IN ({INVESTMENT_ORDERS}) AND {day_of("o.ordered_at")} > {last_day(LAST_OF_INVESTMENT, "b.year")}
            ORDER BY id
        """,  # noqa: S608 - constants
        unit=Unit.DAY,
        relation="≤",
    ),
)
