"""The front: home, accounts, language, health, jobs, error pages."""

import html
import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core import health, navigation
from core.account_mail import activation_tokens
from core.acting import acting_as
from core.events import record
from core.models.event import Event
from core.models.job import Job
from core.models.outbox import OutboxMessage
from core.models.user import User
from core.roles import Role
from tests.factories.core import UserFactory
from tests.forms import forms_of

PASSWORD = "un mot de passe assez long"
ELSEWHERE = ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]


def sign_up_data(**changes: str) -> dict[str, str]:
    return {
        "first_name": "Inès",
        "last_name": "Lefèvre",
        "email": "ines@example.org",
        "phone": "",
        "password": PASSWORD,
        "password_again": PASSWORD,
    } | changes


@pytest.fixture
def someone(db) -> User:
    return UserFactory(applicant=True, email="someone@example.org")


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


# --- language -----------------------------------------------------------------------------------------------


def test_french_whatever_the_browser_asks_for(client: Client, db) -> None:
    answer = client.get("/", headers={"accept-language": "en"})
    assert answer.headers["Content-Language"] == "fr"
    assert "Créer un compte" in answer.text


def test_the_language_chosen_in_the_footer_stays(client: Client, db) -> None:
    client.post(reverse("set_language"), {"language": "en", "next": "/"})
    assert "Create an account" in client.get("/").text


def test_a_person_reads_in_the_language_of_their_profile(client: Client, db) -> None:
    UserFactory(applicant=True, email="anne@example.org", language="en")
    client.post(reverse("core:login"), {"username": "anne@example.org", "password": PASSWORD})
    assert "My details" in client.get(reverse("core:profile")).text


# --- home ---------------------------------------------------------------------------------------------------


def test_the_home_page_announces_open_calls(client: Client, db, monkeypatch) -> None:
    later = navigation.OpenCall("Appel B", "Plus tard", "/b/", closes_at=timezone.now() + timedelta(days=20))
    soon = navigation.OpenCall("Appel A", "Bientôt", "/a/", closes_at=timezone.now() + timedelta(days=2))
    always = navigation.OpenCall("Appel C", "Toujours", "/c/")
    monkeypatch.setitem(navigation._home, "calls", lambda: [always, later, soon])
    page = client.get("/").text
    assert page.index("Appel A") < page.index("Appel B") < page.index("Appel C")
    assert "encore 2" in page


@pytest.mark.parametrize("role", list(Role))
def test_everybody_lands_where_their_work_is(client: Client, db, role: Role) -> None:
    client.force_login(UserFactory(roles=[role]))
    answer = client.get("/")
    assert answer.status_code == 302
    assert (answer.url == reverse("admin:index")) == (role != Role.APPLICANT)


# --- signing in and out -------------------------------------------------------------------------------------


def test_signing_in_goes_back_to_the_page_that_was_asked_for(client: Client, someone: User) -> None:
    page = client.get(reverse("core:profile"))
    assert page.status_code == 302
    answer = client.post(page.url, {"username": "Someone@Example.org ", "password": PASSWORD, "next": "/mon-compte/"})
    assert answer.status_code == 302
    assert answer.url == "/mon-compte/"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_never_leads_elsewhere(client: Client, someone: User, target: str) -> None:
    answer = client.post(reverse("core:login"), {"username": someone.email, "password": PASSWORD, "next": target})
    assert answer.url == navigation.landing_url(someone)


def test_a_wrong_password_keeps_the_address(client: Client, someone: User) -> None:
    answer = client.post(reverse("core:login"), {"username": someone.email, "password": "non"})
    assert answer.status_code == 200
    assert "ne vont pas ensemble" in answer.text
    assert someone.email in answer.text


def test_an_applicant_at_the_staff_door_is_told_so(client: Client, someone: User) -> None:
    client.force_login(someone)
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "réservée aux agents" in answer.text


