"""What the person who ends an agreement decides of each claim under way."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from agreements.asked_of_funds import AsksKnowingly
from agreements.forms.transitions import TransitionForm
from agreements.settlements.payable import payable_at_end
from agreements.settlements.rules import PAY
from agreements.settlements.services import (
    asked_in_vain,
    certified_in_vain,
    closed_above,
    has_choice,
    is_given_up,
    open_amount,
    plan_of,
    under_way,
)
from agreements.settlements.unjustified import unjustified_of
from agreements.still_due import what_its_refusal_leaves
from core.money import format_euros, sum_money
from core.text import in_a_sentence

OUTCOMES = (PAY, "refuse")


class SettlementForm(AsksKnowingly, TransitionForm):
    """One choice a claim, ``claim-<id>``; ``cleaned_data["outcomes"]`` maps ids to ``pay`` or ``refuse``."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        in_force = self.instance.is_in_force
        self.claims = under_way(self.instance) if in_force else []
        for claim in self.claims:
            if has_choice(claim):
                self.fields[f"claim-{claim.pk}"] = self._field(claim)
        if in_force:
            self.offer_the_box(self.instance)

    @staticmethod
    def _field(claim) -> forms.ChoiceField:
        words = {"number": claim.number, "label": claim.instalment.label, "state": in_a_sentence(claim.state_label())}
        stake = {"amount": format_euros(open_amount(claim))}
        goes_on = _("It goes on: %(amount)s at most are kept for it")
        refused = _("It is refused: %(amount)s are given up")
        if claim.ordered_amount:
            goes_on = _("What is not ordered yet goes on: %(amount)s are kept for it")
            refused = _("What is not ordered yet is given up: %(amount)s are not paid")
        elif is_given_up(claim):
            refused = _("Nothing of it is paid: %(amount)s are given up, what was certified stays as it was certified")
        return forms.ChoiceField(
            label=_("Claim %(number)s – %(label)s (%(state)s)") % words,
            choices=[(PAY, goes_on % stake), ("refuse", refused % stake)],
            widget=forms.RadioSelect,
            error_messages={"required": _("Say whether this claim goes on or is refused.")},
            help_text=what_its_refusal_leaves(claim),
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
        found = [
            (_("Granted"), agreement.granted_amount),
            (_("Paid"), agreement.paid_amount),
            (_("Of which above what is due: to be asked back"), closed_above(agreement)),
            (_("Of which no expenditure justifies: to be asked back"), unjustified_of(agreement)),
            (_("Ordered: will be paid"), ordered),
            (_("Claimed, to be decided below"), open_),
            (_("Claimed and not granted: given up"), in_vain - certified),
            *([(_("Certified, then given up"), certified)] if certified else []),
            (_("Never claimed: given up"), left - in_vain),
        ]
        return [*found[:2], *(fact for fact in found[2:4] if fact[1]), *found[4:]]

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
