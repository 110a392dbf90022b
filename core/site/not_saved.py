"""What somebody typed on a staff page and could not save, because somebody else changed a part of the same form meanwhile.

The page of the conflict tells all of it. Whoever keeps what is there now loses nothing of what nobody disputes: it waits
in their session, and stands again in its fields, marked as not saved (``unsaved.js``), each time the page is read, until
it is sent from there or they let it go. A row of a table is found by its id, wherever it stands by then; a new one is
opened again. What finds no field any more is said to have none, and no sending of the form forgets it. A field that
somebody changed once more in between is asked about, never written over.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from django.contrib.messages import ERROR, WARNING, get_messages
from django.http import HttpRequest, HttpResponse, QueryDict

from core.engine.digests import digest
from core.engine.versions import FIELD, REACHED, Difference, Stale, read
from core.site.resumed import KEY, TYPED_BY

IN_SESSION = "typed-not-saved"
MOST = 8
"""Forms of which a session keeps what was typed; the oldest goes."""
GONE = "gone:"
"""Before the prefix of a row of a table that somebody removed: a difference of its own."""
BACK = "given-back"
"""Written by ``unsaved.js`` into the form that is sent: each field that it gave back there, as it is named here."""
NEVER_KEPT = re.compile(r".*password.*|(.*-)?(iban|bic)|csrfmiddlewaretoken", re.IGNORECASE)
OF_THE_PAGE = re.compile(
    rf"(.*-)?{FIELD}|_\w+|action|{KEY}|{TYPED_BY}|{BACK}|asked|does|token|next|(.*-)?[A-Z]+_FORMS|[vp]-.*"
    r"|.*-(chosen|without)"
)
"""What the page itself put in: tokens, buttons, versions."""
_ROW = re.compile(r".+-(\d+|__prefix__)-")
_ID = re.compile(r"(.+)-\d+-id")
_TOTAL = "-TOTAL_FORMS"
_PART = re.compile(r"_\d$")  # a day and its hour are two inputs of one field
_KEPT_ROW = re.compile(r"(.+)-([#+])(\w+)-")
"""A row as it is named here: by its id, or, where it is new, by what is typed in it."""

Told = tuple[str, str, list[str]]
"""What is typed in words: its label, its text, and the names of its fields, where they are known."""


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
    told: list[Told]

    @property
    def key(self) -> str:
        """Which form it is, for the script of the page."""
        return digest(json.dumps([self.path, self.hidden], sort_keys=True))


# --- the rows of tables ----------------------------------------------------------------------------------------------


def _rows_sent(post: QueryDict) -> dict[str, str]:
    """The rows of the tables of a form that was sent: what their names begin with, there and here."""
    tables = tuple(f"{name.removesuffix(_TOTAL)}-" for name in post if name.endswith(_TOTAL))
    cells: dict[str, list[tuple[str, list[str]]]] = {}
    for name, values in post.lists():
        if (found := _ROW.match(name)) and name.startswith(tables):
            cells.setdefault(found[0], []).append((name.removeprefix(found[0]), values))
    return {row: _kept_row(row, dict(typed)) for row, typed in cells.items()}


def _kept_row(row: str, typed: Mapping[str, list[str]]) -> str:
    table = row.rsplit("-", 2)[0]
    if (number := "".join(typed.get("id", []))).isalnum():
        return f"{table}-#{number}-"
    return f"{table}-+{digest(sorted((name, values) for name, values in typed.items() if any(values)))}-"


def _kept_name(name: str, rows: Mapping[str, str]) -> str:
    """A field of a form that was sent, as it is named here."""
    found = _ROW.match(name)
    return rows[found[0]] + name.removeprefix(found[0]) if found and found[0] in rows else name


def _rows_shown(now: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """The rows that a page shows now, as its token says: what the names of its fields begin with, by table and id. One
    that it says to be gone has no field."""
    found = {name: _ID.fullmatch(name) for name in now if f"{GONE}{name.removesuffix('-id')}" not in now}
    return {(match[1], now[name]): name.removesuffix("id") for name, match in found.items() if match}


def _rows_gone(post: QueryDict, rows: Mapping[str, str]) -> tuple[str, ...]:
    """Of the rows that were sent, those that the page of a conflict said to be gone: what their names begin with here.
    Nothing of them is taken, however it is sent."""
    shown = read(post.get(FIELD, "").partition(REACHED)[0])
    return tuple(kept for row, kept in rows.items() if shown and f"{GONE}{row[:-1]}" in shown.values)


def _place(name: str, rows: Mapping[tuple[str, str], str]) -> str | None:
    """What a field is called on a page that shows these rows; None where its row is none of them."""
    found = _KEPT_ROW.match(name)
    if found is None:
        return name
    row = rows.get((found[1], digest(found[3]))) if found[2] == "#" else None
    return None if row is None else row + name.removeprefix(found[0])


# --- what is kept ----------------------------------------------------------------------------------------------------


def note(request: HttpRequest, stale: Stale, told: Iterable[tuple[str, str, str]]) -> None:
    """Keep what was typed in a form that is refused because of somebody else's change.

    Args:
        told: the same in words: label, text, and the name of its field where that is known.
    """
    if stale.refusal or stale.shown is None:
        return
    post, before = request.POST, _all(request)
    rows, typed = _rows_sent(post), _fields(post, stale)
    same = next((item for item in before if _is_of(item, request.path, post)), None)
    page = urlsplit(request.headers.get("Referer", "")).path
    if page == request.path and same is not None:  # sent from the page of the conflict
        page = same.page
    compared = {name for name in stale.shown.values if not name.startswith("+")}
    hidden = {} if stale.besides is None else _hidden(post, {*typed} | compared)
    seen = {item.name: digest(item.theirs) for item in stale.besides or () if item.name in compared}
    entry = NotSaved(
        stale.shown.subject,
        request.path,
        page,
        {_kept_name(name, rows): values for name, values in typed.items()},
        hidden,
        {_kept_name(name, rows): value for name, value in seen.items()},
        [
            (str(label), str(text), [_kept_name(one, rows) for one in _inputs(post, name)] if name else [])
            for label, text, name in told
        ],
    )
    left = _unsent(same, post) if same is not None else None
    entry = entry if left is None else _with(entry, left)
    rest = [item for item in before if item is not same]
    _write(request, [*rest, entry] if entry.fields else rest)


def _fields(post: QueryDict, stale: Stale) -> dict[str, list[str]]:
    """What is typed and nobody disputes; all that was sent where no view knows what the page held before."""
    if stale.besides is None:
        return {name: values for name, values in post.lists() if not _is_kept_out(name) and any(values)}
    names = [name for item in (*stale.besides, *typed_in_gone(stale)) for name in _inputs(post, item.name)]
    return {name: post.getlist(name) for name in names if not NEVER_KEPT.fullmatch(name)}


def typed_in_gone(stale: Stale) -> list[Difference]:
    """The rows of tables that somebody removed, and in which something was typed."""
    return [item for item in stale.differences if item.name.startswith(GONE) and item.mine]


def _inputs(post: QueryDict, field: str) -> list[str]:
    """The inputs of a field; a box that was left empty sends none. Of a row that is gone, all that stood in it."""
    if field.startswith(GONE):
        row = f"{field.removeprefix(GONE)}-"
        found = [name for name in post if name.startswith(row) and name != f"{row}id" and any(post.getlist(name))]
        return found or [f"{row}id"]
    return [name for name in post if _PART.sub("", name) == field] or [field]


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


def _with(entry: NotSaved, left: NotSaved) -> NotSaved:
    """A form that met one more conflict, with what it still had of the one before."""
    told = [line for line in left.told if not {*line[2]} & entry.fields.keys()]
    return replace(
        entry, fields=left.fields | entry.fields, seen=left.seen | entry.seen, told=[*map(tuple, told), *entry.told]
    )


# --- what the page gives back ----------------------------------------------------------------------------------------


def of_form(request: Any, token: str) -> str:
    """What the forms of a row get back, as ``unsaved.js`` reads it beside their token: it finds the one that it is of.

    The page that answers a refused form shows what was sent: of that form, only the rest is given back.
    """
    if not isinstance(request, HttpRequest) or not (kept := _all(request)):
        return ""
    shown = read(token.partition(REACHED)[0])
    if shown is None:
        return ""
    found = [_given_back(item, shown.values, _sent_in(item, request)) for item in kept if item.subject == shown.subject]
    found = [item for item in found if item]
    return json.dumps(found, ensure_ascii=False) if found else ""


def _sent_in(item: NotSaved, request: HttpRequest) -> set[str]:
    is_its = request.method == "POST" and _is_of(item, request.path, request.POST)
    return _sent(item, request.POST) if is_its else set()


def _given_back(item: NotSaved, now: Mapping[str, str], sent: set[str]) -> dict[str, Any] | None:
    rows = _rows_shown(now)
    places = {name: _place(name, rows) for name in {*item.fields, *item.seen}}
    if item.seen and not {*places.values()} & now.keys() and not any(map(_KEPT_ROW.match, places)):
        return None  # another form of the same row
    names = {places[name]: name for name in item.fields if places[name] is not None and name not in sent}
    seen = {place: item.seen[name] for name, place in places.items() if name in item.seen and place is not None}
    moved = {name for name, value in seen.items() if now.get(name, value) != value}
    return {
        "key": item.key,
        "path": item.path,
        "fields": {place: item.fields[name] for place, name in names.items()},
        "names": names,
        "rows": _new_rows(item, sent),
        "hidden": item.hidden,
        "moved": [name for name in names if _base(name, seen) in moved],
        "known": [name for name in names if _base(name, seen) in seen],
        "sent": sorted(sent),
    }


def _new_rows(item: NotSaved, sent: set[str]) -> list[dict[str, Any]]:
    """The rows of tables that were typed and are not there yet: their table, and what is typed in them."""
    rows: dict[str, dict[str, Any]] = {}
    for name, values in item.fields.items():
        found = _KEPT_ROW.match(name)
        if found and found[2] == "+" and name not in sent:
            row = rows.setdefault(found[0], {"table": found[1], "row": found[0], "fields": {}})
            row["fields"][name.removeprefix(found[0])] = values
    return [*rows.values()]


def on_page(request: Any, row: str = "") -> list[NotSaved]:
    """What is not saved of the forms of this page; on that of a ``row`` also of the steps that have a page of their own,
    which nobody is led to any more once they are not possible."""
    if not isinstance(request, HttpRequest):
        return []
    return [item for item in _all(request) if item.told and (_is_on(item, request.path) or _is_step_of(item, row))]


def _is_on(item: NotSaved, path: str) -> bool:
    return path in (item.page, item.path)


def _is_step_of(item: NotSaved, row: str) -> bool:
    return item.subject == row and item.page == item.path


# --- until when ------------------------------------------------------------------------------------------------------


def answered(request: HttpRequest, response: HttpResponse) -> None:
    """A form was sent: what was typed in it before, and came with it, goes where the form was taken."""
    if request.method != "POST" or not (kept := _all(request)):
        return
    mine = [item for item in kept if _is_of(item, request.path, request.POST)]
    if mine and _is_taken(request, response):
        left = [_unsent(item, request.POST) if item in mine else item for item in kept]
        _write(request, [item for item in left if item is not None])


def _is_taken(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether the form did what it asked for: it leads on, and no sentence says that nothing was done; or a script had
    its answer. A page in its place shows the form again, or asks something first."""
    if response.status_code == 200:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        return not is_page or bool(request.headers.get("HX-Request"))
    if response.status_code != 302:
        return False
    told = get_messages(request)
    level = max((item.level for item in told), default=0)
    told.used = False  # read here, and shown on the next page all the same
    return level < (ERROR if getattr(request, "events_told", ()) else WARNING)


