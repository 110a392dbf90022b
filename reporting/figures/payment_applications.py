"""What is asked from the Commission: the certificates, once each, closed by somebody else."""

from collections.abc import Iterator

from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _

from core.days_in_sql import day_of
from core.figures.invariants import ANOTHER, Broken, Invariant, Severity, Unit, register
from reporting.effects import sha256_of_lines, with_their_entries
from reporting.models import (
    Basis,
    CategoryOfRegion,
    Certificate,
    Operation,
    PaymentApplication,
    PaymentApplicationLine,
    PaymentApplicationState,
)
from reporting.models.granted import CORRECTED, PUBLIC_MONEY
from reporting.models.guards import GRACE_DAYS

ASKED = _("Regulation (EU) 2021/1060, Article 91 and Annex XXIII: what a payment application contains.")
# What an entry asks for: three amounts that nobody adds up.
AMOUNTS = {
    "eligible": _("eligible expenditure"),
    "union": _("part of the Union"),
    "public": _("public expenditure"),
}
# SQL of what a payment application p is called: its national reference, else fund, accounting year and number.
NAMED = """coalesce(nullif(p.national_reference, ''), (
    SELECT concat_ws(' · ', fund.code, EXTRACT(YEAR FROM year.starts_on) || '-' || EXTRACT(YEAR FROM year.ends_on), p.number)
    FROM reporting_fund fund, reporting_accountingyear year WHERE fund.id = p.fund_id AND year.id = p.accounting_year_id))"""


def asked_anew() -> Iterator[Broken]:
    """The payment applications whose lines do not give the hash with which they were closed; three queries."""
    lines = with_their_entries(PaymentApplicationLine.objects.all())
    closed = PaymentApplication.objects.exclude(closed_at=None).select_related("fund", "accounting_year")
    for application in closed.prefetch_related(Prefetch("lines", lines)).order_by("pk"):
        found = sha256_of_lines(application.lines.all())
        if found != application.sha256:
            year = application.accounting_year
            name = f"{application.fund.code} · {year.starts_on.year}-{year.ends_on.year} · {application.number}"
            yield Broken(application.pk, application.national_reference or name, application.sha256, found)


