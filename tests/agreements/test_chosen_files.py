"""A file that was chosen and did not come through is asked for again, and goes without only when somebody says so."""

import re

import lxml.html
import pytest
from django import forms
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from core.portal import HAS_IT
from core.site.chosen_files import ChosenFileField, left_behind
from core.transitions import perform
from core.views.resume import FILE_PREFIX, PREFIX
from tests.agreements.test_portal import typed
from tests.factories.agreements import in_force, opened, submitted
from tests.factories.applicants import pdf
from tests.forms import forms_of

AGAIN = "Choisissez de nouveau le fichier « "
PASSWORD = "un mot de passe assez long"


def upload(name: str = "essai.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, pdf(name), "application/pdf")


def hidden(page: str) -> dict[str, str]:
    page = page.partition("<footer")[0]  # below stands the form that changes the language
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page))


def test_no_form_has_another_field_for_a_file():
    """Model forms too: a form that asks for a file asks through the one field that never loses it in silence."""
    sources = [
        path
        for app in ("core", "applicants", "grants", "agreements", "reporting", "demo")
        for path in (settings.BASE_DIR / app).rglob("*.py")
        if not {"migrations", "models"} & set(path.relative_to(settings.BASE_DIR).parts)
    ]
    other = re.compile(r"forms\.(?:FileField|ImageField|FileInput|ClearableFileInput)\(")
    assert [path.name for path in sources if other.search(path.read_text())] == []


class Both(forms.Form):
    text = forms.CharField()
    proof = ChosenFileField(required=False)
    report = ChosenFileField()


@pytest.mark.parametrize(("name", "may_go_without"), [("proof", True), ("report", False)])
def test_the_field_asks_again_then_takes_an_answer(name, may_go_without):
    first = Both({"text": ""}, MultiValueDict({name: [upload("bilan & co.pdf")]}))
    page = str(first[name])
    assert not first.is_valid() and AGAIN in page and f'name="{name}-chosen" value="bilan &amp; co.pdf"' in page
    assert (f'name="{name}-without"' in page) is may_go_without
    again = {"text": "Voici.", f"{name}-chosen": "bilan & co.pdf"}
    assert AGAIN in Both(again, {}).errors[name][0]
    assert f'name="{name}-chosen"' in str(Both(again, {})[name]), "asked once, then forgotten"
    without = Both(again | {f"{name}-without": "1"}, {})
    assert (name in without.errors) is not may_go_without
    assert name not in Both(again, MultiValueDict({name: [upload()]})).errors


@pytest.mark.parametrize("name", ["proof", "report"])
def test_two_files_for_one_place_are_refused_by_their_names(name):
    """The last one was taken for both."""
    form = Both({"text": "Voici."}, MultiValueDict({name: [upload("facture.pdf"), upload("autre.pdf")]}))
    assert "facture.pdf, autre.pdf" in form.errors[name][0] and "un seul" in form.errors[name][0]
    assert name in str(form[name])


@pytest.mark.django_db
def test_an_answer_on_a_suspended_claim_does_not_lose_its_file(client):
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(claim, "suspend", actor=house.instructor, comment="Facture contestée.")
    client.force_login(house.member)
    address = reverse("agreements:claim_reply", args=[claim.number])
    page = client.post(address, {"reply-text": "", "reply-file": upload()}).text
    assert f"{AGAIN}essai.pdf" in page
    marks = {"reply-file-chosen": hidden(page)["reply-file-chosen"], "reply-text": "Voici."}
    refused = client.post(address, marks)
    assert refused.status_code == 422 and AGAIN in refused.text and not claim.replies.exists()
    client.post(address, marks | {"reply-file-without": "1"})
    assert claim.replies.get().document is None
    client.post(address, marks | {"reply-file": upload()})
    assert claim.replies.last().document.name == "essai.pdf"


