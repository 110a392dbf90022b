"""False states that were once possible, while conditions looked at their own row alone; each with the figure that sees it."""

from tests.invariants.agreements_breaks import PAID
from tests.invariants.endings_breaks import ENDED_BEFORE, LAST_OF_THE_ENDED

OF_PAID = f"agreements_paymentorder WHERE claim_id = {PAID}"
ENDED_GRANT = (
    "SELECT max(app.id) FROM grants_application app JOIN applicants_deminimisaid aid ON aid.case_number = app.number "
    "AND aid.origin = 'granted' AND aid.withdrawn_on IS NULL LEFT JOIN agreements_agreement a ON a.application_id = app.id "
    "WHERE coalesce(a.ordered_amount, 0) = 0"
)


def of_the_ended(state: str) -> str:
    """A claim of an ended agreement, which its settlement does not name, in this state."""
    return f"UPDATE agreements_paymentclaim SET state = '{state}' WHERE id = {LAST_OF_THE_ENDED}"


# What was possible: the figure that sees it, and how it is made; as the figure is broken elsewhere, where nothing is said.
STATES = {
    "an envelope pays what an ended agreement gave back": ("agreements.envelope-pays-what-it-holds", ()),
    "an ended agreement holds what it gave back": ("agreements.ended-holds-nothing", ()),
    "a claim is examined after the end": ("agreements.end-settles-every-claim", (of_the_ended("under_review"),)),
    "a claim is certified after the end": ("agreements.end-settles-every-claim", (of_the_ended("certified"),)),
    "a claim is closed after the end": ("agreements.end-settles-every-claim", (ENDED_BEFORE,)),
    "an order is made after the end": ("agreements.no-order-after-the-end", ()),
    "an order is confirmed after the end": ("agreements.no-order-after-the-end", (ENDED_BEFORE,)),
    "a draft claim of an ended agreement waits to be filed": (
        "agreements.end-settles-every-claim",
        (of_the_ended("draft"),),
    ),
    "a report is accepted before its year has ended": ("agreements.report-after-its-year", ()),
    "a report of nothing spent is accepted without a word": ("agreements.year-opened-on-something", ()),
    "a year is open without the report of the year before": ("agreements.tranche-after-report", ()),
    "an agreement is completed, most of it given up for no reason": ("agreements.given-up-for-a-reason", ()),
    "a suspended claim stands in no work list": ("agreements.open-claim-is-somebodys", ()),
    "a hand-over puts decisions back": (
        "core.states-have-events",
        (
            "UPDATE reporting_expenditureitem SET state = 'pending' WHERE id = (SELECT max(id) FROM reporting_expenditureitem "
            "WHERE state <> 'pending')",
        ),
    ),
    "the Commission accepts in the future": (
        "reporting.sent-in-order",
        (
            "UPDATE reporting_paymentapplication SET accepted_on = current_date + 30 "
            "WHERE id = (SELECT max(id) FROM reporting_paymentapplication WHERE accepted_on IS NOT NULL)",
        ),
    ),
    "a claim stays ordered without any order": ("agreements.order-stands-on-its-claim", ()),
    "a grant stays in the register after it lapsed": (
        "agreements.register-is-grants",
        (f"UPDATE grants_application SET state = 'lapsed' WHERE id = ({ENDED_GRANT})",),
    ),
    "a batch whose orders were cancelled is paid": (
        "agreements.batch-ended-right",
        (
            "UPDATE agreements_paymentorder SET state = 'cancelled', cancel_reason = 'x', paid_on = NULL "
            f"WHERE batch_id = (SELECT max(batch_id) FROM {OF_PAID})",
        ),
    ),
    "the rest of a claim of several persons is nobody’s": ("agreements.rest-is-somebodys", ()),
}
