"""Forms of the beneficiary's pages: amount asked, lines of expenditure, proofs, pieces, workbook."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agreements.budget_accounts import BudgetAccount, choices_of
from agreements.forms.transitions import file_field, money_field
from agreements.models import PaymentClaim
from applicants.rules.identifiers import compact
from core.file_types import WORKBOOK_TYPES
from core.past_days import PastDayField
from core.personal_numbers import NoNationalNumberMixin
from core.site.sometimes import sometimes


class AmountForm(NoNationalNumberMixin, forms.Form):
    """What is asked for, and what the money did."""

    claimed_amount = money_field(_("Amount asked"))
    statement = forms.CharField(
        label=_("What was done with the money"),
        required=False,
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("A few sentences for the officer who reads the claim: what was done, for whom, what remains."),
    )


class LineForm(NoNationalNumberMixin, forms.Form):
    """One paid invoice, or the part of it that belongs to the project."""

    account_code = forms.ChoiceField(label=_("Budget account"), help_text=_("The line of the annexed budget."))
    axis = forms.ChoiceField(
        label=_("Part of the project"),
        help_text=_("Each part is aided by its own rule: its spending is counted apart."),
    )
    supplier_name = forms.CharField(
        label=_("Supplier"),
        max_length=200,
        help_text=_("Its name as on the invoice; for salaries, the employee's initials and month."),
        widget=forms.Textarea(attrs={"rows": 2}),  # a long name is read whole on a narrow screen
    )
    supplier_siret = forms.CharField(
        label=_("SIRET of the supplier"),
        required=False,
        max_length=60,
        help_text=_("14 digits, when the supplier has one."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    invoice_number = forms.CharField(label=_("Invoice number"), max_length=60)
    corrects_number = forms.CharField(
        label=_("Corrects the invoice"),
        required=False,
        max_length=60,
        help_text=_("On a credit note only: the number of the invoice that it corrects."),
    )
    invoice_date = PastDayField(label=_("Invoice date"))
    paid_on = PastDayField(label=_("Paid on"), help_text=_("When the bank account was debited."))
    paid_before_why = sometimes(
        forms.CharField(
            label=_("Why it was paid before its invoice"),
            max_length=300,
            help_text=_("A deposit with the order, a salary paid before its pay slip… The officer reads it."),
        )
    )
    other_year_why = sometimes(
        forms.CharField(
            label=_("Why it belongs to this year"),
            max_length=300,
            help_text=_("An invoice received later, a cost spread over two years… The officer reads it."),
        )
    )
    description = forms.CharField(label=_("What was bought"), max_length=300)
    invoice_total = money_field(
        _("Total of the invoice"), help_text=_("What was paid to the supplier, tax included unless you recover it.")
    )
    declared_amount = money_field(
        _("Declared amount"), help_text=_("The part of the invoice that belongs to this project.")
    )

    def __init__(
        self,
        *args: Any,
        claim: PaymentClaim,
        accounts: list[BudgetAccount],
        axes: list[tuple[str, str]] = (),
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        if not claim.is_of_another_year(self._day("invoice_date")):
            del self.fields["other_year_why"]
        if not self._is_paid_before():
            del self.fields["paid_before_why"]
        if axes:
            self.fields["axis"].choices = [("", "—"), *axes]
        else:
            del self.fields["axis"]
        if accounts:
            choices = [("", "—"), *choices_of(accounts)]
            self.fields["account_code"].choices = choices
            return
        old = self.fields["account_code"]
        self.fields["account_code"] = forms.CharField(label=old.label, help_text=old.help_text, max_length=20)

    def _is_paid_before(self) -> bool:
        """Whether the dates ask why it was paid before its invoice; the question is not there otherwise."""
        paid, invoiced = self._day("paid_on"), self._day("invoice_date")
        return bool(paid and invoiced and paid < invoiced)

    def _day(self, name: str) -> date | None:
        """The day that a field says; None where it says none."""
        try:
            return self.fields[name].clean(self[name].value())
        except forms.ValidationError:
            return None

    def clean_supplier_name(self) -> str:
        """One line, however it was typed."""
        return " ".join(self.cleaned_data["supplier_name"].split())

    def clean_supplier_siret(self) -> str:
        """Spaces, the word SIRET and invisible signs are how people copy a number."""
        return compact(self.cleaned_data["supplier_siret"], "SIRET")


class ProofForm(forms.Form):
    """One file that proves one or several lines."""

    proof = file_field(
        _("Proof (invoice, pay slip, bank statement)"),
        may_go_without=True,  # the page has other buttons
        help_text=_("One file may serve several lines. PDF, image, or office document."),
    )
    lines = forms.TypedMultipleChoiceField(
        label=_("Lines that it proves"),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick the lines that this file proves.")},
    )

    def __init__(self, *args: Any, lines, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["lines"].choices = [
            (line.rank, f"{line.rank} – {line.supplier_name}, {line.invoice_number}") for line in lines
        ]


class LineProofForm(forms.Form):
    """The proof that comes with a line."""

    proof = file_field(
        _("Proof (invoice, pay slip, bank statement)"),
        required=False,
        help_text=_("You may also join it later, and one file to several lines."),
    )


class PieceForm(forms.Form):
    """A piece that the payment asks for."""

    file = file_field(_("File"), may_go_without=True)


class ReplyForm(NoNationalNumberMixin, forms.Form):
    """What the beneficiary answers while its claim is suspended."""

    text = forms.CharField(label=_("Your answer"), max_length=5_000, widget=forms.Textarea(attrs={"rows": 5}))
    file = file_field(_("Document"), required=False)


class WorkbookForm(forms.Form):
    """The workbook of expenditure."""

    workbook = file_field(
        _("Filled workbook"),
        types=WORKBOOK_TYPES,
        may_go_without=True,
        help_text=_("The .xlsx template of this page; .xls and .csv too."),
    )
