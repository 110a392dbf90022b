"""The certified claims on which another amount is due now than when they were certified, and the work that they are.

Which claims stand in a list of work, in one query; how much, and why, is said of each by ``agreements.still_due``, which
``tests/agreements/test_still_due.py`` holds together with them.
"""

from collections.abc import Callable, Iterable, Iterator

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from agreements.models.due_rules import AXES_OF, COMPARES, DUE_IN_ALL
from core.money import format_euros
from core.navigation import WorkItem

_AXES = AXES_OF.format(which="a.id IN (SELECT agreement_id FROM certified)")
_TOLD = f"""
    WITH certified AS (
        SELECT c.id AS key, c.agreement_id, i.tranche_id, i.kind, i.needs_expenditure, c.claimed_amount, c.given_up_amount,
               c.certified_amount - c.given_up_amount AS payable, coalesce(c.due_as_certified, c.certified_amount) AS due_then
        FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id WHERE c.state = 'certified'
    ), axis AS ({_AXES}), counted AS (
        SELECT certified.key, c.id, c.certified_total, c.certified_amount, {COMPARES} AS compares
        FROM certified JOIN agreements_instalment i ON i.agreement_id = certified.agreement_id
         AND i.tranche_id IS NOT DISTINCT FROM certified.tranche_id
        JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.state <> 'rejected'
    ), spending AS (
        SELECT counted.key, l.axis, sum(coalesce(l.certified_amount, 0)) AS spent
        FROM counted JOIN agreements_expenditureline l ON l.claim_id = counted.id GROUP BY 1, 2
    ), its AS (
        SELECT certified.*, coalesce(t.amount, a.granted_amount) AS granted, coalesce(t.cost, a.eligible_base) AS base,
               CASE WHEN certified.kind = 'interim' AND NOT others.compared THEN 'strict' ELSE a.proration END AS policy,
               a.proration_tolerance, a.proration_cut, others.spent, others.accepted, others.compared
        FROM certified JOIN agreements_agreement a ON a.id = certified.agreement_id
        LEFT JOIN agreements_tranche t ON t.id = certified.tranche_id
        CROSS JOIN LATERAL (
            SELECT sum(c.certified_total) AS spent,
                   coalesce(sum(c.certified_amount) FILTER (WHERE c.id <> c.key), 0) AS accepted,
                   coalesce(bool_or(c.compares) FILTER (WHERE c.id <> c.key), FALSE) AS compared
            FROM counted c WHERE c.key = certified.key) AS others
    ), told AS (
        SELECT known.*, CASE WHEN needs_expenditure OR compared THEN least(greatest(due - accepted, 0), claimed_amount)
                             ELSE claimed_amount END AS due_now
        FROM ({DUE_IN_ALL}) AS known
    )
    SELECT key FROM told WHERE
"""  # noqa: S608 - fragments of our own

#: SQL: the ids of the certified claims of which less is due than what was certified, and of those of which more is due than
#: when they were. One of which a part was given up keeps its certificate.
LESS = f"({_TOLD} payable > due_now)"
MORE = f"({_TOLD} due_now > due_then AND given_up_amount = 0)"


def less_is_due() -> Q:
    """The condition of a claim of which less is due than what was certified: the instructor certifies what still is."""
    return Q(pk__in=RawSQL(LESS, []))  # noqa: S611 - constants


def more_is_due() -> Q:
    """The condition of a claim of which more is due than when it was certified: finance sends it back."""
    return Q(pk__in=RawSQL(MORE, []))  # noqa: S611 - constants


def with_change(claims: QuerySet) -> QuerySet:
    """Claims that know whether another amount is due on them than when they were certified (``due_has_changed``)."""
    return claims.annotate(due_has_changed=ExpressionWrapper(less_is_due() | more_is_due(), BooleanField()))


def to_certify_again(claims: Iterable, address: Callable[[object], str], *, certifies: bool) -> Iterator[WorkItem]:
    """The work of the instructor on claims of which less is due (``certifies``), or what the head reads of it."""
    for claim in claims:
        words = _("Certified: %(amount)s, and less is due now. The instructor certifies what is still due")
        yield _item(
            claim, address, words, _("Certify again") if certifies else _("Read"), "act" if certifies else "wait"
        )


def to_send_back(claim, address: Callable[[object], str]) -> WorkItem:
    """The work of finance on a claim of which more is due: it is neither ordered nor closed."""
    words = _("Certified: %(amount)s, and more is due now. Send it back, the instructor certifies it again")
    return _item(claim, address, words, _("Send back"), "act")


def _item(claim, address: Callable[[object], str], words: str, action: str, tone: str) -> WorkItem:
    return WorkItem(
        due=claim.instalment.due_on,
        title=f"{claim.number} · {claim.agreement.beneficiary.display_name}",
        why=words % {"amount": format_euros(claim.payable_amount)},
        url=address(claim),
        action=action,
        tone=tone,
    )
