"""The de minimis register as a case uses it: what is left to the single undertaking, and what was granted here."""

from datetime import date
from decimal import Decimal

from django.utils import timezone

from applicants.de_minimis import register
from applicants.de_minimis.room import assess_for, hold_room
from applicants.rules.de_minimis import Verdict


def verdict(application, amount: Decimal, *, day: date | None = None) -> Verdict | None:
    """Whether ``amount`` euros fit under the ceiling of the case's undertaking; None outside State aid.

    Raises:
        NoCeiling: when the ceilings table has no row for the regime.
    """
    regime = application.rules.de_minimis
    if not regime:
        return None
    day = day or timezone.localdate()
    return assess_for(application.applicant, amount, day, regime, without_case=application.number or "")


def locked_verdict(application, amount: Decimal, *, day: date) -> Verdict | None:
    """As ``verdict``, while no other decision on the same undertaking can be taken; inside a transaction."""
    if application.rules.de_minimis:
        hold_room(application.applicant)
    return verdict(application, amount, day=day)


def record_granted(application, amount: Decimal, *, day: date, actor) -> None:
    """Write the aid granted into the register, with the sector that the proposal gave; once for a case."""
    regime = application.rules.de_minimis
    if not regime:
        return
    proposal = application.live_proposal()
    register.record_granted(
        application.applicant,
        amount,
        day,
        case_number=application.number,
        regime=regime,
        sector=proposal.register_sector if proposal is not None else "",
        actor=actor,
    )


def withdraw_granted(application, *, actor, reason: str) -> None:
    """The grant is lost before anything was paid: it no longer counts. Its row stays."""
    register.withdraw_granted(application.number, actor=actor, reason=reason)
