"""What an end would make to be asked back, by what is decided of the claims under way: said before it is decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from agreements.due import is_compared_in_the_end, who_declares
from agreements.settlements.rules import PAY, REFUSE
from agreements.settlements.services import is_given_up, open_amount, sent_of, stakes_of
from agreements.settlements.unjustified import Unjustified, unjustified_of
from core.money import ZERO, format_euros, sum_money
from core.text import listed


def unjustified_at_end(agreement, claims: list, outcomes: Mapping[int, str]) -> Unjustified:
    """What no expenditure would justify of an agreement, were it to end now with these outcomes of its ``claims`` under way."""
    stakes, decided = stakes_of(claims, outcomes)
    supposed: dict[int, Decimal | None] = {}
    for claim, stake in zip(claims, stakes, strict=True):
        if decided[claim.pk] == PAY:
            supposed[claim.pk] = stake.amount
        else:
            supposed[claim.pk] = claim.paid_amount if is_given_up(claim) else None
    return unjustified_of(agreement, supposed)


@dataclass(frozen=True)
class AskedBack:
    """Euros to be asked back because a claim is refused: those that are paid, and those of orders that have left, once they
    are. ``in_all``: both, were the other claims of its part refused too that may declare expenditure (``others``)."""

    paid: Decimal = ZERO
    sent: Decimal = ZERO
    others: tuple[str, ...] = ()
    in_all: Decimal = ZERO

    def beside(self, refused: str) -> str:
        """The words of the choice that refuses it, with what follows."""
        words = {"refused": refused, "paid": format_euros(self.paid), "sent": format_euros(self.sent)}
        if self.paid and self.sent:
            sentence = _(
                "%(refused)s; no expenditure justifies any more %(paid)s already paid and %(sent)s sent to be paid: to be asked"
                " back"
            )
        elif self.sent:
            sentence = _("%(refused)s; no expenditure justifies any more %(sent)s sent to be paid: to be asked back")
        elif self.paid:
            sentence = _("%(refused)s; no expenditure justifies any more %(paid)s already paid: to be asked back")
        else:
            return refused
        return sentence % words

    @property
    def with_others(self) -> str:
        """What refusing the others as well would add; empty where it adds nothing."""
        if self.in_all <= self.paid + self.sent:
            return ""
        sentence = _(
            "Were %(claims)s refused as well, nobody would declare expenditure any more: of what is paid or sent to be paid,"
            " %(amount)s in all would be to be asked back."
        )
        return sentence % {"claims": listed(list(self.others)), "amount": format_euros(self.in_all)}


def asked_back_without(claim, claims: list) -> AskedBack:
    """What refusing a claim makes to be asked back when its agreement ends, the others of ``claims`` going on: nothing where
    its certificate stays."""
    agreement = claim.agreement
    if not claim.instalment.needs_expenditure or not agreement.ordered_amount or not is_compared_in_the_end(claim):
        return AskedBack()
    if is_given_up(claim):
        return AskedBack()
    going_on = dict.fromkeys((other.pk for other in claims), PAY)
    before = unjustified_at_end(agreement, claims, going_on)
    sent = sum_money(sent_of(other) for other in claims if other.instalment.tranche_id == claim.instalment.tranche_id)

    def told(refused: list[int]) -> tuple[Decimal, Decimal]:
        then = unjustified_at_end(agreement, claims, going_on | dict.fromkeys(refused, REFUSE))
        return then.paid - before.paid, min(max(then.to_come - before.to_come, ZERO), sent)

    alone = told([claim.pk])
    declaring = set(who_declares(claim).exclude(pk=claim.pk).values_list("pk", flat=True))
    others = [other for other in claims if other.pk in declaring and open_amount(other) > 0]
    in_all = sum_money(told([claim.pk, *(other.pk for other in others)])) if others else sum_money(alone)
    return AskedBack(*alone, tuple(other.number for other in others), in_all)