def _sent(item: NotSaved, post: QueryDict) -> set[str]:
    """Of what is kept, what came with the form: given back in its fields, or standing there with the same value."""
    rows_sent = _rows_sent(post)
    rows, gone = {kept: row for row, kept in rows_sent.items()}, _rows_gone(post, rows_sent)
    found = {*post.getlist(BACK)}
    for name in {*item.fields, *(one for _label, _text, names in item.told for one in names)}:
        row = _KEPT_ROW.match(name)
        if row and row[0] not in rows:
            continue
        here = post.getlist(rows[row[0]] + name.removeprefix(row[0]) if row else name)
        if here == item.fields[name] if name in item.fields else any(here):
            found.add(name)
    return {name for name in found if not name.startswith(gone)}


def _unsent(item: NotSaved, post: QueryDict) -> NotSaved | None:
    """What of it did not come with the form that was sent; None where all did."""
    sent = _sent(item, post)
    told = [line for line in item.told if {*line[2]} - sent]
    if not told:
        return None
    gone = {name for _label, _text, names in item.told for name in names} & sent
    return replace(item, told=told, fields={name: values for name, values in item.fields.items() if name not in gone})


def let_go(request: HttpRequest, page: str, keys: Collection[str]) -> None:
    """The person does not want it any more: what is on a page, or the forms of these keys."""
    _write(request, [item for item in _all(request) if item.key not in keys and not _is_on(item, page)])


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
