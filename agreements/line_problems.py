"""What is wrong with a line of expenditure: its account, its part of the project, its dates, its amounts."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agreements.axes import axis_choices, axis_without_aid
from agreements.budget_accounts import BudgetAccount, accounts_of
from agreements.models import PaymentClaim, Tranche
from applicants.rules.identifiers import validate_siret
from core.money import format_euros, too_large
from core.past_days import in_the_future


def line_problems(
    claim: PaymentClaim,
    values: Mapping[str, Any],
    accounts: list[BudgetAccount] | None = None,
    axes: list[tuple[str, str]] | None = None,
) -> dict[str, str]:
    """What is wrong with a line of expenditure of a claim, by field: an empty mapping when all is well.

    ``accounts`` are those of the annexed budget and ``axes`` those of the grant, read once by callers that check
    many lines.
    """
    agreement = claim.agreement
    errors: dict[str, str] = {}
    for name in ("account_code", "supplier_name", "invoice_number", "description"):
        if not str(values.get(name) or "").strip():
            errors[name] = _("Fill this in.")
    if values.get("account_code"):
        accounts = accounts_of(agreement) if accounts is None else accounts
        errors |= _account_problems(values["account_code"], values.get("axis") or "", accounts)
    if values.get("supplier_siret"):
        try:
            validate_siret(values["supplier_siret"])
        except ValidationError as error:
            errors["supplier_siret"] = " ".join(error.messages)
    axes = axis_choices(agreement) if axes is None else axes
    if axes and values.get("axis") not in dict(axes):
        parts = ", ".join(label for _code, label in axes)
        errors["axis"] = _("Say to which part of the project it belongs: %(parts)s.") % {"parts": parts}
    elif not axes and values.get("axis"):
        errors["axis"] = _("The grant has one part only: leave this empty.")
    elif axes and (axis := axis_without_aid(agreement, values["axis"])):
        errors["axis"] = _("Nothing is granted for “%(axis)s”: its expenditure is declared in no claim.") % {
            "axis": axis.label
        }
    errors |= _date_problems(claim, values) | _amount_problems(values) | _credit_problems(values)
    return errors


def _account_problems(code: str, axis: str, every: list[BudgetAccount]) -> dict[str, str]:
    """An account is one of the budget, where there is one, of the line's part of the project, and something of it counts."""
    accounts = [account for account in every if account.axis in ("", axis)]
    if not accounts:
        return {}  # no budget, or an axis that is refused itself
    account = next((account for account in accounts if account.code == code), None)
    counted = {account.code for account in accounts if account.counts}
    words = {"account": code, "accounts": ", ".join(sorted(counted))}
    if account is None and any(other.code == code for other in every):
        part = accounts[0].axis_label
        sentence = _("The account %(account)s is not in the budget of “%(part)s”: use %(accounts)s.")
        return {"account_code": sentence % (words | {"part": part})}
    if account is None:
        return {
            "account_code": _("The account %(account)s is not in the budget of the agreement: use %(accounts)s.")
            % words
        }
    if not account.counts:
        sentence = _(
            "Nothing of “%(account)s” was retained for the aid: its expenditure is declared in no claim. Use %(accounts)s."
        )
        return {"account_code": sentence % (words | {"account": f"{code} – {account.title}"})}
    return {}


def _date_problems(claim: PaymentClaim, values: Mapping[str, Any]) -> dict[str, str]:
    agreement, errors = claim.agreement, {}
    invoiced, paid, today = values.get("invoice_date"), values.get("paid_on"), timezone.localdate()
    for name, day in (("invoice_date", invoiced), ("paid_on", paid)):
        if day is None:
            errors[name] = _("Give this date.")
        elif day > today:
            errors[name] = in_the_future()
    if invoiced and not agreement.start <= invoiced <= agreement.end:
        errors.setdefault(
            "invoice_date",
            _("The invoice is outside the period of the agreement (%(start)s to %(end)s).")
            % {"start": f"{agreement.start:%d/%m/%Y}", "end": f"{agreement.end:%d/%m/%Y}"},
        )
    elif invoiced and (year := agreement.year_without_aid(invoiced)):
        errors.setdefault(
            "invoice_date",
            _("Nothing is granted for %(year)s: its invoices are declared in no claim.") % {"year": year.label},
        )
    elif claim.is_of_another_year(invoiced) and not str(values.get("other_year_why") or "").strip():
        errors.setdefault("invoice_date", _of_another_year(claim.instalment.tranche))
    last = agreement.last_day_to_pay
    if paid and not agreement.start <= paid <= last:
        errors.setdefault(
            "paid_on",
            _("It is paid outside the eligible dates (%(start)s to %(end)s).")
            % {"start": f"{agreement.start:%d/%m/%Y}", "end": f"{last:%d/%m/%Y}"},
        )
    elif invoiced and paid and paid < invoiced and not str(values.get("paid_before_why") or "").strip():
        days = (invoiced - paid).days
        question = ngettext(
            "It is paid %(days)d day before the date of its invoice. Correct one of the dates; or, if both are right, say "
            "why it was paid before its invoice (a deposit, a salary).",
            "It is paid %(days)d days before the date of its invoice. Correct one of the dates; or, if both are right, say "
            "why it was paid before its invoice (a deposit, a salary).",
            days,
        )
        errors.setdefault("paid_on", question % {"days": days})
    return errors


def _of_another_year(year: Tranche) -> str:
    return _(
        "This claim is about %(year)s (%(start)s to %(end)s). Declare this invoice with the year of its date; or, if the "
        "expenditure does belong to %(year)s, say why: it counts for one year only."
    ) % {"year": year.label, "start": f"{year.starts_on:%d/%m/%Y}", "end": f"{year.ends_on:%d/%m/%Y}"}


def _amount_problems(values: Mapping[str, Any]) -> dict[str, str]:
    total, declared = values.get("invoice_total"), values.get("declared_amount")
    errors = {
        name: _("Give an amount.")
        for name, amount in (("invoice_total", total), ("declared_amount", declared))
        if not amount
    }
    errors |= {
        name: sentence
        for name, amount in (("invoice_total", total), ("declared_amount", declared))
        if amount and (sentence := too_large(amount))
    }
    if total and declared and not errors:
        if (total > 0) != (declared > 0):
            errors["declared_amount"] = _("The amount declared has the sign of the invoice.")
        elif abs(declared) > abs(total):
            errors["declared_amount"] = _("No more is declared than the invoice: %(total)s.") % {
                "total": format_euros(total)
            }
    return errors


def _credit_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """A credit note, and nothing else, names the invoice that it corrects."""
    declared, corrects = values.get("declared_amount"), str(values.get("corrects_number") or "").strip()
    if declared and declared < 0 and not corrects:
        return {"corrects_number": _("Write the number of the invoice that this credit note corrects.")}
    if declared and declared > 0 and corrects:
        sentence = _("Only a credit note corrects an invoice: leave this empty, or give negative amounts.")
        return {"corrects_number": sentence}
    return {}
