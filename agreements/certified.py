"""What is certified may be taken back, unless an app on the right has built on it. They register; agreements know none."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from core.transitions import precondition

Keeper = Callable[[object], str | None]
_keepers: list[Keeper] = []


def register_keeper(why: Keeper) -> None:
    """``why(claim)``: the sentence that says why its certification stays, or None; at most one query."""
    if why not in _keepers:
        _keepers.append(why)


def why_it_stays(claim) -> str | None:
    """Why what was certified of a claim can no longer be taken back; None when it can, or nothing is certified."""
    if claim.state not in ("certified", "suspended") or claim.certified_amount is None:
        return None
    if claim.given_up_amount:
        return _("A part of what was certified was given up: the certification stays. Suspend the payment of the rest.")
    return next((reason for keeper in _keepers if (reason := keeper(claim))), None)


@precondition
def certification_may_go(claim, data, actor):
    """What is certified was not declared to an EU fund."""
    reason = why_it_stays(claim)
    return {"__all__": reason} if reason else None


@precondition
def nothing_stays_certified(claim, data, actor):
    """Its certification was taken back when it was suspended: the claim is read anew."""
    if claim.certified_amount is None:
        return None
    return {"__all__": _("What was certified of this claim stays: lift the suspension of its payment instead.")}


@precondition
def certification_stayed(claim, data, actor):
    """Its certification stayed while it was suspended: the payment goes on."""
    if claim.certified_amount is not None:
        return None
    return {"__all__": _("Nothing of this claim is certified any more: resume its review.")}
