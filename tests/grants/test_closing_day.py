"""A call that closes at 00:00 is shown, everywhere, by the last day on which one may file."""

import re
from datetime import datetime, time, timedelta
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.events import history
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.roles import Role
from core.templatetags.essor import long_date, short_date
from grants.case_page import tasks_of
from tests.factories.applicants import MembershipFactory
from tests.factories.core import UserFactory
from tests.factories.grants import draft, filed, filled_draft, has_closed, open_call
from tests.factories.instruction import staff
from tests.forms import form_to

pytestmark = pytest.mark.django_db


def at_midnight(days: int) -> datetime:
    return timezone.make_aware(datetime.combine(timezone.localdate() + timedelta(days=days), time.min))


@pytest.fixture
def application():
    call = open_call(opens_at=timezone.now() - timedelta(days=2), closes_at=at_midnight(10))
    return draft(call=call, user=UserFactory(applicant=True))


def plain(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode().replace("\u202f", " ").replace("\u00a0", " "))


def test_every_page_gives_the_last_day(application, client):
    last, closed = timezone.localdate() + timedelta(days=9), timezone.localdate() + timedelta(days=10)
    client.force_login(application.created_by)
    addresses = {
        reverse("grants:catalogue"): f"{long_date(last)} à minuit",
        reverse("grants:my_cases"): f"ferme le {short_date(last)} à minuit",
        reverse("grants:programme", args=["PROGRESS1"]): f"{long_date(last)} à minuit",
        reverse("grants:review", args=[application.public_id]): f"{long_date(last)} à minuit",
        application.get_absolute_url(): f"{long_date(last)} à minuit",
    }
    assert f"{long_date(last)} à minuit" in plain(Client().get(reverse("core:home")))
    for address, expected in addresses.items():
        page = plain(client.get(address, follow=True))
        assert expected in page, address
        assert long_date(closed) not in page, address
        assert short_date(closed) not in page, address


def test_the_task_and_the_list_of_calls_give_the_last_day(application, client):
    last = timezone.localdate() + timedelta(days=9)
    assert long_date(last) in tasks_of(application)[0].text
    client.force_login(staff(Role.HEAD_OF_SERVICE, "PROGRESS1"))
    page = plain(client.get(reverse("admin:grants_call_changelist")))
    assert short_date(last) in page
    assert short_date(last + timedelta(days=1)) not in page


def test_a_call_that_is_over_says_its_last_day(application):
    call = application.call
    call.closes_at = at_midnight(0)
    assert long_date(timezone.localdate() - timedelta(days=1)) in call.closed_reason()