def test_too_many_wrong_passwords_lock_and_say_what_to_do(client: Client, someone: User, settings) -> None:
    settings.AXES_ENABLED = True
    data = {"username": someone.email, "password": "non"}
    answers = [client.post(reverse("core:login"), data) for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert answers[-1].status_code == 429
    assert "15 minutes" in answers[-1].text
    assert someone.email in answers[-1].text
    assert client.post(reverse("core:login"), data | {"password": PASSWORD}).status_code == 429


def test_signing_out_is_a_post(client: Client, someone: User) -> None:
    client.force_login(someone)
    assert client.get(reverse("core:logout")).url == "/"  # reading it leads home and ends nothing
    assert client.get(reverse("core:profile")).status_code == 200
    client.post(reverse("core:logout"))
    assert client.get(reverse("core:profile")).status_code == 302


# --- signing up ---------------------------------------------------------------------------------------------


def test_a_new_account_waits_for_its_activation(client: Client, db) -> None:
    answer = client.post(reverse("core:signup"), sign_up_data(email=" Ines@Example.ORG"))
    assert answer.status_code == 302
    user = User.objects.get(email="ines@example.org")
    assert not user.is_active
    assert user.role_set == {Role.APPLICANT}
    message = OutboxMessage.objects.get()
    assert message.to == ["ines@example.org"]
    assert "/inscription/activer/" in message.body
    assert "24 heures" in message.body
    assert client.login(username=user.email, password=PASSWORD) is False


def test_a_known_address_gets_the_same_answer_and_another_mail(client: Client, someone: User) -> None:
    known = client.post(reverse("core:signup"), sign_up_data(email=someone.email))
    unknown = client.post(reverse("core:signup"), sign_up_data())
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)
    first = OutboxMessage.objects.get(to=[someone.email])
    assert first.template.endswith("known_address")
    someone.refresh_from_db()
    assert someone.check_password(PASSWORD) and someone.first_name == "Camille"


def test_the_same_form_sent_twice_makes_one_account(client: Client, db) -> None:
    for _ in range(2):
        client.post(reverse("core:signup"), sign_up_data())
    assert User.objects.filter(email="ines@example.org").count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password_again": "autre chose encore"}, "ne sont pas identiques"),
        ({"password": "court", "password_again": "court"}, "12 caractères"),
        ({"email": "pas une adresse"}, "adresse"),
        ({"first_name": ""}, "Prénom"),
    ],
)
def test_a_wrong_sign_up_says_what_to_correct_and_keeps_the_rest(client, db, changes, words) -> None:
    answer = client.post(reverse("core:signup"), sign_up_data(**changes))
    assert answer.status_code == 200
    assert words in answer.text
    assert "Lefèvre" in answer.text
    assert not User.objects.exists()


def test_the_activation_link_works_once(client: Client, db) -> None:
    client.post(reverse("core:signup"), sign_up_data())
    body = OutboxMessage.objects.get().body
    path = next(word for word in body.split() if "/activer/" in word).removeprefix("http://testserver")
    assert client.get(path).status_code == 200
    assert not User.objects.get().is_active
    client.post(path)
    assert User.objects.get().is_active
    client.post(reverse("core:logout"))
    assert client.get(path).url == reverse("core:login")
    assert client.get("/inscription/activer/MTIz/jeton-faux/").status_code == 410


def chosen_on(device: Client, path: str, **typed: str):
    """The answer to a link of activation, opened where nobody asked for the account: its person chooses a password."""
    new = "encore un autre mot de passe"
    form = next(form for form in forms_of(device.get(path)) if "new_password1" in form.fields)
    return device.post(path, form.fields | {"new_password1": new, "new_password2": new} | typed)


WANTED = "/aides/deposer/PROGRESS-2026/?a=1&b=2"


def link_of_mail(part: str) -> str:
    """The address that a mail sent gives, without the host."""
    words = " ".join(OutboxMessage.objects.values_list("body", flat=True)).split()
    return next(word for word in words if part in word).removeprefix("http://testserver")


def next_of(answer, address: str) -> str:
    """Where a link of the page leads to after it."""
    (found,) = {html.unescape(link) for link in re.findall(rf'href="({re.escape(address)}[^"]*)"', answer.text)} - {
        address
    }
    return found


def test_who_makes_an_account_to_file_an_application_lands_where_they_wanted_to_go(client: Client, db) -> None:
    sign_in = client.get(reverse("core:login"), {"next": WANTED})
    page = client.get(next_of(sign_in, reverse("core:signup")))
    assert page.context["next"] == WANTED
    done = client.post(reverse("core:signup"), sign_up_data(next=WANTED), follow=True)
    again = client.get(next_of(done, reverse("core:password_reset")))  # the first mail did not come
    assert again.context["next"] == WANTED and "compte pas encore actif" in again.text
    other_device = Client()
    path = link_of_mail("/activer/")
    assert chosen_on(other_device, path).url == WANTED
    again = Client().get(path)
    assert parse_qs(urlsplit(again.url).query) == {"next": [WANTED]}


