"""The de minimis register as a case uses it: what is left to the single undertaking, and what was granted here."""

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from applicants.models import Applicant, DeMinimisAid, DeMinimisCeiling, SingleUndertaking
from applicants.rules.de_minimis import Verdict, assess, ceiling_for


def verdict(application, amount: Decimal, *, day: date | None = None) -> Verdict | None:
    """Whether ``amount`` euros fit under the ceiling of the case's undertaking; None outside State aid.

    Raises:
        NoCeiling: when the ceilings table has no row for the regime.
    """
    regime = application.rules.de_minimis
    if not regime:
        return None
    day = day or timezone.localdate()
    ceilings = [row.as_rule() for row in DeMinimisCeiling.objects.filter(regime=regime)]
    aids = DeMinimisAid.objects.of_undertaking(application.applicant).exclude(
        origin=DeMinimisAid.Origin.GRANTED, reference=application.number or ""
    )
    return assess(amount, day, aids.as_rules(), ceiling_for(regime, day, ceilings))


def locked_verdict(application, amount: Decimal, *, day: date) -> Verdict | None:
    """As ``verdict``, while no other decision on the same undertaking can be taken; inside a transaction."""
    applicant = application.applicant
    if application.rules.de_minimis:
        if applicant.undertaking_id:
            list(SingleUndertaking.objects.select_for_update().filter(pk=applicant.undertaking_id))
        else:
            list(Applicant.objects.select_for_update(of=("self",), no_key=True).filter(pk=applicant.pk))
    return verdict(application, amount, day=day)


def record_granted(application, amount: Decimal, *, day: date, actor) -> None:
    """Write the aid granted into the register; once for a case."""
    regime = application.rules.de_minimis
    if not regime:
        return
    DeMinimisAid.objects.get_or_create(
        applicant=application.applicant,
        reference=application.number,
        origin=DeMinimisAid.Origin.GRANTED,
        defaults={
            "regime": regime,
            "granted_on": day,
            "amount": amount,
            "authority": settings.ESSOR_REGION["name"],
            "recorded_by": actor,
        },
    )


def withdraw_granted(application) -> None:
    """The grant is lost before anything was paid: it no longer counts. The row history keeps it."""
    DeMinimisAid.objects.filter(
        applicant=application.applicant, reference=application.number, origin=DeMinimisAid.Origin.GRANTED
    ).delete()
