"""Nobody makes themselves another person: roles to oneself, the address of another's account, rules that are stopped."""

from html import unescape

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from core.acting import acting_as
from core.events import history
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import IncompatibleRoles, OutboxMessage, User
from core.models.incompatible import DECIDING_ROLES
from core.roles import Role
from core.signals import account_switched
from grants.models import ProgrammeAssignment
from tests.factories.core import UserFactory, hold_in_breach, known_for_long
from tests.factories.instruction import programme_of
from tests.forms import form_to

pytestmark = pytest.mark.django_db
CONFIRMED = "core.addresses-confirmed-by-another"
CALLED = "Appelée au numéro du service."


def page_of(user) -> str:
    return reverse("admin:core_user_change", args=[user.pk])


def change(client: Client, user, **values):
    address = page_of(user)
    return client.post(address, form_to(client.get(address), address).fields | {"change_reason": "x"} | values)


def mails(template: str) -> list[str]:
    found = OutboxMessage.objects.filter(template=f"essor/mail/{template}").order_by("pk")
    return [address for message in found for address in message.to]


def reset_asked(user) -> list[str]:
    """To whom a link to choose a password goes when one is asked for."""
    before = mails("password_reset")
    Client().post(reverse("core:password_reset"), {"email": user.email})
    return mails("password_reset")[len(before) :]


def used(**role):
    """An account that its person has opened: with a password, and signed in once."""
    user = UserFactory(**role)
    Client().force_login(user)
    return user


@pytest.fixture
def administrator(client):
    person = UserFactory(administrator=True)
    client.force_login(person)
    return person


def test_nobody_gives_themselves_a_role_or_a_programme(client, administrator):
    """By the page, by the service, by SQL; a role may be given up, and is given by another administrator."""
    auditor = User.objects.get(pk=administrator.pk)
    said = "Nul ne se donne un rôle"
    assert said in unescape(change(client, administrator, roles=["administrator", "applicant"]).content.decode())
    with acting_as(auditor):
        with pytest.raises(ValidationError, match="rôle"):
            auditor.set_roles([Role.ADMINISTRATOR, Role.APPLICANT])
        with pytest.raises(IntegrityError, match="themselves"), transaction.atomic():
            User.groups.through.objects.create(user=auditor, group_id=group_of(Role.APPLICANT))
        with pytest.raises(IntegrityError, match="themselves"), transaction.atomic():
            ProgrammeAssignment.objects.create(user=auditor, programme=programme_of("CPO"))
    assert User.objects.get(pk=administrator.pk).role_set == {Role.ADMINISTRATOR}
    with acting_as(UserFactory(administrator=True)):
        auditor.set_roles([Role.ADMINISTRATOR, Role.APPLICANT])
    with acting_as(auditor):
        auditor.set_roles([Role.ADMINISTRATOR])


def group_of(role: Role) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM auth_group WHERE name = %s", [str(role)])
        return cursor.fetchone()[0]


def test_who_gives_roles_decides_nothing_and_who_does_both_already_is_told_of():
    pairs = IncompatibleRoles.objects.filter(enforced=True)
    assert {
        ({pair.first, pair.second} - {"administrator"}).pop()
        for pair in pairs
        if "administrator" in (pair.first, pair.second)
    } == {*map(str, DECIDING_ROLES), "auditor"}
    held = hold_in_breach(UserFactory(), Role.ADMINISTRATOR, Role.FINANCE_OFFICER)
    result = look_at(invariant_of("core.roles-go-together"))
    assert [row.pk for row in result.rows] == [held.pk]