def test_who_has_an_account_already_or_forgot_the_password_lands_there_too(client: Client, someone: User) -> None:
    client.post(reverse("core:signup"), sign_up_data(email=someone.email, next=WANTED))
    assert parse_qs(urlsplit(link_of_mail("/connexion/")).query) == {"next": [WANTED]}
    page = client.get(next_of(client.get(reverse("core:login"), {"next": WANTED}), reverse("core:password_reset")))
    assert page.context["next"] == WANTED
    client.post(reverse("core:password_reset"), {"email": someone.email, "next": WANTED})
    form = client.get(link_of_mail("/nouveau/"), follow=True)
    new = "encore un autre mot de passe"
    answer = client.post(form.request["PATH_INFO"], {"new_password1": new, "new_password2": new})
    assert parse_qs(urlsplit(answer.url).query) == {"next": [WANTED]}


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_link_of_a_mail_leads_elsewhere(client: Client, db, target: str) -> None:
    client.post(reverse("core:signup"), sign_up_data(next=target))
    path = link_of_mail("/activer/")
    assert "next" not in path
    answer = client.post(f"{path}?{urlencode({'next': target})}")
    assert answer.url == navigation.landing_url(User.objects.get())


def test_an_activation_token_dies_with_the_change_of_password(db) -> None:
    user = UserFactory(applicant=True, is_active=False)
    token = activation_tokens.make_token(user)
    with acting_as(label="test"):
        user.set_password("encore un autre mot de passe")
        user.save()
    assert not activation_tokens.check_token(user, token)


def test_sign_ups_from_one_network_are_limited(client: Client, db, monkeypatch) -> None:
    monkeypatch.setattr("core.views.account.too_many", lambda request, scope: True)
    answer = client.post(reverse("core:signup"), sign_up_data())
    assert "dans une heure" in answer.text
    assert not User.objects.exists()


# --- a forgotten password -----------------------------------------------------------------------------------


def test_an_unknown_address_gets_the_same_answer(client: Client, someone: User) -> None:
    known = client.post(reverse("core:password_reset"), {"email": someone.email})
    unknown = client.post(reverse("core:password_reset"), {"email": "nobody@example.org"})
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)
    assert OutboxMessage.objects.get().to == [someone.email]


def test_an_account_not_active_yet_gets_its_link_again(client: Client, db) -> None:
    UserFactory(applicant=True, email="late@example.org", is_active=False)
    client.post(reverse("core:password_reset"), {"email": "late@example.org"})
    assert "/inscription/activer/" in OutboxMessage.objects.get().body


def test_the_new_password_opens_the_account(client: Client, someone: User) -> None:
    client.post(reverse("core:password_reset"), {"email": someone.email})
    path = next(word for word in OutboxMessage.objects.get().body.split() if "/nouveau/" in word)
    form = client.get(path.removeprefix("http://testserver"), follow=True)
    new = "encore un autre mot de passe"
    answer = client.post(form.request["PATH_INFO"], {"new_password1": new, "new_password2": new})
    assert answer.url == reverse("core:login")
    assert client.login(username=someone.email, password=new)


# --- one's profile ------------------------------------------------------------------------------------------


def test_the_profile_changes_what_it_may(client: Client, someone: User) -> None:
    client.force_login(someone)
    data = {
        "first_name": "Anne",
        "last_name": "Roy",
        "phone": "03 26 00 00 00",
        "language": "fr",
    }
    for foreign in ({"email": "other@example.org"}, {"is_staff": "on"}):
        assert client.post(reverse("core:profile"), data | foreign).status_code == 400
    someone.refresh_from_db()
    assert (someone.first_name, someone.email, someone.is_staff) == ("Camille", "someone@example.org", False)
    client.post(reverse("core:profile"), data)
    someone.refresh_from_db()
    assert (someone.first_name, someone.last_name) == ("Anne", "Roy")


def test_the_password_changes_with_the_old_one(client: Client, someone: User) -> None:
    client.force_login(someone)
    new = "encore un autre mot de passe"
    data = {"change-password": "1", "old_password": PASSWORD, "new_password1": new, "new_password2": new}
    client.post(reverse("core:profile"), data)
    assert client.get(reverse("core:profile")).status_code == 200  # still signed in
    someone.refresh_from_db()
    assert someone.check_password(new)


