"""Which fields and files each address of the portal takes: what is sent beside them is refused in words, and nothing is done.

What nobody reads is not saved, so it must not be answered by "saved". The door stands before every view
(``core.middleware.ForeignFieldMiddleware``): a view takes what it says with :func:`takes`; one that says nothing takes no
field of its own.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core.engine.readable import Unreadable
from core.engine.versions import FIELD
from core.site.chosen_files import CHOSEN, WITHOUT
from core.site.resumed import ASKED, DOES, KEY, TYPED_BY

View = Callable[..., HttpResponse]
OF_EVERY_PAGE = {"csrfmiddlewaretoken", KEY, TYPED_BY, ASKED, DOES, FIELD}
"""What the tags of a page put into its forms, whatever they ask."""
NOT_OF_THE_PORTAL = ("/api/", settings.ESSOR_STAFF_PREFIX)
"""The REST interface only reads; the staff site reads its forms by other doors (``core.engine.readable``)."""
LONGEST_NAME = 60


@dataclass(frozen=True)
class AFile:
    """The field of a file, by its name."""

    name: str


@dataclass(frozen=True)
class Under:
    """The fields of a form that stands on its page under a prefix."""

    prefix: str
    form: type[forms.BaseForm]


Part = str | re.Pattern | type[forms.BaseForm] | AFile | Under
"""A name of a field, a pattern of names, a form with all of its fields."""
More = Callable[..., Iterable[Part]]
"""What depends on the row: ``more(request, **kwargs)`` with what the address names. It is asked for what is not known yet."""


@dataclass
class Known:
    """The names that an address takes."""

    texts: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    patterns: list[re.Pattern] = field(default_factory=list)

    def add(self, part: Part) -> None:
        """Take one more part."""
        if isinstance(part, str):
            self.texts.add(part)
        elif isinstance(part, re.Pattern):
            self.patterns.append(part)
        elif isinstance(part, AFile):
            self.files.add(part.name)
        else:
            prefix, form = (f"{part.prefix}-", part.form) if isinstance(part, Under) else ("", part)
            for name, one in form.base_fields.items():
                (self.files if isinstance(one, forms.FileField) else self.texts).add(prefix + name)

    def takes_text(self, name: str, values: list[str]) -> bool:
        """Whether a field of this name is read. An empty text in the place of a file is no file."""
        if name in self.texts or name in OF_EVERY_PAGE or any(item.fullmatch(name) for item in self.patterns):
            return True
        if name in self.files:
            return not any(values)
        return any(name.endswith(mark) and name.removesuffix(mark) in self.files for mark in (CHOSEN, WITHOUT))


def takes(*parts: Part, more: More | None = None, by_itself: str = "") -> Callable[[View], View]:
    """Say which fields a view takes in a post.

    Args:
        parts: names, patterns, forms.
        more: further parts, that only the row knows.
        by_itself: why the view itself refuses what its page does not ask.
    """

    def decorate(view: View) -> View:
        view.known_fields = tuple(parts)
        view.more_fields = more
        view.knows_by_itself = by_itself
        return view

    return decorate


def is_of_the_portal(request: HttpRequest) -> bool:
    """Whether the door stands before this address."""
    return not request.path_info.startswith(NOT_OF_THE_PORTAL)


def refuse_foreign(request: HttpRequest, view: View, kwargs: dict[str, Any]) -> None:
    """Raise Unreadable when a post holds a field or a file that the view does not take: nothing of it is done.

    Whoever has to sign in first is asked to: what was typed is kept meanwhile, and read when it is sent again.
    """
    waits = getattr(view, "asks_to_sign_in", False) and not request.user.is_authenticated
    if waits or getattr(view, "knows_by_itself", ""):
        return
    known = Known()
    for part in getattr(view, "known_fields", ()):
        known.add(part)
    foreign = list(_foreign(request, known))
    more = getattr(view, "more_fields", None)
    if foreign and more is not None:
        for part in more(request, **kwargs):
            known.add(part)
        foreign = list(_foreign(request, known))
    if foreign:
        raise Unreadable(
            _("Nothing was recorded: this page has no field “%(field)s”. Open the page again and send it from there.")
            % {"field": foreign[0][:LONGEST_NAME]}
        )


def _foreign(request: HttpRequest, known: Known) -> Iterator[str]:
    for name, values in request.POST.lists():
        if not known.takes_text(name, values):
            yield name
    for name in request.FILES:
        if name not in known.files:
            yield name