register(
    Invariant(
        code="reporting.application-gives-its-hash",
        name=_("Fingerprint of a payment application"),
        sentence=_(
            "The lines, the entries and the certificates of a closed payment application give the fingerprint with which it "
            "was closed."
        ),
        source=_("Rule 6 of the domain: what was closed is never edited; a correction is a fact of its own."),
        subject=PaymentApplication,
        rows=asked_anew,
        unit=Unit.HASH,
    ),
    Invariant(
        code="reporting.line-is-its-entries",
        name=_("Lines of a payment application"),
        sentence=_("The amounts of a line of a payment application are the sums of its entries."),
        source=ASKED,
        subject=PaymentApplication,
        sql=f"""
            SELECT p.id, {NAMED} || ' · ' || prio.code || ' · ' || l.category_of_region || ' · ' || amount.name AS label,
                   amount.expected, amount.found
            FROM reporting_paymentapplicationline l JOIN reporting_paymentapplication p ON p.id = l.application_id
            JOIN reporting_priority prio ON prio.id = l.priority_id
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(e.eligible_amount), 0) AS eligible, coalesce(sum(e.union_amount), 0) AS of_union,
                       coalesce(sum(e.public_amount), 0) AS of_public
                FROM reporting_paymentapplicationentry e WHERE e.line_id = l.id
            ) AS s
            CROSS JOIN LATERAL (VALUES (1, 'eligible', s.eligible, l.eligible_amount), (2, 'union', s.of_union, l.union_amount),
                (3, 'public', s.of_public, l.public_amount)) AS amount (rank, name, expected, found)
            WHERE amount.expected IS DISTINCT FROM amount.found ORDER BY p.id, l.id, amount.rank
        """,  # noqa: S608 - a constant
        label_words={**dict(CategoryOfRegion.choices), **AMOUNTS},
    ),
    Invariant(
        code="reporting.entry-is-its-certificate",
        name=_("Entries of a payment application"),
        sentence=_(
            "An entry asks for what its certificate certifies, and for the part that the Union and public sources bear, less "
            "what the Region does not pay of it."
        ),
        source=ASKED,
        subject=Certificate,
        sql="""
            SELECT c.id, c.number || ' · ' || amount.name AS label, amount.expected, amount.found
            FROM reporting_paymentapplicationentry e JOIN reporting_certificate c ON c.id = e.certificate_id
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(a.amount) FILTER (WHERE a.kind = 'eu'), 0) AS of_union, coalesce(sum(a.amount) FILTER (
                           WHERE a.kind IN ('eu', 'state', 'region', 'local', 'public')), 0) AS of_public,
                       coalesce(sum(a.amount) FILTER (WHERE a.kind = 'region'), 0) AS of_region
                FROM reporting_certificateallocation a WHERE a.certificate_id = c.id
            ) AS s
            CROSS JOIN LATERAL (VALUES (1, 'eligible', c.total, e.eligible_amount), (2, 'union', s.of_union, e.union_amount),
                (3, 'public', s.of_public - least(e.unpaid_amount, greatest(s.of_region, 0)), e.public_amount)
                ) AS amount (rank, name, expected, found)
            WHERE amount.expected IS DISTINCT FROM amount.found ORDER BY c.id, amount.rank
        """,
        label_words=AMOUNTS,
    ),
    Invariant(
        code="reporting.public-contribution-is-paid",
        name=_("Public contribution that is paid"),
        sentence=_(
            "Of what payment applications ask of an operation as public contribution, for each year of its grant, the EU and the "
            "Region bear no more than what is paid of that year or may still be, unless somebody has answered of these very "
            "sums how they are withdrawn or corrected with the authority of the programme."
        ),
        source=_(
            "Regulation (EU) 2021/1060, Articles 91(3)(c) and 98(6): public contribution made or to be made, what is withdrawn."
        ),
        subject=Operation,
        sql=f"""
            SELECT money.id, money.code AS label, money.payable AS expected, money.asked AS found
            FROM ({PUBLIC_MONEY}) AS money WHERE money.asked > money.payable AND NOT {CORRECTED} ORDER BY money.id
        """,  # noqa: S608 - fragments of our own
        relation="≤",
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="reporting.certificate-asked-once",
        name=_("Certificates asked once"),
        sentence=_("A certificate stands in one payment application at most: no expenditure is asked twice."),
        source=_("Rule 3 of the domain: no expenditure item stands in two payment applications."),
        subject=Certificate,
        sql="""
            SELECT c.id, c.number AS label, 1 AS expected, count(*) AS found FROM reporting_paymentapplicationentry e
            JOIN reporting_certificate c ON c.id = e.certificate_id WHERE e.released_at IS NULL GROUP BY c.id HAVING count(*) > 1 ORDER BY c.id
        """,
        unit=Unit.NUMBER,
        counted=_("payment applications"),
        relation="≤",
    ),
    Invariant(
        code="reporting.entry-of-its-priority",
        name=_("Priority of an entry"),
        sentence=_("A certificate stands in an application of its programme and fund, on the line of its priority."),
        source=ASKED,
        subject=Certificate,
        sql="""
            SELECT c.id, c.number || ' · ' || part.name AS label, part.expected, part.found
            FROM reporting_paymentapplicationentry e JOIN reporting_certificate c ON c.id = e.certificate_id
            JOIN reporting_operationversion v ON v.id = c.version_id JOIN reporting_operation o ON o.id = c.operation_id
            JOIN reporting_paymentapplicationline l ON l.id = e.line_id
            JOIN reporting_paymentapplication p ON p.id = l.application_id
            JOIN reporting_priority prio ON prio.id = l.priority_id LEFT JOIN reporting_priority wanted ON wanted.id = v.priority_id
            JOIN reporting_fund fund ON fund.id = p.fund_id LEFT JOIN reporting_fund meant ON meant.id = v.fund_id
            JOIN reporting_euprogramme prog ON prog.id = p.programme_id
            LEFT JOIN reporting_euprogramme own ON own.id = o.programme_id
            CROSS JOIN LATERAL (VALUES
                (1, 'priority', v.priority_id::text, l.priority_id::text, concat_ws(' – ', wanted.code, wanted.label_fr),
                 concat_ws(' – ', prio.code, prio.label_fr)),
                (2, 'category', v.category_of_region, l.category_of_region, v.category_of_region, l.category_of_region),
                (3, 'fund', v.fund_id::text, p.fund_id::text, meant.label_fr, fund.label_fr),
                (4, 'programme', o.programme_id::text, p.programme_id::text, own.name, prog.name)
                ) AS part (rank, name, should, stands, expected, found)
            WHERE part.should IS DISTINCT FROM part.stands ORDER BY c.id, part.rank
        """,
        unit=Unit.TEXT,
        words=dict(CategoryOfRegion.choices),
        label_words={
            "priority": _("priority"),
            "category": _("category of region"),
            "fund": _("fund"),
            "programme": _("EU programme"),
        },
    ),
    Invariant(
        code="reporting.closed-by-another",
        name=_("Payment application closed by another"),
        sentence=_("Who controlled an expenditure does not close the payment application in which it stands."),
        source=_("Regulation (EU) 2021/1060, Article 71(4): separation of functions; rule 4 of the domain."),
        subject=PaymentApplication,
        sql="""
            SELECT DISTINCT p.id, d.number AS label, 'another' AS expected, u.email AS found
            FROM reporting_paymentapplication p JOIN reporting_paymentapplicationline l ON l.application_id = p.id
            JOIN reporting_paymentapplicationentry e ON e.line_id = l.id
            JOIN reporting_certificate c ON c.id = e.certificate_id JOIN core_user u ON u.id = p.closed_by_id
            JOIN reporting_expendituredeclaration d ON d.id = c.declaration_id
            WHERE d.controller_id = p.closed_by_id ORDER BY p.id
        """,
        unit=Unit.TEXT,
        words=ANOTHER,
    ),
    Invariant(
        code="reporting.fault-outlives-its-claim",
        name=_("Fault of a claim that is over"),
        sentence=_(
            "Of every claim that was closed while it was suspended and whose expenditure was declared, somebody is asked, or has "
            "answered, whether that expenditure is regular."
        ),
        source=_("Regulation (EU) 2021/1060, Article 98(6)(b): what is being assessed is not asked for."),
        subject=Operation,
        sql="""
            SELECT d.operation_id AS id, c.number AS label, 'asked' AS expected, 'none' AS found
            FROM reporting_expendituredeclaration d JOIN agreements_paymentclaim c ON c.id = d.claim_id
            WHERE c.state = 'paid'
              AND EXISTS (SELECT 1 FROM core_event v JOIN django_content_type t ON t.id = v.content_type_id
                          WHERE t.app_label = 'agreements' AND t.model = 'paymentclaim' AND v.object_id = c.id
                            AND v.from_state = 'suspended' AND v.to_state = 'paid')
              AND NOT EXISTS (SELECT 1 FROM reporting_operationflag f WHERE f.claim_id = c.id AND f.kind = 'fault_open'
                                AND f.operation_id = d.operation_id AND f.state IN ('open', 'answered'))
            ORDER BY d.operation_id, c.id
        """,
        unit=Unit.TEXT,
        words={"asked": _("a doubt, open or answered"), "none": _("none")},
    ),
    Invariant(
        code="reporting.sent-without-doubt",
        name=_("Suspended claims of a payment application"),
        sentence=_(
            "No payment application was sent while a fault was open on a claim whose expenditure it asks for: suspended, or "
            "closed without its payment before anybody said that the expenditure is regular."
        ),
        source=_("Regulation (EU) 2021/1060, Article 98(6)(b): what is being assessed is not asked for."),
        subject=PaymentApplication,
        sql=f"""
            SELECT p.id, c.number AS label, {day_of("p.sent_at")} AS expected,
                   {day_of("s.since")} AS found
            FROM reporting_paymentapplication p JOIN reporting_paymentapplicationline l ON l.application_id = p.id
            JOIN reporting_paymentapplicationentry e ON e.line_id = l.id JOIN reporting_certificate k ON k.id = e.certificate_id
            JOIN reporting_expendituredeclaration d ON d.id = k.declaration_id
            JOIN agreements_paymentclaim c ON c.id = d.claim_id
            JOIN LATERAL (SELECT max(v.created_at) AS since FROM core_event v
                          JOIN django_content_type t ON t.id = v.content_type_id
                          WHERE t.app_label = 'agreements' AND t.model = 'paymentclaim' AND v.object_id = c.id
                            AND v.action = 'suspend') AS s ON TRUE
            WHERE p.sent_at IS NOT NULL AND s.since < p.sent_at AND (c.state = 'suspended' OR c.state = 'paid' AND EXISTS (
                      SELECT 1 FROM core_event v JOIN django_content_type t ON t.id = v.content_type_id
                      WHERE t.app_label = 'agreements' AND t.model = 'paymentclaim' AND v.object_id = c.id
                        AND v.from_state = 'suspended' AND v.to_state = 'paid' AND v.created_at < p.sent_at)
                  AND NOT EXISTS (SELECT 1 FROM reporting_operationflag f WHERE f.claim_id = c.id AND f.kind = 'fault_open'
                                    AND f.answer = 'regular' AND f.answered_at <= p.sent_at)) ORDER BY p.id, c.id
        """,  # noqa: S608 - the day of a moment
        unit=Unit.DAY,
        relation="≥",
    ),
    Invariant(
        code="reporting.given-back-with-its-application",
        name=_("Entries of withdrawn payment applications"),
        sentence=_("What a payment application asked for is given back when it is withdrawn, and only then."),
        source=_("Rule 3 of the domain: no expenditure item stands in two payment applications."),
        subject=PaymentApplication,
        sql="""
            SELECT p.id, c.number AS label, p.state AS expected, CASE WHEN e.released_at IS NULL THEN 'closed' ELSE 'void' END AS found
            FROM reporting_paymentapplicationentry e JOIN reporting_paymentapplicationline l ON l.id = e.line_id
            JOIN reporting_paymentapplication p ON p.id = l.application_id
            JOIN reporting_certificate c ON c.id = e.certificate_id
            WHERE (e.released_at IS NULL) = (p.state = 'void') ORDER BY p.id, c.id
        """,
        unit=Unit.TEXT,
        words=dict(PaymentApplicationState.choices),
    ),
    Invariant(
        code="reporting.sent-in-order",
        name=_("Dates of a payment application"),
        sentence=_("A payment application is closed, sent and accepted in this order, and on no day to come."),
        source=_("Rule 8 of the domain: every figure can be produced again from its cut-off date."),
        subject=PaymentApplication,
        sql=f"""
            SELECT p.id, {NAMED} || ' · ' || step.name AS label, step.expected, step.found
            FROM reporting_paymentapplication p CROSS JOIN LATERAL (VALUES
                ('closed', '≥ ' || opened_at, closed_at::text, closed_at < opened_at),
                ('sent', '≥ ' || closed_at, sent_at::text, sent_at < closed_at),
                ('accepted', '≥ ' || sent_at, accepted_at::text, accepted_at < sent_at),
                ('sent', '≥ ' || {day_of("closed_at")}, sent_on::text, sent_on < {day_of("closed_at")}),
                ('sent', '≤ ' || {day_of("sent_at")}, sent_on::text, sent_on > {day_of("sent_at")}),
                ('accepted', '≥ ' || sent_on, accepted_on::text, accepted_on < sent_on),
                ('accepted', '≤ ' || {day_of("accepted_at")}, accepted_on::text, accepted_on > {day_of("accepted_at")})
            ) AS step (name, expected, found, is_wrong)
            WHERE step.is_wrong ORDER BY p.id
        """,  # noqa: S608 - a fragment of our own
        unit=Unit.DAY,
        label_words=dict(PaymentApplicationState.choices),
        relation="",
    ),
    Invariant(
        code="reporting.application-in-its-year",
        name=_("Accounting year of a payment application"),
        sentence=_(
            "A payment application is opened and closed in its accounting year or the month after, and asks for nothing"
            " certified later."
        ),
        source=_(
            "Regulation (EU) 2021/1060, Articles 2(29) and 91(1): the last application of a year is made by 31 July."
        ),
        subject=PaymentApplication,
        sql=f"""
            SELECT p.id, {NAMED} AS label,
                   CASE WHEN {day_of("p.opened_at")} < y.starts_on THEN '≥ ' || y.starts_on
                        WHEN {day_of("max(c.issued_at)")} > y.ends_on THEN '≤ ' || y.ends_on
                        ELSE '≤ ' || (y.ends_on + {GRACE_DAYS}) END AS expected,
                   CASE WHEN {day_of("p.opened_at")} < y.starts_on THEN {day_of("p.opened_at")}
                        WHEN {day_of("max(c.issued_at)")} > y.ends_on THEN {day_of("max(c.issued_at)")}
                        ELSE {day_of("coalesce(p.closed_at, p.opened_at)")} END AS found
            FROM reporting_paymentapplication p JOIN reporting_accountingyear y ON y.id = p.accounting_year_id
            LEFT JOIN reporting_paymentapplicationline l ON l.application_id = p.id
            LEFT JOIN reporting_paymentapplicationentry e ON e.line_id = l.id
            LEFT JOIN reporting_certificate c ON c.id = e.certificate_id
            WHERE p.state <> 'void' GROUP BY p.id, y.id
            HAVING {day_of("p.opened_at")} < y.starts_on
                OR {day_of("coalesce(p.closed_at, p.opened_at)")} > y.ends_on + {GRACE_DAYS}
                OR {day_of("max(c.issued_at)")} > y.ends_on ORDER BY p.id
        """,  # noqa: S608 - a fragment of our own
        unit=Unit.DAY,
        relation="",
    ),
    Invariant(
        code="reporting.late-for-a-reason",
        name=_("Late sending of a payment application"),
        sentence=_(
            "A payment application leaves by the last day of its accounting year; one that leaves later says why, and counts in the next year."
        ),
        source=_(
            "Regulation (EU) 2021/1060, Articles 2(29) and 91(1): the last application of a year is made by 31 July."
        ),
        subject=PaymentApplication,
        sql=f"""
            SELECT p.id, {NAMED} AS label, CASE WHEN p.late_reason = '' THEN '≤ ' || (y.ends_on + {GRACE_DAYS})
                       ELSE '≥ ' || (y.ends_on + {GRACE_DAYS} + 1) END AS expected, p.sent_on AS found
            FROM reporting_paymentapplication p JOIN reporting_accountingyear y ON y.id = p.accounting_year_id
            WHERE (p.sent_on > y.ends_on + {GRACE_DAYS}) <> (p.late_reason <> '') ORDER BY p.id
        """,  # noqa: S608 - a fragment of our own
        unit=Unit.DAY,
        relation="",
    ),
    Invariant(
        code="reporting.line-has-its-allocation",
        name=_("Allocation of a line"),
        sentence=_(
            "Each line of a payment application has the allocation of its priority, fund and category, on its basis."
        ),
        source=_(
            "Regulation (EU) 2021/1060, Article 112: the co-financing rate of a priority applies to its expenditure."
        ),
        subject=PaymentApplication,
        sql="""
            SELECT p.id, pr.code || ' · ' || l.category_of_region AS label, l.basis AS expected, a.basis AS found
            FROM reporting_paymentapplicationline l JOIN reporting_paymentapplication p ON p.id = l.application_id
            JOIN reporting_priority pr ON pr.id = l.priority_id
            LEFT JOIN reporting_priorityallocation a ON a.priority_id = l.priority_id AND a.fund_id = p.fund_id
                 AND a.category_of_region = l.category_of_region
            WHERE a.basis IS DISTINCT FROM l.basis ORDER BY p.id, l.id
        """,
        unit=Unit.TEXT,
        words=dict(Basis.choices),
        label_words=dict(CategoryOfRegion.choices),
    ),
)
