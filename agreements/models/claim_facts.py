"""What a payment claim says of itself: its state in words, what is paid of it, what remains to be ordered."""

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from agreements.models.claim_states import EDITABLE, FINAL, ClaimState
from agreements.still_due import changed_due
from core.engine.standing import reason_interested
from core.money import ZERO


def person(label) -> models.ForeignKey:
    """Return the field of who did something, once it is done."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=label
    )


class ClaimFacts:
    """Beside the fields and the moves of :class:`agreements.models.PaymentClaim`."""

    def state_label(self, audience: str = "staff") -> str:
        """The words for its state; of a claim of which nothing is due, or of which what is due has changed, no payment is
        announced nor said; one that ended before it was ever filed was refused by nobody."""
        if self.state == ClaimState.REJECTED and self.submitted_at is None:
            return pgettext("claim", "Never filed")
        if self.state == ClaimState.PAID and self.certified_amount and not self.payable_amount:
            return pgettext("claim", "Closed without payment")
        if audience == "applicant" and self._due_has_changed():
            return str(_("Checked again by the Region"))
        if self.owes_nothing and self.state in (ClaimState.CERTIFIED, ClaimState.PAID):
            return str(_("Checked: nothing is due") if audience == "applicant" else _("Nothing due"))
        return super().state_label(audience)

    def _due_has_changed(self) -> bool:
        """Whether another amount is due than when it was certified; asked once for all where a page loads many claims."""
        known = self.__dict__.get("due_has_changed")
        return changed_due(self) is not None if known is None else known

    def sums_shown(self) -> dict:
        """What the database counts on it; of one that waits to be paid, also whether its agreement has ended: what is
        given up, or taken out of its batch, after that may be lost."""
        if self.state not in (ClaimState.CERTIFIED, ClaimState.ORDERED):
            return super().sums_shown()
        return super().sums_shown() | {_("Agreement ended on"): self.agreement.ended_on}

    def is_of_another_year(self, day: date | None) -> bool:
        """Whether a day lies outside the year that it is about; a claim of the whole agreement is about no year."""
        year = self.instalment.tranche
        return bool(year and day) and not year.starts_on <= day <= year.ends_on

    @property
    def owes_nothing(self) -> bool:
        """Whether it was certified and nothing is due for it."""
        return self.certified_amount is not None and not self.certified_amount

    @property
    def payable_amount(self) -> Decimal:
        """Euros that are paid for it in all: what is certified, less what was given up."""
        return ZERO if self.certified_amount is None else self.certified_amount - self.given_up_amount

    @property
    def to_order_amount(self) -> Decimal:
        """Euros that remain to be ordered for it: the one answer of pages, lists, exports and lists of work."""
        waits = self.state in (ClaimState.CERTIFIED, ClaimState.ORDERED, ClaimState.SUSPENDED)
        return self.payable_amount - self.ordered_amount if waits else ZERO

    @property
    def is_editable(self) -> bool:
        """Whether the beneficiary may write in it."""
        return self.state in EDITABLE

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in FINAL

    def interest_of(self, user):
        """The people of its case."""
        return reason_interested(user, self.agreement)

    def get_absolute_url(self):
        """Return the beneficiary's page of this claim."""
        return reverse("agreements:claim", args=[self.number])

    def forget_certification(self):
        """Take back what was certified."""
        self.certified_by = self.certified_at = self.certified_amount = None
        self.certification_reason = self.kept_above_reason = ""

    def write_certification(self, actor, data):
        """Write down who certifies what, and why less than what was asked."""
        self.certified_by = actor
        self.certified_at = timezone.now()
        self.certified_amount = data["certified_amount"]
        self.certification_reason = data["certification_reason"]
        self.kept_above_reason = data.get("kept_above_reason", "")
