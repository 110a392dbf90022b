"""What a request may hold: no sign NUL, no encoding but UTF-8, no field twice, no more than a form holds. No page of
Essor sends anything else.

NUL is nowhere seen and no column holds it. A form or a cookie comes without it (Django's forms lose it too,
``core.text``: this is for what views read by themselves); an address with it is no address.
"""

import codecs
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NoReturn

from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import Http404, HttpRequest, QueryDict, UnreadablePostError
from django.utils.translation import gettext as _

NUL = "\0"


class Unreadable(BadRequest):
    """A request that is not taken as it came; ``str()`` is a sentence for the person who sent it, with what to do."""


class SentOnce(QueryDict):
    """A form in which a name that came with several values is a list: who reads one value of it refuses the form.

    Boxes and lists are read by ``getlist``; the last of two amounts, or of two titles, is not the one that was meant.
    A copy is what its view makes of it.
    """

    def __getitem__(self, name: str) -> str:
        if len(set(self.getlist(name))) > 1:
            refuse_twice(name)
        return super().__getitem__(name)

    def __copy__(self) -> QueryDict:
        return _same(self, QueryDict)

    def __deepcopy__(self, memo: dict) -> QueryDict:
        return _same(self, QueryDict)


def _same(data: QueryDict, kind: type[QueryDict]) -> QueryDict:
    made = kind("", mutable=True, encoding=data.encoding)
    for name, values in data.lists():
        made.setlist(name, values)
    return made


def refuse_twice(name: str) -> NoReturn:
    """Raise Unreadable: two values came for one field, and which one was meant is not known."""
    raise Unreadable(_("“%(name)s” was sent twice: nothing was recorded. Open the page again.") % {"name": name[:60]})


def readable_cookies(request: HttpRequest) -> None:
    """Drop the cookies that hold NUL: a session of that name is none."""
    if any(NUL in value for value in request.COOKIES.values()):
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if NUL not in value}


def readable_fields(request: HttpRequest, parts: Mapping[str, object]) -> None:
    """Look at the encoding, the path (``parts``: what the address gives the view), the query and the form.

    Raises:
        Http404: the path holds NUL, or will when the staff site takes the escapes of its keys back ("_00").
        Unreadable: the encoding is not UTF-8, the query holds NUL, or more was sent than a form may hold.
    """
    if not _is_utf8((request.content_params or {}).get("charset")):
        raise Unreadable(
            _("What was sent is not encoded in UTF-8. Open the page again in a browser and send it from there.")
        )
    if NUL in request.path_info or NUL in unquote(str(parts.get("object_id") or "")):
        raise Http404
    if _has_nul(_texts(request.GET)):
        raise Unreadable(
            _("This address holds a sign that nothing reads. Open the page again from its list or its menu.")
        )
    try:
        sent = request.POST
    except UnreadablePostError:  # whoever sent it is gone: the view meets an empty form, as before
        return
    except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
        request.POST = QueryDict()
        raise Unreadable(
            _(
                "What was sent is more than one page may hold: nothing was recorded. Go back, shorten the longest text,"
                " or join it as a file."
            )
        ) from None
    if _has_nul(_texts(sent)):
        sent = request.POST = _without_nul(sent)
    if any(len(values) > 1 for _name, values in sent.lists()):
        once = _same(sent, SentOnce)
        once._mutable = False
        request.POST = once


def no_row_of_the_page(name: str) -> Unreadable:
    """What is said of a field that speaks of a row which its page does not show, or cannot change so."""
    return Unreadable(
        _("“%(name)s” is no row of this page: nothing was recorded. Open the page again.") % {"name": name}
    )


def refuse_other_rows(sent: QueryDict, rows: str, known: Container[str]) -> None:
    """Refuse a form that speaks of a row which its page does not show, or of one row twice: nothing passes in silence.

    Args:
        sent: the form.
        rows: the names of the fields of rows, as a regular expression.
        known: the names that the page gave.

    Raises Unreadable.
    """
    for name in sent:
        if not re.fullmatch(rows, name):
            continue
        if name not in known:
            raise no_row_of_the_page(name)
        if len(sent.getlist(name)) > 1:
            refuse_twice(name)


def _is_utf8(encoding: str | None) -> bool:
    try:
        return encoding is None or codecs.lookup(encoding).name == "utf-8"
    except (LookupError, ValueError):
        return False


def _has_nul(texts: Iterable[str]) -> bool:
    return any(NUL in text for text in texts)


def _texts(data: QueryDict) -> Iterator[str]:
    for name, values in data.lists():
        yield name
        yield from values


def _without_nul(data: QueryDict) -> QueryDict:
    cleaned = QueryDict(mutable=True, encoding=data.encoding)
    for name, values in data.lists():
        for value in values:
            cleaned.appendlist(name.replace(NUL, ""), value.replace(NUL, ""))
    cleaned._mutable = False
    return cleaned
