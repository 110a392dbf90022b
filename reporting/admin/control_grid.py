"""The control of a declaration as a grid: one line an item, its proof beside, a decision each or one for all.

Whatever is typed on a row goes with the decision of that row: one that does not use it, or no decision at all, is refused
in words. The button that accepts all that waits takes the rows on which nothing was typed, and the others as typed. An
invoice and its credit notes are decided together: all of what is typed on them, or nothing.
"""

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from core.engine import versions
from core.engine.readable import refuse_other_rows
from core.money import ZERO, EuroField, format_euros, format_number
from core.presentation import action_label
from core.text import in_a_sentence, is_number, listed
from core.transitions import TransitionRefused, perform
from reporting.credit_notes import Pair, clusters, decided_together, pairs_of, settle
from reporting.models import DeclarationState, ErrorType, ExpenditureDeclaration, ExpenditureItem
from reporting.permissions import may_decide_on_declaration

PER_PAGE = 100
DECISIONS = ("accept", "reject_partly", "reject", "park")
CELLS = ("decision", "rejected", "error", "reason")


def _sentences(refused: TransitionRefused | versions.Stale) -> list[str]:
    if isinstance(refused, TransitionRefused):
        return [text for texts in refused.errors.values() for text in texts]
    event = next(iter(refused.events_since()), None)
    if event is None:
        return [_("This item changed after you had opened the page. Look again, then decide.")]
    words = {"person": event.actor or event.actor_label, "what": action_label(ExpenditureItem, event.action)}
    return [_("Meanwhile %(person)s decided: %(what)s. Look again, then decide on top if it is right.") % words]


def _label(cell: str) -> str:
    """The name of a cell, as the head of its column says it."""
    names = {
        "decision": _("Decision"),
        "rejected": _("Amount rejected"),
        "error": _("Type of error"),
        "reason": _("Reason"),
    }
    return names[cell]


@dataclass(frozen=True)
class Typed:
    """What came of a row: its cells as they were sent, and the names of those that the person changed."""

    decision: str = ""
    rejected: str = ""
    error: str = ""
    reason: str = ""
    changed: frozenset[str] = frozenset()

    @property
    def amount(self) -> Decimal | None:
        """Euros rejected; None where no amount is typed that can be read."""
        try:
            return EuroField(required=False).clean(self.rejected)
        except ValidationError:
            return None

    def problem(self, item: ExpenditureItem) -> str:
        """What was typed that the decision would not take, and what to do; empty where the row is of one piece."""
        left_out = self._left_out(item)
        if self.decision and self.decision not in DECISIONS:
            sentence = _("Item %(item)s: choose one of the decisions of the list.")
        elif not left_out:
            return ""
        elif not self.decision:
            sentence = _("Item %(item)s: choose the decision that goes with what you typed (%(cells)s).")
        elif self.decision == "reject":
            sentence = _(
                "Item %(item)s: “%(decision)s” rejects the whole amount, %(declared)s, and you typed another one. Choose "
                "the rejection in part, or empty the amount rejected."
            )
        else:
            sentence = _(
                "Item %(item)s: “%(decision)s” takes no account of what you typed (%(cells)s). Empty it, or choose a "
                "rejection."
            )
        return sentence % {
            "item": item.rank,
            "cells": listed(in_a_sentence(_label(cell)) for cell in left_out),
            "decision": self.decision in DECISIONS and getattr(ExpenditureItem, self.decision).transition_spec.label,
            "declared": format_euros(item.declared_amount),
        }

    def _left_out(self, item: ExpenditureItem) -> list[str]:
        """The cells in which something was typed that the decision does not take."""
        if not self.decision:
            return [cell for cell in CELLS if cell in self.changed]
        says_amount = "rejected" in self.changed and bool(self.rejected) and self.amount != ZERO
        if self.decision in ("accept", "park"):
            found = {"rejected": says_amount, "error": "error" in self.changed and bool(self.error)}
            return [cell for cell, is_said in found.items() if is_said]
        return ["rejected"] if self.decision == "reject" and says_amount and self.amount != item.declared_amount else []


