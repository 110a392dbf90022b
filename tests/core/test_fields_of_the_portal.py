"""What no page of the portal asks is refused in words: nothing of it is taken, and nobody reads "saved"."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import get_resolver

from agreements.forms.portal import AmountForm, ReplyForm
from core.engine.readable import Unreadable
from core.middleware import ForeignFieldMiddleware
from core.site.known_fields import NOT_OF_THE_PORTAL, Known, Under, refuse_foreign, takes

BY_ITSELF = {"grants:step", "grants:autosave"}


def views_of_the_portal(patterns=None, space: str = "", path: str = "/") -> Iterator[tuple[str, Any]]:
    """The name of each address outside of the staff site and the REST interface, with its view."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        here = path + str(pattern.pattern)
        if here.startswith(NOT_OF_THE_PORTAL):
            continue
        if hasattr(pattern, "url_patterns"):
            within = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from views_of_the_portal(pattern.url_patterns, within, here)
        else:
            yield f"{space}{pattern.name}", pattern.callback


VIEWS = dict(views_of_the_portal())


class Someone(AnonymousUser):
    """Signed in: who is not is asked to be, before anything is read."""

    is_authenticated = True


def sent(**fields: Any):
    request = RequestFactory().post("/", fields)
    request.user = Someone()
    return request


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_foreign_field_or_file_is_refused_by_every_address(name, monkeypatch):
    """A new address is behind the door at once: it takes what it says with ``takes``, and nothing else."""
    shown = []
    monkeypatch.setattr("core.middleware.bad_request", lambda request, refusal: shown.append(refusal) or HttpResponse())
    view, door = VIEWS[name], ForeignFieldMiddleware(lambda request: HttpResponse())
    assert bool(getattr(view, "knows_by_itself", "")) == (name in BY_ITSELF)
    if name in BY_ITSELF:
        return  # tests/grants/test_form_steps.py, tests/grants/test_autosave.py
    monkeypatch.setattr(view, "more_fields", None, raising=False)  # what only a row knows
    file = SimpleUploadedFile("a.pdf", b"%PDF-1.4", "application/pdf")
    for foreign in ({"z0": "1"}, {"is_staff": "on"}, {"z0": file}, {"z0-chosen": "a.pdf"}):
        assert door.process_view(sent(**foreign), view, (), {}) is not None
    assert len(shown) == 4 and "z0" in str(shown[0])
    assert door.process_view(sent(csrfmiddlewaretoken="x", key="k", shown="s", asked="a"), view, (), {}) is None


def test_a_script_gets_the_sentence():
    request = RequestFactory().post("/", {"z0": "1"}, headers={"accept": "application/json"})
    request.user = Someone()
    answer = ForeignFieldMiddleware(lambda request: HttpResponse()).process_view(request, VIEWS["core:profile"], (), {})
    assert answer.status_code == 400 and "z0" in json.loads(answer.content)["refused"]


def test_a_file_goes_where_a_file_is_asked_for_and_a_text_where_a_text_is():
    known = Known()
    known.add(Under("reply", ReplyForm))
    assert known.takes_text("reply-text", ["Voici."]) and not known.takes_text("text", ["Voici."])
    assert known.takes_text("reply-file", [""]) and not known.takes_text("reply-file", ["a.pdf"])
    assert known.takes_text("reply-file-chosen", ["a.pdf"]) and not known.takes_text("reply-text-chosen", ["a.pdf"])
    file = SimpleUploadedFile("a.pdf", b"%PDF-1.4", "application/pdf")
    with pytest.raises(Unreadable):
        refuse_foreign(sent(claimed_amount=file), takes(AmountForm)(lambda request: None), {})


def test_what_only_the_row_knows_is_asked_once_something_is_not_known():
    asked = []
    view = takes("a", more=lambda request, **named: asked.append(named) or ["b"])(lambda request: None)
    refuse_foreign(sent(a="1"), view, {"number": "1"})
    assert asked == []
    refuse_foreign(sent(a="1", b="2"), view, {"number": "1"})
    assert asked == [{"number": "1"}]
