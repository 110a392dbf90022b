"""What follows from the transitions of agreements, reports, claims and orders, in the same transaction."""

from decimal import Decimal

from django.dispatch import receiver
from django.utils.translation import gettext as _

from agreements import notices
from agreements.duplicates import raise_warnings
from agreements.effects import place_order
from agreements.models import Agreement, PaymentClaim, PaymentOrder, Tranche, TrancheReport
from agreements.rules.deadlines import payment_due_on
from agreements.settlements.services import (
    OVER,
    close_if_over,
    closed_above,
    free_what_is_left,
    in_the_register,
    overpaid_of,
    still_granted,
)
from agreements.settlements.unjustified import follow_unjustified
from applicants.de_minimis.register import follow_grant, record_granted
from core.money import ZERO, format_euros
from core.signals import transitioned
from core.transitions import perform

RELEASED_BY = {"report": "accept"}
"""What a programme's file may say under ``tranches.released_on``, and the move of the report that it means."""

ENDED = (Agreement.State.COMPLETED, Agreement.State.TERMINATED, Agreement.State.LAPSED)


@receiver(transitioned, sender=Agreement, dispatch_uid="agreements_agreement_moved")
def agreement_moved(sender, instance, name, target, actor, data, comment, **kwargs) -> None:
    """Sent, given more time: the beneficiary is told. In force: payments open. Ended: money goes back."""
    if target == Agreement.State.SENT:
        notices.send_agreement(instance)
    elif name == "extend_claims":
        notices.send_more_time(instance, data["until"], comment)
    elif target == Agreement.State.IN_FORCE:
        _opened(instance, actor)
    elif target in ENDED:
        _ended(instance, target, actor, comment)


def _opened(agreement: Agreement, actor) -> None:
    perform(agreement.application, "contract", actor=actor, system=True)
    first = _open_next(agreement, 0, actor)
    days = agreement.application.rules.deadlines.payment_days
    advances = agreement.instalments.filter(kind="advance", due_on__isnull=True)
    advances.filter(tranche__isnull=True).update(due_on=payment_due_on(agreement.notified_on, days))
    if first is not None:
        advances.filter(tranche=first).update(due_on=payment_due_on(agreement.notified_on, days))
    if agreement.de_minimis_regime:
        # Written at the vote: the agreement takes the row over, under the same case.
        record_granted(
            agreement.beneficiary,
            agreement.granted_amount,
            agreement.decision_date or agreement.notified_on,
            case_number=agreement.application.number,
            regime=agreement.de_minimis_regime,
            actor=actor,
        )
        _follow_in_register(agreement, agreement.granted_amount, actor)
    notices.send_in_force(agreement)


def _open_next(agreement: Agreement, rank: int, actor) -> Tranche | None:
    """Open the year after this rank, and say which: those of which nothing is granted are passed over. None when there
    is none, or it is open."""
    for year in agreement.tranches.filter(rank__gt=rank).order_by("rank"):
        if year.amount:
            return perform(year, "release", actor=actor, system=True) if year.state == Tranche.State.PLANNED else None
        if year.state == Tranche.State.PLANNED:
            perform(year, "pass_over", actor=actor, system=True)
    return None


def _follow_in_register(agreement: Agreement, amount: Decimal, actor, reason: str = "") -> None:
    """Say in the de minimis register what the grant has become, in euros."""
    if agreement.de_minimis_regime:
        follow_grant(
            agreement.application.number, amount=amount, reference=agreement.number, actor=actor, reason=reason
        )


def _ended(agreement: Agreement, target: str, actor, comment: str) -> None:
    free_what_is_left(agreement, actor=actor, reason=_reason_of_end(agreement, comment))
    application = agreement.application
    if target == Agreement.State.LAPSED and application.state in ("approved", "contracted"):
        perform(application, "lapse", actor=actor, comment=comment, system=True)
    elif application.state == "contracted":
        perform(application, "close", actor=actor, comment=comment, system=True)
    # What is neither paid nor kept by the settlement is lost, what was paid above what is due is asked back: no aid.
    _follow_in_register(agreement, still_granted(agreement), actor, _with_what_is_asked_back(agreement, comment))
    notices.send_ended(agreement, comment)


def _reason_of_end(agreement: Agreement, comment: str = "") -> str:
    return comment or _("The agreement %(number)s has ended.") % {"number": agreement.number}


def _with_what_is_asked_back(agreement: Agreement, reason: str) -> str:
    """The reason for the register: what is to be asked back is said there."""
    told = [reason]
    if above := closed_above(agreement):
        words = _("%(amount)s were paid above what is due, and are to be asked back.")
        told.append(words % {"amount": format_euros(above)})
    return " ".join([*told, in_the_register(agreement)]).strip()


