"""The de minimis register in use: what an applicant may still receive, and what it was granted."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _

from applicants.models import Applicant, DeMinimisAid, DeMinimisCeiling
from applicants.models.de_minimis import Regime
from applicants.rules.de_minimis import Verdict, assess, ceiling_for
from core.events import record

if TYPE_CHECKING:
    from core.models import User


def assess_for(
    applicant: Applicant,
    asked: Decimal,
    on: date,
    regime: str = Regime.GENERAL,
    *,
    without_reference: str = "",
) -> Verdict:
    """Whether ``asked`` euros may be granted to ``applicant`` on ``on``, with the aids of its whole undertaking.

    ``without_reference`` leaves out an aid that is already in the register (when a grant is looked at again).

    Raises:
        NoCeiling: no ceiling is known for the regime on that day.
    """
    ceilings = [ceiling.as_rule() for ceiling in DeMinimisCeiling.objects.filter(regime=regime)]
    aids = DeMinimisAid.objects.of_undertaking(applicant).filter(granted_on__lte=on)
    if without_reference:
        aids = aids.exclude(origin=DeMinimisAid.Origin.GRANTED, reference=without_reference)
    return assess(
        asked,
        on,
        aids.as_rules(),
        ceiling_for(regime, on, ceilings),
        count_anniversary=settings.ESSOR_DE_MINIMIS_COUNTS_ANNIVERSARY,
    )


def record_granted(
    applicant: Applicant,
    amount: Decimal,
    granted_on: date,
    *,
    regime: str = Regime.GENERAL,
    reference: str,
    actor: "User | None" = None,
) -> DeMinimisAid:
    """Put an aid that the Region granted into the register, once for a reference (the agreement's number)."""
    aid, is_new = DeMinimisAid.objects.get_or_create(
        applicant=applicant,
        reference=reference,
        origin=DeMinimisAid.Origin.GRANTED,
        defaults={
            "regime": regime,
            "granted_on": granted_on,
            "amount": amount,
            "authority": settings.ESSOR_REGION["name"],
            "recorded_by": actor,
        },
    )
    if is_new:
        record(applicant, "de_minimis_granted", actor=actor, data={"reference": reference, "amount": amount})
    return aid


def declare(
    applicant: Applicant,
    *,
    amount: Decimal,
    granted_on: date,
    authority: str,
    regime: str,
    reference: str,
    actor: "User",
) -> DeMinimisAid:
    """Note an aid that the applicant says it received elsewhere."""
    aid = DeMinimisAid.objects.create(
        applicant=applicant,
        amount=amount,
        granted_on=granted_on,
        authority=authority,
        regime=regime,
        reference=reference,
        origin=DeMinimisAid.Origin.DECLARED,
        recorded_by=actor,
    )
    record(applicant, "de_minimis_declared", actor=actor, data={"amount": amount, "granted_on": granted_on})
    return aid


def withdraw_declaration(aid: DeMinimisAid, *, actor: "User", reason: str = "") -> None:
    """Take a declared aid out of the register; the row history keeps it. A granted one stays.

    Raises:
        ValueError: the aid was granted here.
    """
    if aid.origin != DeMinimisAid.Origin.DECLARED:
        raise ValueError(_("An aid granted by the Region stays in the register."))
    record(
        aid.applicant,
        "de_minimis_withdrawn",
        actor=actor,
        data={"amount": aid.amount, "granted_on": aid.granted_on, "authority": aid.authority},
        comment=reason,
    )
    aid.delete()
