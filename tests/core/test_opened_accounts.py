"""An account is opened by who holds its mailbox, with their own password, and opened again by an administrator only."""

from html import unescape

import pgtrigger
import pytest
from django.contrib.auth import authenticate
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from core.acting import acting_as
from core.events import history
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.forms import SignUpForm
from core.models import OutboxMessage, User
from core.models.opening import OPENS_AGAIN, OPENS_STRANGERS
from core.roles import Role
from tests.core.test_front import PASSWORD, chosen_on, sign_up_data
from tests.core.test_own_hands import change, mails, page_of
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db
OWN, ADDRESS = "le mot de passe de la vraie personne", "ines@example.org"
CHOSEN = "encore un autre mot de passe"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """As many sign-ups as the tests ask for."""
    cache.clear()


def signed_up(device: Client, password: str = PASSWORD, **typed: str) -> None:
    assert (
        device.post(
            reverse("core:signup"), sign_up_data(password=password, password_again=password, **typed)
        ).status_code
        == 302
    )


def link() -> str:
    """The newest link of activation."""
    body = OutboxMessage.objects.filter(template="essor/mail/activation").latest("pk").body
    return next(word for word in body.split() if "/activer/" in word).removeprefix("http://testserver")


def opens(password: str, email: str = ADDRESS) -> bool:
    return authenticate(None, username=email, password=password) is not None


@pytest.fixture
def administrator(client):
    person = UserFactory(administrator=True)
    client.force_login(person, backend=BACKEND)
    return person


# --- who decides the password ----------------------------------------------------------------------------------------


def test_where_the_account_was_asked_for_its_link_keeps_the_password():
    device = Client()
    signed_up(device)
    signed_up(device)  # the same form once more
    assert "new_password1" not in device.get(link()).text
    assert device.post(link()).status_code == 302
    assert opens(PASSWORD)
    assert device.post(link()).status_code == 302, "sent twice, it leads on"


def test_the_password_of_an_outsider_does_not_outlive_the_real_sign_up():
    outsider, person = Client(), Client()
    signed_up(outsider, first_name="Votre", last_name="Région")
    old = link()
    signed_up(person, OWN)
    page = unescape(person.get(link()).text)
    assert 'value="Votre"' in page and "Choisissez ici son mot de passe" in page
    assert person.post(link()).status_code == 200 and not User.objects.get().is_active, "a button alone opens nothing"
    refused = chosen_on(person, link(), first_name="Inès", last_name="Durand", new_password2="autre")
    assert refused.status_code == 200 and 'value="Durand"' in refused.text and not User.objects.get().is_active
    assert chosen_on(person, link(), first_name="Inès", last_name="Lefèvre").status_code == 302
    assert opens(CHOSEN) and not opens(PASSWORD) and not opens(OWN)
    user = User.objects.get()
    assert user.get_full_name() == "Inès Lefèvre"
    assert set(history(user).get(action="activate_account").data["fields"]) == {"first_name", "last_name"}
    assert outsider.get(old).url == reverse("core:login") and not authenticate(
        None, username=ADDRESS, password=PASSWORD
    )


def test_a_second_sign_up_in_the_browser_of_the_first_chooses_again():
    """A shared computer: what the first one typed is not the second one's."""
    device = Client()
    signed_up(device)
    signed_up(device, OWN)
    assert "new_password1" in device.get(link()).text


def test_who_signs_up_first_and_holds_the_mailbox_is_not_disturbed_by_another():
    person, outsider = Client(), Client()
    signed_up(person, OWN)
    signed_up(outsider)
    assert person.post(link()).status_code == 302
    assert opens(OWN) and not opens(PASSWORD)


def test_a_password_that_is_too_easy_opens_nothing_and_keeps_what_was_typed():
    signed_up(Client())
    person = Client()
    answer = chosen_on(person, link(), first_name="Inès-Marie", new_password1="court", new_password2="court")
    assert "12 caractères" in answer.text and "Inès-Marie" in answer.text
    assert not User.objects.get().is_active


