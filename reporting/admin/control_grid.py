"""The control of a declaration as a grid: one line an item, its proof beside, a decision each or one for all."""

from dataclasses import dataclass, field
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from core.transitions import TransitionRefused, perform
from reporting.models import DeclarationState, ErrorType, ExpenditureDeclaration, ExpenditureItem
from reporting.permissions import may_decide_on_declaration

PER_PAGE = 100
DECISIONS = ("accept", "reject_partly", "reject", "park")


@dataclass
class GridLine:
    """One item with what was typed for it and why that was refused."""

    item: ExpenditureItem
    typed: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


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
        items = self.declaration.items.with_line().order_by("rank")
        number = self.request.GET.get("page") or self.request.POST.get("page")
        return Paginator(items, PER_PAGE).get_page(number)

    @property
    def lines(self) -> list[GridLine]:
        return [
            GridLine(item, self.typed.get(item.pk, {}), self.errors.get(item.pk, [])) for item in self.page.object_list
        ]

    def take(self) -> int:
        """Take the typed decisions; return how many were taken. The refused ones stay in ``errors``."""
        post, taken = self.request.POST, 0
        chosen = {pk: choice for pk, choice in self._chosen() if choice in DECISIONS}
        items = self.declaration.items.select_related("declaration").in_bulk(list(chosen))
        for pk, choice in chosen.items():
            item = items.get(pk)
            if item is None:
                continue
            data = {
                "rejected_amount": post.get(f"rejected-{pk}", ""),
                "error_type": post.get(f"error-{pk}", ""),
            }
            try:
                perform(item, choice, actor=self.request.user, data=data, comment=post.get(f"reason-{pk}", ""))
                taken += 1
            except TransitionRefused as refused:
                self.errors[pk] = [text for texts in refused.errors.values() for text in texts]
                self.typed[pk] = {
                    "decision": choice,
                    "rejected": post.get(f"rejected-{pk}", ""),
                    "error": data["error_type"],
                    "reason": post.get(f"reason-{pk}", ""),
                }
        return taken

    def _chosen(self):
        """Yield (item's id, decision): those chosen one by one, or "accept" for all that wait on the page."""
        if self.request.POST.get("all") == "accept":
            for pk in self.declaration.items.filter(state="pending").values_list("pk", flat=True):
                yield pk, "accept"
            return
        for name, value in self.request.POST.items():
            prefix, _dash, pk = name.partition("-")
            if prefix == "decision" and pk.isdigit() and value:
                yield int(pk), value

    @property
    def accept_all_label(self) -> str:
        return _("Accept everything that waits")
