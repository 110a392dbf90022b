"""What is due on a claim, and which act a grant needs: the rules, fed from the database."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Case, F, Q, Sum, When
from django.db.models.functions import Coalesce, Least
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.axes import Axis, axes_of, spent_by_axis
from agreements.closing import left_out_of
from agreements.rules.kind import KindDecision, decide_kind
from agreements.rules.proration import Entitlement, due_now, entitlement, within_what_is_kept
from agreements.settlements.rules import PAY
from core.money import ZERO, format_euros, sum_money
from core.text import colon

NOT_REJECTED = ~Q(state="rejected")
#: States of a final claim of which more may still be certified, up to what it asks.
_MAY_STILL_BE_RAISED = ("submitted", "under_review", "returned", "suspended", "certified")


def due_of_claim(claim, without: int | None = None) -> Entitlement:
    """Return what may be certified on ``claim`` at most, with the reasons; ``without`` another claim (its id), as if that
    one were rejected.

    An instalment that needs no expenditure (advance, single payment on a piece) is due as planned, unless the balance
    was certified before it, or its agreement has ended and nobody declares expenditure any more: what nothing justifies
    would be asked back as soon as it is paid. Otherwise the certified expenditure of the agreement, or of its tranche, is compared with the
    cost of that very part, and what was accepted on its other claims is no longer due. On an agreement that has ended, no
    more is due on a claim than what its settlement keeps for it. The trigger ``certified_is_still_due`` makes the same
    figure, when the claim is certified and again when it is ordered.
    """
    siblings = _siblings_of(claim).exclude(pk=without)
    others = siblings.exclude(pk=claim.pk)
    if claim.instalment.needs_expenditure or _is_compared(others):
        found = due_now(_entitlement_of(claim, siblings), accepted=_accepted(others), asked=claim.claimed_amount)
    elif nobody_declares(claim):
        ended = _("The agreement has ended, and nobody declares expenditure any more.")
        found = due_now(_entitlement_of(claim, siblings), accepted=_going(others), asked=claim.claimed_amount)
        found = Entitlement(found.amount, [ended, *found.reasons])
    else:
        planned = _("Due as planned, without expenditure: %(amount)s.")
        found = Entitlement(claim.claimed_amount, [planned % {"amount": format_euros(claim.claimed_amount)}])
    kept = kept_by_settlement(claim)
    return found if kept is None else within_what_is_kept(found, kept)


def kept_by_settlement(claim) -> Decimal | None:
    """Euros that the settlement of an agreement that has ended keeps for a claim, in all; None where it says nothing of it."""
    if claim.agreement.is_in_force:
        return None
    line = getattr(claim, "settlement_line", None)
    return line.amount if line is not None and line.outcome == PAY else None


def nobody_declares(claim) -> bool:
    """Whether the agreement of a claim has ended and no claim of its part, of which a balance compares expenditure and cost,
    may declare expenditure any more, nor has some that waits for its certificate. SQL: ``due_rules.NOBODY_DECLARES``."""
    return not claim.agreement.is_in_force and is_compared_in_the_end(claim) and not who_declares(claim).exists()


def is_compared_in_the_end(claim) -> bool:
    """Whether a balance of the part of a claim is due on expenditure: what is paid of the part hangs on it in the end."""
    balances = claim.agreement.instalments.filter(kind="balance", needs_expenditure=True)
    return balances.filter(tranche=claim.instalment.tranche).exists()


def who_declares(claim):
    """The claims of its part of which expenditure may still be declared, or certified."""
    waiting = _siblings_of(claim).filter(instalment__needs_expenditure=True, certified_amount__isnull=True)
    return waiting.exclude(state="paid")


def due_without_more(claim) -> Decimal:
    """Euros due on a claim that needs no expenditure, were its agreement to end and nobody to declare any more."""
    siblings = _siblings_of(claim)
    entitled = _entitlement_of(claim, siblings).amount
    return min(max(entitled - _going(siblings.exclude(pk=claim.pk)), ZERO), claim.claimed_amount)


def due_once_checked(claim) -> Entitlement | None:
    """What may be certified on ``claim``; None before every line was checked, where the figure would mean nothing."""
    if claim.instalment.needs_expenditure and claim.lines.filter(certified_amount__isnull=True).exists():
        return None
    return due_of_claim(claim)


def _siblings_of(claim):
    """The claims that count with it, itself among them: those of its agreement, or of its tranche."""
    return claim.agreement.claims.filter(NOT_REJECTED, instalment__tranche=claim.instalment.tranche)


def _accepted(others) -> Decimal:
    """Euros certified on other claims, ordered and paid or not yet: they are due no second time. What was given up of
    them counts too: who gave it up is not paid it by a later claim, nor is another."""
    return sum_money(others.filter(certified_amount__isnull=False).values_list("certified_amount", flat=True))


def _going(others) -> Decimal:
    """Euros of those that are paid, or will be."""
    return _accepted(others) - sum_money(others.values_list("given_up_amount", flat=True))


def _ordered(others) -> Decimal:
    """Euros that left, or are about to leave, for other claims: what may be asked back."""
    return sum_money(others.values_list("ordered_amount", flat=True))


def filed_beside(claim):
    """The claims of its part that were filed and wait for their certificate beside it: those filed before it, once it was
    filed itself. Their beneficiary is told of all of them together."""
    others = _siblings_of(claim).exclude(pk=claim.pk).filter(submitted_at__isnull=False)
    if claim.submitted_at is None or claim.is_editable:
        return others.filter(certified_amount__isnull=True)
    not_yet = Q(certified_at__isnull=True) | Q(certified_at__gt=claim.submitted_at)
    return others.filter(not_yet, submitted_at__lt=claim.submitted_at)


def _under_way(others) -> Decimal:
    """Euros that other claims, filed and not certified yet, come to: advances as asked, others as said at their filing."""
    filed = others.filter(submitted_at__isnull=False, certified_amount__isnull=True)
    its = Least(Coalesce("due_as_filed", "claimed_amount"), F("claimed_amount"))
    return filed.aggregate(sum=Sum(its))["sum"] or ZERO


def above_what_is_due(claim) -> Decimal:
    """Euros that earlier payments of the same part exceed what its certified expenditure makes due in all, less what
    another claim of the part was closed with: no euro is asked back twice.

    Zero while more expenditure may come (before the balance), and where a payment hangs on no expenditure. The trigger
    ``closed_with_what_was_overpaid`` works it out again.
    """
    siblings = _siblings_of(claim)
    others = siblings.exclude(pk=claim.pk)
    closes = claim.instalment.needs_expenditure and claim.instalment.kind != "interim"
    if not closes and not _is_compared(others):
        return ZERO
    return max(_ordered(others) - _noted(others) - _entitlement_of(claim, siblings).amount, ZERO)


def due_on(agreement, instalment, without: Collection[int] = ()) -> Decimal:
    """Euros that are due in all on the part (tranche or agreement) of an instalment, for its certified expenditure;
    ``without`` some claims (ids), as if they were rejected."""
    claim = agreement.claims.model(agreement=agreement, instalment=instalment)
    return _entitlement_of(claim, _siblings_of(claim).exclude(pk__in=without)).amount


def _noted(others) -> Decimal:
    """Euros that other claims were closed with as paid above what is due."""
    return sum_money(others.values_list("overpaid_amount", flat=True))


def ordered_above_of(claim, above: Decimal | None = None) -> Decimal:
    """Euros of ``asked_back_of`` (``above``, where it is known) that are ordered and not paid: only what is paid of them is
    asked back."""
    above = asked_back_of(claim) if above is None else above
    if not above or claim.overpaid_amount:
        return ZERO
    others = _siblings_of(claim).exclude(pk=claim.pk)
    return min(above, _ordered(others) - sum_money(others.values_list("paid_amount", flat=True)))


def lost_without(claim, final) -> Decimal:
    """Euros that the expenditure of a part makes due, were all of it accepted, and that nobody could be paid any more, were
    ``claim`` rejected: above what the filed ``final`` claim asks, and what is accepted or asked on the others."""
    siblings = _siblings_of(final).exclude(pk=claim.pk).exclude(~Q(pk=final.pk), state="draft")
    others = siblings.exclude(pk=final.pk)
    entitled = _entitlement_of(final, siblings, as_declared=True).amount
    most = final.claimed_amount if final.state in _MAY_STILL_BE_RAISED else final.certified_amount or ZERO
    return max(entitled - _accepted(others) - _under_way(others) - most, ZERO)


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
    """Euros that a claim would make due, were all that is declared accepted; those accepted on other claims that exceed
    what would be due in all (``asked_back``), and of these those that are not ordered: they would not be paid (``unpaid``;
    None where nobody kept them); those of its payment that would be due too, had they been asked for (``lost``). Of a final
    claim also those of the payments that nobody asked for (``left_out``). ``beside`` are those that claims filed before it
    come to, which wait for their certificate; of these, ``beside_lost`` would not be due. ``whole`` are those due of its
    payment were also accepted what was cut of its own lines before it was given back: ``due`` at least."""

    due: Decimal
    asked_back: Decimal
    lost: Decimal
    left_out: Decimal = ZERO
    beside: Decimal = ZERO
    beside_lost: Decimal = ZERO
    whole: Decimal = ZERO
    unpaid: Decimal | None = ZERO

    @property
    def repaid(self) -> Decimal | None:
        """Euros of ``asked_back`` that were paid, or are ordered: they alone can be asked back."""
        return None if self.unpaid is None else self.asked_back - self.unpaid

    @property
    def together(self) -> Decimal:
        """Euros due on the claim and on those beside it, in all."""
        return self.due + self.beside - self.beside_lost


def forecast_of(claim) -> Forecast:
    """What filing a claim would come to: said before, because a balance closes the account; kept with it once filed.

    A payment that needs no expenditure is due as asked, while no balance compares the whole with its cost: what is not
    asked for is lost. What is accepted on the other claims counts, ordered or not, and those that wait for their
    certificate; drafts that the filing leaves behind do not.
    """
    siblings = _siblings_of(claim).exclude(~Q(pk=claim.pk), state="draft")
    others, planned = siblings.exclude(pk=claim.pk), claim.instalment
    left_out = sum_money(item.amount for item in left_out_of(claim))
    if not planned.needs_expenditure:
        is_closed = _is_closed(others) or nobody_declares(claim)
        most = min(due_beside(claim), planned.amount) if is_closed else planned.amount
        due = min(most, claim.claimed_amount)
        return Forecast(due, ZERO, most - due, left_out, whole=due)
    entitled, accepted = _entitlement_of(claim, siblings, as_declared=True).amount, _accepted(others)
    given_up = sum_money(others.values_list("given_up_amount", flat=True))
    above = max(accepted - given_up - _noted(others) - entitled, ZERO)
    asked_back = ZERO if planned.kind == "interim" else above
    unpaid = min(asked_back, accepted - given_up - _ordered(others))
    beside, rest = _under_way(others), max(entitled - accepted, ZERO)
    open_amount = min(max(rest - beside, ZERO), planned.amount)
    due = min(open_amount, claim.claimed_amount)
    beside_lost = ZERO if planned.kind == "interim" else max(beside - rest, ZERO)
    return Forecast(
        due,
        asked_back,
        open_amount - due,
        left_out,
        beside,
        beside_lost,
        max(due, _whole_of(claim, siblings, accepted + beside)),
        unpaid,
    )


def _whole_of(claim, siblings, others: Decimal) -> Decimal:
    """Euros due on a claim were all its own lines accepted as declared, also what was cut of them when they were checked;
    ``others`` are those of the other claims of its part."""
    if not claim.lines.filter(certified_amount__lt=F("declared_amount")).exists():
        return ZERO
    entitled = _entitlement_of(claim, siblings, as_declared=True, whole=claim.pk).amount
    return min(max(entitled - others, ZERO), claim.instalment.amount)


def due_beside(claim) -> Decimal:
    """Euros still due on a part beside what is accepted of its other claims, were all that they declare accepted: the most
    that one which waits for its certificate comes to, once the final claim was filed."""
    siblings = _siblings_of(claim).exclude(~Q(pk=claim.pk), state="draft")
    entitled = _entitlement_of(claim, siblings, as_declared=True).amount
    return max(entitled - _accepted(siblings.exclude(pk=claim.pk)), ZERO)


def _is_closed(others) -> bool:
    """Whether a final claim that compares the whole with its cost was filed."""
    return others.filter(instalment__kind="balance", instalment__needs_expenditure=True).exists()


def _spent(siblings, *, as_declared: bool, whole: int | None = None) -> Decimal:
    """Euros certified on the claims; ``as_declared``: of the lines that nobody has checked yet, what they declare, and of
    the claim ``whole`` of all its lines."""
    if not as_declared:
        return sum_money(siblings.values_list("certified_total", flat=True))
    counted = Coalesce("lines__certified_amount", "lines__declared_amount")
    counted = Case(When(pk=whole, then=F("lines__declared_amount")), default=counted)
    return siblings.aggregate(sum=Sum(counted))["sum"] or ZERO


def _entitlement_of(claim, siblings, *, as_declared: bool = False, whole: int | None = None) -> Entitlement:
    """What is due in all on the part (tranche or agreement) of a claim."""
    agreement, tranche, others = claim.agreement, claim.instalment.tranche, siblings.exclude(pk=claim.pk)
    granted = tranche.amount if tranche else agreement.granted_amount
    base = tranche.cost if tranche else agreement.eligible_base
    spent = _spent(siblings, as_declared=as_declared, whole=whole)
    # An interim payment follows the expenditure to date: strictly, as long as more may come before the balance.
    more_may_come = claim.instalment.kind == "interim" and not _is_compared(others)
    rule = {"policy": "strict"} if more_may_come else _rule_of(agreement)
    axes = axes_of(agreement, tranche)
    by_axis = spent_by_axis(siblings, axes, as_declared=as_declared, whole=whole) if axes else None
    if by_axis is None:
        return entitlement(granted=granted, base=base, spent=spent, **rule)
    return _of_every_axis(axes, by_axis, rule)


def _is_compared(others) -> bool:
    """Whether the expenditure of the whole was compared with its cost already: its balance is certified."""
    certified = others.filter(certified_amount__isnull=False)
    return certified.filter(instalment__kind="balance", instalment__needs_expenditure=True).exists()


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
