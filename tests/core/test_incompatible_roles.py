"""Roles that nobody holds together: data, held by the database, shown where somebody holds both all the same."""

from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import Client
from django.urls import reverse

from core.acting import acting_as
from core.admin.people import AccountForm
from core.events import history
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import IncompatibleRoles, OutboxMessage, User
from core.models.incompatible import SEPARATED
from core.roles import ACTING_ROLES, Role
from demo.people import STAFF
from tests.factories.core import UserFactory, hold_in_breach, known_for_long
from tests.forms import form_to, forms_of

pytestmark = pytest.mark.django_db
LIST = "/admin/core/incompatibleroles/"


@pytest.mark.parametrize("pair", SEPARATED, ids=lambda pair: f"{pair[0]} and {pair[1]}")
def test_no_door_gives_two_roles_that_do_not_go_together(pair):
    first, second = pair[0], pair[1]
    user = UserFactory(roles=[first])
    with pytest.raises(ValidationError):
        user.set_roles([first, second])
    with pytest.raises(IntegrityError, match="not held together"), transaction.atomic():
        Group.objects.get(name=second).user_set.add(user)
    with pytest.raises(IntegrityError, match="not held together"), transaction.atomic():
        User.groups.through.objects.create(user=user, group=Group.objects.get(name=second))
    assert User.objects.get(pk=user.pk).role_set == {first}
    with pytest.raises(ValidationError), transaction.atomic():
        User.objects.create_user("deux@example.org", roles=[second, first])


def test_an_auditor_goes_with_no_acting_role_and_others_may_be_held_together():
    assert {second for first, second, *_rest in SEPARATED if first == Role.AUDITOR} == ACTING_ROLES
    UserFactory().set_roles([Role.INSTRUCTOR, Role.HEAD_OF_SERVICE])
    UserFactory().set_roles([Role.AUDITOR, Role.APPLICANT])


def test_the_form_says_why_and_lets_a_breach_be_ended():
    data = {"first_name": "A", "last_name": "B", "email": "a@example.org", "language": "fr", "is_active": "on"}
    form = AccountForm(data | {"roles": ["auditor", "instructor"]})
    assert "roles" in form.errors
    held = hold_in_breach(UserFactory(), Role.AUDITOR, Role.INSTRUCTOR)
    data["email"] = held.email
    assert "roles" not in AccountForm(data | {"roles": ["auditor", "instructor"]}, instance=held).errors
    assert "roles" not in AccountForm(data | {"roles": ["auditor"]}, instance=held).errors
    assert "roles" in AccountForm(data | {"roles": ["auditor", "finance_officer"]}, instance=held).errors


def test_administrators_see_the_breaches_and_add_pairs(client: Client):
    held = hold_in_breach(UserFactory(), Role.AUDITOR, Role.INSTRUCTOR)
    client.force_login(UserFactory(administrator=True))
    page = client.get(LIST).content.decode()
    assert held.email in page
    typed = {"first": "head_of_service", "second": "finance_officer", "reason": "Qui vise n’ordonnance pas."}
    assert client.post(f"{LIST}add/", typed).status_code == 302
    pair = IncompatibleRoles.objects.get(first="finance_officer", second="head_of_service")
    assert history(pair).get().action == "create"
    with pytest.raises(ValidationError):
        UserFactory(finance_officer=True).set_roles([Role.FINANCE_OFFICER, Role.HEAD_OF_SERVICE])


def mails() -> list[str]:
    found = OutboxMessage.objects.filter(template="essor/mail/rights_changed").order_by("pk")
    return sorted(address for message in found for address in message.to)


def doors(pair: IncompatibleRoles) -> tuple[str, str, str, str]:
    """The page of a pair, and where one asks to loosen it, confirms, keeps it."""
    names = ("change", "ask_loosening", "confirm_loosening", "keep_in_force")
    return tuple(reverse(f"admin:core_incompatibleroles_{name}", args=[pair.pk]) for name in names)


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def stop(pair: IncompatibleRoles, first: User, second: User) -> None:
    page, ask, confirm, _keep = doors(pair)
    signed_in(first).post(ask, {"reason": "Congés"})
    other = signed_in(second)
    shown = next(form for form in forms_of(other.get(page)) if "request" in form.fields)
    other.post(confirm, shown.fields)
    pair.refresh_from_db()


def test_one_administrator_alone_loosens_nothing(client: Client):
    """Neither by the page nor by SQL; whoever confirms is independent of who asked, and all learn of it before."""
    first, puppet = known_for_long(UserFactory(administrator=True)), UserFactory()
    with acting_as(first):
        puppet.set_roles([Role.ADMINISTRATOR])
    told = [UserFactory(roles=[role]).email for role in (Role.AUDITOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER)]
    pair = IncompatibleRoles.objects.get(first="finance_officer", second="instructor")
    page, ask, confirm, keep = doors(pair)
    client.force_login(first)
    form = form_to(client.get(page), page).fields
    assert "enforced" not in form
    client.post(page, {name: value for name, value in form.items() if name != "enforced"} | {"change_reason": "x"})
    for writer in (first, puppet, None):
        with pytest.raises(IntegrityError, match="loosened by two"), transaction.atomic(), acting_as(writer, "command"):
            IncompatibleRoles.objects.filter(pk=pair.pk).update(enforced=False, loosened_by=writer)
    assert "Dites pourquoi" in unescape(client.post(ask, {"reason": " "}, follow=True).content.decode())
    client.post(ask, {"reason": "Congés"})
    pair.refresh_from_db()
    assert pair.enforced and pair.loosening_asked_by == first
    assert mails() == sorted([puppet.email, *told])
    assert "Aucun administrateur ne peut le confirmer" in unescape(client.get(page).content.decode())
    for hand in (first, puppet):
        carried = {"request": pair.request_read}
        signed_in(hand).post(confirm, carried)
        with pytest.raises(IntegrityError, match="loosened by two"), transaction.atomic(), acting_as(hand):
            IncompatibleRoles.objects.filter(pk=pair.pk).update(enforced=False, loosened_by=hand)
    signed_in(puppet).post(keep)
    pair.refresh_from_db()
    assert pair.enforced and pair.loosening_asked_by is None and pair.loosening_reason == ""
    assert [event.action for event in history(pair)][-2:] == ["pair.loosening_asked", "pair.kept"]