def test_a_changed_address_is_told_to_the_old_one_and_no_link_goes_to_the_new_one(client, administrator):
    """The takeover: an address changed, a password asked for. A second administrator confirms, never the first."""
    officer, other = used(finance_officer=True), known_for_long(UserFactory(administrator=True))
    third, old = UserFactory(administrator=True), officer.email
    assert change(client, officer, email="evil@evil.example").status_code == 302
    officer.refresh_from_db()
    assert officer.address_changed_by == administrator
    assert mails("address_changed") == [old]
    assert mails("rights_changed") == [other.email, third.email]
    assert reset_asked(officer) == []
    assert mails("address_held") == ["evil@evil.example"]
    page = unescape(client.get(page_of(officer)).content.decode())
    assert "aucun lien n’y est envoyé" in page and "Confirmer cette personne et cette adresse" not in page
    client.post(reverse("admin:core_user_password_link", args=[officer.pk]))
    confirm = reverse("admin:core_user_confirm_person", args=[officer.pk])
    shown = {"address": "evil@evil.example", "reason": CALLED}
    client.post(confirm, shown)
    assert mails("invitation") == [] and reset_asked(officer) == []
    second = Client()
    second.force_login(other)
    assert "Confirmer cette personne et cette adresse" in second.get(page_of(officer)).content.decode()
    for older in ({"reason": CALLED}, {"address": old, "reason": CALLED}):
        assert "n’est plus" in unescape(second.post(confirm, older, follow=True).content.decode())
        assert reset_asked(officer) == [], "what was read is not what would be confirmed"
    second.post(confirm, shown)
    assert reset_asked(officer) == ["evil@evil.example"]
    assert history(officer).filter(action="user.person_confirmed").get().actor == other
    assert mails("address_confirmed") == [old]
    assert mails("rights_changed")[2:] == [administrator.email, third.email]
    assert look_at(invariant_of(CONFIRMED)).holds


def test_the_database_itself_keeps_who_changed_an_address(administrator):
    """Whatever the door; what it wrote down is not taken back, nor confirmed by the same hand or by nobody."""
    officer = used(instructor=True)
    with acting_as(administrator):
        User.objects.filter(pk=officer.pk).update(email="autre@example.org", address_changed_at=None)
        User.objects.filter(pk=officer.pk).update(address_changed_by=None, address_changed_at=None)
        officer.refresh_from_db()
        assert officer.address_changed_by == administrator and officer.address_held_until
        for confirmer in (administrator, officer, UserFactory(administrator=True)):
            with pytest.raises(IntegrityError), transaction.atomic():
                User.objects.filter(pk=officer.pk).update(address_confirmed_by=confirmer)
    with acting_as(administrator):
        fresh = User.objects.create_user("faute@example.org", roles=[Role.INSTRUCTOR])
        User.objects.filter(pk=fresh.pk).update(email="juste@example.org")
    fresh.refresh_from_db()
    assert fresh.address_held_until is None, "nobody ever opened it"


def test_who_was_just_made_an_administrator_is_no_second_one(client, administrator):
    """An account of one's own, made an administrator: the figures, the mails and the database tell it from a person."""
    officer, finance = used(instructor=True), UserFactory(finance_officer=True)
    puppet = UserFactory(applicant=True)
    assert change(client, puppet, roles=["administrator"]).status_code == 302
    assert finance.email in mails("rights_changed")
    assert change(client, officer, email="evil@evil.example").status_code == 302
    puppet, officer = User.objects.get(pk=puppet.pk), User.objects.get(pk=officer.pk)
    with acting_as(puppet):
        with pytest.raises(ValidationError):
            officer.confirm_person(puppet, officer.email, CALLED)
        with pytest.raises(IntegrityError, match="independent of who changed it"), transaction.atomic():
            User.objects.filter(pk=officer.pk).update(address_confirmed_by=puppet)


def made(by, **role):
    """An account that this administrator makes, with its role."""
    with acting_as(by):
        user = User.objects.create_user(f"{User.objects.count()}.of.{by.pk}@example.org", **role)
        user.set_roles([Role.ADMINISTRATOR])
    return user


def refused_to_confirm(officer, confirmer) -> str:
    """What both doors say: the page's, in words, and the database's."""
    officer = User.objects.get(pk=officer.pk)
    with acting_as(confirmer):
        with pytest.raises(IntegrityError, match="independent of who changed it"), transaction.atomic():
            User.objects.filter(pk=officer.pk).update(address_confirmed_by=confirmer)
        with pytest.raises(ValidationError) as refused:
            officer.confirm_person(confirmer, officer.email, CALLED)
    assert confirmer not in officer.may_confirm_address
    return refused.value.messages[0]


def relations(administrator):
    """(who changed the address, who would confirm it), of whom one made the other in some way."""
    yield made(administrator), administrator  # the confirmer made who changed it
    yield administrator, made(made(administrator))  # by a chain
    yield made(made(administrator)), administrator
    yield made(administrator), made(administrator)  # one maker for both
    taken = used(administrator=True)
    with acting_as(administrator):
        User.objects.filter(pk=taken.pk).update(email="hand@evil.example")
    yield administrator, known_for_long(taken, 45)  # the confirmer's own address is in the hand of who changed it


