"""What is due on a claim, and which act a grant needs: the rules, fed from the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.axes import Axis, axes_of, spent_by_axis
from agreements.rules.kind import KindDecision, decide_kind
from agreements.rules.proration import Entitlement, due_now, entitlement
from core.money import ZERO, format_euros, sum_money
from core.text import colon

NOT_REJECTED = ~Q(state="rejected")


def due_of_claim(claim) -> Entitlement:
    """Return what may be certified on ``claim`` at most, with the reasons.

    An instalment that needs no expenditure (advance, single payment on a piece) is due as planned, unless the balance
    was settled before it. Otherwise the certified expenditure of the agreement, or of its tranche, is compared with the
    cost of that very part. The trigger ``certified_is_still_due`` looks again when the claim is ordered.
    """
    agreement, tranche = claim.agreement, claim.instalment.tranche
    siblings = agreement.claims.filter(NOT_REJECTED, instalment__tranche=tranche)
    if not claim.instalment.needs_expenditure and not _is_settled(siblings.exclude(pk=claim.pk)):
        return Entitlement(
            claim.claimed_amount,
            [_("Due as planned, without expenditure: %(amount)s.") % {"amount": format_euros(claim.claimed_amount)}],
        )
    entitled, already = _entitlement_of(claim, siblings)
    already += _given_up(siblings.exclude(pk=claim.pk))
    return due_now(entitled, already_paid=already, asked=claim.claimed_amount)


def _given_up(others) -> Decimal:
    """Euros certified on other claims and given up: who gave them up is not paid them by a later claim, nor is another."""
    return sum_money(others.values_list("given_up_amount", flat=True))


def above_what_is_due(claim) -> Decimal:
    """Euros that earlier payments of the same part exceed what its certified expenditure makes due in all, less what
    another claim of the part was closed with: no euro is asked back twice.

    Zero while more expenditure may come (before the balance), and where a payment hangs on no expenditure. The trigger
    ``closed_with_what_was_overpaid`` works it out again.
    """
    siblings = claim.agreement.claims.filter(NOT_REJECTED, instalment__tranche=claim.instalment.tranche)
    others = siblings.exclude(pk=claim.pk)
    closes = claim.instalment.needs_expenditure and claim.instalment.kind != "interim"
    if not closes and not _is_settled(others):
        return ZERO
    entitled, already = _entitlement_of(claim, siblings)
    noted = sum_money(others.values_list("overpaid_amount", flat=True))
    return max(already - noted - entitled.amount, ZERO)


def asked_back_of(claim) -> Decimal:
    """Euros of earlier payments that a claim makes asked back: as it was closed, or as it will be where nothing is due."""
    waits = claim.owes_nothing and claim.state == "certified"
    return above_what_is_due(claim) if waits else claim.overpaid_amount


def reckoning_of(claim) -> list[str]:
    """The arithmetic of a claim certified for less than what it asks, as long as it is that of the day: none of one that
    was paid, after which other claims count."""
    asked, certified = claim.claimed_amount, claim.certified_amount
    if certified is None or certified >= asked or not (claim.state == "certified" or claim.owes_nothing):
        return []
    return due_of_claim(claim).reasons


@dataclass(frozen=True)
class Forecast:
    """Euros that a claim would make due, and that it would have asked back, were all that is declared accepted; ``lost``
    are those of its payment that would be due too, had they been asked for."""

    due: Decimal
    asked_back: Decimal
    lost: Decimal


def forecast_of(claim) -> Forecast:
    """What filing a claim would come to: said before, because a balance closes the account; kept with it once filed.

    A payment that needs no expenditure is due as asked: what is not asked for is lost.
    """
    if not claim.instalment.needs_expenditure:
        return Forecast(claim.claimed_amount, ZERO, claim.instalment.amount - claim.claimed_amount)
    siblings = claim.agreement.claims.filter(NOT_REJECTED, instalment__tranche=claim.instalment.tranche)
    entitled, already = _entitlement_of(claim, siblings, as_declared=True)
    noted = sum_money(siblings.exclude(pk=claim.pk).values_list("overpaid_amount", flat=True))
    asked_back = ZERO if claim.instalment.kind == "interim" else max(already - noted - entitled.amount, ZERO)
    given_up = _given_up(siblings.exclude(pk=claim.pk))
    open_amount = min(max(entitled.amount - already - given_up, ZERO), claim.instalment.amount)
    due = min(open_amount, claim.claimed_amount)
    return Forecast(due, asked_back, open_amount - due)


def _spent(siblings, *, as_declared: bool) -> Decimal:
    """Euros certified on the claims; ``as_declared``: of the lines that nobody has checked yet, what they declare."""
    if not as_declared:
        return sum_money(siblings.values_list("certified_total", flat=True))
    counted = Coalesce("lines__certified_amount", "lines__declared_amount")
    return siblings.aggregate(sum=Sum(counted))["sum"] or ZERO


def _entitlement_of(claim, siblings, *, as_declared: bool = False) -> tuple[Entitlement, Decimal]:
    """What is due in all on the part (tranche or agreement) of a claim, and the euros ordered on its other claims."""
    agreement, tranche, others = claim.agreement, claim.instalment.tranche, siblings.exclude(pk=claim.pk)
    granted = tranche.amount if tranche else agreement.granted_amount
    base = tranche.cost if tranche else agreement.eligible_base
    spent = _spent(siblings, as_declared=as_declared)
    already = sum_money(others.values_list("ordered_amount", flat=True))
    # An interim payment follows the expenditure to date: strictly, as long as more may come before the balance.
    more_may_come = claim.instalment.kind == "interim" and not _is_settled(others)
    rule = {"policy": "strict"} if more_may_come else _rule_of(agreement)
    axes = axes_of(agreement, tranche)
    by_axis = spent_by_axis(siblings, axes, as_declared=as_declared) if axes else None
    if by_axis is None:
        entitled = entitlement(granted=granted, base=base, spent=spent, **rule)
    else:
        entitled = _of_every_axis(axes, by_axis, rule)
    return entitled, already


def _is_settled(others) -> bool:
    """Whether the expenditure of the whole was compared with its cost already: its balance is ordered, or was closed
    because nothing more is due."""
    over = others.filter(state__in=["ordered", "paid"])
    return over.filter(instalment__kind="balance", instalment__needs_expenditure=True).exists()


def _rule_of(agreement) -> dict:
    return {
        "policy": agreement.proration,
        "tolerance": agreement.proration_tolerance,
        "cut": agreement.proration_cut,
    }


def _of_every_axis(axes: list[Axis], spent: Mapping[str, Decimal], rule: Mapping) -> Entitlement:
    """What each axis is entitled to for its own spending: more of one does not make up for less of another."""
    total, reasons = ZERO, []
    for axis in axes:
        found = entitlement(granted=axis.amount, base=axis.cost, spent=spent[axis.code], **rule)
        total += found.amount
        reasons.append(f"{axis.label}{colon()} {' '.join(found.reasons)}")
    return Entitlement(total, reasons)


def yearly_amount(agreement):
    """Return the euros that count for the 23,000 EUR rule: the largest tranche of a multi-year act, else the grant."""
    largest = max((tranche.amount for tranche in agreement.tranches.all()), default=None)
    return agreement.granted_amount if largest is None else largest


def other_grants_of_year(agreement, year: int):
    """Return the euros of the beneficiary's other acts notified in ``year``, or on their way to be."""
    others = (
        type(agreement)
        .objects.filter(beneficiary_id=agreement.beneficiary_id)
        .exclude(pk=agreement.pk)
        .filter(
            Q(notified_on__year=year)
            | Q(notified_on__isnull=True, state__in=["draft", "sent", "signed_by_beneficiary"], created_at__year=year)
        )
    )
    return sum_money(yearly_amount(other) for other in others.prefetch_related("tranches"))


def kind_for(agreement) -> KindDecision:
    """Return the kind of act that the 23,000 EUR rule asks for this agreement, this year."""
    year = (agreement.notified_on or timezone.localdate()).year
    return decide_kind(
        yearly_amount(agreement),
        other_grants_of_year(agreement, year),
        always_agreement=agreement.tranches.exists(),
    )
