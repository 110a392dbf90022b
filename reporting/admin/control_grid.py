"""The control of a declaration as a grid: one line an item, its proof beside, a decision each or one for all."""

from dataclasses import dataclass, field
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from core.engine import versions
from core.engine.readable import refuse_other_rows
from core.presentation import action_label
from core.text import is_number
from core.transitions import TransitionRefused, perform
from reporting.models import DeclarationState, ErrorType, ExpenditureDeclaration, ExpenditureItem
from reporting.permissions import may_decide_on_declaration

PER_PAGE = 100
DECISIONS = ("accept", "reject_partly", "reject", "park")


def _sentences(refused: TransitionRefused | versions.Stale) -> list[str]:
    if isinstance(refused, TransitionRefused):
        return [text for texts in refused.errors.values() for text in texts]
    event = next(iter(refused.events_since()), None)
    if event is None:
        return [_("This item changed after you had opened the page. Look again, then decide.")]
    words = {"person": event.actor or event.actor_label, "what": action_label(ExpenditureItem, event.action)}
    return [_("Meanwhile %(person)s decided: %(what)s. Look again, then decide on top if it is right.") % words]


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
        items = versions.with_number(self.declaration.items.with_line()).order_by("rank")
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
        _ = self._shown  # a form without its version decides nothing
        chosen = {pk: choice for pk, choice in self._chosen() if choice in DECISIONS}
        items = self.declaration.items.select_related("declaration").in_bulk({*chosen, *self._posted()})
        refuse_other_rows(post, "decision-.+", {f"decision-{pk}" for pk in items})
        for pk, choice in chosen.items():
            item = items[pk]
            data = {
                "rejected_amount": post.get(f"rejected-{pk}", ""),
                "error_type": post.get(f"error-{pk}", ""),
            }
            try:
                reason = post.get(f"reason-{pk}", "")
                perform(item, choice, actor=self.request.user, data=data, comment=reason, expected=self._expected(item))
                taken += 1
            except (TransitionRefused, versions.Stale) as refused:
                self.errors[pk] = _sentences(refused)
                self.typed[pk] = {
                    "decision": choice,
                    "rejected": post.get(f"rejected-{pk}", ""),
                    "error": data["error_type"],
                    "reason": post.get(f"reason-{pk}", ""),
                }
        return taken

    @cached_property
    def shown_token(self) -> str:
        """The version of the page: the number of the newest event of each item that it shows."""
        numbers = {str(item.pk): str(versions.number_of(item)) for item in self.page.object_list}
        return versions.Shown(versions.label_of(self.declaration), 0, numbers).token()

    @cached_property
    def _shown(self) -> versions.Shown:
        return versions.carried(self.request.POST, self.declaration)

    def _expected(self, item: ExpenditureItem) -> versions.Shown | None:
        """What the page showed of an item; nothing of one that was on another page, taken only while it waits."""
        number = self._shown.values.get(str(item.pk))
        return versions.Shown(versions.label_of(item), int(number)) if number is not None else None

    def _chosen(self):
        """Yield (item's id, decision): those chosen one by one, or "accept" for all that wait on the page."""
        if self.request.POST.get("all") == "accept":
            for pk in self.declaration.items.filter(state="pending").values_list("pk", flat=True):
                yield pk, "accept"
            return
        yield from ((pk, value) for pk in self._posted() if (value := self.request.POST[f"decision-{pk}"]))

    def _posted(self) -> list[int]:
        """The ids of the items of which the form speaks."""
        numbers = [name.removeprefix("decision-") for name in self.request.POST if name.startswith("decision-")]
        return [int(number) for number in numbers if is_number(number)]

    @property
    def accept_all_label(self) -> str:
        return _("Accept everything that waits")
