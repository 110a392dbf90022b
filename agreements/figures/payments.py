"""From what is certified to what is paid: paid ≤ ordered ≤ certified ≤ granted, on the right account, in time."""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement, PaymentClaim, PaymentOrder
from agreements.settlements.kept import HELD
from agreements.settlements.triggers import ENDED, GOES_ON
from core.days_in_sql import day_of, year_of
from core.figures.invariants import ANOTHER, Invariant, Unit, register
from grants.models import Envelope

CHAIN = _("Rule 2 of the domain: an agreement’s payments never exceed what was granted, nor a tranche’s its tranche.")
BUDGET = _(
    "General Code of Local Authorities, Article L4312-4: what is paid was committed, what is committed was voted."
)
ACCOUNT = _("Rule on bank details: a payment order takes only a verified account of its payee.")
SEPARATION = _("Rule 4 of the domain: who certifies does not order, who instructs a case does not order its payments.")

register(
    Invariant(
        code="agreements.claim-in-order",
        name=_("Amounts of a claim"),
        sentence=_(
            "Of each claim, no more is paid than ordered, ordered than certified, certified than asked and planned."
        ),
        source=CHAIN,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number AS label,
                   CASE WHEN c.claimed_amount > i.amount THEN i.amount
                        WHEN c.certified_amount > c.claimed_amount THEN c.claimed_amount
                        WHEN c.paid_amount > c.ordered_amount THEN c.ordered_amount
                        ELSE coalesce(c.certified_amount, 0) END AS expected,
                   CASE WHEN c.claimed_amount > i.amount THEN c.claimed_amount
                        WHEN c.certified_amount > c.claimed_amount THEN c.certified_amount
                        WHEN c.paid_amount > c.ordered_amount THEN c.paid_amount
                        ELSE c.ordered_amount + c.given_up_amount END AS found
            FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id
            WHERE c.paid_amount > c.ordered_amount OR c.ordered_amount + c.given_up_amount > coalesce(c.certified_amount, 0)
               OR c.certified_amount > c.claimed_amount OR c.claimed_amount > i.amount ORDER BY c.id
        """,
        relation="≤",
    ),
    Invariant(
        code="agreements.instalment-claimed-once",
        name=_("One claim an instalment"),
        sentence=_("An instalment is asked for by one claim at most, the rejected ones left out."),
        source=_("Rule 3 of the domain: nothing is asked for, or paid, twice."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || i.label AS label, 1 AS expected, count(*) AS found
            FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id
            JOIN agreements_agreement a ON a.id = i.agreement_id
            WHERE c.state <> 'rejected' GROUP BY a.id, i.id HAVING count(*) > 1 ORDER BY a.id, i.id
        """,
        unit=Unit.NUMBER,
        counted=_("claims that are not rejected"),
        relation="≤",
    ),
    Invariant(
        code="agreements.claims-within-their-instalment",
        name=_("Accepted of an instalment"),
        sentence=_("What is accepted of the claims of an instalment comes together to no more than the instalment."),
        source=_("Rule 3 of the domain: nothing is asked for, or paid, twice."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || i.label AS label, i.amount AS expected, sum(c.certified_amount) AS found
            FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id
            JOIN agreements_agreement a ON a.id = i.agreement_id
            WHERE c.state <> 'rejected' GROUP BY a.id, i.id HAVING sum(c.certified_amount) > i.amount ORDER BY a.id, i.id
        """,
        relation="≤",
    ),
    Invariant(
        code="agreements.certified-within-granted",
        name=_("Certified within the grant"),
        sentence=_("The aid certified on the claims of an agreement is within what it grants."),
        source=CHAIN,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, a.granted_amount AS expected, sum(c.certified_amount) AS found
            FROM agreements_agreement a JOIN agreements_paymentclaim c ON c.agreement_id = a.id
            WHERE c.state <> 'rejected' GROUP BY a.id HAVING sum(c.certified_amount) > a.granted_amount ORDER BY a.id
        """,
        relation="≤",
    ),
    Invariant(
        code="agreements.certified-within-tranche",
        name=_("Certified within the tranche"),
        sentence=_("The aid certified on the claims of a tranche is within the tranche."),
        source=CHAIN,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || t.label AS label, t.amount AS expected, sum(c.certified_amount) AS found
            FROM agreements_tranche t JOIN agreements_agreement a ON a.id = t.agreement_id
            JOIN agreements_instalment i ON i.tranche_id = t.id
            JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.state <> 'rejected'
            GROUP BY a.id, t.id HAVING sum(c.certified_amount) > t.amount ORDER BY a.id, t.rank
        """,
        relation="≤",
    ),
    Invariant(
        code="agreements.ordered-within-share",
        name=_("Ordered within the share"),
        sentence=_("What is ordered for a person is within this person’s share of the act."),
        source=CHAIN,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || s.person_name AS label, s.amount AS expected, sum(o.amount) AS found
            FROM agreements_agreementshare s JOIN agreements_agreement a ON a.id = s.agreement_id
            JOIN agreements_paymentorder o ON o.share_id = s.id AND o.state <> 'cancelled'
            GROUP BY a.id, s.id HAVING sum(o.amount) > s.amount ORDER BY a.id, s.rank
        """,
        relation="≤",
    ),
    Invariant(
        code="agreements.ordered-within-commitment",
        name=_("Ordered within the commitment"),
        sentence=_("What is ordered on an agreement is within what its commitment still holds."),
        source=BUDGET,
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, coalesce(k.amount - k.released_amount, 0) AS expected, sum(o.amount) AS found
            FROM agreements_agreement a JOIN agreements_paymentclaim c ON c.agreement_id = a.id
            JOIN agreements_paymentorder o ON o.claim_id = c.id AND o.state <> 'cancelled'
            LEFT JOIN grants_commitment k ON k.id = a.commitment_id
            GROUP BY a.id, k.id HAVING sum(o.amount) > coalesce(k.amount - k.released_amount, 0) ORDER BY a.id
        """,
        relation="≤",
    ),
    Invariant(
        code="agreements.envelope-pays-what-it-holds",
        name=_("Payments of an envelope"),
        sentence=_(
            "What an envelope’s agreements pay is within what it has committed, which is within what was voted."
        ),
        source=BUDGET,
        subject=Envelope,
        sql="""
            SELECT e.id, e.code AS label, least(held.total, e.voted_amount) AS expected,
                   greatest(held.paid, CASE WHEN held.total > e.voted_amount THEN held.total END) AS found
            FROM grants_envelope e JOIN (
                SELECT k.envelope_id, sum(k.amount - k.released_amount) AS total, sum(coalesce(p.paid, 0)) AS paid
                FROM grants_commitment k LEFT JOIN (
                    SELECT a.commitment_id, sum(o.amount) AS paid FROM agreements_paymentorder o
                    JOIN agreements_paymentclaim c ON c.id = o.claim_id JOIN agreements_agreement a ON a.id = c.agreement_id
                    WHERE o.state = 'paid' GROUP BY a.commitment_id
                ) AS p ON p.commitment_id = k.id GROUP BY k.envelope_id
            ) AS held ON held.envelope_id = e.id
            WHERE held.paid > held.total OR held.total > e.voted_amount ORDER BY e.id
        """,
        relation="≤",
    ),
    Invariant(
        code="agreements.claim-settled-is-paid",
        name=_("Paid claims"),
        sentence=_(
            "A claim is paid exactly when all that was certified of it and not given up was paid, each order dated."
        ),
        source=CHAIN,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number AS label, c.certified_amount - c.given_up_amount AS expected, coalesce(sum(o.amount), 0) AS found
            FROM agreements_paymentclaim c
            LEFT JOIN agreements_paymentorder o ON o.claim_id = c.id AND o.state = 'paid' AND o.paid_on IS NOT NULL
            WHERE c.state IN ('ordered', 'paid') AND c.certified_amount > 0 GROUP BY c.id
            HAVING (c.state = 'paid') <> (coalesce(sum(o.amount), 0) = c.certified_amount - c.given_up_amount) ORDER BY c.id
        """,
    ),
    Invariant(
        code="agreements.credit-is-its-order",
        name=_("Payment credits of an order"),
        sentence=_("Payment credits are used by the amount of their order, and given back when it is cancelled."),
        source=BUDGET,
        subject=PaymentOrder,
        sql="""
            SELECT o.id, o.reference AS label, CASE WHEN o.state = 'cancelled' THEN 0 ELSE o.amount END AS expected,
                   u.amount - u.released_amount AS found
            FROM agreements_paymentorder o JOIN grants_credituse u ON u.reference = o.reference
            WHERE u.amount - u.released_amount <> CASE WHEN o.state = 'cancelled' THEN 0 ELSE o.amount END ORDER BY o.id
        """,
    ),
    Invariant(
        code="agreements.order-has-its-credit",
        name=_("Credits under every order"),
        sentence=_(
            "Every order that was not cancelled takes payment credits of the envelope of its agreement, of the budget year"
            " of its batch, which is the year in which it was ordered."
        ),
        source=BUDGET,
        subject=PaymentOrder,
        sql=f"""
            SELECT o.id, o.reference || it.name AS label, wanted.code || ', ' || {year_of("o.ordered_at")} AS expected,
                   coalesce(it.envelope || ', ' || it.year, '') AS found
            FROM agreements_paymentorder o JOIN agreements_paymentbatch b ON b.id = o.batch_id
            JOIN agreements_paymentclaim c ON c.id = o.claim_id JOIN agreements_agreement a ON a.id = c.agreement_id
            LEFT JOIN grants_commitment k ON k.id = a.commitment_id
            LEFT JOIN grants_credituse u ON u.reference = o.reference LEFT JOIN grants_paymentcredit p ON p.id = u.credit_id
            LEFT JOIN grants_envelope wanted ON wanted.id = k.envelope_id LEFT JOIN grants_envelope taken ON taken.id = p.envelope_id
            CROSS JOIN LATERAL (VALUES ('', taken.code, p.year), (' · ' || b.number, wanted.code, b.year)) AS it (name, envelope, year)
            WHERE o.state <> 'cancelled'
              AND (it.envelope, it.year) IS DISTINCT FROM (wanted.code, {year_of("o.ordered_at")}) ORDER BY o.id, it.name
        """,  # noqa: S608 - a setting
        unit=Unit.TEXT,
    ),
    Invariant(
        code="agreements.order-on-verified-account",
        name=_("Account of an order"),
        sentence=_(
            "An order goes, or went, to an account of its payee; one that awaits its payment, to a verified one."
        ),
        source=ACCOUNT,
        subject=PaymentOrder,
        sql="""
            SELECT o.id, o.reference AS label, 'verified' AS expected,
                   CASE WHEN b.applicant_id = o.payee_id THEN b.state ELSE 'stranger' END AS found
            FROM agreements_paymentorder o JOIN applicants_bankaccount b ON b.id = o.bank_account_id
            WHERE o.state <> 'cancelled' AND b.applicant_id <> o.payee_id OR o.state = 'ordered' AND b.state <> 'verified'
            ORDER BY o.id
        """,
        unit=Unit.TEXT,
        words={
            "verified": _("verified account"),
            "superseded": _("account replaced since"),
            "erased": _("account erased by law"),
            "stranger": _("account of somebody else"),
        },
    ),
    Invariant(
        code="agreements.certifier-does-not-order",
        name=_("Certified by one, ordered by another"),
        sentence=_(
            "Who files a claim does not certify it; who certifies it, or instructs the case, does not order it."
        ),
        source=SEPARATION,
        subject=PaymentClaim,
        sql="""
            SELECT DISTINCT c.id, c.number AS label, 'another' AS expected, coalesce(u.email, 'nobody') AS found
            FROM agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id
            JOIN grants_application app ON app.id = a.application_id
            LEFT JOIN agreements_paymentorder o ON o.claim_id = c.id AND o.state <> 'cancelled'
            LEFT JOIN core_user u ON u.id = CASE WHEN c.certified_by_id = c.submitted_by_id THEN c.certified_by_id
                WHEN o.ordered_by_id IN (c.certified_by_id, app.instructor_id) THEN o.ordered_by_id ELSE c.ordered_by_id END
            WHERE c.certified_by_id = c.submitted_by_id OR o.ordered_by_id IN (c.certified_by_id, app.instructor_id)
               OR c.ordered_by_id = c.certified_by_id
            ORDER BY c.id
        """,
        unit=Unit.TEXT,
        words=ANOTHER,
    ),
    Invariant(
        code="agreements.no-order-after-the-end",
        name=_("Nothing ordered or paid after the end"),
        sentence=_(
            "No payment order is made, confirmed or left waiting once its agreement has ended, but for the claims that the "
            "settlement of its end names."
        ),
        source=_("Rule 2 of the domain: what an ended agreement held was given back to its envelope."),
        subject=PaymentOrder,
        # Which of two actions came first, the events say: the days of both may be one, and a payment is told later.
        sql=f"""
            WITH ended AS (
                SELECT a.id, a.ended_on, (
                    SELECT max(e.created_at) FROM core_event e WHERE e.object_id = a.id AND e.to_state = a.state
                     AND e.from_state <> e.to_state AND e.content_type_id =
                        (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'agreement')) AS at
                FROM agreements_agreement a WHERE a.state IN {ENDED}
            )
            SELECT o.id, o.reference AS label, 'none' AS expected,
                   CASE WHEN o.state = 'ordered' THEN 'waits' WHEN {day_of("o.ordered_at")} > ended.ended_on THEN 'made'
                        ELSE 'paid' END AS found
            FROM agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id
            JOIN ended ON ended.id = c.agreement_id
            WHERE o.state <> 'cancelled' AND NOT {GOES_ON.format(claim="c.id")}
              AND ({day_of("o.ordered_at")} > ended.ended_on OR o.state = 'ordered' OR EXISTS (
                  SELECT 1 FROM core_event e WHERE e.object_id = o.id AND e.to_state = 'paid' AND e.created_at > ended.at
                   AND e.content_type_id =
                      (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'paymentorder')))
            ORDER BY o.id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.TEXT,
        words={
            "none": _("no order after the end"),
            "made": _("an order made after the end"),
            "waits": _("an order that awaits its payment"),
            "paid": _("an order confirmed after the end"),
        },
    ),
    Invariant(
        code="agreements.order-stands-on-its-claim",
        name=_("Orders of an ordered claim"),
        sentence=_(
            "A claim is ordered as long as one of its orders stands, and no order stands on a claim that is neither ordered "
            "nor paid."
        ),
        source=CHAIN,
        subject=PaymentClaim,
        sql="""
            SELECT c.id, c.number AS label, CASE WHEN o.claim_id IS NULL THEN 'stands' ELSE 'none' END AS expected,
                   CASE WHEN o.claim_id IS NULL THEN 'none' ELSE 'stands' END AS found
            FROM agreements_paymentclaim c
            LEFT JOIN (SELECT DISTINCT claim_id FROM agreements_paymentorder WHERE state <> 'cancelled') AS o ON o.claim_id = c.id
            WHERE c.state = 'ordered' AND o.claim_id IS NULL
               OR c.state NOT IN ('ordered', 'paid') AND o.claim_id IS NOT NULL ORDER BY c.id
        """,
        unit=Unit.TEXT,
        words={"stands": _("an order that stands"), "none": _("no order that stands")},
    ),
    Invariant(
        code="agreements.rest-is-somebodys",
        name=_("Rest of a claim of several persons"),
        sentence=_(
            "What is certified of a claim of several persons, and neither given up nor ordered, is within what the persons who wait"
            " for it can still be paid of their shares: all of it can be ordered now, or waits for an account."
        ),
        source=_("Rule 2 of the domain: payments never exceed what was granted, to each person."),
        subject=PaymentClaim,
        sql="""
            WITH gone AS (
                SELECT share_id, claim_id, amount FROM agreements_paymentorder
                WHERE state <> 'cancelled' AND share_id IS NOT NULL
                UNION ALL SELECT share_id, claim_id, amount FROM agreements_givenuppart WHERE share_id IS NOT NULL
            ), spent AS (
                SELECT share_id, sum(amount) AS amount FROM gone GROUP BY share_id
            )
            SELECT c.id, c.number AS label, rest.amount AS expected,
                   coalesce(sum(greatest(s.amount - coalesce(spent.amount, 0), 0)), 0) AS found
            FROM agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id AND a.payee = 'persons'
            CROSS JOIN LATERAL (SELECT c.certified_amount - c.given_up_amount - c.ordered_amount AS amount) AS rest
            LEFT JOIN agreements_agreementshare s ON s.agreement_id = a.id
                 AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.claim_id = c.id AND gone.share_id = s.id)
            LEFT JOIN spent ON spent.share_id = s.id
            WHERE c.state IN ('certified', 'ordered') AND rest.amount > 0 GROUP BY c.id, c.number, rest.amount
            HAVING coalesce(sum(greatest(s.amount - coalesce(spent.amount, 0), 0)), 0) < rest.amount ORDER BY c.id
        """,
        relation="≥",
    ),
    Invariant(
        code="agreements.ended-holds-nothing",
        name=_("Commitment of an ended agreement"),
        sentence=_("An ended agreement holds of its commitment only what was paid and what its settlement keeps."),
        source=BUDGET,
        subject=Agreement,
        sql=f"""
            SELECT a.id, a.number AS label, {HELD} AS expected, k.amount - k.released_amount AS found
            FROM agreements_agreement a JOIN grants_commitment k ON k.id = a.commitment_id
            WHERE a.state IN ('completed', 'terminated', 'lapsed')
              AND k.amount - k.released_amount <> {HELD} ORDER BY a.id
        """,  # noqa: S608 - a constant
    ),
)