def test_the_activation_mail_repeats_nothing_that_was_typed_and_a_link_dies_with_the_address():
    signed_up(Client(), first_name="Compte bloqué", last_name="Appelez le 0899")
    assert "bloqué" not in OutboxMessage.objects.get().body and "0899" not in OutboxMessage.objects.get().body
    path = link()
    with acting_as(UserFactory(administrator=True)):
        User.objects.filter(email=ADDRESS).update(email="autre@example.org")
    assert Client().get(path).status_code == 410


# --- an administrator opens, or gives a role -------------------------------------------------------------------------


@pytest.mark.parametrize("is_active", [True, False], ids=["opened", "role alone"])
def test_what_an_administrator_makes_of_an_account_is_not_for_whoever_typed_its_password(
    client, administrator, is_active
):
    outsider = Client()
    signed_up(outsider)
    user, path = User.objects.get(email=ADDRESS), link()
    assert "n’a jamais été confirmée" in unescape(client.get(page_of(user)).text)
    typed = {"roles": ["instructor"]} | ({"is_active": "on"} if is_active else {})
    assert change(client, user, **typed).status_code == 302
    user = User.objects.get(pk=user.pk)
    assert user.is_active is is_active and user.role_set == {"instructor"}
    assert not user.has_usable_password() and not opens(PASSWORD)
    assert history(user).filter(action="user.password_forgotten", actor=administrator).exists()
    if is_active:
        assert mails("invitation") == [ADDRESS]
    else:
        assert outsider.get(path).status_code == 410
        assert chosen_on(outsider, link()).status_code == 302  # who reads the mail chooses, whatever the browser
        assert opens(CHOSEN)


def test_the_database_refuses_the_password_of_a_stranger(administrator):
    user = UserFactory(applicant=True, is_active=False)
    with acting_as(administrator):
        with pytest.raises(IntegrityError, match=OPENS_STRANGERS), transaction.atomic():
            User.objects.filter(pk=user.pk).update(is_active=True)
        with pytest.raises(IntegrityError, match=OPENS_STRANGERS), transaction.atomic():
            user.groups.add(*UserFactory(instructor=True).groups.all())
        user.set_roles([Role.INSTRUCTOR])
    assert not User.objects.get(pk=user.pk).has_usable_password()


# --- closed is closed ------------------------------------------------------------------------------------------------


def deactivated(client: Client, user: User) -> User:
    assert change(client, user, is_active=[]).status_code == 302
    user = User.objects.get(pk=user.pk)
    assert user.is_closed and user.deactivated_at
    return user


@pytest.mark.parametrize("role", ["applicant", "instructor", "administrator"])
def test_a_deactivated_account_does_not_open_itself(client, administrator, role):
    device = Client()
    signed_up(device)
    path = link()
    device.post(path)
    user = User.objects.get(email=ADDRESS)
    if role != "applicant":
        with acting_as(administrator):
            user.set_roles([Role(role)])
    user = deactivated(client, user)
    assert mails("account_deactivated") == [ADDRESS]
    asked = [
        Client().post(reverse("core:signup"), sign_up_data(email=email)).url for email in (ADDRESS, "autre@example.org")
    ]
    assert asked[0] == asked[1]
    before = mails("activation")
    assert Client().post(reverse("core:password_reset"), {"email": ADDRESS}).status_code == 302
    assert mails("account_closed") == [ADDRESS] and mails("activation") == before and mails("password_reset") == []
    assert device.get(path).status_code == device.post(path).status_code == 410
    with acting_as(user), pytest.raises(IntegrityError, match=OPENS_AGAIN), transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=True)
    for nobody in (None, UserFactory(instructor=True)):
        with acting_as(nobody), pytest.raises(IntegrityError, match=OPENS_AGAIN), transaction.atomic():
            User.objects.filter(pk=user.pk).update(is_active=True)
    with acting_as(user):
        User.objects.filter(pk=user.pk).update(deactivated_at=None)
    assert User.objects.get(pk=user.pk).is_closed, "the database keeps what it wrote"


def test_a_link_for_a_password_of_before_chooses_none_for_a_closed_account(client, administrator):
    user = UserFactory(applicant=True)
    Client().post(reverse("core:password_reset"), {"email": user.email})
    body = OutboxMessage.objects.get(template="essor/mail/password_reset").body
    path = next(word for word in body.split() if "/nouveau/" in word).removeprefix("http://testserver")
    deactivated(client, user)
    assert Client().get(path, follow=True).status_code == 410


