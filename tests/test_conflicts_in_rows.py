"""What two people did to the same row of a table under a staff form: one that is gone, that moved, that is called otherwise."""

import json
import re

import lxml.html
import pytest
from django.urls import reverse

from core.roles import Role
from tests.factories.instruction import SessionFactory, staff
from tests.grants.test_versions import signed_in
from tests.rows import never_written
from tests.test_conflicts_are_told import (
    envelope_form,
    envelope_read_twice,
    form_with,
    given_back,
    new_year,
    sent_stale,
    told_on,
    words_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.old_pages]


@pytest.fixture
def two_windows():
    return envelope_read_twice()


@pytest.fixture
def sitting():
    """A session with three members, and two secretaries who read its page."""
    session = SessionFactory(members=3)
    address = reverse("admin:grants_committeesession_change", args=[session.pk])
    clients = [signed_in(staff(Role.COMMITTEE_SECRETARY, last_name=name)) for name in ("Arnaud", "Bernard")]
    return session, clients, [form_with(client.get(address), "members-0-name") for client in clients]


def row_of(form, member) -> str:
    """What the fields of a member begin with on a page."""
    return next(
        name.removesuffix("id")
        for name, value in form.fields.items()
        if re.fullmatch(r"members-\d+-id", name) and value == [str(member.pk)]
    )


def sent_whole(client, form, typed: dict, address: str):
    """As a browser sends it: a box that is not ticked sends nothing."""
    fields = {name: values for name, values in (form.fields | typed).items() if values}
    return client.post(address, fields, headers={"Referer": f"http://testserver{address}"})


def record_the_rest(client, answer, address: str, **more):
    """« Enregistrer le reste », from the page of the conflict."""
    return client.post(address, form_with(answer, "members-0-id").fields | more, headers={"Referer": address})


def rows_drawn(page) -> dict[str, set[str]]:
    """The rows of members that a page draws, by their text: the kinds of the fields that are in them."""
    found = lxml.html.fromstring(page.content.decode()).xpath(
        "//*[@id='members-group']//tbody[not(contains(@class, 'template'))]"
    )
    return {
        " ".join(row.text_content().split()): {
            field.get("type") or field.tag for field in row.xpath(".//input | .//select | .//textarea")
        }
        for row in found
    }


def test_a_row_that_is_gone_is_told_and_never_drawn_as_one(sitting):
    """Neither on a form that comes back with an error after « Enregistrer le reste »; what was typed in it waits on."""
    session, (first, second), (mine, theirs) = sitting
    address, (gone, *left) = mine.action, session.members.order_by("name")
    removed = {f"{row_of(mine, gone)}DELETE": ["on"]} | {f"{row_of(mine, left[1])}name": ["Aaa Premier"]}
    assert sent_whole(first, mine, removed, address).status_code == 302
    typed = {f"{row_of(theirs, gone)}capacity": ["Tapée par B"], "title": [""]}
    answer = sent_whole(second, theirs, typed, address)
    assert answer.status_code == 409 and f"– {gone.name}" in words_of(answer) and "Tapée par B" in words_of(answer)
    page = record_the_rest(second, answer, address)
    for _sending in range(2):
        assert page.status_code == 200
        rows = rows_drawn(page)
        (row,) = [kinds for text, kinds in rows.items() if gone.name in text]
        assert row == {"hidden"} and len(rows) == 3
        assert "retiré" in words_of(page)
        (told,) = [words for words in told_on(page) if "Tapée par B" in words]
        (field,) = lxml.html.fromstring(page.content.decode()).xpath("//input[@data-not-saved]")
        (back,) = json.loads(field.get("data-not-saved"))
        assert not any("capacity" in name for name in [*back["names"].values(), *back["sent"]]), "it has a field"
        form = form_with(page, f"{row_of(theirs, gone)}id")
        came = {"given-back": back["sent"]}
        page = sent_whole(second, form, {"title": [""]} | came, address)
    assert sent_whole(second, form, {"title": ["Séance de B"]} | came, address).status_code == 302
    session.refresh_from_db()
    assert session.title == "Séance de B" and session.members.count() == 2
    (told,) = told_on(second.get(address))
    assert "Tapée par B" in told and gone.name in told
    second.post(reverse("staff-let-go"), {"page": address})
    assert told_on(second.get(address)) == []


