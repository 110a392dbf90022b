"""What a single undertaking may still receive as de minimis aid: the one computation of screens and decisions."""

from datetime import date
from decimal import Decimal

from django.conf import settings

from applicants.models import Applicant, DeMinimisAid, DeMinimisCeiling
from applicants.models.de_minimis import Regime
from applicants.rules.de_minimis import Verdict, assess, ceiling_for


def assess_for(
    applicant: Applicant, asked: Decimal, on: date, regime: str = Regime.GENERAL, *, without_case: str = ""
) -> Verdict:
    """Whether ``asked`` euros may be granted to ``applicant`` on ``on``, with the aids of its whole undertaking.

    The undertaking is every establishment of the enterprise (SIREN) and of the enterprises linked with it.
    ``without_case`` leaves out the aid of a case that is looked at again.

    Raises:
        NoCeiling: no ceiling is known for the regime on that day.
    """
    ceilings = [ceiling.as_rule() for ceiling in DeMinimisCeiling.objects.filter(regime=regime)]
    aids = DeMinimisAid.objects.of_undertaking(applicant).counted().filter(granted_on__lte=on)
    if without_case:
        aids = aids.exclude(case_number=without_case)
    return assess(
        asked,
        on,
        aids.as_rules(),
        ceiling_for(regime, on, ceilings),
        count_anniversary=settings.ESSOR_DE_MINIMIS_COUNTS_ANNIVERSARY,
    )


def hold_room(applicant: Applicant) -> None:
    """Keep any other decision on the same undertaking waiting until the transaction ends.

    The rows of all its establishments are locked in one order: two votes for two of them come one after the other,
    and the second one sees what the first one granted.
    """
    group = Applicant.objects.of_undertaking(applicant).order_by("pk")
    list(group.select_for_update(of=("self",), no_key=True).values_list("pk"))
