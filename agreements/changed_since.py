"""The certified claims on which another amount is due now than when they were certified, the ordered ones of which less is
due than what is ordered, and the work that they are.

Which claims stand in a list of work, in one query; how much, and why, is said of each by ``agreements.still_due``, which
``tests/agreements/test_still_due.py`` holds together with them.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from agreements.models.due_rules import AXES_OF, COMPARES, DUE_IN_ALL, KEPT, NOBODY_DECLARES
from core.money import format_euros
from core.navigation import WorkItem

_AXES = AXES_OF.format(which="a.id IN (SELECT agreement_id FROM mine)")


def _told(state: str, columns: str = "key") -> str:
    """Return the SQL of ``columns`` of the claims in a state, with what is due on them (``due_now``), up to its WHERE."""
    return f"""
    WITH mine AS (
        SELECT c.id AS key, c.agreement_id, i.tranche_id, i.kind, i.needs_expenditure, c.claimed_amount, c.given_up_amount,
               c.certified_amount - c.given_up_amount AS payable, coalesce(c.due_as_certified, c.certified_amount) AS due_then,
               c.ordered_amount, c.paid_amount, {KEPT.format(claim="c.id")} AS kept
        FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id WHERE c.state = '{state}'
    ), axis AS ({_AXES}), counted AS (
        SELECT mine.key, c.id, c.certified_total, c.certified_amount, c.given_up_amount, {COMPARES} AS compares
        FROM mine JOIN agreements_instalment i ON i.agreement_id = mine.agreement_id
         AND i.tranche_id IS NOT DISTINCT FROM mine.tranche_id
        JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.state <> 'rejected'
    ), spending AS (
        SELECT counted.key, l.axis, sum(coalesce(l.certified_amount, 0)) AS spent
        FROM counted JOIN agreements_expenditureline l ON l.claim_id = counted.id GROUP BY 1, 2
    ), its AS (
        SELECT mine.*, coalesce(t.amount, a.granted_amount) AS granted, coalesce(t.cost, a.eligible_base) AS base,
               CASE WHEN mine.kind = 'interim' AND NOT others.compared THEN 'strict' ELSE a.proration END AS policy,
               a.proration_tolerance, a.proration_cut, others.spent, others.accepted, others.going, others.compared,
               {NOBODY_DECLARES.format(agreement="a", tranche="mine.tranche_id")} AS undeclared
        FROM mine JOIN agreements_agreement a ON a.id = mine.agreement_id
        LEFT JOIN agreements_tranche t ON t.id = mine.tranche_id
        CROSS JOIN LATERAL (
            SELECT sum(c.certified_total) AS spent,
                   coalesce(sum(c.certified_amount) FILTER (WHERE c.id <> c.key), 0) AS accepted,
                   coalesce(sum(c.certified_amount - c.given_up_amount) FILTER (WHERE c.id <> c.key), 0) AS going,
                   coalesce(bool_or(c.compares) FILTER (WHERE c.id <> c.key), FALSE) AS compared
            FROM counted c WHERE c.key = mine.key) AS others
    ), told AS (
        SELECT known.*, least(CASE WHEN needs_expenditure OR compared THEN least(greatest(due - accepted, 0), claimed_amount)
                                   WHEN undeclared THEN least(greatest(due - going, 0), claimed_amount)
                                   ELSE claimed_amount END, kept) AS due_now
        FROM ({DUE_IN_ALL}) AS known
    )
    SELECT {columns} FROM told WHERE