@pytest.mark.django_db
def test_a_report_sent_back_is_not_filed_with_its_former_file_in_silence(client):
    agreement, house = in_force("CPO", "180000.00")
    client.force_login(house.member)
    address = reverse("agreements:report", args=[agreement.number, 1])
    data = {"summary": "Une année pleine.", "spent_amount": "90 000,00"}
    client.post(address, data | {"document": upload("ancien.pdf")})
    report = agreement.tranches.get(rank=1).reports.get()
    perform(report, "give_back", actor=house.instructor, comment="Il manque les comptes.")
    wrong = client.post(address, data | {"spent_amount": "98 765,432", "document": upload("nouveau.pdf")}).text
    assert f"{AGAIN}nouveau.pdf" in wrong
    marks = data | {"document-chosen": hidden(wrong)["document-chosen"]}
    assert client.post(address, marks).status_code == 422
    assert client.post(address, marks | {"document": upload("nouveau.pdf")}).status_code == 302
    report.refresh_from_db()
    assert (report.state, report.document.name) == ("filed", "nouveau.pdf")


@pytest.mark.django_db
def test_the_other_files_of_the_page_of_a_claim_are_asked_for_again(client):
    """One page, several buttons: what was chosen for a button that was not pressed, or beside a wrong amount."""
    agreement, house = in_force()
    claim = opened(agreement, house)
    client.force_login(house.member)
    client.post(reverse("agreements:line_add", args=[claim.number]), typed())
    code = claim.instalment.required_pieces[0]["code"]
    address = reverse("agreements:claim_amount", args=[claim.number])
    wrong = {"claimed_amount": "999 999,00", "statement": "", f"{code}-file": upload(), "proof": upload("preuve.pdf")}
    page = client.post(address, wrong).text
    assert f"{AGAIN}essai.pdf" in page and f"{AGAIN}preuve.pdf" in page
    right = {"claimed_amount": "100,00", "statement": "", f"{code}-file-chosen": "essai.pdf"}
    assert AGAIN in client.post(address, right).text
    assert client.post(address, right | {f"{code}-file-without": "1"}).status_code == 302
    aside = client.post(address, {"claimed_amount": "100,00", "proof": upload()}, follow=True).text
    assert "sans le joindre à ses lignes" in aside


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["workbook", "proof"])
def test_a_file_that_holds_the_filing_of_a_claim_is_seen_and_left_out_beside_the_button(client, name):
    agreement, house = in_force()
    claim = opened(agreement, house)
    client.force_login(house.member)
    client.post(reverse("agreements:line_add", args=[claim.number]), typed())
    code = claim.instalment.required_pieces[0]["code"]
    data = {"claimed_amount": "100,00", "statement": "Fait.", "attested": "on", f"{code}-file": upload("a.pdf")}
    address = reverse("agreements:claim_submit", args=[claim.number])
    refused = client.post(address, data | {f"{name}-chosen": "w2.xlsx"})
    page = lxml.html.fromstring(refused.text)
    assert refused.status_code == 422 and "cochez la case" in refused.text
    (field,) = page.xpath(f"//input[@type='file' and @name='{name}']")
    assert all("open" in fold.attrib for fold in field.iterancestors("details")), "what holds the claim is folded away"
    (box,) = page.xpath(f"//section[@id='submit']//input[@name='{name}-without']")
    assert page.xpath(f"//label[@for='{box.get('id')}']")[0].text_content() == "Envoyer sans le fichier « w2.xlsx »"
    refused = client.post(address, data | {f"{name}-chosen": "w2.xlsx", f"{name}-without": "1"})
    assert "sans l’envoyer" not in refused.text and "sans le joindre" not in refused.text


@pytest.mark.django_db
def test_a_page_kept_on_the_way_to_another_one_says_so_to_the_device(client):
    """The file of a piece that was joined by “Add a line” was asked for again."""
    agreement, house = in_force()
    claim = opened(agreement, house)
    client.force_login(house.member)
    code = claim.instalment.required_pieces[0]["code"]
    data = {"claimed_amount": "100,00", "statement": "", "then": "line", f"{code}-file": upload("a.pdf")}
    answer = client.post(reverse("agreements:claim_amount", args=[claim.number]), data)
    assert answer.status_code == 302 and HAS_IT in answer.cookies
    piece = claim.pieces.get(document__name="a.pdf")
    address = reverse("agreements:claim_remove_piece", args=[claim.number, piece.pk])
    sure = hidden(client.post(address, hidden(client.get(claim.get_absolute_url()).text)).text) | {"sure": "1"}
    assert "La pièce est retirée." in client.post(address, sure, follow=True).text
    assert not claim.pieces.filter(pk=piece.pk).exists()