def test_who_typed_nothing_is_told_that_nothing_is_kept_and_begins_nothing_that_is_over(client, application):
    """The catalogue, the page of the aid, the page where one begins, the REST interface."""
    call = application.call
    person = UserFactory(applicant=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    MembershipFactory(user=person)
    start = reverse("grants:start", args=[call.code])
    aid = call.programme_version.programme.get_absolute_url()
    assert "Commencer" in plain(client.get(start))
    has_closed(call)
    for address in (start, aid, reverse("grants:catalogue"), f"/api/v1/calls/{call.code}/"):
        page = client.get(address)
        assert "vous avez saisi est gardé" not in page.text, address
        assert "Préparer ma demande" not in page.text and f'href="{start}"' not in page.text, address
    assert "Commencer" not in plain(client.get(start)) and "Cet appel est clos" in plain(client.get(start))
    assert "vous avez saisi est gardé" in call.closed_reason(), "a draft is kept"


@pytest.mark.old_pages
def test_a_draft_whose_call_closed_while_its_pages_were_open_is_told_so_everywhere(client):
    """The last page, the pages that save, and the list: none says to file what can no longer be filed."""
    application = filled_draft(call=open_call(closes_at=timezone.now() + timedelta(hours=2)))
    client.force_login(application.created_by, backend="django.contrib.auth.backends.ModelBackend")
    listed, todo = reverse("grants:my_cases"), {"etat": "todo"}
    assert application.title in plain(client.get(listed, todo))
    review = reverse("grants:review", args=[application.public_id])
    filing = form_to(client.get(review), "/deposer/", review)
    call = application.call
    has_closed(call)
    closed = re.sub(r"\s+", " ", call.closed_reason().replace("\u202f", " ").replace("\u00a0", " "))
    address = reverse("grants:autosave", args=[application.public_id])
    reply = client.post(address, {"p-need": "1", "v-need": "1", "q-need": "Un autre besoin"}).json()
    assert "Vous pouvez fermer" not in reply["saved"]
    assert call.closed_reason() in reply["saved"]
    page = plain(client.post(filing.action, filing.fields))
    assert closed in page
    assert "Votre demande n’est pas déposée" in page
    assert "puis déposez-la" not in page
    assert application.title not in plain(client.get(listed, todo))
    ended = plain(client.get(listed, {"etat": "ended"}))
    assert application.title in ended
    assert f"clos depuis le {short_date(call.closes_at)}" in ended
    assert "elle ne peut plus être déposée" in ended


@pytest.mark.old_pages
def test_no_page_promises_what_comes_after_a_filing_that_can_no_longer_be(client):
    """The steps, the last page, what follows a file that is joined, the case: each says that the call has closed."""
    closing = timezone.now() + timedelta(hours=2)
    application = filled_draft(call=open_call(closes_at=closing))
    client.force_login(application.created_by, backend="django.contrib.auth.backends.ModelBackend")
    section = next(
        item.code
        for item in application.rules.sections
        if any(question.kind == "pieces" for question in item.questions)
    )
    pages = [reverse("grants:step", args=[application.public_id, section]), reverse("grants:review", args=[application.public_id])]  # fmt: skip
    for address in (*pages, application.get_absolute_url(), reverse("grants:my_cases")):
        page = client.get(address).content.decode()
        # An open page counts to the moment itself, and knows what to say then.
        assert f'data-closes="{closing.timestamp():.3f}"' in page, address
        assert "data-closed-text=" in page, address
    assert "Vérification des pièces" in plain(client.get(application.get_absolute_url()))
    call = application.call
    has_closed(call)
    closed = re.sub(r"\s+", " ", call.closed_reason().replace("\u202f", " ").replace("\u00a0", " "))
    piece = next(piece for piece in application.pieces.all() if piece.state != "replaced")
    removing = reverse("grants:remove_piece", args=[application.public_id, piece.pk])
    after_a_piece = client.post(removing, headers={"HX-Request": "true"})
    for reply in (*map(client.get, pages), after_a_piece):
        page = plain(reply)
        assert closed in page
        assert "Vous pouvez fermer cette page" not in page
        assert "à déposer au plus tard" not in page
        assert "data-closes" not in page
    case = plain(client.get(application.get_absolute_url()))
    assert "Vérification des pièces" not in case
    assert "elle ne peut plus l’être" in case


def test_no_template_shows_a_closing_as_a_bare_day():
    """A closing goes through ``last_day`` or ``closing``: a date filter alone would give the day after."""
    bare = re.compile(r"closes_at\s*\|\s*(long_date|short_date|date|moment|when)\b")
    found = [
        f"{path.relative_to(settings.BASE_DIR)}: {match.group(0)}"
        for app in ("core", "applicants", "grants", "agreements", "reporting")
        for path in Path(settings.BASE_DIR, app).rglob("*.html")
        for match in bare.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def change_dates(client, call, **values):
    """What a head of service sends from the page of the call."""
    client.force_login(staff(Role.HEAD_OF_SERVICE, "PROGRESS1"), backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:grants_call_change", args=[call.pk])
    return client.post(
        address, form_to(client.get(address), address).fields | {"change_reason": "Budget épuisé"} | values
    )


def written(name, moment):
    local = timezone.localtime(moment)
    return {f"{name}_0": f"{local:%d/%m/%Y}", f"{name}_1": f"{local:%H:%M:%S}"}


def test_a_closing_is_never_set_in_the_past_nor_an_opening_after_what_was_filed(client):
    """The page says why; the database refuses it whatever the door; what closes at once says when it did."""
    application = filed(call=open_call())
    call = application.call
    for name, moment, said in (
        ("closes_at", timezone.now() - timedelta(days=3), "Fermer maintenant"),
        ("opens_at", timezone.now() + timedelta(days=1), "n’ouvre pas après"),
    ):
        before = getattr(call, name)
        assert said in unescape(change_dates(client, call, **written(name, moment)).content.decode())
        with pytest.raises(IntegrityError), transaction.atomic():
            type(call).objects.filter(pk=call.pk).update(**{name: moment})
        call.refresh_from_db()
        assert getattr(call, name) == before
    began = timezone.now()
    assert change_dates(client, call, close_now="on").status_code == 302
    call.refresh_from_db()
    assert began <= call.closes_at <= timezone.now() + timedelta(seconds=1)
    (changed,) = [event for event in history(call) if "closes_at" in event.changes]
    assert changed.comment == "Budget épuisé"
    assert look_at(invariant_of("grants.filed-before-the-close")).holds


def test_a_closing_before_the_last_filing_and_a_filing_after_the_closing_are_refused():
    """A filing of this very second: a closing of a moment before it is no closing of now."""
    application = filed(call=open_call())
    with pytest.raises(IntegrityError, match="before what was filed"), transaction.atomic():
        moment = application.submitted_at - timedelta(milliseconds=1)
        type(application.call).objects.filter(pk=application.call_id).update(closes_at=moment)
    late = filled_draft(call=open_call())
    has_closed(late.call)
    with pytest.raises(IntegrityError, match="after it closed"), transaction.atomic():
        type(late).objects.filter(pk=late.pk).update(
            submitted_at=timezone.now(), submitted_by=late.created_by, number="PRO-1", state="submitted"
        )