"""  # noqa: S608 - fragments of our own


#: SQL: the ids of the certified claims of which less is due than what was certified, and of those of which more is due than
#: when they were. One of which a part was given up keeps its certificate.
LESS = f"({_told('certified')} payable > due_now)"
MORE = f"({_told('certified')} due_now > due_then AND given_up_amount = 0)"
#: … and both.
_IS_ANOTHER = "(payable > due_now OR due_now > due_then AND given_up_amount = 0)"
CHANGED = f"({_told('certified')} {_IS_ANOTHER})"
#: SQL: the ids of the ordered claims of which less is due than what is ordered, as long as some of it is not paid.
_ABOVE = "ordered_amount > due_now AND ordered_amount > paid_amount"
ORDERED_ABOVE = f"({_told('ordered')} {_ABOVE})"


def due_is_another() -> Q:
    """The condition of a certified claim of which more or less is due now: the instructor certifies what is."""
    return Q(pk__in=RawSQL(CHANGED, []))  # noqa: S611 - constants


def changed_claims() -> list[int]:
    """The ids of these claims; one query. Cheaper than the condition in a query that asks it twice, beside much else."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGED)
        return [key for (key,) in cursor.fetchall()]


def changed_among(claims: Iterable) -> frozenset[int]:
    """The ids of those of these claims on which another amount is due than when they were certified; one query at most."""
    wanted = sorted(claim.pk for claim in claims if claim.state == "certified")
    if not wanted:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(f"{_told('certified')} {_IS_ANOTHER} AND key = ANY (%s)", [wanted])
        return frozenset(key for (key,) in cursor.fetchall())


def less_is_due() -> Q:
    """The condition of a claim of which less is due than what was certified."""
    return Q(pk__in=RawSQL(LESS, []))  # noqa: S611 - constants


def more_is_due() -> Q:
    """The condition of a claim of which more is due than when it was certified."""
    return Q(pk__in=RawSQL(MORE, []))  # noqa: S611 - constants


def ordered_above(path: str = "pk") -> Q:
    """The condition of a claim (``path`` leads to it) of which more is ordered than what is due, and not paid yet."""
    return Q(**{f"{path}__in": RawSQL(ORDERED_ABOVE, [])})  # noqa: S611 - constants


def due_of_those_above(claims: Iterable[int]) -> dict[int, Decimal]:
    """Euros due now on those of these ordered claims (ids) of which more is ordered than what is due; one query."""
    wanted = sorted(set(claims))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(f"{_told('ordered', 'key, due_now')} {_ABOVE} AND key = ANY (%s)", [wanted])
        return dict(cursor.fetchall())


def with_change(claims: QuerySet) -> QuerySet:
    """Claims that know whether another amount is due on them than when they were certified (``due_has_changed``)."""
    return claims.annotate(due_has_changed=ExpressionWrapper(due_is_another(), BooleanField()))


def to_certify_again(claims: Iterable, address: Callable[[object], str], *, certifies: bool) -> Iterator[WorkItem]:
    """The work of the instructor on claims of which another amount is due (``certifies``), or what the head reads of it."""
    for claim in claims:
        words = _("Certified: %(amount)s, and another amount is due now. The instructor certifies what is due now")
        yield WorkItem(
            due=claim.instalment.due_on,
            title=f"{claim.number} · {claim.agreement.beneficiary.display_name}",
            why=words % {"amount": format_euros(claim.payable_amount)},
            url=address(claim),
            action=_("Certify again") if certifies else _("Read"),
            tone="act" if certifies else "wait",
        )


def to_take_out(claims: Iterable, address: Callable[[object], str]) -> Iterator[WorkItem]:
    """The work of finance on claims in a batch that has not left, of which less is due than what is ordered."""
    claims = list(claims)
    due = due_of_those_above(claim.pk for claim in claims)
    for claim in claims:
        words = _("Ordered: %(ordered)s, and %(due)s due now. Take it out of its batch: it does not leave before")
        yield WorkItem(
            due=None,
            title=f"{claim.number} · {claim.agreement.beneficiary.display_name}",
            why=words % {"ordered": format_euros(claim.ordered_amount), "due": format_euros(due[claim.pk])},
            url=address(claim),
            action=_("Take out of the batch"),
            tone="act",
        )
