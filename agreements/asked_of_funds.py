"""What was asked from the Commission for a grant and would not be paid any more: said before less is paid, and confirmed.

The apps on the right that ask for it register; agreements know none. Public contribution is asked where it is paid or will be
(Regulation (EU) 2021/1060, Article 91(3)(c)): what was asked beyond it is withdrawn or corrected (Article 98(6)).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.money import ZERO, format_euros, sum_money
from core.site.answered import AnswerField, is_answered

BOX = "asked_known"
BOX_LABEL = gettext_lazy("I know what was asked from the Commission and would not be paid")


@dataclass(frozen=True)
class Asked:
    """Euros of the EU and of the Region that an application, closed or sent, asks for the expenditure of a claim; ``part`` is
    the id of its tranche, None of an agreement that has none."""

    claim: str
    application: str
    amount: Decimal
    part: int | None = None


Teller = Callable[[Any], list[Asked]]
_tellers: list[Teller] = []


def register_asked_of_funds(asked: Teller) -> None:
    """``asked(agreement)``: what closed and sent applications ask of its claims; at most two queries."""
    if asked not in _tellers:
        _tellers.append(asked)


def asked_of(agreement) -> list[Asked]:
    """What closed and sent applications ask of the claims of an agreement."""
    if not agreement.eu_fund:
        return []
    return [item for teller in _tellers for item in teller(agreement)]


def in_words(asked: Iterable[Asked]) -> str:
    """Which claim, in which application, how much."""
    sentence = _("%(claim)s: %(amount)s in %(application)s")
    return "; ".join(
        sentence % {"claim": item.claim, "amount": format_euros(item.amount), "application": item.application}
        for item in asked
    )


def parts_beyond(asked: Iterable[Asked], payable: Mapping[int | None, Decimal]) -> list[int | None]:
    """The parts of a grant of which more was asked than ``payable``, in the order in which they were asked."""
    totals: dict[int | None, Decimal] = {}
    for item in asked:
        totals[item.part] = totals.get(item.part, ZERO) + item.amount
    return [part for part, total in totals.items() if total > payable.get(part, ZERO)]


def asked_beyond(asked: list[Asked], payable: Mapping[int | None, Decimal]) -> str:
    """What follows when no more than ``payable`` euros of each part of a grant are paid; empty where no more was asked.

    A year of which no more was asked is not named: it makes up for none of another one.
    """
    beyond = parts_beyond(asked, payable)
    if not beyond:
        return ""
    paid = sum_money(payable.get(part, ZERO) for part in beyond)
    items = [item for part in beyond for item in asked if item.part == part]
    sentence = _(
        "Asked from the Commission as public contribution (Union and Region): %(asked)s. At most %(payable)s of it will be"
        " paid: %(beyond)s have to be withdrawn, or corrected with the authority of the programme (Regulation (EU)"
        " 2021/1060, Articles 91(3)(c) and 98(6))."
    )
    words = {
        "asked": in_words(items),
        "payable": format_euros(paid),
        "beyond": format_euros(sum_money(item.amount for item in items) - paid),
    }
    return sentence % words


class AsksKnowingly:
    """A form after which less is paid: where more was asked from the Commission, whoever sends it has read how much."""

    fields: dict[str, forms.Field]
    asked: list[Asked]

    def offer_the_box(
        self, agreement, least: Callable[[], Mapping[int | None, Decimal]], *, of: Collection[int | None] | None = None
    ) -> None:
        """The last field: what was asked, of the parts ``of`` alone or of all, and the box; none where no less is paid of them,
        whatever is decided: ``least`` says what is paid at least of each part.

        The box answers for the sums that stand beside it from the first page on: ticked there, it is asked once.
        """
        self.asked = [item for item in asked_of(agreement) if of is None or item.part in of]
        if self.asked:
            beyond = parts_beyond(self.asked, least())
            self.asked = [item for item in self.asked if item.part in beyond]
        if self.asked:
            help_text = _(
                "Asked from the Commission as public contribution (Union and Region): %(asked)s. What is not paid of it is shown"
                " by the control of the figures until finance has said on the operation that it is withdrawn, or corrected."
            )
            self.fields[BOX] = AnswerField(
                label=BOX_LABEL,
                help_text=help_text % {"asked": in_words(self.asked)},
            )
            self.fields[BOX].ask(in_words(self.asked))

    def check_what_was_asked(self, payable: Mapping[int | None, Decimal]) -> None:
        """Refuse when more was asked of a part than will be paid, and the box does not answer the sums beside it."""
        told = asked_beyond(self.asked, payable)
        if told and not is_answered(self, BOX, in_words(self.asked)):
            words = _("Tick the box if it is to be so, with the reason in the comment.")
            self.add_error(BOX, f"{told} {words}")
