"""What the person who ends an agreement decides of each claim under way."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from agreements.asked_of_funds import BOX, AsksKnowingly, asked_beyond
from agreements.due import due_without_more, is_compared_in_the_end, who_declares
from agreements.forms.transitions import AnswerDayForm
from agreements.settlements.payable import payable_at_end
from agreements.settlements.rules import PAY
from agreements.settlements.services import (
    amount_at_stake,
    asked_in_vain,
    certified_in_vain,
    closed_above,
    has_choice,
    is_given_up,
    open_amount,
    plan_of,
    sent_of,
    under_way,
)
from agreements.settlements.supposed import asked_back_without
from agreements.settlements.unjustified import unjustified_of
from agreements.still_due import what_its_refusal_leaves
from core.money import ZERO, format_euros, sum_money
from core.text import in_a_sentence, listed

OUTCOMES = (PAY, "refuse")


def above_without_more(claim) -> Decimal:
    """Euros of a claim that no expenditure would justify, were its agreement to end and nobody to declare any more: they could
    not be paid. Zero of a claim that declares expenditure itself, and where no balance compares it."""
    if claim.instalment.needs_expenditure or not is_compared_in_the_end(claim):
        return ZERO
    return max(amount_at_stake(claim) - max(due_without_more(claim), claim.paid_amount), ZERO)


class SettlementForm(AsksKnowingly, AnswerDayForm):
    """One choice a claim, ``claim-<id>``; ``cleaned_data["outcomes"]`` maps ids to ``pay`` or ``refuse``. Where claims are still
    being written, ``answer_due_on`` is the day by which those that go on are filed."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        in_force = self.instance.is_in_force
        self.claims = under_way(self.instance) if in_force else []
        for claim in self.claims:
            if has_choice(claim):
                self.fields[f"claim-{claim.pk}"] = self._field(claim)
        self._ask_for_a_day([claim.number for claim in self.claims if claim.state == "draft"])
        if in_force:
            self.offer_the_box(self.instance, lambda: self._payable_if_all("refuse"))
            if self.asked and not asked_beyond(self.asked, self._payable_if_all(PAY)):
                self.fields[BOX].help_text += " " + _(
                    "To be ticked only if what is refused above leaves less to be paid."
                )

    def _ask_for_a_day(self, drafts: list[str]) -> None:
        """Below the choices, where a claim that may go on is still being written."""
        day = self.fields.pop("answer_due_on")
        if not drafts:
            return
        day.label = _("If it goes on, %(claims)s to be filed by") % {"claims": listed(drafts)}
        day.help_text = _(
            "The beneficiary reads it. Empty: thirty days from today. After that day you may refuse what was not filed: what is"
            " kept for it is given back then."
        )
        self.fields["answer_due_on"] = day

    def _payable_if_all(self, outcome: str) -> dict[int | None, Decimal]:
        """What is paid of each part, were the same decided of every claim."""
        return payable_at_end(self.instance, self.claims, dict.fromkeys((claim.pk for claim in self.claims), outcome))

    def _field(self, claim) -> forms.ChoiceField:
        words = {"number": claim.number, "label": claim.instalment.label, "state": in_a_sentence(claim.state_label())}
        stake = {"amount": format_euros(open_amount(claim))}
        goes_on = _("It goes on: %(amount)s at most are kept for it")
        refused = _("It is refused: %(amount)s are given up")
        if claim.ordered_amount:
            goes_on = _("What is not ordered yet goes on: %(amount)s are kept for it")
            refused = _("What is not ordered yet is given up: %(amount)s are not paid")
        elif is_given_up(claim):
            refused = _("Nothing of it is paid: %(amount)s are given up, what was certified stays as it was certified")
        back = asked_back_without(claim, self.claims)
        choices = [(PAY, goes_on % stake), ("refuse", back.beside(refused % stake))]
        told = f"{what_its_refusal_leaves(claim)} {back.with_others}".strip()
        if above := above_without_more(claim):
            above, others = min(above, open_amount(claim)), listed([other.number for other in who_declares(claim)])
            if others:
                nothing_without = _(
                    "Without the expenditure of %(claims)s, nothing would justify %(amount)s of it: were that refused, they could"
                    " not be paid."
                )
                told = " ".join([told, nothing_without % {"claims": others, "amount": format_euros(above)}]).strip()
            else:
                unpaid = _(
                    "It goes on, but %(amount)s of it could not be paid: nobody would declare the expenditure that justifies them"
                )
                choices = [choices[1], (PAY, unpaid % {"amount": format_euros(above)})]
        return forms.ChoiceField(
            label=_("Claim %(number)s – %(label)s (%(state)s)") % words,
            choices=choices,
            widget=forms.RadioSelect,
            error_messages={"required": _("Say whether this claim goes on or is refused.")},
            help_text=told,
        )

    @property
    def facts(self) -> list[tuple[str, Any]]:
        """What is granted, paid, ordered and left to decide: labels and euros, shown above the choices."""
        agreement = self.instance
        if not agreement.is_in_force:
            return []
        ordered = sum_money(claim.ordered_amount - claim.paid_amount for claim in self.claims)
        open_ = sum_money(open_amount(claim) for claim in self.claims)
        left = agreement.granted_amount - agreement.paid_amount - ordered - open_
        in_vain = min(asked_in_vain(agreement), left)
        certified = min(certified_in_vain(agreement), in_vain)
        held, leaving = (sum_money(amount for _claim, amount in found) for found in (self._held, self._leaving))
        found = [
            (_("Granted"), agreement.granted_amount),
            (_("Paid"), agreement.paid_amount),
            (_("Of which above what is due: to be asked back"), closed_above(agreement)),
            (_("Of which no expenditure justifies: to be asked back"), unjustified_of(agreement).paid),
            (_("Ordered: will be paid"), ordered - held),
            *([(_("Of which no expenditure justifies: to be asked back once paid"), leaving)] if leaving else []),
            *([(_("Ordered and not sent, justified by nothing: could not be paid"), held)] if held else []),
            (_("Claimed, to be decided below"), open_),
            (_("Claimed and not granted: given up"), in_vain - certified),
            *([(_("Certified, then given up"), certified)] if certified else []),
            (_("Never claimed: given up"), left - in_vain),
        ]
        return [*found[:2], *(fact for fact in found[2:4] if fact[1]), *found[4:]]

    @cached_property
    def _held(self) -> list[tuple[Any, Decimal]]:
        """(claim, euros) of the orders in batches that have not left, and that nothing declared would justify once the
        agreement has ended: the batch is no longer closed with them."""
        found = []
        for claim in self.claims:
            if not claim.ordered_amount or not (above := above_without_more(claim)) or who_declares(claim).exists():
                continue
            waiting = claim.orders.filter(state="ordered", batch__state="open").values_list("amount", flat=True)
            if held := min(sum_money(waiting), above):
                found.append((claim, held))
        return found

    @cached_property
    def _leaving(self) -> list[tuple[Any, Decimal]]:
        """(claim, euros) of the orders in batches that have left, and that nothing declared would justify: they are paid all
        the same, and become money to be asked back."""
        held, found = {claim.pk: amount for claim, amount in self._held}, []
        for claim in self.claims:
            if not claim.ordered_amount or not (above := above_without_more(claim)) or who_declares(claim).exists():
                continue
            if leaving := min(sent_of(claim), above - held.get(claim.pk, ZERO)):
                found.append((claim, leaving))
        return found

    @property
    def warnings(self) -> list[str]:
        """What can still be stopped before the end, and how: read above the choices."""
        held = _(
            "%(amount)s of %(claim)s are ordered in a batch that has not left, and no expenditure would justify them: once the"
            " agreement has ended, the batch is not closed with this order. To refuse this payment here, have its claim taken"
            " out of the batch by finance before the agreement ends; afterwards it is cancelled, then given up."
        )
        leaving = _(
            "%(amount)s of %(claim)s are ordered in a batch that was sent to finance, and no expenditure would justify them: they"
            " will be paid, and are then to be asked back from the beneficiary. To avoid this, have the order cancelled by finance"
            " before the agreement ends, as long as it is not paid; its claim is then decided here."
        )
        told = [(held, item) for item in self._held] + [(leaving, item) for item in self._leaving]
        return [words % {"amount": format_euros(amount), "claim": claim.number} for words, (claim, amount) in told]

    @property
    def comment_asked(self) -> str:
        """When the comment is compulsory, in words; empty where nothing can be given up."""
        if not self.instance.is_in_force:
            return ""
        if plan_of(self.instance, self.claims, {claim.pk: PAY for claim in self.claims}).freed:
            return _("Money is given up: write why, the beneficiary reads it.")
        if any(has_choice(claim) for claim in self.claims):
            return _("Compulsory when a claim is refused: the beneficiary reads it.")
        return ""

    def clean(self):
        cleaned = super().clean()
        names = {f"claim-{claim.pk}": claim.pk for claim in self.claims}
        cleaned["outcomes"] = {pk: cleaned[name] for name, pk in names.items() if name in cleaned}
        if self.instance.is_in_force and not self.errors:
            self.check_what_was_asked(payable_at_end(self.instance, self.claims, cleaned["outcomes"]))
        return cleaned
