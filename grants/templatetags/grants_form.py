"""Words of the application's form: answers to read again, rows of a table, the gap of a budget."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.dates import format_date_long
from core.money import ZERO, format_euros, sum_money
from core.site import resumed
from grants.form_page import AMOUNT_COLUMNS, CellView, QuestionView, RowView
from grants.programmes.kinds import Shape
from grants.rules.accounts import accounts
from grants.rules.answers import number_text, parse_amount, parse_day, typed_amount
from grants.rules.budget import BudgetTotals, balance_problems, totals_of
from grants.rules.conditions import is_answered
from grants.rules.schema import QuestionKind
from grants.services.amounts import budget_items

register = template.Library()


@register.filter
def rows_of(view: QuestionView, group: str) -> list[RowView]:
    """The rows of one part of a budget."""
    return view.rows_of(group)


@register.filter
def gap_text(totals: BudgetTotals) -> str:
    """What keeps a budget from balancing, or that it does."""
    return " ".join(balance_problems(totals)) or _("The budget balances.")


@register.filter
def budget_totals(application) -> BudgetTotals:
    """The totals of the budget of an application, money and contributions in kind apart."""
    return totals_of(budget_items(application))


@register.filter
def answer_text(view: QuestionView) -> str:
    """An answer as a person reads it."""
    question, value = view.question, view.value
    if not is_answered(value):
        return _("not answered")
    return READERS[question.kind](view, value)


@register.filter
def kept_text(view: QuestionView) -> str:
    """An answer as a person reads it, the rows of a table a line each: for who typed another one meanwhile."""
    if not view.question.is_table or view.question.kind == QuestionKind.TRANCHES:
        return answer_text(view)
    words = dict(_words_of_cells(view))
    rows = [[_cell_text(cell, words) for cell in row.cells.values() if cell.value] for row in view.rows]
    return "\n".join(f"{number}. {', '.join(row)}" for number, row in enumerate(rows, 1) if row) or _("not answered")


def _cell_text(cell: CellView, words: dict[str, str]) -> str:
    amount = typed_amount(cell.value) if cell.is_amount else None
    return words.get(cell.value, cell.value) if amount is None else format_euros(amount)


def _text(view: QuestionView, value: Any) -> str:
    return str(value)


def _chosen(view: QuestionView, value: Any) -> str:
    return "\n".join(str(choice.label) for _value, choice, chosen in view.choices if chosen)


def _date(view: QuestionView, value: Any) -> str:
    return _day(value)


def _day(value: Any) -> str:
    day = parse_day(str(value or ""))
    return format_date_long(day) if day else str(value or "")


def _period(view: QuestionView, value: dict[str, str]) -> str:
    return _("from %(start)s to %(end)s") % {"start": _day(value.get("start")), "end": _day(value.get("end"))}


def _money(view: QuestionView, value: Any) -> str:
    amount = parse_amount(str(value))
    return str(value) if amount is None else format_euros(amount)


def _number(view: QuestionView, value: Any) -> str:
    return number_text(value)


def _yes_no(view: QuestionView, value: Any) -> str:
    return _("Yes") if value else _("No")


def _years(view: QuestionView, value: list[dict[str, Any]]) -> str:
    return "\n".join(
        _("Year %(year)d: cost %(cost)s, %(asked)s asked. %(summary)s").rstrip()
        % {
            "year": row["year"],
            "cost": _money(view, row["cost"]),
            "asked": _money(view, row["requested"]),
            "summary": row.get("summary", ""),
        }
        for row in value
    )


READERS: dict[QuestionKind, Callable[[QuestionView, Any], str]] = {
    QuestionKind.TEXT: _text,
    QuestionKind.LONG_TEXT: _text,
    QuestionKind.INTEGER: _text,
    QuestionKind.DECIMAL: _number,
    QuestionKind.MONEY: _money,
    QuestionKind.DATE: _date,
    QuestionKind.PERIOD: _period,
    QuestionKind.CHOICE: _chosen,
    QuestionKind.MULTIPLE: _chosen,
    QuestionKind.YES_NO: _yes_no,
    QuestionKind.EMAIL: _text,
    QuestionKind.PHONE: _text,
    QuestionKind.SIRET: _text,
    QuestionKind.ATTESTATIONS: _chosen,
    QuestionKind.TRANCHES: _years,
}


@register.simple_tag
def asks_question(view: QuestionView) -> SafeString:
    """What the page carries of a question, so that what was typed is told in its words after the session ended."""
    label, kind = view.question.label, view.question.kind
    if kind == QuestionKind.PIECES:
        return SafeString()
    if view.kind.shape == Shape.TABLE:
        fields = [resumed.carried_rows(view.name, label, _words_of_cells(view))]
    elif view.kind.shape == Shape.PERIOD:
        sides = {"start": pgettext("period", "From"), "end": pgettext("period", "To")}
        fields = [resumed.carried(f"{view.name}-{side}", f"{label} – {word}") for side, word in sides.items()]
    else:
        choices = [(value, str(choice.label)) for value, choice, _chosen in view.choices]
        if kind == QuestionKind.YES_NO:
            choices = [("yes", _("Yes")), ("no", _("No"))]
        fields = [resumed.carried(view.name, label, tuple(choices))]
    return format_html_join(
        "", '<input type="hidden" name="{}" value="{}">', ((resumed.ASKED, text) for text in fields)
    )


def _words_of_cells(view: QuestionView) -> tuple[tuple[str, str], ...]:
    """What the lists of a budget say for their values."""
    if view.question.kind != QuestionKind.BUDGET:
        return ()
    states = {"asked": pgettext("financing", "asked"), "granted": pgettext("financing", "granted")}
    words = states | {"own": pgettext("financing", "own resources")}
    words |= {"general": pgettext("axis", "Project"), "engineering": pgettext("axis", "Engineering")}
    return (*words.items(), *((code, str(account)) for code, account in accounts().items()))


@register.filter
def sum_of(view: QuestionView, column: str) -> Decimal:
    """The total in euros of a column as typed; what cannot be read counts for nothing."""
    return sum_money(typed_amount(row.cells[column].value) or ZERO for row in view.rows)


@register.filter
def is_amount(column: str) -> bool:
    """Whether a column of a table holds euros."""
    return column in AMOUNT_COLUMNS


@register.filter
def read_table(view: QuestionView) -> dict[str, Any]:
    """The heads, the filled rows and the totals of a table (its amounts are its last columns)."""
    heads = {
        QuestionKind.PARTNERS: [_("Name"), _("SIRET"), _("Role in the project"), _("Contribution (EUR)")],
        QuestionKind.PERSONS: [_("First name"), _("Last name"), _("E-mail"), _("Own contribution (EUR)")],
        QuestionKind.TRANCHES: [_("Main actions"), _("Cost (EUR)"), _("Amount asked (EUR)")],
    }
    head = list(zip(heads[view.question.kind], view.columns, strict=True))
    rows = [list(row.cells.values()) for row in view.rows if not row.is_blank]
    rows = [row for row in rows if any(cell.value for cell in row)]
    labels = [label for label, _column in head]
    totals = [(label, sum_of(view, column)) for label, column in head if is_amount(column)]
    return {
        "head": head,
        "rows": [list(zip(labels, row, strict=True)) for row in rows],
        "totals": totals,
        "before_totals": len(head) - len(totals),
    }