@receiver(transitioned, sender=TrancheReport, dispatch_uid="agreements_report_moved")
def report_moved(sender, instance, name, actor, comment, **kwargs) -> None:
    """Accepted: the next tranche opens. Given back: the beneficiary is told why."""
    if name == RELEASED_BY[instance.tranche.agreement.application.rules.tranches.released_on]:
        agreement = instance.tranche.agreement
        following = _open_next(agreement, instance.tranche.rank, actor)
        notices.send_report_accepted(instance, following)
    elif name == "give_back":
        notices.send_report_returned(instance, comment)


@receiver(transitioned, sender=PaymentClaim, dispatch_uid="agreements_claim_moved")
def claim_moved(sender, instance, name, actor, comment, **kwargs) -> None:
    """Filed: invoices met twice are marked. The beneficiary reads what follows; what is over is closed and freed."""
    asked_back = _follow_what_is_asked_back(instance.agreement, instance)
    if name == "submit":
        raise_warnings(instance)
    if name in notices.CLAIM_MAILS:
        notices.send_claim(instance, name, comment, asked_back)
    if name in ("give_up", "give_up_at_end"):
        _end_if_nothing_is_left(PaymentClaim.objects.get(pk=instance.pk), actor)
    if instance.state in OVER and name != "refuse_at_end":  # the end itself gives back what it refuses
        _claim_is_over(instance, actor)


def _follow_what_is_asked_back(agreement: Agreement, about: PaymentClaim | PaymentOrder) -> Decimal:
    """Once an agreement has ended, its settlement follows its claims, and the beneficiary is told of other amounts; return
    the euros to be asked back."""
    if agreement.state not in ENDED:
        return ZERO
    ended = Agreement.objects.filter(pk=agreement.pk, settlement__isnull=False).first()
    if ended is None:
        return ZERO
    before, now = follow_unjustified(ended)
    if before != now:
        notices.send_asked_back(ended, before, now, about)
    return overpaid_of(ended)


def _end_if_nothing_is_left(claim: PaymentClaim, actor) -> None:
    """What was given up was the last thing that its claim waited for: it is paid, or nothing of it is."""
    if not claim.payable_amount:
        perform(claim, "close_given_up", actor=actor, system=True)
    elif claim.state == PaymentClaim.State.ORDERED and claim.paid_amount == claim.payable_amount:
        last = claim.orders.filter(state="paid").order_by("-paid_on").values_list("paid_on", flat=True)[0]
        perform(claim, "settle", actor=actor, data={"paid_on": last}, system=True)
    elif claim.agreement.state in ENDED:
        ended = Agreement.objects.get(pk=claim.agreement_id)
        _follow_in_register(ended, still_granted(ended), actor, _reason_of_end(ended))


def _claim_is_over(claim: PaymentClaim, actor) -> None:
    """Close its tranche when it was the last; on an ended agreement, give back what the claim did not use."""
    if claim.instalment.tranche is not None:
        close_if_over(claim.instalment.tranche, actor)
    if claim.agreement.state in ENDED:
        ended = Agreement.objects.get(pk=claim.agreement_id)  # the database has counted its payments
        reason = _reason_of_end(ended)
        free_what_is_left(ended, actor=actor, reason=reason)
        _follow_in_register(ended, still_granted(ended), actor, _with_what_is_asked_back(ended, reason))


@receiver(transitioned, sender=PaymentOrder, dispatch_uid="agreements_order_moved")
def order_moved(sender, instance, name, actor, data, comment, **kwargs) -> None:
    """Paid: the claim and the batch are settled with their last order. Cancelled: paid again, or ordered anew."""
    claim, batch = instance.claim, instance.batch
    _follow_what_is_asked_back(claim.agreement, instance)
    if name == "confirm":
        claim.refresh_from_db()
        if claim.paid_amount == claim.payable_amount:
            last = claim.orders.filter(state="paid").order_by("-paid_on").values_list("paid_on", flat=True)[0]
            perform(claim, "settle", actor=actor, data={"paid_on": last}, system=True)
    elif name == "cancel":
        if data.get("batch"):
            place_order(claim, data["batch"], actor, share=instance.share, payee=instance.payee, amount=instance.amount)
        elif not claim.orders.exclude(state="cancelled").exists():  # else the rest stands: this part is ordered again
            perform(claim, "withdraw_order", actor=actor, comment=comment, system=True)
    if name == "cancel" and claim.agreement.state in ENDED:
        ended = Agreement.objects.get(pk=claim.agreement_id)  # the database has counted its orders anew
        _follow_in_register(ended, still_granted(ended), actor, comment)
    if batch.state == "sent" and not batch.orders.filter(state="ordered").exists():
        paid = batch.orders.filter(state="paid").exists()
        perform(batch, "settle" if paid else "void", actor=actor, system=True)