def test_two_administrators_loosen_a_rule_and_one_enforces_it_again(client: Client):
    first, second = UserFactory(administrator=True), known_for_long(UserFactory(administrator=True))
    auditor = UserFactory(auditor=True)
    pair = IncompatibleRoles.objects.get(first="finance_officer", second="instructor")
    page, *_others = doors(pair)
    stop(pair, first, second)
    assert not pair.enforced and pair.loosened_by == second
    assert mails() == sorted([auditor.email, auditor.email, first.email, second.email])
    event = history(pair).last()
    assert (event.action, event.actor, event.comment) == ("pair.loosened", second, "Congés")
    assert look_at(invariant_of("core.rules-loosened-by-two")).holds
    assert look_at(invariant_of("core.parameters-change-with-a-reason")).holds
    (row,) = look_at(invariant_of("core.separated-roles-are-enforced")).rows
    assert row.pk == pair.pk
    UserFactory(finance_officer=True).set_roles([Role.FINANCE_OFFICER, Role.INSTRUCTOR])
    client.force_login(first)
    form = form_to(client.get(page), page).fields
    assert client.post(page, form | {"enforced": "on", "change_reason": "Retour de congés"}).status_code == 302
    pair.refresh_from_db()
    assert pair.enforced and pair.loosened_by is None and pair.loosening_asked_at is None


def test_what_was_read_is_what_is_confirmed():
    first, second = UserFactory(administrator=True), known_for_long(UserFactory(administrator=True))
    pair = IncompatibleRoles.objects.get(first="finance_officer", second="instructor")
    _page, ask, confirm, keep = doors(pair)
    signed_in(first).post(ask, {"reason": "Congés"})
    pair.refresh_from_db()
    read = pair.request_read
    signed_in(first).post(keep)
    signed_in(first).post(ask, {"reason": "Autre chose"})
    for carried in ({"request": read}, {}):
        assert "entre-temps" in signed_in(second).post(confirm, carried, follow=True).content.decode()
    pair.refresh_from_db()
    assert pair.enforced


def test_what_binds_administrators_is_never_loosened(client: Client):
    first, second = UserFactory(administrator=True), known_for_long(UserFactory(administrator=True))
    pair = IncompatibleRoles.objects.get(first="administrator", second="finance_officer")
    page, ask, _confirm, _keep = doors(pair)
    client.force_login(first)
    assert "jamais assouplie" in client.get(page).content.decode()
    assert "jamais assoupli" in client.post(ask, {"reason": "x"}, follow=True).content.decode()
    with acting_as(first):
        IncompatibleRoles.objects.filter(pk=pair.pk).update(loosening_asked_by=first, loosening_reason="x")
    with pytest.raises(IntegrityError, match="of_administrators_stay"), transaction.atomic(), acting_as(second):
        IncompatibleRoles.objects.filter(pk=pair.pk).update(enforced=False, loosened_by=second)
    for change in ({"first": "applicant"}, {"second": "instructor"}):
        with pytest.raises(IntegrityError, match="stay"), transaction.atomic(), acting_as(first):
            IncompatibleRoles.objects.filter(pk=pair.pk).update(**change)
    with pytest.raises(ProgrammingError, match="Cannot delete"), transaction.atomic():
        IncompatibleRoles.objects.filter(pk=pair.pk).delete()
    with pytest.raises(IntegrityError, match="begins in force"), transaction.atomic():
        IncompatibleRoles.objects.create(first="applicant", second="instructor", reason="x", enforced=False)


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.ADMINISTRATOR, Role.AUDITOR)])
def test_nobody_else_reads_or_writes_them(client: Client, role):
    client.force_login(UserFactory(roles=[role]))
    assert client.get(LIST).status_code in (302, 403)
    assert client.post(f"{LIST}add/", {}).status_code in (302, 403)


def test_the_people_of_the_demonstration_hold_one_role_each():
    assert all(isinstance(colleague.role, Role) for colleague in STAFF)


@pytest.mark.parametrize("act", ["ask_loosening", "confirm_loosening", "keep_in_force"])
def test_whoever_only_reads_the_rules_is_refused_and_told_so(client: Client, act: str):
    pair = IncompatibleRoles.objects.order_by("pk").first()
    client.force_login(UserFactory(auditor=True))
    answer = client.post(reverse(f"admin:core_incompatibleroles_{act}", args=[pair.pk]), {"reason": "x"})
    assert answer.status_code in (403, 404)
    pair.refresh_from_db()
    assert pair.enforced and not pair.asked_to_loosen
