"""Forms of the staff pages of agreements and payments."""

from collections.abc import Container
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from agreements.models import DuplicateWarning, PaymentClaim
from agreements.order_parts import to_order
from core.dates import format_date_long
from core.money import EuroField, format_euros
from core.past_days import PastDayField
from core.text import PastedTextMixin, in_a_sentence, is_number, listed
from grants.eu_funds import FUND_OR_NONE


class FundForm(forms.Form):
    """The European fund of a draft."""

    eu_fund = forms.ChoiceField(label=_("European fund"), choices=FUND_OR_NONE, required=False)


class LinesForm(forms.Form):
    """What is kept of each line: ``amount-<id>``, and why when it is less: ``reason-<id>``."""

    def __init__(self, *args: Any, lines, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.lines = list(lines)
        for line in self.lines:
            kept = line.declared_amount if line.certified_amount is None else line.certified_amount
            # The number of the line: a page that shows both versions of a field says of which.
            self.fields[f"amount-{line.pk}"] = EuroField(
                label=_("Kept, line %(rank)s") % {"rank": line.rank}, initial=kept
            )
            self.fields[f"reason-{line.pk}"] = forms.CharField(
                label=_("Reason, line %(rank)s") % {"rank": line.rank},
                required=False,
                max_length=300,
                initial=line.certified_reason,
                widget=forms.TextInput(attrs={"placeholder": _("Reason, if less is kept")}),
            )

    def kept(self) -> dict[int, tuple[Decimal, str]]:
        """Amount and reason by line id."""
        data = self.cleaned_data
        return {line.pk: (data[f"amount-{line.pk}"], data[f"reason-{line.pk}"]) for line in self.lines}

    def refuse_idle_reasons(self, touched: Container[str]) -> None:
        """A reason that somebody typed beside a line that is kept whole would be told to nobody: it is said."""
        for line in self.lines:
            reason = f"reason-{line.pk}"
            is_whole = self.cleaned_data.get(f"amount-{line.pk}") == line.declared_amount
            if is_whole and reason in touched and self.cleaned_data.get(reason, "").strip():
                words = {"rank": line.rank, "amount": format_euros(line.declared_amount)}
                sentence = gettext(
                    "Line %(rank)s: a reason is typed and all of %(amount)s is kept. Type what is kept, or empty the reason."
                )
                self.add_error(reason, sentence % words)


class WarningForm(PastedTextMixin, forms.Form):
    """The answer to an invoice declared twice."""

    warning = forms.IntegerField(widget=forms.HiddenInput)
    answer = forms.ChoiceField(label=pgettext_lazy("noun", "Answer"), choices=DuplicateWarning.Answer.choices)
    comment = forms.CharField(label=_("Explanation"), max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}))
    whole_file = forms.BooleanField(required=False)

    def __init__(self, *args: Any, others: int = 0, **kwargs: Any):
        """``others``: how many open questions are asked because of the same file."""
        super().__init__(*args, **kwargs)
        if not others:
            del self.fields["whole_file"]
            return
        self.fields["whole_file"].label = ngettext(
            "They are different invoices: the same answer to the other question on this file",
            "They are different invoices: the same answer to the %(count)s other questions on this file",
            others,
        ) % {"count": others}

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("whole_file") and data.get("answer") != DuplicateWarning.Answer.DIFFERENT:
            self.add_error("whole_file", _("Only “two different invoices” answers all questions on a file at once."))
        return data


class TickedForm(forms.Form):
    """Rows to tick; ``ticked`` names the box. One that can be ticked no more is named."""

    ticked = ""

    def gone(self) -> list[int]:
        """The numbers of the rows that were ticked and are offered no more."""
        offered = {str(value) for value, _label in self.fields[self.ticked].choices}
        return [int(key) for key in self.data.getlist(self.ticked) if is_number(key) and key not in offered]

    def why_gone(self, rows: list) -> dict[int, str]:
        """Why these can be ticked no more, by id: those of which the state alone says it are not there."""
        return {}

    def refuse_gone(self, rows) -> bool:
        """Say which of ``rows`` (a queryset of all of them) were ticked and are offered no more; whether any was."""
        self.full_clean()
        rows = list(rows.filter(pk__in=self.gone()))
        why = self.why_gone(rows)
        found = [f"{row} ({why.get(row.pk) or in_a_sentence(row.state_label())})" for row in rows]
        if found:
            words = {"rows": listed(found)}
            sentence = gettext(
                "Can no longer be chosen: %(rows)s. Nothing was recorded; the other boxes are still ticked."
            )
            self.add_error(None, sentence % words)
            self.errors.pop(self.ticked, None)
        return bool(found)


class PaymentsForm(PastedTextMixin, TickedForm):
    """The payments that the public accountant reports on one day."""

    ticked = "orders"

    orders = forms.TypedMultipleChoiceField(
        label=_("Orders"), coerce=int, error_messages={"required": _("Tick the orders that were paid.")}
    )
    paid_on = PastDayField(label=_("Paid on"))
    external_reference = forms.CharField(label=_("Number in the finance software"), max_length=60, required=False)

    def __init__(self, *args: Any, orders, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["orders"].choices = [(order.pk, order.reference) for order in orders]


class ClaimsForm(TickedForm):
    """The claims to put in a batch."""

    ticked = "claims"

    claims = forms.TypedMultipleChoiceField(
        label=_("Claims"), coerce=int, error_messages={"required": _("Tick the claims to order.")}
    )

    def __init__(self, *args: Any, claims, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["claims"].choices = [(claim.pk, claim.number) for claim in claims]

    def refuse_ended(self, chosen: list) -> bool:
        """Name the claims of which the act has ended since the page was made (it carries ``ended``, those of which it had);
        whether there is any. They may be ordered all the same: the settlement says so."""
        known = set(self.data.getlist("ended"))
        since = [claim for claim in chosen if claim.agreement.ended_on and str(claim.pk) not in known]
        if since:
            found = [f"{claim} ({claim.agreement}, {format_date_long(claim.agreement.ended_on)})" for claim in since]
            sentence = gettext(
                "The act has ended since you opened this page: %(claims)s. Its settlement lets these payments go on; read it, "
                "then order them again. Nothing was recorded; the boxes are still ticked."
            )
            self.add_error(None, sentence % {"claims": listed(found)})
        return bool(since)

    def why_gone(self, rows: list) -> dict[int, str]:
        """A claim of which something is left to order waits for accounts: of whom, and for what."""
        parts = to_order(
            claim for claim in rows if claim.to_order_amount and claim.state != PaymentClaim.State.SUSPENDED
        )
        return {pk: " ".join(left.reasons).rstrip(".") for pk, left in parts.items() if left.reasons and not left.ready}
