"""Two accounts that one hand made are two persons once somebody independent says so: figures, database, page, work list."""

from datetime import timedelta
from html import unescape

import pgtrigger
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.acting import acting_as
from core.events import history
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.figures.taken_accounts import held_days, steps_in_one_hand, steps_of_one_maker
from core.history import history_model_of
from core.models import User
from core.navigation import work_for
from core.roles import Role
from tests.factories.applicants import BankAccountFactory
from tests.factories.core import UserFactory, known_for_long

pytestmark = pytest.mark.django_db
MET = "Rencontrée au service des finances, le jour même."


@pytest.fixture
def administrator():
    return UserFactory(administrator=True)


def by_command(**role) -> User:
    """An account of nobody's making: in a test, the database session goes on in the name of who acted last."""
    with acting_as(label="command createsuperuser"):
        return UserFactory(**role)


def made(by, *roles, name="") -> User:
    """An account that this administrator makes, with its roles."""
    address = f"{name}{User.objects.count()}.of.{by.pk}@example.org"
    with acting_as(by):
        return User.objects.create_user(address, roles=roles)


def given(by, user, *roles) -> User:
    with acting_as(by):
        user.set_roles(roles)
    return user


def told_of(first: User, second: User, *, roles=(Role.INSTRUCTOR, Role.FINANCE_OFFICER)) -> set[str]:
    """Which figures tell of a step of the first that the second checks now: "hand", "maker"."""
    at = timezone.now()
    step = (
        "SELECT 1 AS id, 'x' AS label, %(first)s AS first, %(at)s::timestamptz AS first_at, ARRAY[%(one)s] AS first_roles,"
        " %(second)s AS second, %(at)s::timestamptz AS second_at, ARRAY[%(two)s] AS second_roles"
    )
    values = {"first": first.pk, "second": second.pk, "at": at, "one": str(roles[0]), "two": str(roles[1])}
    found = set()
    with connection.cursor() as cursor:
        for name, sql in (("hand", steps_in_one_hand(step)), ("maker", steps_of_one_maker(step))):
            cursor.execute(sql, values | held_days())
            found |= {name} if cursor.fetchall() else set()
    return found


def confirm(person: User, by: User) -> bool:
    person = User.objects.get(pk=person.pk)
    with acting_as(by):
        return person.confirm_person(by, person.email, MET)


def test_two_accounts_of_one_administrator_are_one_hand_until_another_one_answers(administrator):
    """The takeover: two accounts made on one day, one enters a bank account, the other verifies it."""
    first, second = made(administrator, Role.INSTRUCTOR), made(administrator, Role.FINANCE_OFFICER)
    account = BankAccountFactory(verified=True, entered_by=first, verified_by=second)
    figure = invariant_of("applicants.verified-by-known-persons")
    assert [row.pk for row in look_at(figure).rows] == [account.pk]
    assert look_at(invariant_of("applicants.verified-by-their-own-hands")).holds, "she took neither step"
    confirm(second, by=by_command(administrator=True))
    assert look_at(figure).holds, "one of the two is somebody: so are both"


def test_administrators_who_made_one_another_are_one_hand(administrator):
    dummy = made(administrator, Role.ADMINISTRATOR)
    assert told_of(made(administrator, Role.INSTRUCTOR), made(dummy, Role.FINANCE_OFFICER)) == {"maker"}
    other = by_command(administrator=True)
    assert not told_of(made(administrator, Role.INSTRUCTOR), made(other, Role.FINANCE_OFFICER))


def test_the_very_role_that_is_used_counts_and_no_other(administrator):
    """Accounts that nobody made: signed up by themselves, in the administrator's hand by the role."""
    first, second = (given(administrator, by_command(), role) for role in (Role.INSTRUCTOR, Role.FINANCE_OFFICER))
    assert told_of(first, second) == {"maker"}
    with_another = given(administrator, by_command(instructor=True), Role.INSTRUCTOR, Role.COMMITTEE_SECRETARY)
    assert not told_of(with_another, second)


def test_who_made_the_account_of_the_other_is_told_of_whichever_acts_first(administrator):
    """She had her dummy take the role off her and make her finance officer: she records what her other account ordered."""
    dummy = made(administrator, Role.ADMINISTRATOR)
    account = made(administrator, Role.FINANCE_OFFICER)
    herself = given(dummy, administrator, Role.FINANCE_OFFICER)
    pays = (Role.FINANCE_OFFICER, Role.FINANCE_OFFICER)
    assert told_of(account, herself, roles=pays) == {"hand"}
    assert told_of(herself, account, roles=pays) == {"hand"}
    assert not told_of(account, account, roles=pays), "one officer orders, sends and records: that is no second person"


