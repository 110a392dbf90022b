"""What the menus, the home page and "my work" show. Apps register in their ``ready()``; core knows none of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.admin_permissions import has_any_role
from core.roles import STAFF_ROLES, Role

Text = str | Promise
AUDIENCES = ("all", "anonymous", "applicant", "staff")


class Section(models.TextChoices):
    """The groups of the staff menu, in their order."""

    WORK = "work", _("My work")
    APPLICANTS = "applicants", _("Applicants")
    DECIDE = "decide", _("Decide and pay")
    EUROPE = "europe", _("Europe")
    REFERENCE = "reference", _("Reference data")
    ADMINISTRATION = "administration", _("Administration")


@dataclass(frozen=True)
class MenuItem:
    """A link of the staff menu. ``badge(user)`` counts exactly the rows of the list that the link opens."""

    section: Section
    label: Text
    url_name: str
    icon: str
    roles: frozenset[Role]
    query: str = ""
    badge: Callable[[Any], int] | None = None
    order: int = 100

    @property
    def key(self) -> str:
        """What the page uses to put the count beside the right link."""
        return f"{self.url_name}?{self.query}"

    @property
    def url(self) -> str:
        return reverse(self.url_name) + (f"?{self.query}" if self.query else "")

    def seen_by(self, user: Any) -> bool:
        return has_any_role(user, self.roles | {Role.AUDITOR, Role.ADMINISTRATOR})


@dataclass(frozen=True)
class WorkItem:
    """One thing that waits for a person: when it is due, what it is, why, and the one action that does it."""

    due: date | None
    title: Text
    why: Text
    url: str
    action: Text
    tone: str = "wait"

    @property
    def is_late(self) -> bool:
        return self.due is not None and self.due < timezone.localdate()


@dataclass(frozen=True)
class PortalItem:
    """A link of the portal's main navigation."""

    label: Text
    url_name: str
    audience: str = "all"
    order: int = 100
    prefix: str = ""


@dataclass(frozen=True)
class OpenCall:
    """An open call as the home page announces it."""

    title: str
    summary: str
    url: str
    closes_at: datetime | None = None
    amount: Decimal | None = None


_menu: dict[str, MenuItem] = {}
_work_providers: list[Callable[[Any], Iterable[WorkItem]]] = []
_portal: dict[str, PortalItem] = {}
_home: dict[str, Any] = {}


# --- the staff menu --------------------------------------------------------------------------------------------------


def register(
    section: Section,
    label: Text,
    url_name: str,
    icon: str,
    roles: Iterable[Role] = STAFF_ROLES,
    badge: Callable[[Any], int] | None = None,
    order: int = 100,
    query: str = "",
) -> None:
    """Add a link to the staff menu, for these roles (auditors and administrators see every link)."""
    item = MenuItem(
        section=Section(section),
        label=label,
        url_name=url_name,
        icon=icon,
        roles=frozenset(Role(role) for role in roles),
        query=query,
        badge=badge,
        order=order,
    )
    _menu[item.key] = item


