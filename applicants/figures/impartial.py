"""Nobody acts for the Region on a case of a body for which they act: the same question for the acts of each app."""

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from applicants.models import Applicant, BankAccount
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
        WHERE EXISTS (SELECT 1 FROM ({bodies_of_case("act.of_case")}) AS of_case(id, address, place)
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
    ),
    Invariant(
        code="applicants.interest-stays",
        name=_("Interest of who left a body"),
        sentence=_(
            "Who left a body keeps an interest in it, and each interest that stays is of somebody who was there."
        ),
        source=IMPARTIAL,
        subject=Applicant,
        # The history says who acted; interests stay from the first that did on.
        sql="""
            WITH gone AS (
                SELECT user_id, applicant_id, pgh_created_at AS at FROM applicants_membershipevent
                WHERE pgh_label = 'delete' AND pgh_created_at > (
                    SELECT applied FROM django_migrations
                    WHERE app = 'applicants' AND name = '0012_interests_stay_after_leaving')
            ), wrong AS (
                SELECT gone.applicant_id, gone.user_id, 'kept' AS expected, 'none' AS found FROM gone
                WHERE NOT EXISTS (
                    SELECT 1 FROM applicants_keptinterest kept WHERE kept.user_id = gone.user_id
                      AND kept.applicant_id = gone.applicant_id AND kept.tie = 'acted'
                      AND kept.ended_at BETWEEN gone.at - interval '1 hour' AND gone.at + interval '1 hour')
                UNION ALL
                SELECT kept.applicant_id, kept.user_id, 'never', 'kept' FROM applicants_keptinterest kept
                WHERE kept.tie = 'acted' AND NOT EXISTS (
                        SELECT 1 FROM applicants_membershipevent been
                        WHERE been.user_id = kept.user_id AND been.applicant_id = kept.applicant_id)
                   OR kept.tie = 'asked' AND NOT EXISTS (
                        SELECT 1 FROM applicants_joinrequestevent been
                        WHERE been.user_id = kept.user_id AND been.applicant_id = kept.applicant_id)
            )
            SELECT wrong.applicant_id AS id, u.email AS label, wrong.expected, wrong.found
            FROM wrong JOIN core_user u ON u.id = wrong.user_id ORDER BY wrong.applicant_id, u.id
        """,
        unit=Unit.TEXT,
        words={
            "kept": _("an interest that stays"),
            "none": _("none"),
            "never": _("nothing: this person was never there"),
        },
    ),
)

register(
    Invariant(
        code="applicants.declaration-answers-a-naming",
        name=_("Declaration of no interest"),
        sentence=_(
            "Each place that a declaration of no interest answers named the person on its day, and it answers one."
        ),
        source=IMPARTIAL,
        subject=Applicant,
        sql="""
            SELECT DISTINCT n.applicant_id AS id, u.email AS label, 'named' AS expected, 'nowhere' AS found
            FROM applicants_nointerest n JOIN core_user u ON u.id = n.user_id
                LEFT JOIN LATERAL unnest(n.places) AS said(place) ON TRUE
            WHERE n.void_at IS NULL AND n.address <> '' AND NOT coalesce(CASE
                WHEN said.place = 'address' THEN n.address = (
                    SELECT lower(line.email) FROM applicants_applicantevent line
                     WHERE line.pgh_obj_id = n.applicant_id AND line.pgh_created_at <= n.declared_at
                     ORDER BY line.pgh_id DESC LIMIT 1)
                WHEN said.place = 'invitation' THEN EXISTS (
                    SELECT 1 FROM applicants_invitation sent WHERE sent.applicant_id = n.applicant_id
                       AND NOT sent.withheld AND lower(sent.email) = n.address AND sent.created_at <= n.declared_at)
                WHEN said.place LIKE 'kept:%%' THEN EXISTS (
                    SELECT 1 FROM applicants_keptinterest kept WHERE 'kept:' || kept.id = said.place
                       AND kept.user_id = n.user_id AND kept.applicant_id = n.applicant_id AND kept.tie = 'named')
                WHEN said.place LIKE 'case:%%' THEN EXISTS (
                    SELECT 1 FROM grants_personlineevent line
                     WHERE 'case:' || line.application_id = said.place AND lower(line.email) = n.address
                       AND line.pgh_created_at <= n.declared_at)
                END, FALSE) ORDER BY n.applicant_id
        """,
        unit=Unit.TEXT,
        words={"named": _("named by the body"), "nowhere": _("named nowhere by it then")},
    )
)
