"""Settle what is under way when an agreement in force ends, and give back what it no longer needs.

Called by the transitions of agreements and claims, in their transaction. Models are reached through relations.
"""

from collections.abc import Mapping
from datetime import date

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.certified import why_it_stays
from agreements.closing import left_to_pay
from agreements.due import due_of_claim
from agreements.settlements.rules import PAY, Plan, Standing, StillPaid, UnderWay, left_of, plan
from agreements.settlements.unjustified import asked_back_at_end, follow_unjustified, written_on
from agreements.still_due import is_justified_by_nothing, why_nothing_is_paid
from core.dates import format_date_long
from core.money import ZERO, format_euros, sum_money
from core.text import in_a_sentence
from core.transitions import perform
from grants.commitments import release

#: A claim is over in these states; in all others it is under way.
OVER = ("paid", "rejected")


def under_way(agreement) -> list:
    """The claims that an end must settle, in the order in which they were opened."""
    return list(agreement.claims.exclude(state__in=OVER).select_related("instalment").order_by("opened_at", "pk"))


def amount_at_stake(claim):
    """Euros that a claim under way costs at most: what is certified and not given up, else what is asked."""
    return claim.claimed_amount if claim.certified_amount is None else claim.payable_amount


def asked_in_vain(agreement):
    """Euros that were asked, and are neither paid nor at stake any more: refused, or certified for less."""
    asked, answered = {}, {}
    for claim in agreement.claims.all():
        place, last = claim.instalment_id, claim.paid_amount if claim.state in OVER else amount_at_stake(claim)
        asked[place] = max(asked.get(place, ZERO), claim.claimed_amount)
        answered[place] = answered.get(place, ZERO) + last
    return sum_money(max(amount - answered[place], ZERO) for place, amount in asked.items())


def certified_in_vain(agreement):
    """Euros of these that were certified all the same, and whose payment was given up since."""
    return sum_money(claim.given_up_amount for claim in agreement.claims.all())


def has_choice(claim) -> bool:
    """Whether something of it may still be refused: an order that has left is paid, or cancelled first."""
    return open_amount(claim) > 0


def open_amount(claim):
    """Euros of a claim under way that an end decides on: what is at stake and not ordered yet."""
    return amount_at_stake(claim) - claim.ordered_amount


def is_given_up(claim) -> bool:
    """Whether refusing it leaves its certificate alone: a part is ordered, or what was certified can no longer be taken
    back. Only its payment is given up then."""
    return claim.state == "ordered" or why_it_stays(claim) is not None


def plan_of(agreement, claims: list, outcomes: Mapping[int, str]) -> Plan:
    """Return the plan of an end, by the outcome of each claim id; what is ordered always goes on."""
    stakes, decided = stakes_of(claims, outcomes)
    return plan(agreement.granted_amount, agreement.paid_amount, stakes, decided)


def stakes_of(claims: list, outcomes: Mapping[int, str]) -> tuple[list[UnderWay], dict[int, str]]:
    """What the claims under way cost, and what becomes of each by its id, once an end decided ``outcomes`` of them."""
    decided, stakes = {}, []
    for claim in claims:
        refused = has_choice(claim) and outcomes[claim.pk] != PAY
        decided[claim.pk] = PAY if not refused or claim.ordered_amount else outcomes[claim.pk]
        amount = claim.ordered_amount if refused else amount_at_stake(claim)
        stakes.append(UnderWay(claim.pk, amount, claim.paid_amount))
    return stakes, decided


def settle(
    agreement, target: str, outcomes: Mapping[int, str], *, actor, reason: str, answer_due_on: date | None = None
):
    """Write the settlement of an agreement that goes to ``target``, and refuse the claims that do not go on.

    ``answer_due_on`` is the day by which those that go on and are still being written are filed.

    Raises:
        ValidationError: money is given up without a reason, a claim is being worked on, or nothing was decided of one.
    """
    claims = _locked(agreement)
    if missing := [claim.number for claim in claims if has_choice(claim) and claim.pk not in outcomes]:
        sentence = _("Say what becomes of %(claims)s: the page showed another state of the payments.")
        raise ValidationError(sentence % {"claims": ", ".join(missing)})
    decided = plan_of(agreement, claims, outcomes)
    reason = reason.strip()
    if decided.freed and not reason:
        raise ValidationError({"comment": _("Money is given up: write why, the beneficiary reads it.")})
    refused = [claim for claim in claims if has_choice(claim) and outcomes[claim.pk] != PAY]
    settlement = _write(agreement, target, claims, decided, {claim.pk for claim in refused}, actor, reason)
    for claim in claims:
        if claim.state == "draft" and claim not in refused:
            claim.answer_due_on = answer_due_on
            claim.save(update_fields=["answer_due_on"])
    for claim in refused:
        ended = {"the_act": agreement.in_words, "number": agreement.number}
        words = reason or _("%(the_act)s %(number)s has ended.") % ended
        name = "give_up_at_end" if is_given_up(claim) else "refuse_at_end"
        perform(claim, name, actor=actor, comment=words, system=True)
    for tranche in agreement.tranches.filter(state="released"):
        close_if_over(tranche, actor)
    follow_unjustified(agreement)
    return settlement