def test_a_session_of_before_does_not_live_again(client, administrator):
    user, device = UserFactory(instructor=True), Client()
    device.force_login(user, backend=BACKEND)
    assert device.get(reverse("core:profile")).status_code == 200
    user = deactivated(client, user)
    assert change(client, user, is_active="on").status_code == 302
    assert User.objects.get(pk=user.pk).is_active
    assert mails("account_reopened") == [user.email]
    assert device.get(reverse("core:profile")).status_code == 302
    assert opens("un mot de passe assez long", user.email), "who was signed out signs in again"
    figure = invariant_of("core.closed-accounts-are-opened-by-another")
    assert look_at(figure).holds
    with acting_as(user), pgtrigger.ignore("core.User:opened_by_its_mailbox"):
        for is_active in (False, True):
            User.objects.filter(pk=user.pk).update(is_active=is_active)
    assert [row.pk for row in look_at(figure).rows] == [user.pk]


def test_an_account_that_an_administrator_adds_closed_is_theirs_to_open(client, administrator):
    data = {"first_name": "Noor", "last_name": "Diallo", "email": "noor@example.org", "language": "fr"}
    client.post(reverse("admin:core_user_add"), data | {"roles": ["instructor"], "change_reason": "x"})
    user = User.objects.get(email="noor@example.org")
    assert user.is_closed and mails("invitation") == []
    Client().post(reverse("core:signup"), sign_up_data(email=user.email))
    assert mails("activation") == [] and mails("account_closed") == [user.email]
    change(client, user, is_active="on")
    assert mails("invitation") == [user.email]


# --- an address that somebody else took ------------------------------------------------------------------------------


@pytest.mark.parametrize("is_new", [True, False], ids=["added", "changed"])
def test_an_account_that_nobody_opened_gives_its_address_up_to_the_person_whose_it_is(client, administrator, is_new):
    signed_up(Client())
    taken, path = User.objects.get(email=ADDRESS), link()
    if is_new:
        data = {"first_name": "Inès", "last_name": "L", "email": ADDRESS, "language": "fr", "is_active": "on"}
        data |= {"roles": ["instructor"], "change_reason": "x"}
        assert client.post(reverse("admin:core_user_add"), data).status_code == 302
    else:
        assert change(client, UserFactory(instructor=True), email=ADDRESS).status_code == 302
    taken.refresh_from_db()
    assert taken.email.endswith(".invalid") and not taken.has_usable_password()
    assert history(taken).get(action="user.address_given_up").actor == administrator
    assert User.objects.get(email=ADDRESS).pk != taken.pk
    assert Client().get(path).status_code == 410


def test_an_account_with_a_role_or_a_life_keeps_its_address(client, administrator):
    waits = UserFactory(instructor=True, is_active=False)
    for other in (waits, UserFactory(applicant=True)):
        answer = change(client, UserFactory(instructor=True), email=other.email)
        assert "Un compte utilise déjà cette adresse" in answer.text
        assert User.objects.get(pk=other.pk).email == other.email


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Bloqué : https://evil.example", "WWW.evil.example", "evil.example/login", "evil.com"]
)
def test_a_name_holds_no_address_of_the_web(name):
    form = SignUpForm(sign_up_data(first_name=name))
    assert "Pas d’adresse internet ici" in form.errors["first_name"][0]
    with pytest.raises(ValidationError):
        User(email="a@example.org", first_name=name, last_name="B", password="!").full_clean()


@pytest.mark.parametrize("name", ["Jean-Pierre", "J. P.", "d’Arc", "M.", "Anne www", "Ó Súilleabháin"])
def test_a_name_of_people_is_taken(name):
    assert "first_name" not in SignUpForm(sign_up_data(first_name=name)).errors


def test_the_database_refuses_an_address_of_the_web_in_a_name():
    for name in ("a http://evil.example", "Www.evil"):
        with pytest.raises(IntegrityError, match="names_are_no_addresses"), transaction.atomic():
            UserFactory(last_name=name)