@pytest.mark.django_db
def test_a_file_that_is_stored_is_not_said_to_be_lost(client):
    """Whatever else refuses the page: filing without the statement, a wrong piece beside, a proof beside an amount."""
    agreement, house = in_force()
    claim = opened(agreement, house)
    client.force_login(house.member)
    client.post(reverse("agreements:line_add", args=[claim.number]), typed())
    code = claim.instalment.required_pieces[0]["code"]
    right = {"claimed_amount": "100,00", "statement": ""}
    page = client.post(
        reverse("agreements:claim_submit", args=[claim.number]), right | {f"{code}-file": upload("a.pdf")}
    )
    assert page.status_code == 422 and claim.pieces.filter(document__name="a.pdf").exists()
    assert AGAIN not in page.text and "-file-chosen" not in page.text
    proof = {"proof": upload("preuve.pdf"), "lines": ["1"], "claimed_amount": "999 999,00", "statement": ""}
    page = client.post(reverse("agreements:line_proof", args=[claim.number]), proof)
    assert page.status_code == 422 and claim.lines.get(rank=1).proof.name == "preuve.pdf"
    assert f"{AGAIN}preuve.pdf" not in page.text
    wrong = {f"{code}-file": SimpleUploadedFile("b.pdf", b"nothing of a PDF", "application/pdf")}
    page = client.post(reverse("agreements:claim_amount", args=[claim.number]), right | wrong)
    assert page.status_code == 422 and "data-error-summary" in page.text


@pytest.mark.django_db
def test_a_form_taken_up_after_the_session_ended_asks_for_its_file(client):
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(claim, "suspend", actor=house.instructor, comment="Facture contestée.")
    address = reverse("agreements:claim_reply", args=[claim.number])
    house.member.set_password(PASSWORD)
    house.member.save()
    for first in ({"reply-file": upload()}, {"reply-file-chosen": "essai.pdf"}):  # the first try, or the second
        carried = hidden(client.post(address, {"reply-text": "Voici.", **first}).text)
        assert carried[FILE_PREFIX + "reply-file"] == "essai.pdf" and PREFIX + "reply-file-chosen" not in carried
        who = {"username": house.member.email, "password": PASSWORD}
        page = client.post(reverse("core:resume"), carried | who).text
        assert 'type="file"' in page and 'name="reply-file-without"' in page
        sent = {name: value for name, value in hidden(page).items() if name.startswith("reply-")}
        assert sent == {"reply-text": "Voici.", "reply-file-chosen": "essai.pdf"}
        assert client.post(address, sent).status_code == 422 and not claim.replies.exists()
        client.logout()


@pytest.mark.django_db
def test_the_files_of_a_claim_that_is_taken_up_are_named_by_their_pieces(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    client.force_login(house.member)
    rule = claim.instalment.required_pieces[0]
    page = lxml.html.fromstring(client.get(claim.get_absolute_url()).text)
    asked = [
        item.value for item in page.xpath(f"//input[@name='{rule['code']}-file']/ancestor::form//input[@name='asked']")
    ]
    client.logout()
    data = {"asked": asked, "claimed_amount": "100,00", "statement": "", f"{rule['code']}-file": upload("a.pdf")}
    carried = client.post(reverse("agreements:claim_amount", args=[claim.number]), data)
    client.force_login(house.member)
    again = lxml.html.fromstring(client.post(reverse("core:resume"), forms_of(carried)[0].fields).text)
    (label,) = again.xpath("//label[@for='again-1']")
    assert "a.pdf" in label.text_content() and label.text_content().startswith(str(rule["label"]))


def test_what_goes_without_is_not_asked_for_again(rf):
    request = rf.post("/", {"a-chosen": "a.pdf", "b-chosen": "b.pdf", "b-without": "1", "c-chosen": ""})
    assert left_behind(request) == [("a", "a.pdf")]