def menu_items(user: Any) -> list[MenuItem]:
    """The links that this person sees, in the order of the menu."""
    rank = {section: position for position, section in enumerate(Section)}
    seen = [item for item in _menu.values() if item.seen_by(user)]
    return sorted(seen, key=lambda item: (rank[item.section], item.order, str(item.label)))


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The staff menu as django-unfold wants it. Counts are fetched after the page (:func:`badges`)."""
    home = reverse("admin:index")
    work = {"title": _("To do"), "icon": "checklist", "link": home, "active": request.path == home}
    here = _present(request)
    groups = [{"title": Section.WORK.label, "separator": False, "items": [work]}]
    for section, items in groupby(menu_items(request.user), key=lambda item: item.section):
        entries = [
            {
                "title": item.label,
                "icon": item.icon,
                "link": item.url,
                "active": item is here,
                "badge_key": item.key if item.badge else "",
            }
            for item in items
        ]
        if section is Section.WORK:
            groups[0]["items"].extend(entries)
        else:
            groups.append({"title": section.label, "separator": True, "items": entries})
    return groups


def badges(user: Any) -> dict[str, int]:
    """How many rows wait behind each link of the menu."""
    return {item.key: item.badge(user) for item in menu_items(user) if item.badge}


def _present(request: HttpRequest) -> MenuItem | None:
    """The one link of the menu under which the page stands: that whose address leads closest to it, and among the lists
    of one address that whose query is shown."""
    paths = {name: reverse(name) for name in {item.url_name for item in _menu.values()}}
    leading = [name for name, path in paths.items() if request.path.startswith(path)]
    if not leading:
        return None
    closest = max(leading, key=lambda name: len(paths[name]))
    rivals = [item for item in _menu.values() if item.url_name == closest]
    shown = request.META.get("QUERY_STRING", "")
    chosen = next((item for item in rivals if item.query and item.query in shown), None)
    return chosen or next((item for item in rivals if not item.query), None)


# --- my work ---------------------------------------------------------------------------------------------------------


def register_work_provider(provider: Callable[[Any], Iterable[WorkItem]]) -> None:
    """``provider(user)`` gives what waits for this person; few queries, at most some dozens of items."""
    if provider not in _work_providers:
        _work_providers.append(provider)


def work_for(user: Any) -> list[WorkItem]:
    """What waits for this person, in the order in which it is due; what has no date comes last."""
    items = [item for provider in _work_providers for item in provider(user)]
    return sorted(items, key=lambda item: (item.due is None, item.due or date.max, str(item.title)))


# --- the portal ------------------------------------------------------------------------------------------------------


def register_portal(label: Text, url_name: str, audience: str = "all", order: int = 100, prefix: str = "") -> None:
    """Add a link to the portal's main navigation. ``prefix``: the addresses under which it is the present one."""
    if audience not in AUDIENCES:
        raise ValueError(f"Unknown audience {audience!r}: one of {', '.join(AUDIENCES)}.")
    _portal[url_name] = PortalItem(label=label, url_name=url_name, audience=audience, order=order, prefix=prefix)


def portal_items(request: HttpRequest) -> list[dict[str, Any]]:
    """The links of the main navigation for this person; ``current`` goes to ``aria-current``."""
    user = getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)
    is_staff = signed_in and user.is_staff
    audiences = {"all", "anonymous"} if not signed_in else {"all", "staff"} if is_staff else {"all", "applicant"}
    links = []
    for item in sorted(_portal.values(), key=lambda item: item.order):
        if item.audience not in audiences:
            continue
        url = reverse(item.url_name)
        current = "page" if request.path == url else "true" if request.path.startswith(item.prefix or url) else ""
        links.append({"label": item.label, "url": url, "current": current})
    if is_staff:
        links.append({"label": _("Staff workspace"), "url": reverse("admin:index"), "current": ""})
    return links


def register_applicant_home(url_name: str) -> None:
    """Where an applicant lands after signing in."""
    _home["applicant"] = url_name


def landing_url(user: Any) -> str:
    """Where this person's work is."""
    if user.is_staff:
        return reverse("admin:index")
    return reverse(_home.get("applicant", "core:profile"))


def register_open_calls(provider: Callable[[], Iterable[OpenCall]]) -> None:
    """``provider()`` gives the calls that are open now, for the home page."""
    _home["calls"] = provider


def open_calls() -> list[OpenCall]:
    """The calls that are open now; the one that closes first comes first."""
    calls = list(_home["calls"]()) if "calls" in _home else []
    return sorted(calls, key=lambda call: (call.closes_at is None, call.closes_at, call.title))


def work_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page of the staff site shows."""
    reads_only = request.user.has_role(Role.AUDITOR)
    return {**context, "work": work_for(request.user), "reads_only": reads_only, "title": _("My work")}
