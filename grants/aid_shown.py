"""The aid as an applicant reads it on the page of their case: what they declared gives, until a decision rests on another
computation, which is then the one shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import format_euros, sum_money
from grants.services.amounts import declared_aid
from grants.states import GRANTED, ApplicationState

DECIDED = (*GRANTED, ApplicationState.REJECTED, ApplicationState.LAPSED)
"""Those whose decision is told; one that waits on an agenda is not."""


@dataclass(frozen=True)
class AidShown:
    """An amount in euros, why, and what it is; ``declared`` where what the applicant declared gives another amount."""

    amount: Decimal
    note: str
    lines: tuple[str, ...]
    declared: Decimal | None = None


def aid_shown(application) -> AidShown:
    """The computation that the decision on the case rests on; before there is one, that of what was declared."""
    declared = declared_aid(application)
    computation = _decided_on(application)
    if computation is None:
        note = _("according to what you declared")
        return AidShown(declared.amount, note, tuple(line.text for line in declared.lines))
    lines = (*(line["text"] for line in computation.lines), *_granted_lines(application, computation))
    differs = declared.amount != computation.amount
    note = _("by the service: the decision rests on this computation")
    return AidShown(computation.amount, note, lines, declared.amount if differs else None)


def _decided_on(application):
    """The computation of the proposal that was decided on; None before a decision, or for one of before them."""
    if application.state not in DECIDED:
        return None
    proposals = application.proposals.filter(sent_back_at__isnull=True, computation__isnull=False)
    proposal = proposals.select_related("computation").defer("computation__facts").first()
    return proposal.computation if proposal else None


def _granted_lines(application, computation) -> Iterator[str]:
    """What was granted of each year, person or axis, where it is not what was computed."""
    plan, computed = application.grant_plan, computation.grant_plan
    if not plan.parts or plan.parts == computed.parts:
        return
    if plan.amount != computed.amount:
        yield _("Granted by the Region: %(granted)s of the %(computed)s computed.") % {
            "granted": format_euros(plan.amount),
            "computed": format_euros(computed.amount),
        }
    else:
        yield _("Granted by the Region: %(granted)s.") % {"granted": format_euros(plan.amount)}
    for label, amount, cost in _named(application, plan):
        yield _("%(part)s: %(amount)s granted, for a cost of %(cost)s.") % {
            "part": label,
            "amount": format_euros(amount),
            "cost": format_euros(cost),
        }


def _named(application, plan) -> list[tuple[str, Decimal, Decimal]]:
    """The years or the persons of a plan, else its axes, where there are several: label, euros granted, euros of cost."""
    found = [(group.label, group.amount, group.cost) for group in plan.groups()]
    if not found:
        for axis in application.rules.aid.axes:
            own = [part for part in plan.parts if part.axis == axis.code and part.cost]
            if own:
                amounts = sum_money(part.amount for part in own), sum_money(part.cost for part in own)
                found.append((str(axis.label), *amounts))
    return found if len(found) > 1 else []
