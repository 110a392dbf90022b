"""Nobody acts for the Region on a case of a body for which they act: the same question for the acts of each app."""

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from applicants.models import BankAccount
from applicants.models.triggers import bodies_of_case, interested
from core.figures.invariants import ANOTHER, Invariant, Unit, register

IMPARTIAL = _("Code of relations between the public and the administration, Article L100-2: impartiality.")


class Act(NamedTuple):
    """Who acted, and when: columns of ``rows``, SQL after FROM in which ``case`` is an SQL expression of the case."""

    rows: str
    id: str
    case: str
    who: str
    at: str


def partial(acts: Iterable[Act], label: str, table: str) -> str:
    """SQL of the acts of a person who then acted for a body of the case; ``table`` as ``row`` gives id and ``label``.

    The addresses of persons in a case are not looked at: no row says since when one stands there.
    """
    done = " UNION ALL ".join(
        f"SELECT {act.id} AS id, {act.case} AS of_case, {act.who} AS who, {act.at} AS done_at FROM {act.rows}"  # noqa: S608
        for act in acts
    )
    return f"""
        SELECT DISTINCT row.id, {label} AS label, 'another' AS expected, u.email AS found FROM ({done}) AS act
        JOIN {table} AS row ON row.id = act.id JOIN core_user u ON u.id = act.who
        WHERE EXISTS (SELECT 1 FROM ({bodies_of_case("act.of_case")}) AS of_case(id, address)
                      WHERE {interested("act.who", "of_case.id", "act.done_at")})
        ORDER BY row.id
    """  # noqa: S608 - constants


register(
    Invariant(
        code="applicants.account-verified-impartially",
        name=_("Interest in a bank account"),
        sentence=_("Nobody verified the bank account of a body for which they acted."),
        source=IMPARTIAL,
        subject=BankAccount,
        sql=f"""
            SELECT account.id, account.holder_name AS label, 'another' AS expected, u.email AS found
            FROM applicants_bankaccount account JOIN core_user u ON u.id = account.verified_by_id
            WHERE {interested("u.id", "account.applicant_id", "account.verified_at")} ORDER BY account.id
        """,  # noqa: S608 - constants
        unit=Unit.TEXT,
        words=ANOTHER,
    )
)