def test_accounts_of_a_command_or_of_long_ago_are_in_nobodys_hand(administrator, settings):
    assert not told_of(by_command(instructor=True), by_command(finance_officer=True))
    first, second = made(administrator, Role.INSTRUCTOR), made(administrator, Role.FINANCE_OFFICER)
    for person, days in ((first, settings.ESSOR_ADDRESS_HELD_DAYS - 1), (second, 40)):
        known_for_long(person, days)
        assert told_of(first, second) == ({"maker"} if person is first else set())


def test_an_account_made_an_administrator_by_a_command_is_a_second_one_from_the_first_day(administrator):
    """A Region that begins with one administrator has nobody else; one whom she made is none, nor is she."""
    first, second = made(administrator, Role.INSTRUCTOR), made(administrator, Role.FINANCE_OFFICER)
    second_one = by_command(administrator=True)
    stranger = given(by_command(administrator=True), by_command(), Role.ADMINISTRATOR)
    for confirmer in (administrator, made(administrator, Role.ADMINISTRATOR), stranger, first):
        with pytest.raises(ValidationError):
            confirm(first, by=confirmer)
        with acting_as(confirmer), pytest.raises(IntegrityError, match="independent"), transaction.atomic():
            User.objects.filter(pk=first.pk).update(person_confirmed_by=confirmer, person_confirmed_at=timezone.now())
    with acting_as(administrator), pytest.raises(IntegrityError, match="independent"), transaction.atomic():
        User.objects.filter(pk=first.pk).update(person_confirmed_by=second_one, person_confirmed_at=timezone.now())
    assert told_of(first, second) == {"maker"}
    assert confirm(first, by=second_one) is False
    assert told_of(first, second) == set()
    with acting_as(second_one), pytest.raises(IntegrityError, match="independent"), transaction.atomic():
        User.objects.filter(pk=first.pk).update(person_confirmed_by=None, person_confirmed_at=None)


def test_what_is_given_after_the_answer_is_in_hand_again(administrator):
    first, second = made(administrator, Role.INSTRUCTOR), made(administrator, Role.FINANCE_OFFICER)
    for person in (first, second):
        known_for_long(person, 10)
    confirm(first, by=by_command(administrator=True))
    assert told_of(first, second) == set()
    with pgtrigger.ignore():
        lines = history_model_of(User).objects.filter(pgh_obj_id=first.pk, person_confirmed_at__isnull=False)
        for rows in (lines, User.objects.filter(pk=first.pk)):
            assert rows.update(person_confirmed_at=timezone.now() - timedelta(days=5)) == 1
    assert told_of(first, second) == set()
    given(administrator, first, Role.COMMITTEE_SECRETARY)
    given(administrator, first, Role.INSTRUCTOR)
    assert told_of(first, second) == {"maker"}


def test_the_page_asks_how_one_knows_and_the_work_list_asks_whoever_may_answer(client, administrator):
    other = by_command(administrator=True)
    person = made(administrator, Role.FINANCE_OFFICER)
    page, act = (reverse(f"admin:core_user_{name}", args=[person.pk]) for name in ("change", "confirm_person"))
    assert [item.url for item in work_for(other)] == [page]
    assert not list(work_for(administrator)) and not list(work_for(by_command(auditor=True)))
    client.force_login(administrator)
    shown = unescape(client.get(page).content.decode())
    assert "Confirmer cette personne" not in shown and other.get_full_name() in shown
    second = Client()
    second.force_login(other)
    shown = unescape(second.get(page).content.decode())
    assert "a créé le compte" in shown and "a donné le rôle" in shown and "Confirmer cette personne" in shown
    said = second.post(act, {"address": person.email, "reason": " "})
    assert said.status_code == 422 and "qui vous avez appelé" in unescape(said.content.decode())
    stale = second.post(act, {"address": "autre@example.org", "reason": MET})
    assert MET in unescape(stale.content.decode()), "what was typed stays"
    assert second.post(act, {"address": person.email, "reason": MET}).status_code == 302
    event = history(person).get(action="user.person_confirmed")
    assert (event.actor, event.comment) == (other, MET)
    assert not list(work_for(other))
    assert "À qui est ce compte" not in unescape(second.get(page).content.decode())