@dataclass
class GridLine:
    """One item with what was typed for it and why that was refused."""

    item: ExpenditureItem
    typed: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # the invoice that it corrects, the credit notes on it

    @property
    def rejected(self) -> str:
        """The amount typed, else the one decided."""
        return (self.typed or _values(self.item))["rejected"]


class ControlGrid:
    """The items of a declaration, a page at a time, and the decisions that a controller typed."""

    def __init__(self, declaration: ExpenditureDeclaration, request: HttpRequest):
        self.declaration, self.request = declaration, request
        self.errors: dict[int, list[str]] = {}
        self.typed: dict[int, dict[str, str]] = {}

    @property
    def decides(self) -> bool:
        """Whether this person decides now."""
        return (
            self.declaration.state == DeclarationState.UNDER_CONTROL
            and may_decide_on_declaration(self.request.user, self.declaration) is None
        )

    @property
    def why_not(self) -> str:
        """Why nothing can be decided any more: what was said of the items, once."""
        return " ".join(dict.fromkeys(text for texts in self.errors.values() for text in texts))

    @property
    def has_errors(self) -> bool:
        return bool(self.errors)

    @property
    def decisions(self) -> list[tuple[str, Any]]:
        return [(name, getattr(ExpenditureItem, name).transition_spec.label) for name in DECISIONS]

    @cached_property
    def error_types(self) -> list[ErrorType]:
        return list(ErrorType.objects.filter(is_active=True))

    @cached_property
    def page(self):
        items = versions.with_number(self.declaration.items.with_line()).order_by("rank")
        number = self.request.GET.get("page") or self.request.POST.get("page")
        return Paginator(items, PER_PAGE).get_page(number)

    @cached_property
    def pairs(self) -> list[Pair]:
        return pairs_of(self.declaration)

    @property
    def lines(self) -> list[GridLine]:
        said: dict[int, list[str]] = {}
        for pair in self.pairs:
            if pair.note_here and not pair.other_is_note:
                sentence = _("Corrects %(invoice)s, and is decided with it.") % {"invoice": pair.other_named}
                said.setdefault(pair.note, []).append(sentence)
            if pair.other_here and not pair.other_is_note:
                sentence = _("Its credit note %(note)s is decided with it.") % {"note": pair.note_named}
                said.setdefault(pair.other, []).append(sentence)
        return [
            GridLine(item, self.typed.get(item.pk, {}), self.errors.get(item.pk, []), said.get(item.pk, []))
            for item in self.page.object_list
        ]

    def take(self) -> int:
        """Take the typed decisions; return how many were taken. The refused ones stay in ``errors``."""
        rows = [int(key) for key in self._shown.values if is_number(key)]  # a form without its version decides nothing
        known = {f"{cell}-{pk}" for cell in CELLS for pk in rows}
        refuse_other_rows(self.request.POST, f"({'|'.join(CELLS)})-.+", known)
        items = self.declaration.items.select_related("declaration").in_bulk(rows)
        chosen: dict[int, tuple[ExpenditureItem, str, Typed]] = {}
        for item in (items[pk] for pk in rows if pk in items):
            typed = self._typed(item)
            choice = typed.decision or (self._accepts(item, typed) and "accept") or ""
            if choice or typed.problem(item):
                chosen[item.pk] = (item, choice, typed)
        tied = clusters(self.pairs) if chosen else []
        alone = [pk for pk in chosen if not any(pk in members for members in tied)]
        groups = [[chosen[pk] for pk in chosen if pk in members] for members in tied]
        taken = sum(self._take_together([chosen[pk]], is_tied=False) for pk in alone)
        return taken + sum(self._take_together(rows, is_tied=True) for rows in groups if rows)

    def _take_together(self, rows: list[tuple[ExpenditureItem, str, Typed]], *, is_tied: bool) -> int:
        """Decide on the rows of one invoice and its credit notes, or on one row alone: on all of them or none. How many."""
        refused: dict[int, list[str]] = {}
        try:
            with transaction.atomic():
                with decided_together() as decided:
                    for item, choice, typed in rows:
                        problem = typed.problem(item)
                        if why := [*self._meanwhile(item), problem] if problem else self._take(item, choice, typed):
                            refused[item.pk] = why
                if refused:
                    ranks = listed(str(item.rank) for item, _choice, _typed in rows if item.pk in refused)
                    sentence = _("It is decided with item %(ranks)s, which was refused: nothing of it was recorded.")
                    raise TransitionRefused("conditions", {"__all__": sentence % {"ranks": ranks}})
                if is_tied:
                    settle(self.declaration, set(decided), actor=self.request.user)
        except TransitionRefused as together:
            for item, choice, typed in rows:
                self.errors[item.pk] = refused.get(item.pk) or _sentences(together)
                self.typed[item.pk] = asdict(typed) | {"decision": choice}
            return 0
        return len(decided)

    def _accepts(self, item: ExpenditureItem, typed: Typed) -> bool:
        """Whether the button that accepts all that waits takes this row: nobody typed anything on it."""
        return self.request.POST.get("all") == "accept" and item.state == "pending" and not typed.changed

    def _take(self, item: ExpenditureItem, choice: str, typed: Typed) -> list[str]:
        """Decide on one item; why not, where that is refused."""
        data = {"rejected_amount": typed.rejected, "error_type": typed.error}
        expected = self._expected(item)
        try:
            perform(item, choice, actor=self.request.user, data=data, comment=typed.reason, expected=expected)
        except (TransitionRefused, versions.Stale) as refused:
            return _sentences(refused)
        return []

    def _meanwhile(self, item: ExpenditureItem) -> list[str]:
        """What somebody else decided on an item since it was shown: the page that is shown again has its new version."""
        try:
            versions.verify(item, self._expected(item))
        except versions.Stale as stale:
            return _sentences(stale)
        return []

    def _typed(self, item: ExpenditureItem) -> Typed:
        """What the form says of an item, compared with what its page showed of it."""
        post, shown = self.request.POST, _values(item)
        sent = {cell: post.get(f"{cell}-{item.pk}", shown.get(cell, "")).strip() for cell in CELLS}
        known = {cell: self._shown.values.get(f"{cell}-{item.pk}", versions.digest(shown.get(cell))) for cell in CELLS}
        return Typed(**sent, changed=frozenset(cell for cell in CELLS if versions.digest(sent[cell]) != known[cell]))

    @property
    def form(self) -> forms.Form:
        """What was typed, by item: for the page that gives it back where nothing can be decided any more."""
        form = forms.Form(self.request.POST)
        choices = {
            "decision": [("", ""), *self.decisions],
            "error": [("", ""), *((error.pk, error.label) for error in self.error_types)],
        }
        for item in self.declaration.items.filter(pk__in=[key for key in self._shown.values if is_number(key)]):
            for cell in CELLS if self._typed(item).changed else ():
                label = _("Item %(item)s: %(cell)s") % {"item": item.rank, "cell": in_a_sentence(_label(cell))}
                kind = {"choices": choices[cell]} if cell in choices else {}
                field_class = forms.ChoiceField if kind else forms.CharField
                form.fields[f"{cell}-{item.pk}"] = field_class(label=label, required=False, **kind)
        return form

    @cached_property
    def shown_token(self) -> str:
        """The version of the page: of each item that it shows, the number of its newest event and what its cells held."""
        values = {}
        for item in self.page.object_list:
            values[str(item.pk)] = str(versions.number_of(item))
            values |= {f"{cell}-{item.pk}": versions.digest(text) for cell, text in _values(item).items()}
        return versions.Shown(versions.label_of(self.declaration), 0, values).token()

    @cached_property
    def _shown(self) -> versions.Shown:
        return versions.carried(self.request.POST, self.declaration)

    def _expected(self, item: ExpenditureItem) -> versions.Shown:
        """What the page showed of an item."""
        return versions.Shown(versions.label_of(item), int(self._shown.values[str(item.pk)]))

    @property
    def accept_all_label(self) -> str:
        if self.page.has_other_pages():
            return _("Accept everything that waits on this page")
        return _("Accept everything that waits")


def _values(item: ExpenditureItem) -> dict[str, str]:
    """What the cells of an item hold before anybody types."""
    rejected = format_number(item.rejected_amount) if item.rejected_amount else ""
    return {"rejected": rejected, "error": str(item.error_type_id or ""), "reason": item.reason}
