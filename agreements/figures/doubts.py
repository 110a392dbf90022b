"""Doubts about the invoices of filed claims: answered in time, long before a certification needs the answer."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from agreements.models import PaymentClaim
from agreements.models.same_invoice import MAY_BE_ONE
from core.figures.invariants import Invariant, Severity, Unit, register

register(
    Invariant(
        code="agreements.doubts-are-answered-in-time",
        name=_("Doubts about invoices"),
        sentence=_(
            "Where a line of a filed claim may be an invoice that stands on another line, of this claim or of another filed "
            "one, a person says what it is within the days that the settings allow."
        ),
        source=_(
            "Settings of the Region (ESSOR_DOUBTS_ANSWERED_DAYS): a grant is paid within sixty days of its claim, which is not "
            "certified before that answer."
        ),
        subject=PaymentClaim,
        # Asked since both were filed; of a claim that is with its beneficiary again, once it comes back. What is certified
        # without an answer: ``agreements.doubles-are-answered``.
        sql=f"""
            SELECT c.id, c.number || ' · ' || mine.invoice_number AS label, 0 AS expected, count(*) AS found
            FROM agreements_paymentclaim c JOIN agreements_expenditureline mine ON mine.claim_id = c.id
            JOIN agreements_expenditureline other ON {MAY_BE_ONE}
            JOIN agreements_paymentclaim its ON its.id = other.claim_id
            WHERE c.state IN ('submitted', 'under_review', 'suspended') AND its.state NOT IN ('draft', 'returned', 'rejected')
              AND greatest(c.submitted_at, its.submitted_at) < now() - make_interval(days => %(days)s)
              AND NOT EXISTS (SELECT 1 FROM agreements_duplicatewarning w
                              WHERE w.answered_at IS NOT NULL AND w.lapsed_at IS NULL
                                AND ((w.line_id = mine.id AND w.other_line_id = other.id)
                                  OR (w.line_id = other.id AND w.other_line_id = mine.id)))
            GROUP BY c.id, mine.id ORDER BY c.id, mine.rank
        """,  # noqa: S608 - a fragment of our own
        parameters=lambda: {"days": settings.ESSOR_DOUBTS_ANSWERED_DAYS},
        unit=Unit.NUMBER,
        counted=_("invoices without an answer"),
        severity=Severity.FOLLOW_UP,
    ),
)