def test_an_auditor_keeps_their_own_account(client: Client, db) -> None:
    """Who reads everything changes nothing but what is theirs: details, language, password, also by the mail."""
    auditor = UserFactory(auditor=True, email="audit@region.example")
    auditor.set_password(PASSWORD)
    auditor.save()
    client.force_login(auditor)
    profile = {"first_name": "Odile", "last_name": "Marty", "phone": "03 26 00 00 00", "language": "en"}
    assert client.post(reverse("core:profile"), profile).status_code == 302
    new = "encore un autre mot de passe"
    data = {"change-password": "1", "old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post(reverse("core:profile"), data).status_code == 302
    auditor.refresh_from_db()
    assert (auditor.phone, auditor.language) == ("03 26 00 00 00", "en") and auditor.check_password(new)
    client.logout()
    client.post(reverse("core:password_reset"), {"email": auditor.email})
    path = next(word for word in OutboxMessage.objects.get().body.split() if "/nouveau/" in word)
    form = client.get(path.removeprefix("http://testserver"), follow=True)
    client.post(form.request["PATH_INFO"], {"new_password1": PASSWORD, "new_password2": PASSWORD})
    auditor.refresh_from_db()
    assert auditor.check_password(PASSWORD)
    kept = [event.action for event in Event.objects.of(auditor) if event.actor == auditor]
    assert kept == ["edit_account", "change_password", "change_password"]
    for subject, action in ((auditor, "user.roles"), (UserFactory(), "edit_account")):
        with pytest.raises(PermissionDenied):
            record(subject, action, actor=auditor)


# --- jobs on the screen -------------------------------------------------------------------------------------


def test_a_job_is_seen_by_who_asked_for_it(client: Client, someone: User) -> None:
    job = Job.objects.create(kind="test.kind", key="one", requested_by=someone)
    client.force_login(someone)
    assert client.get(reverse("core:job", args=[job.pk])).status_code == 200
    fragment = client.get(reverse("core:job_state", args=[job.pk])).text
    assert "every 2s" in fragment
    client.force_login(UserFactory(applicant=True))
    assert client.get(reverse("core:job", args=[job.pk])).status_code == 404
    client.force_login(UserFactory(auditor=True))
    assert client.get(reverse("core:job", args=[job.pk])).status_code == 200


def test_an_auditor_cancels_nothing(client: Client, someone: User) -> None:
    job = Job.objects.create(kind="test.kind", key="one", requested_by=someone)
    client.force_login(UserFactory(auditor=True))
    client.post(reverse("core:job_cancel", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED
    client.force_login(someone)
    client.post(reverse("core:job_cancel", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert "every 2s" not in client.get(reverse("core:job_state", args=[job.pk])).text


# --- health -------------------------------------------------------------------------------------------------


def test_health_says_what_waits(client: Client, db) -> None:
    report = client.get("/sante/").json()
    assert report["database"]["ok"] and report["storage"]["ok"]
    assert report["status"] == "degraded"  # no worker has been seen
    health.note_worker()
    assert client.get("/sante/").json()["status"] == "ok"


def test_health_without_storage_is_down(client: Client, db, monkeypatch) -> None:
    monkeypatch.setattr("core.health.os.access", lambda folder, mode: False)
    answer = client.get("/sante/")
    assert answer.status_code == 503
    assert json.loads(answer.content)["status"] == "down"


def test_health_sees_a_job_that_nobody_takes(client: Client, someone: User) -> None:
    job = Job.objects.create(kind="test.kind", key="one", requested_by=someone)
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(hours=1))
    health.note_worker()
    report = client.get("/sante/").json()
    assert report["status"] == "degraded"
    assert report["queue"]["oldest_job_seconds"] >= 3600


# --- error pages --------------------------------------------------------------------------------------------


def test_a_missing_page_says_so_in_plain_words(client: Client, db) -> None:
    answer = client.get("/nulle-part/")
    assert answer.status_code == 404
    assert "n’existe pas" in answer.text
    assert "<h1>" in answer.text


def test_a_breakdown_shows_no_secret_and_needs_no_database(client: Client, db, monkeypatch) -> None:
    client.raise_request_exception = False

    def broken() -> list[object]:
        raise RuntimeError("secret detail")

    monkeypatch.setitem(navigation._home, "calls", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "De notre côté" in answer.text or "de notre côté" in answer.text
    assert "secret detail" not in answer.text


def test_the_policy_of_the_portal_allows_no_inline_code(client: Client, db) -> None:
    for path in ("/", "/connexion/", "/inscription/", "/accessibilite/"):
        answer = client.get(path)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert " style=" not in answer.text
        assert "onclick" not in answer.text


@pytest.mark.parametrize(
    ("colour", "expected"), [("#123abc", ":root { --brand: #123abc }\n"), ("red; } body { display: none", "")]
)
def test_the_colour_of_the_region(client: Client, db, settings, colour: str, expected: str) -> None:
    settings.ESSOR_REGION = settings.ESSOR_REGION | {"primary_colour": colour}
    answer = client.get(reverse("core:brand"))
    assert answer.text == expected
    assert answer.headers["Content-Type"].startswith("text/css")