@pytest.mark.parametrize("number", range(5))
def test_no_relation_of_who_changed_an_address_confirms_it(administrator, number):
    known_for_long(administrator)
    for place, (changer, confirmer) in enumerate(relations(administrator)):
        if place == number:
            officer = used(finance_officer=True)
            with acting_as(changer):
                User.objects.filter(pk=officer.pk).update(email="evil@evil.example")
            assert "indépendants" in refused_to_confirm(officer, confirmer)
            return


def test_an_administrator_of_a_few_days_confirms_nothing_and_the_page_says_what_is_left(client, administrator):
    officer, stranger = used(finance_officer=True), known_for_long(UserFactory(administrator=True), 20)
    with acting_as(administrator):
        User.objects.filter(pk=officer.pk).update(email="autre@example.org")
    assert "depuis 30 jours" in refused_to_confirm(officer, stranger)
    page = unescape(client.get(page_of(officer)).content.decode())
    assert "Aucun administrateur ne peut la confirmer aujourd’hui" in page and "manage.py changepassword" in page
    known_for_long(stranger, 31)
    assert stranger.get_full_name() in unescape(client.get(page_of(officer)).content.decode())


def test_two_whom_the_same_administrator_made_long_ago_are_two(administrator):
    first, second = (known_for_long(made(administrator), 40) for _number in range(2))
    officer = used(finance_officer=True)
    with acting_as(first):
        User.objects.filter(pk=officer.pk).update(email="juste@example.org")
    officer.refresh_from_db()
    with acting_as(second):
        officer.confirm_person(second, officer.email, CALLED)
    assert look_at(invariant_of(CONFIRMED)).holds


def test_the_person_is_told_at_their_own_address_whatever_came_between(client, administrator):
    officer = used(finance_officer=True)
    own = officer.email
    change(client, officer, email="first@evil.example")
    change(client, officer, email="second@evil.example")
    assert mails("address_changed") == [own, "first@evil.example", own]


def test_the_days_of_waiting_end(administrator, settings):
    officer = used(instructor=True)
    with acting_as(administrator):
        User.objects.filter(pk=officer.pk).update(email="autre@example.org")
    officer.refresh_from_db()
    assert reset_asked(officer) == []
    settings.ESSOR_ADDRESS_HELD_DAYS = 0
    assert reset_asked(officer) == ["autre@example.org"]


def test_a_role_of_the_staff_is_told_to_who_holds_it(client, administrator):
    """A second account of one's own is seen by the others before it acts."""
    other, finance = UserFactory(administrator=True), UserFactory(finance_officer=True)
    person = UserFactory(applicant=True)
    assert change(client, person, roles=["finance_officer"]).status_code == 302
    assert set(mails("rights_changed")) == {other.email, finance.email}


@pytest.mark.parametrize("act", ["password-link", "confirm-person"])
def test_an_act_on_an_account_is_refused_to_whoever_only_reads_and_says_so(client, act):
    """An auditor was led back to the page without a word, as if it were done."""
    person = UserFactory(instructor=True)
    client.force_login(UserFactory(auditor=True), backend="django.contrib.auth.backends.ModelBackend")
    address = f"{reverse('admin:core_user_change', args=[person.pk]).removesuffix('change/')}{act}/"
    assert client.post(address, {"address": person.email}).status_code == 403
    assert not OutboxMessage.objects.exists()


def test_no_link_goes_to_a_deactivated_account_and_the_page_says_so(client, administrator):
    person = UserFactory(instructor=True)
    User.objects.filter(pk=person.pk).update(is_active=False)
    client.force_login(administrator, backend="django.contrib.auth.backends.ModelBackend")
    address = f"{reverse('admin:core_user_change', args=[person.pk]).removesuffix('change/')}password-link/"
    assert "le compte est désactivé" in unescape(client.post(address, follow=True).text)
    assert not OutboxMessage.objects.exists()


def test_an_account_that_an_administrator_closes_or_opens_is_said_to_the_other_rooms(client, administrator):
    """In the transaction, with its event; what changes nothing of that, and one's own tick, which stays, say nothing."""
    person, heard = used(applicant=True), []

    def hear(sender, instance, actor, event, **kwargs):
        heard.append((instance.pk, instance.is_active, actor.pk, event.changes["is_active"]))

    account_switched.connect(hear)
    try:
        change(client, person, is_active="")
        change(client, person, first_name="Autre")
        change(client, administrator, is_active="")
        change(client, person, is_active="on")
    finally:
        account_switched.disconnect(hear)
    assert heard == [
        (person.pk, False, administrator.pk, [True, False]),
        (person.pk, True, administrator.pk, [False, True]),
    ]
