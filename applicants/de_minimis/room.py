"""What a single undertaking may still receive as de minimis aid: the one computation of screens and decisions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection

from applicants.models import Applicant, DeMinimisAid, DeMinimisCeiling
from applicants.models.applicant import SINGLE_UNDERTAKING
from applicants.models.de_minimis import Regime, aid_told
from applicants.rules.de_minimis import Aid, Verdict, assess, ceiling_for

# Each of some applicants with the members of its undertaking.
UNDERTAKINGS = f"""
    SELECT body.id, member.id FROM applicants_applicant body
    JOIN LATERAL ({SINGLE_UNDERTAKING.replace("%s", "body.id")}) AS member ON TRUE WHERE body.id = ANY(%s)
"""  # noqa: S608 - a constant


@dataclass(frozen=True)
class Asked:
    """An aid that one decision would grant: to whom, how many euros, under which regime, for which case."""

    applicant_id: int
    amount: Decimal
    regime: str
    case_number: str


def assess_for(
    applicant: Applicant, asked: Decimal, on: date, regime: str = Regime.GENERAL, *, without_case: str = ""
) -> Verdict:
    """Whether ``asked`` euros may be granted to ``applicant`` on ``on``, with the aids of its whole undertaking.

    The undertaking is every establishment of the enterprise (SIREN) and of the enterprises linked with it.
    ``without_case`` leaves out the aid of a case that is looked at again.

    Raises:
        NoCeiling: no ceiling is known for the regime on that day.
    """
    aids = DeMinimisAid.objects.of_undertaking(applicant).counted().filter(granted_on__lte=on)
    if without_case:
        aids = aids.exclude(case_number=without_case)
    # One query for both: each page of a case asks this.
    ceilings = list(DeMinimisCeiling.objects.filter(regime=regime).annotate(aids=ArraySubquery(aids.told())))
    return _verdict(asked, on, [aid_told(told) for told in ceilings[0].aids] if ceilings else [], regime, ceilings)


def assess_in_turn(asked: Sequence[Asked], on: date) -> list[Verdict]:
    """Whether these aids may be granted on ``on`` one after the other, each beside those before it, as a session closes.

    Three queries, whatever their number. Aids of these cases that stand in the register already do not count twice.

    Raises:
        NoCeiling: as :func:`assess_for`.
    """
    if not asked:
        return []
    members = _undertakings({each.applicant_id for each in asked})
    ceilings = list(DeMinimisCeiling.objects.filter(regime__in={each.regime for each in asked}))
    known = list(
        DeMinimisAid.objects.counted()
        .filter(granted_on__lte=on, applicant__in=set().union(*members.values()))
        .order_by("granted_on", "pk")
    )
    verdicts = []
    for number, each in enumerate(asked):
        of_all, before = members[each.applicant_id], asked[:number]
        again = {each.case_number, *(other.case_number for other in before)} - {""}
        aids = [row.as_rule() for row in known if row.applicant_id in of_all and row.case_number not in again]
        aids += [
            Aid(on, other.amount, other.regime, other.case_number) for other in before if other.applicant_id in of_all
        ]
        verdicts.append(_verdict(each.amount, on, aids, each.regime, ceilings))
    return verdicts


def _undertakings(applicants: set[int]) -> dict[int, set[int]]:
    """The members of the undertaking of each applicant, itself included."""
    found: dict[int, set[int]] = {key: {key} for key in applicants}
    with connection.cursor() as cursor:
        cursor.execute(UNDERTAKINGS, [list(applicants)])
        for applicant, member in cursor.fetchall():
            found[applicant].add(member)
    return found


def _verdict(
    asked: Decimal, on: date, aids: Iterable[Aid], regime: str, ceilings: Iterable[DeMinimisCeiling]
) -> Verdict:
    return assess(
        asked,
        on,
        aids,
        ceiling_for(regime, on, [ceiling.as_rule() for ceiling in ceilings]),
        count_anniversary=settings.ESSOR_DE_MINIMIS_COUNTS_ANNIVERSARY,
    )


def hold_room(applicant: Applicant) -> None:
    """Keep any other decision on the same undertaking waiting until the transaction ends.

    The rows of all its establishments are locked in one order: two votes for two of them come one after the other,
    and the second one sees what the first one granted.
    """
    group = Applicant.objects.of_undertaking(applicant).order_by("pk")
    list(group.select_for_update(of=("self",), no_key=True).values_list("pk"))