def _locked(agreement) -> list:
    """The claims under way, locked without waiting: who certifies or orders one holds it and waits for the agreement."""
    try:
        with transaction.atomic():
            list(agreement.claims.select_for_update(of=("self",), no_key=True, nowait=True).order_by("pk"))
    except OperationalError as error:
        raise ValidationError(_("Somebody is working on a claim of this agreement: try again in a moment.")) from error
    return under_way(agreement)


def _write(agreement, target: str, claims: list, decided: Plan, refused: set[int], actor, reason: str):
    settlement = type(agreement).settlement.related.related_model.objects.create(
        agreement=agreement,
        target=target,
        granted_amount=decided.granted,
        paid_amount=decided.paid,
        kept_amount=decided.kept,
        freed_amount=decided.freed,
        reason=reason,
        decided_by=actor,
    )
    for claim in claims:
        goes_on = claim.pk in decided.going_on
        settlement.lines.create(
            claim=claim,
            claim_state=claim.state,
            outcome="pay" if goes_on else "refuse",
            amount=claim.ordered_amount if claim.pk in refused else amount_at_stake(claim),
        )
    return settlement


def settlement_of(agreement):
    """The settlement of an agreement that has ended, or None."""
    return getattr(agreement, "settlement", None)


def why_it_ended(agreement) -> str:
    """The words of whoever ended it, for one that ended before it was in force: it has no settlement to say them."""
    ends = [event for event in agreement.events if event.to_state == agreement.state]
    return ends[-1].comment if ends else ""


def line_of(claim):
    """What the settlement of its agreement says of a claim, or None."""
    return getattr(claim, "settlement_line", None)


def kept_until(claim) -> str:
    """What the beneficiary reads of a claim that they write and that the end of its agreement kept: what is kept for it, and
    until which day it is filed; of one for which nothing can be paid, the day alone. Empty of any other. The day of one that was
    sent back stands beside what the service wrote."""
    line = line_of(claim)
    if not claim.is_editable or claim.agreement.is_in_force or line is None or line.outcome != PAY:
        return ""
    words = {"the_act": claim.agreement.in_words, "number": claim.agreement.number, "amount": format_euros(line.amount)}
    if why_nothing_is_paid(claim):
        return _open_until(claim)
    if claim.state == "returned":
        return _("%(the_act)s %(number)s has ended, and %(amount)s at most are kept for this claim.") % words
    if claim.answer_due_on is None or claim.answer_due_on < timezone.localdate():
        sentence = _(
            "%(the_act)s %(number)s has ended, and %(amount)s at most are kept for this claim. The day to file it is past: the"
            " Region may refuse it now. File it at once, or give it up."
        )
        return sentence % words
    sentence = _(
        "%(the_act)s %(number)s has ended, and %(amount)s at most are kept for this claim. File it by %(day)s: after that day the"
        " Region may refuse it."
    )
    return sentence % (words | {"day": format_date_long(claim.answer_due_on)})


def _open_until(claim) -> str:
    """Until which day a claim of which nothing can be paid stays open: whoever does nothing has it refused then."""
    if claim.answer_due_on is None or claim.answer_due_on < timezone.localdate():
        return _("The day to file it is past: the Region may refuse it now.")
    return _("It stays open until %(day)s: after that day the Region may refuse it.") % {
        "day": format_date_long(claim.answer_due_on)
    }


def why_it_stops(claim) -> str | None:
    """Why a claim can go no further: its agreement has ended and the settlement does not name it. None when it can."""
    agreement = claim.agreement
    if agreement.is_in_force:
        return None
    line = line_of(claim)
    if line is not None and line.outcome == PAY:
        return None
    return _("%(the_act)s %(number)s is no longer in force (%(state)s): nothing more is examined or paid on it.") % {
        "the_act": agreement.in_words,
        "number": agreement.number,
        "state": in_a_sentence(agreement.state_label()),
    }


def free_what_is_left(agreement, *, actor, reason: str) -> None:
    """Give back what the commitment of an ended agreement holds beyond what is paid and what the settlement keeps."""
    settlement, commitment = settlement_of(agreement), agreement.commitment
    if settlement is None or commitment is None:
        return
    commitment.refresh_from_db()
    left = commitment.net_amount - held_of(agreement)
    if left > 0:
        release(commitment, actor=actor, reason=reason, amount=left)


