"""An expired session at the moment of sending: nothing typed is lost, and nothing is done that was not meant."""

import re
from html import unescape

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.html import escape

from core.models.user import User
from core.portal import portal_login_required
from core.views.resume import BY, FILE_PREFIX, PREFIX, TARGET
from tests.factories.core import UserFactory

PASSWORD = "un mot de passe assez long"
PROFILE = "/mon-compte/"
TYPED = {"first_name": "Zoé & <b>Ali</b>", "last_name": 'Dit "le long"', "phone": "03 26\r\n00 00 00", "language": "fr"}


@pytest.fixture
def someone(db) -> User:
    return UserFactory(applicant=True, email="someone@example.org")


def hidden_fields(page: str) -> dict[str, str]:
    page = page.partition("<footer")[0]  # below stands the form that changes the language
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {unescape(name): unescape(value) for name, value in found}


def kept(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name.startswith(PREFIX) or name == TARGET}


def test_typed_fields_travel_through_the_sign_in_to_the_form_again(client: Client, someone: User) -> None:
    first = client.post(PROFILE, TYPED)
    assert first.status_code == 401
    carried = hidden_fields(first.text)
    assert {PREFIX + name: value for name, value in TYPED.items()}.items() <= carried.items()
    assert carried[TARGET] == PROFILE

    second = client.post(reverse("core:resume"), carried | {"username": someone.email, "password": PASSWORD})
    assert second.status_code == 200
    assert f'action="{PROFILE}"' in second.text
    assert TYPED.items() <= hidden_fields(second.text).items()
    assert "<b>Ali</b>" not in second.text  # shown as text, never as mark-up

    client.post(PROFILE, {name: value for name, value in hidden_fields(second.text).items() if name in TYPED})
    someone.refresh_from_db()
    assert someone.first_name == TYPED["first_name"]


@pytest.mark.parametrize("fragment", [False, True])
def test_a_page_opened_by_one_account_is_not_sent_in_the_name_of_another(
    client: Client, someone: User, fragment: bool
) -> None:
    """A second account signed in meanwhile, in another tab: every form of the portal, and what its scripts send."""
    client.force_login(someone)
    mark = hidden_fields(client.get(PROFILE).text)["typed-by"]
    other = UserFactory(applicant=True)
    client.force_login(other)
    headers = {"Accept": "application/json"} if fragment else {}
    answer = client.post(PROFILE, TYPED | {"typed-by": mark}, headers=headers)
    assert answer.status_code == (404 if fragment else 403) and "Zoé" not in answer.text
    other.refresh_from_db()
    assert other.first_name != TYPED["first_name"]


def test_several_values_of_one_field_all_travel(client: Client, someone: User) -> None:
    page = client.post(PROFILE, {"choice": ["one", "two"]}).text
    assert page.count(f'name="{PREFIX}choice"') == 2


def test_a_wrong_password_loses_nothing(client: Client, someone: User) -> None:
    carried = hidden_fields(client.post(PROFILE, TYPED).text)
    again = client.post(reverse("core:resume"), carried | {"username": someone.email, "password": "non"})
    assert again.status_code == 401
    assert kept(carried) == kept(hidden_fields(again.text))


def test_a_locked_account_loses_nothing(client: Client, someone: User, settings) -> None:
    settings.AXES_ENABLED = True
    carried = hidden_fields(client.post(PROFILE, TYPED).text)
    data = carried | {"username": someone.email, "password": "non"}
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post(reverse("core:resume"), data)
    assert answer.status_code == 429
    assert "15 minutes" in answer.text
    assert hidden_fields(answer.text)[PREFIX + "first_name"] == TYPED["first_name"]


def test_secrets_are_never_written_into_a_page(client: Client, someone: User) -> None:
    page = client.post(PROFILE, {"old_password": "secret-1", "new_password1": "secret-2", "phone": "06"}).text
    assert "secret" not in page
    assert 'value="06"' in page


def test_files_are_asked_for_again(client: Client, someone: User) -> None:
    upload = SimpleUploadedFile("comptes 2025.pdf", b"%PDF-1.7")
    first = client.post(PROFILE, TYPED | {"proof": upload})
    assert "comptes 2025.pdf" in first.text
    carried = hidden_fields(first.text)
    assert carried[FILE_PREFIX + "proof"] == "comptes 2025.pdf"
    second = client.post(reverse("core:resume"), carried | {"username": someone.email, "password": PASSWORD}).text
    assert re.search(r'<input type="file"[^>]*name="proof"', second)
    assert "Choisissez de nouveau vos fichiers" in second


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example/x", "javascript:alert(1)", "/nulle-part/", "", "mon-compte/"]
)
def test_the_carried_address_is_a_page_of_this_site(client: Client, someone: User, address: str) -> None:
    data = {TARGET: address, PREFIX + "a": "b", "username": someone.email, "password": PASSWORD}
    answer = client.post(reverse("core:resume"), data)
    assert answer.status_code == 302 and answer.url == "/"