def test_what_was_typed_in_a_row_that_is_gone_is_told_after_the_rest_is_saved(sitting):
    session, (_first, second), (_mine, theirs) = sitting
    address, gone = theirs.action, session.members.order_by("name").last()
    session.members.filter(pk=gone.pk).delete()
    typed = {f"{row_of(theirs, gone)}capacity": ["Tapée par B"], f"{row_of(theirs, gone)}is_voting": []}
    answer = sent_whole(second, theirs, typed, address)
    assert answer.status_code == 409 and "True" not in words_of(answer) and "Qualité : Tapée par B" in words_of(answer)
    assert record_the_rest(second, answer, address).status_code == 302
    (told,) = told_on(second.get(address))
    assert "Tapée par B" in told and ": non" in told.replace(" :", ":")


def test_a_row_that_nobody_touched_and_is_gone_is_not_told_as_typed(sitting):
    session, (_first, second), (_mine, theirs) = sitting
    address, (gone, other, _third) = theirs.action, session.members.order_by("name")
    session.members.filter(pk=gone.pk).delete()
    answer = sent_whole(second, theirs, {f"{row_of(theirs, other)}capacity": ["De B"]}, address)
    told = words_of(answer)
    (line,) = re.findall(rf"<tr><th scope=\"row\">[^<]*{gone.name}</th>.*?</tr>", told, re.DOTALL)
    assert "retiré" in line and "–</td>" in line.replace("<p>", "").replace("</p>", "")
    (told,) = told_on(second.get(address))
    assert "De B" in told and gone.name not in told


def titles_of(page) -> dict[str, str]:
    """What each row of the years is called where a form is drawn again, by the id of the row."""
    rows = lxml.html.fromstring(page.content.decode()).xpath("//*[@id='payment_credits-group']//tbody")
    found = {}
    for row in rows:
        number = row.xpath(".//input[contains(@name, '-id')]/@value")
        if number and (title := row.xpath(".//p/span")):
            found[number[0]] = " ".join(title[0].text_content().split())
    return found


def test_each_row_of_a_refused_form_is_called_what_it_is(two_windows):
    """Whatever was added before it, or removed; and not by what is typed in it, which is not recorded."""
    envelope, (first, second), (mine, theirs) = two_windows
    word = {"change_reason": ["Vote du 1."]}
    assert sent_stale(first, mine, word | new_year(mine, "2031", "111")).status_code == 302
    typed = {"payment_credits-0-year": ["2031"], "payment_credits-1-voted_amount": ["22"], **word}
    page = sent_stale(second, theirs, typed)
    rows = {str(row.pk): row for row in envelope.payment_credits.exclude(year=2031)}
    assert page.status_code == 200 and titles_of(page) == {key: str(row) for key, row in rows.items()}
    # One that was removed takes no row from the page, and lends none its name.
    third = envelope_form(second, envelope)
    never_written(envelope.payment_credits.filter(year=2031))
    answer = sent_stale(second, third, {"label": ["B"], "voted_amount": [""]})
    again = form_with(answer, "payment_credits-0-id")
    page = second.post(third.action, again.fields)
    assert page.status_code == 200 and titles_of(page) == {key: str(row) for key, row in rows.items()}


def test_a_row_that_somebody_named_otherwise_is_disputed_with_all_that_was_typed_in_it(two_windows):
    envelope, (first, second), (mine, theirs) = two_windows
    year = envelope.payment_credits.get(year=2028)
    word = {"change_reason": ["Vote du 1."]}
    assert sent_stale(first, mine, {"payment_credits-0-year": ["2035"], **word}).status_code == 302
    typed = {"payment_credits-0-voted_amount": ["11"], "change_reason": ["Vote du 2."]}
    answer = sent_stale(second, theirs, typed)
    told = words_of(answer)
    assert answer.status_code == 409 and "2035" in told and "2028" in told and "50 000,00" in told and "11,00" in told
    assert "payment_credits" not in str(given_back(second, mine.action)["fields"]), "typed for another year"
    year.refresh_from_db()
    assert (year.year, year.voted_amount) == (2035, 50000)
    # Written on top all the same, it is the row that the page had.
    assert second.post(mine.action, form_with(answer, "payment_credits-0-id").fields).status_code == 302
    year.refresh_from_db()
    assert (year.year, year.voted_amount) == (2028, 11)


def test_a_row_that_somebody_changed_is_not_removed_from_an_older_page(sitting):
    session, (first, second), (mine, theirs) = sitting
    address, member = mine.action, session.members.order_by("name").first()
    changed = {f"{row_of(mine, member)}capacity": ["Présidente"]}
    assert sent_whole(first, mine, changed, address).status_code == 302
    answer = sent_whole(second, theirs, {f"{row_of(theirs, member)}DELETE": ["on"]}, address)
    assert answer.status_code == 409 and "Présidente" in words_of(answer) and session.members.count() == 3
    assert second.post(address, form_with(answer, "members-0-id").fields).status_code == 302
    assert session.members.count() == 2