def _going_on(settlement) -> list:
    """The lines of the claims that the settlement lets go on and that are not over."""
    return list(settlement.lines.filter(outcome=PAY).exclude(claim__state__in=OVER).select_related("claim"))


def _still_kept(lines):
    """Euros that a settlement keeps for the claims of these lines."""
    return sum_money(line.amount - line.claim.paid_amount for line in lines)


def left_on(line):
    """Euros that may still be paid on the claim of a line of a settlement, as the claim stands now."""
    claim = line.claim
    stops = line.outcome != PAY or claim.state in OVER
    return left_of(line.amount, amount_at_stake(claim), claim.paid_amount, is_over=stops)


def sent_of(claim):
    """Euros of a claim that are ordered in batches that have left, and not paid."""
    return sum_money(claim.orders.filter(state="ordered").exclude(batch__state="open").values_list("amount", flat=True))


def still_paid_on(line) -> StillPaid:
    """What is still paid on the claim of a line of a settlement: of an advance that nobody's expenditure justifies any more,
    what is due alone, and what has left all the same."""
    claim, left = line.claim, left_on(line)
    if not left or not is_justified_by_nothing(claim):
        return StillPaid(left)
    above = max(left - max(due_of_claim(claim).amount - claim.paid_amount, ZERO), ZERO)
    leaving = min(above, sent_of(claim))
    return StillPaid(left - above + leaving, leaving, above - leaving)


def held_of(agreement):
    """Euros of its commitment that an ended agreement needs: what is paid, and what its settlement keeps."""
    settlement = settlement_of(agreement)
    if settlement is None:
        return agreement.ordered_amount
    return agreement.paid_amount + _still_kept(_going_on(settlement))


def overpaid_of(agreement):
    """Euros that were paid and are to be asked back: what its claims that were closed for nothing say, and what its
    settlement says that no expenditure justifies."""
    settlement = settlement_of(agreement) if agreement.ended_on else None
    return closed_above(agreement) + (settlement.unjustified_paid_amount if settlement is not None else ZERO)


def closed_above(agreement):
    """Euros paid above what is due, as its claims that were closed for nothing say."""
    return sum_money(claim.overpaid_amount for claim in agreement.claims.all())


def still_granted(agreement):
    """Euros of an ended agreement that remain a grant: of what it holds, what its closed claims do not ask back.

    The one answer for the register of de minimis aid; in SQL, ``agreements.settlements.kept``. What the settlement says
    that no expenditure justifies was granted, and stays so until it is recovered.
    """
    return held_of(agreement) - closed_above(agreement)


def kept_for(claim):
    """Euros that the settlement of an ended agreement still keeps for a claim: granted until the claim is over."""
    line = line_of(claim)
    return _still_kept([line]) if line is not None and line.outcome == PAY and claim.state not in OVER else ZERO


def in_the_register(agreement) -> str:
    """What the register says of a grant of which something paid is justified by nothing; empty where there is none."""
    settlement = settlement_of(agreement)
    if settlement is None or not settlement.unjustified_paid_amount:
        return ""
    words = _(
        "Of what was paid, no expenditure justifies %(amount)s: to be asked back (settlement of %(number)s). The aid stays as it"
        " is until then."
    )
    return words % {"amount": format_euros(settlement.unjustified_paid_amount), "number": agreement.number}


def standing_of(agreement) -> Standing | None:
    """What an ended agreement has paid, still keeps and still pays at most, has given up and asks back today; None
    without a settlement.

    ``Settlement`` says what was so on the day of the end: a claim that it kept may have been refused or cut since.
    """
    settlement = settlement_of(agreement)
    if settlement is None:
        return None
    lines = _going_on(settlement)
    kept, still = _still_kept(lines), [still_paid_on(line) for line in lines]
    return Standing(
        paid=agreement.paid_amount,
        kept=kept,
        freed=settlement.granted_amount - agreement.paid_amount - kept,
        overpaid=closed_above(agreement),
        unjustified=written_on(settlement).paid,
        left=sum_money(item.amount for item in still),
        leaving=sum_money(item.leaving for item in still),
        dropped=sum_money(item.dropped for item in still),
        unjustified_at_end=asked_back_at_end(settlement),
    )


def close_if_over(tranche, actor) -> None:
    """Close a released tranche on which nothing is left to pay: all paid, or its agreement ends without a claim on it."""
    agreement = tranche.agreement
    if tranche.state != "released":
        return
    of_tranche = agreement.claims.filter(instalment__tranche=tranche)
    if settlement_of(agreement) is not None:
        is_over = not of_tranche.exclude(state__in=OVER).exists()
    else:
        is_over = not left_to_pay(tranche).exists()
    if is_over:
        perform(tranche, "close", actor=actor, system=True)