def test_signed_in_again_in_another_tab(client: Client, someone: User) -> None:
    carried = hidden_fields(client.post(PROFILE, TYPED).text)
    client.force_login(someone)
    answer = client.post(reverse("core:resume"), carried)
    assert answer.status_code == 200
    assert TYPED.items() <= hidden_fields(answer.text).items()


def test_the_address_of_the_sign_in_alone_leads_home(client: Client, db) -> None:
    assert client.get(reverse("core:resume")).url == "/"


# --- the mark of the form (CSRF) ----------------------------------------------------------------------------


@pytest.fixture
def strict(someone: User) -> Client:
    """A browser that checks the mark, as real ones do, signed in again since the form was opened."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(someone)
    return client


def test_an_old_mark_keeps_what_was_typed(strict: Client, someone: User) -> None:
    answer = strict.post(PROFILE, TYPED, headers={"origin": "http://testserver"})
    assert answer.status_code == 200
    assert TYPED.items() <= hidden_fields(answer.text).items()
    someone.refresh_from_db()
    assert someone.first_name != TYPED["first_name"]  # nothing happens before the person confirms


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"referer": "https://evil.example/x"}, {}])
def test_a_form_from_elsewhere_is_refused_outright(strict: Client, someone: User, headers: dict[str, str]) -> None:
    answer = strict.post(PROFILE, TYPED, headers=headers)
    assert answer.status_code == 403
    assert PREFIX not in answer.text and TYPED["last_name"] not in unescape(answer.text)


def test_an_old_mark_without_a_session_asks_to_sign_in(someone: User) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(PROFILE, TYPED, headers={"origin": "http://testserver"})
    assert answer.status_code == 401
    assert hidden_fields(answer.text)[PREFIX + "first_name"] == TYPED["first_name"]


@pytest.mark.parametrize("headers", [{"hx-request": "true"}, {"accept": "application/json"}])
def test_an_old_mark_sent_by_a_script_gets_a_bare_refusal(strict: Client, headers: dict[str, str]) -> None:
    answer = strict.post(PROFILE, TYPED, headers={"origin": "http://testserver", **headers})
    assert (answer.status_code, answer.content) == (403, b"")


# --- the decorator ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{"hx-request": "true"}, {"accept": "application/json"}])
def test_a_fragment_gets_a_bare_refusal(client: Client, db, headers: dict[str, str]) -> None:
    answer = client.post(PROFILE, TYPED, headers=headers)
    assert answer.status_code == 401
    assert answer.content == b""


def test_pages_of_signed_in_people_are_never_kept_by_the_browser(someone: User) -> None:
    @portal_login_required
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("secret")

    request = RequestFactory().get("/")
    request.user = someone
    assert "no-store" in view(request).headers["Cache-Control"]


# --- whose it is, and what it says --------------------------------------------------------------------------


def page_of(client: Client, user: User) -> dict[str, str]:
    """What the profile page carries of itself for this person."""
    client.force_login(user)
    found = hidden_fields(client.get(PROFILE).text)
    client.logout()
    return {"typed-by": found["typed-by"]}


def test_another_account_neither_sees_nor_sends_what_was_typed(client: Client, someone: User) -> None:
    other = UserFactory(applicant=True, email="other@example.org")
    carried = hidden_fields(client.post(PROFILE, TYPED | page_of(client, someone)).text)
    assert PREFIX + "typed-by" not in carried
    refused = client.post(reverse("core:resume"), carried | {"username": other.email, "password": PASSWORD})
    assert refused.status_code == 401 and "un autre compte" in refused.text
    assert "_auth_user_id" not in client.session and kept(carried) == kept(hidden_fields(refused.text))
    client.force_login(other)  # signed in by another tab
    answer = client.post(reverse("core:resume"), carried)
    assert answer.status_code == 403 and escape(TYPED["last_name"]) not in answer.text
    client.logout()
    mine = client.post(reverse("core:resume"), carried | {"username": someone.email, "password": PASSWORD})
    assert TYPED.items() <= hidden_fields(mine.text).items()


def test_an_old_mark_of_another_account_is_not_taken_up(strict: Client, client: Client) -> None:
    typed_by = page_of(client, UserFactory(applicant=True, email="first@example.org"))
    answer = strict.post(PROFILE, TYPED | typed_by, headers={"origin": "http://testserver"})
    assert answer.status_code == 403 and escape(TYPED["last_name"]) not in answer.text


def test_what_was_typed_is_told_by_its_labels_to_who_signed_in_only(client: Client, someone: User) -> None:
    client.force_login(someone)
    page = client.get(PROFILE).text
    asked = [unescape(value) for value in re.findall(r'name="asked" value="([^"]*)"', page)]
    client.logout()
    data = TYPED | {"asked": asked, "token": "a-hidden-token-that-nobody-reads", "typed-by": ""}
    first = client.post(PROFILE, data, headers={"referer": f"http://testserver{PROFILE}"}).text
    assert "<dt>" not in first
    carried = hidden_fields(first) | {PREFIX + "asked": asked}
    second = client.post(reverse("core:resume"), carried | {"username": someone.email, "password": PASSWORD}).text
    told = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", second, re.DOTALL))
    assert told["Prénom"] == escape(TYPED["first_name"])
    assert told["Langue"] == "Français"  # a short one, and a choice in its words
    assert not any("token" in words for words in told.values())
    assert "Rien n’est encore envoyé, déposé ni enregistré." in second
    assert f'href="http://testserver{PROFILE}"' in second  # giving up leads back to the page


def test_what_was_pressed_is_named_before_it_is_sent_again(client: Client, someone: User) -> None:
    by_value = ['["Enregistrer et continuer", "", "action", "next"]', '["Enregistrer", "", "action", "save"]']
    by_address = [f'["Déposer", "{PROFILE}", "", ""]', '["Autre", "/x/", "", ""]']
    for sent, named in (({"action": "save", "does": by_value}, "Enregistrer"), ({"does": by_address}, "Déposer")):
        carried = hidden_fields(client.post(PROFILE, TYPED | sent).text) | {PREFIX + "does": sent["does"]}
        page = client.post(reverse("core:resume"), carried | {"username": someone.email, "password": PASSWORD}).text
        assert f"Ce bouton fait ceci\u202f: {named}." in page
        client.logout()


def test_the_rows_of_a_table_are_told_one_by_one(client: Client, someone: User) -> None:
    asked = ['["q-b", "Budget", [["622", "622 – Honoraires"]], true]']
    cells = {"q-b-0-account": "622", "q-b-0-amount": "1 000", "q-b-1-account": "", "q-b-2-amount": "5"}
    carried = hidden_fields(client.post(PROFILE, TYPED | cells | {"asked": asked}).text)
    page = client.post(reverse("core:resume"), carried | {"username": someone.email, "password": PASSWORD}).text
    assert re.search(r"<dt>Budget</dt><dd>622 – Honoraires · 1 000<br>5</dd>", page)


def test_who_signed_out_in_another_window_is_not_told_to_have_waited(client: Client, someone: User) -> None:
    typed_by = page_of(client, someone)
    client.force_login(someone)
    client.post(reverse("core:logout"))
    assert client.cookies["essor-left"]["httponly"]
    told = client.post(PROFILE, TYPED | typed_by).text
    assert "Vous vous êtes déconnecté dans une autre fenêtre" in told and "au bout d’un certain temps" not in told
    for sign_in in (reverse("core:login"), reverse("core:resume")):
        carried = hidden_fields(client.post(PROFILE, TYPED | typed_by).text)
        who = {"username": someone.email, "password": PASSWORD}
        client.post(sign_in, carried | who if sign_in == reverse("core:resume") else who)
        client.cookies.pop(settings.SESSION_COOKIE_NAME)  # the new session ends by itself
        assert "au bout d’un certain temps" in client.post(PROFILE, TYPED | typed_by).text, sign_in
        client.cookies["essor-left"] = carried[BY]
    another = page_of(Client(), UserFactory(applicant=True, email="third@example.org"))
    assert "au bout d’un certain temps" in client.post(PROFILE, TYPED | another).text


@pytest.mark.parametrize(
    "asked", ["", "no json", "{}", "[1]", '["a", "b", 3]', '["a", "b", [], true]', '["first_name", "x", [["a"]]]']
)
def test_a_page_that_asks_nonsense_is_taken_up_all_the_same(client: Client, someone: User, asked: str) -> None:
    carried = hidden_fields(client.post(PROFILE, TYPED | {"asked": asked}).text)
    answer = client.post(reverse("core:resume"), carried | {"username": someone.email, "password": PASSWORD})
    assert answer.status_code == 200 and TYPED.items() <= hidden_fields(answer.text).items()
