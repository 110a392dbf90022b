"""Whatever button of a claim's page is pressed, what was typed and chosen elsewhere on it is kept, or refused with it."""

from decimal import Decimal
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from agreements import claims
from tests.agreements.test_portal import sign_in, url
from tests.factories.agreements import add_line, in_force, instalment, opened
from tests.factories.applicants import pdf
from tests.forms import form_to

pytestmark = pytest.mark.django_db
TYPED = {"claimed_amount": "100,00", "statement": "Trois ateliers."}


def a_page(client, *, pieces: bool = True):
    agreement, house = in_force()
    claim = (
        opened(agreement, house) if pieces else claims.open_claim(agreement, instalment(agreement), actor=house.member)
    )
    add_line(claim, house)
    sign_in(client, house.member)
    return claim, house, client.get(url("claim", claim.number))


def send(client, page, ending: str, **more):
    form = form_to(page, ending)
    return client.post(form.action, form.fields | TYPED | more)


def kept(claim) -> tuple:
    claim.refresh_from_db()
    return claim.claimed_amount, claim.statement, claim.state


def test_the_page_is_one_form_that_every_button_sends(client):
    claim, _house, page = a_page(client)
    document = page.content.decode()
    assert document.count("novalidate") == 1 and "formaction" in document
    assert "claimed_amount" in form_to(page, url("claim_submit", claim.number)).fields


def test_filing_files_the_amount_on_the_screen(client):
    claim, _house, page = a_page(client)
    costs = send(client, page, url("claim_submit", claim.number), attested="on")
    assert costs.status_code == 200 and kept(claim) == (Decimal("100.00"), "Trois ateliers.", "draft")
    confirmed = form_to(costs, url("claim_submit", claim.number))
    assert client.post(confirmed.action, confirmed.fields).status_code == 302
    assert kept(claim) == (Decimal("100.00"), "Trois ateliers.", "submitted")


def test_an_amount_that_is_refused_is_not_filed_and_stays_on_the_page(client):
    claim, _house, page = a_page(client)
    before = kept(claim)
    answer = send(client, page, url("claim_submit", claim.number), attested="on", claimed_amount="999 999")
    text = unescape(answer.content.decode())
    assert answer.status_code == 422 and kept(claim) == before
    assert "999 999" in text and "Trois ateliers." in text and "checked" in text


def test_filing_that_is_refused_keeps_what_was_typed(client):
    claim, _house, page = a_page(client)
    answer = send(client, page, url("claim_submit", claim.number))
    assert answer.status_code == 422 and kept(claim) == (Decimal("100.00"), "Trois ateliers.", "draft")
    costs = send(client, answer, url("claim_submit", claim.number), attested="on")
    confirmed = form_to(costs, url("claim_submit", claim.number))
    again = client.post(confirmed.action, confirmed.fields)
    assert again.status_code == 302 and kept(claim)[2] == "submitted"


def test_an_amount_changed_elsewhere_is_told_before_another_one_is_filed(client):
    claim, house, page = a_page(client)
    claims.set_amount(claim, Decimal("50.00"), actor=house.member)
    form = form_to(page, url("claim_submit", claim.number))
    answer = client.post(form.action, form.fields | {"attested": "on"})
    assert answer.status_code == 409 and "50,00" in answer.content.decode()
    assert kept(claim)[2] == "draft"


def test_joining_removing_and_adding_a_line_keep_what_was_typed(client):
    claim, _house, page = a_page(client, pieces=False)
    first, *others = [piece["code"] for piece in claim.instalment.required_pieces]
    files = {
        f"{code}-file": SimpleUploadedFile(f"{code}.pdf", pdf(code), "application/pdf") for code in [first, *others]
    }
    assert send(client, page, f"/{first}/#pieces", **files).status_code == 302
    assert {piece.code for piece in claim.pieces.all()} == {first, *others}
    assert kept(claim)[0] == Decimal("100.00")
    page = client.get(url("claim", claim.number))
    removal = url("claim_remove_piece", claim.number, claim.pieces.first().pk)
    asked = send(client, page, removal, claimed_amount="90")
    assert kept(claim)[0] == Decimal("90.00") and claim.pieces.count() == 2, "asked first, with nothing lost"
    sure = form_to(asked, removal, removal)
    assert client.post(sure.action, sure.fields).status_code == 302
    assert claim.pieces.count() == 1
    page = client.get(url("claim", claim.number))
    answer = send(client, page, url("claim_amount", claim.number), claimed_amount="80", then="line")
    assert answer.url == url("line_add", claim.number) and kept(claim)[0] == Decimal("80.00")
    page = client.get(url("claim", claim.number))
    removal = url("line_remove", claim.number, 1)
    asked = send(client, page, removal, claimed_amount="70")
    assert kept(claim)[0] == Decimal("70.00") and claim.lines.exists()
    sure = form_to(asked, removal, removal)
    assert client.post(sure.action, sure.fields).status_code == 302
    assert not claim.lines.exists()
