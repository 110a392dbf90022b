"""What somebody typed on a staff page and could not save, because somebody else changed a part of the same form meanwhile.

The page of the conflict tells all of it. Whoever keeps what is there now loses nothing of what nobody disputes: it waits
in their session, and stands again in its fields, marked as not saved (``unsaved.js``), each time the page is read, until
its form is sent or they let it go. A field that somebody changed once more in between is asked about, never written over.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, QueryDict

from core.engine.digests import digest
from core.engine.versions import FIELD, Stale, read
from core.site.resumed import KEY, TYPED_BY

IN_SESSION = "not-saved"
MOST = 8
"""Forms of which a session keeps what was typed; the oldest goes."""
NEVER_KEPT = re.compile(r".*password.*|(.*-)?(iban|bic)|csrfmiddlewaretoken", re.IGNORECASE)
OF_THE_PAGE = re.compile(
    rf"(.*-)?{FIELD}|_\w+|action|{KEY}|{TYPED_BY}|asked|does|token|next|(.*-)?[A-Z]+_FORMS|[vp]-.*|.*-(chosen|without)"
)
"""What the page itself put in: tokens, buttons, versions."""
_ROW = re.compile(r".+-(\d+|__prefix__)-")
_PART = re.compile(r"_\d$")  # a day and its hour are two inputs of one field


@dataclass(frozen=True)
class NotSaved:
    """One form: the row it is of, its address, the page where it stood; what is typed, by the names of its fields."""

    subject: str
    path: str
    page: str
    fields: dict[str, list[str]]
    hidden: dict[str, list[str]]
    """What the page put in the same form: which of several that go to one address it is."""
    seen: dict[str, str]
    """Digests of what stood in the fields when both versions were shown, as the token of a page gives them."""
    told: list[tuple[str, str]]
    """The same in words, by label."""


def note(request: HttpRequest, stale: Stale, told: list[tuple[str, str]]) -> None:
    """Keep what was typed in a form that is refused because of somebody else's change."""
    if stale.refusal or stale.shown is None:
        return
    post, before = request.POST, _all(request)
    fields = _fields(post, stale)
    same = next((item for item in before if _is_of(item, request.path, post)), None)
    page = urlsplit(request.headers.get("Referer", "")).path
    if page == request.path and same is not None:  # sent from the page of the conflict
        page = same.page
    compared = {name for name in stale.shown.values if not name.startswith("+")}
    hidden = {} if stale.besides is None else _hidden(post, {*fields} | compared)
    words = [(str(label), str(text)) for label, text in told]
    entry = NotSaved(stale.shown.subject, request.path, page, fields, hidden, _seen(stale, fields, compared), words)
    rest = [item for item in before if item is not same]
    _write(request, [*rest, entry] if fields else rest)


def _fields(post: QueryDict, stale: Stale) -> dict[str, list[str]]:
    """What is typed and nobody disputes; all that was sent where no view knows what the page held before."""
    if stale.besides is None:
        return {name: values for name, values in post.lists() if not _is_kept_out(name) and any(values)}
    found = {}
    for item in stale.besides:
        names = [name for name in post if _PART.sub("", name) == item.name] or [item.name]
        found |= {name: post.getlist(name) for name in names if not NEVER_KEPT.fullmatch(name)}
    return found


def _hidden(post: QueryDict, besides: set[str]) -> dict[str, list[str]]:
    """What says which of several forms it is: neither typed nor a row of a table."""
    return {
        name: values
        for name, values in post.lists()
        if any(values) and _base(name, besides) not in besides and not _is_kept_out(name) and not _ROW.match(name)
    }


def _is_kept_out(name: str) -> bool:
    return bool(NEVER_KEPT.fullmatch(name) or OF_THE_PAGE.fullmatch(name))


def _base(name: str, known: Any) -> str:
    """The field of an input."""
    return name if name in known else _PART.sub("", name)


def _seen(stale: Stale, fields: Mapping[str, Any], compared: set[str]) -> dict[str, str]:
    """Of the fields that a token speaks of, what stands there now; of a row of a table, which one it is."""
    now = {item.name: digest(item.theirs) for item in stale.besides or () if item.name in compared}
    rows = {found[0] for name in fields if (found := _ROW.match(name))}
    return now | {f"{row}id": stale.shown.values[f"{row}id"] for row in rows if f"{row}id" in compared}


def of_form(request: Any, token: str) -> str:
    """What the forms of a row get back, as ``unsaved.js`` reads it beside their token: it finds the one that it is of.

    Not on a page that answers a refused form: it shows what was sent.
    """
    if not isinstance(request, HttpRequest) or request.method != "GET" or not (kept := _all(request)):
        return ""
    shown = read(token)
    found = [_given_back(item, shown.values) for item in kept if shown is not None and item.subject == shown.subject]
    found = [item for item in found if item]
    return json.dumps(found, ensure_ascii=False) if found else ""


def _given_back(item: NotSaved, now: Mapping[str, str]) -> dict[str, Any] | None:
    if item.seen and not item.seen.keys() & now.keys():
        return None  # another form of the same row
    moved = {name for name, value in item.seen.items() if now.get(name, value) != value}
    rows = [name for name in item.seen if re.fullmatch(r".+-\d+-id", name)]
    others = tuple(name.removesuffix("id") for name in rows if now.get(name) != item.seen[name])
    fields = {name: values for name, values in item.fields.items() if not (others and name.startswith(others))}
    return {
        "path": item.path,
        "fields": fields,
        "hidden": item.hidden,
        "moved": [name for name in fields if _base(name, item.seen) in moved],
        "known": [name for name in fields if _base(name, item.seen) in item.seen],
    }


def on_page(request: Any) -> list[NotSaved]:
    """What is not saved of the forms of this page."""
    if not isinstance(request, HttpRequest) or request.method != "GET":
        return []
    return [item for item in _all(request) if request.path in (item.page, item.path) and item.told]


def answered(request: HttpRequest, status: int) -> None:
    """A form was sent: what was typed in it before goes, unless it met another conflict, or no view took it."""
    if request.method != "POST" or status not in (200, 302, 422) or not (kept := _all(request)):
        return
    rest = [item for item in kept if not _is_of(item, request.path, request.POST)]
    if len(rest) < len(kept):
        _write(request, rest)


def let_go(request: HttpRequest, page: str) -> None:
    """The person does not want it any more."""
    _write(request, [item for item in _all(request) if page not in (item.page, item.path)])


def _is_of(item: NotSaved, path: str, post: QueryDict) -> bool:
    return item.path == path and all(post.getlist(name) == values for name, values in item.hidden.items())


def _all(request: HttpRequest) -> list[NotSaved]:
    session = getattr(request, "session", None)
    return [NotSaved(**item) for item in session.get(IN_SESSION, ())] if session is not None else []


def _write(request: HttpRequest, kept: list[NotSaved]) -> None:
    if kept:
        request.session[IN_SESSION] = [asdict(item) for item in kept[-MOST:]]
    else:
        request.session.pop(IN_SESSION, None)
