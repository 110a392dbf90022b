"""The de minimis register as a case uses it: what is left to the single undertaking, and what was granted here."""

from datetime import date
from decimal import Decimal

from django.utils import timezone

from applicants.de_minimis import register
from applicants.de_minimis.room import Asked, assess_for, assess_in_turn, hold_room
from applicants.models import Applicant
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


def beyond_ceilings(session) -> list[str]:
    """What the grants noted on the grid of a session would take above a ceiling, a sentence for each case.

    They are looked at in the order of the closing, each beside those before it: the grid and the closing say one thing.
    """
    granted = _granted(session).select_related("application__programme_version")
    return [
        f"{case.number}: {found.reason}" for case, found in _beyond([_asked(item) for item in granted], session.day)
    ]


def beyond_ceilings_with(item, amount: Decimal) -> list[str]:
    """As ``beyond_ceilings``, if ``amount`` euros were granted on this item: what its own undertaking would receive."""
    if not item.application.rules.de_minimis:
        return []
    own = Applicant.objects.of_undertaking(item.application.applicant)
    others = _granted(item.session).exclude(pk=item.pk).filter(application__applicant__in=own.values("pk"))
    noted = others.select_related("application__programme_version")
    asked = [*(_asked(other) for other in noted), (item.application, amount)]
    return [
        found.reason if case == item.application else f"{case.number}: {found.reason}"
        for case, found in _beyond(asked, item.session.day)
    ]


def _granted(session):
    return session.items.filter(decision="granted")


def _asked(item) -> tuple:
    return item.application, item.decided_amount


def _beyond(asked: list[tuple], day: date) -> list[tuple]:
    """The cases that do not fit, with their verdicts, in the order in which a session closes."""
    asked = sorted((pair for pair in asked if pair[0].rules.de_minimis), key=lambda pair: pair[0].pk)
    aids = [Asked(case.applicant_id, amount, case.rules.de_minimis, case.number or "") for case, amount in asked]
    verdicts = assess_in_turn(aids, day)
    return [(case, found) for (case, _amount), found in zip(asked, verdicts, strict=True) if not found.allowed]


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
