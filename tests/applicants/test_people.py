"""People: no silent take-over, invitations that work once, always one representative."""

from datetime import timedelta

import pgtrigger
import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from applicants.models import Applicant, Invitation, JoinRequest, Membership
from applicants.people import (
    PeopleRefused,
    accept_invitation,
    ask_to_join,
    change_role,
    create_applicant,
    find_invitation,
    invite,
    known_applicant,
    remove_member,
    revoke_invitation,
)
from applicants.permissions import may_act_for, may_submit_for, role_for
from core.acting import acting_as
from core.dates import format_date_long
from core.events import history
from core.models import OutboxMessage
from core.transitions import TransitionRefused, perform
from tests.factories.applicants import ApplicantFactory, siret
from tests.factories.core import UserFactory
from tests.forms import form_to

pytestmark = pytest.mark.django_db

WHY = {"reason": "Pièce d’identité et procès-verbal vus."}


@pytest.fixture
def boss():
    return UserFactory(applicant=True, email="presidente@asso.example")


@pytest.fixture
def applicant(boss):
    return ApplicantFactory(name="Les Coquelicots", siret=siret(1), rna="W511234567", representative=boss)


@pytest.fixture
def newcomer():
    return UserFactory(applicant=True, email="tresorier@asso.example")


def test_the_creator_is_the_representative(boss) -> None:
    applicant = create_applicant(Applicant(kind="legal", name="Neuve", siret=siret(9), postcode="51000"), actor=boss)
    assert role_for(boss, applicant) == "representative"
    assert [event.action for event in history(applicant)] == ["create"]


def test_what_roles_allow(applicant, boss, newcomer) -> None:
    assert may_act_for(newcomer, applicant) and may_submit_for(newcomer, applicant)
    applicant.memberships.create(user=newcomer, role="editor")
    assert may_act_for(newcomer, applicant) is None
    assert "Les Coquelicots" in may_submit_for(newcomer, applicant)
    assert may_submit_for(boss, applicant) is None
    boss.is_active = False
    assert may_act_for(boss, applicant)


# --- Joining ---------------------------------------------------------------------------------------------------------


def test_an_applicant_that_exists_is_found_by_its_numbers(applicant) -> None:
    assert known_applicant(siret=siret(1)) == known_applicant(rna="W511234567") == applicant
    assert known_applicant() is None and known_applicant(siret=siret(2)) is None


def test_a_request_is_answered_by_a_representative(applicant, boss, newcomer) -> None:
    request = ask_to_join(applicant, user=newcomer, role="editor", message="Je suis le trésorier.")
    assert ask_to_join(applicant, user=newcomer, role="editor") == request
    mail = OutboxMessage.objects.get()
    assert mail.to == [boss.email] and "Je suis le trésorier." in mail.body
    assert role_for(newcomer, applicant) is None
    perform(request, "accept", actor=boss)
    assert role_for(newcomer, applicant) == "editor"
    assert OutboxMessage.objects.get(template__endswith="join_answer").to == [newcomer.email]
    with pytest.raises(PeopleRefused):
        ask_to_join(applicant, user=newcomer, role="editor")


def test_without_a_representative_the_service_is_asked(newcomer, settings) -> None:
    orphan = ApplicantFactory()
    request = ask_to_join(orphan, user=newcomer, role="representative")
    assert OutboxMessage.objects.get().to == [settings.ESSOR_REGION["email"]]
    with pytest.raises(TransitionRefused) as caught:
        perform(request, "accept", actor=UserFactory(instructor=True))
    assert set(caught.value.errors) == {"reason"}
    perform(request, "accept", actor=UserFactory(instructor=True), data=WHY)
    assert role_for(newcomer, orphan) == "representative"


@pytest.fixture
def instructor():
    return UserFactory(instructor=True)


def waited(request: JoinRequest) -> JoinRequest:
    """The request, its days over."""
    with pgtrigger.ignore("applicants.JoinRequest:request_is_fixed"):
        JoinRequest.objects.filter(pk=request.pk).update(service_waits_until=timezone.now() - timedelta(minutes=1))
    request.refresh_from_db()
    return request


def test_a_stranger_does_not_take_a_body_over(applicant, boss, newcomer, instructor) -> None:
    """Its representative decides first; the service lets an editor in, with a reason; another person confirms the role."""
    request = ask_to_join(applicant, user=newcomer, role="representative")
    assert timezone.localdate(request.service_waits_until) == timezone.localdate() + timedelta(days=15)
    assert format_date_long(timezone.localdate(request.service_waits_until)) in OutboxMessage.objects.get().body
    for name in ("accept", "refuse"):
        with pytest.raises(TransitionRefused) as caught:
            perform(request, name, actor=instructor, data=WHY)
        assert caught.value.code == "conditions"
    waited(request)
    with pytest.raises(TransitionRefused) as caught:
        perform(request, "accept", actor=instructor)
    assert set(caught.value.errors) == {"reason"}
    perform(request, "accept", actor=instructor, data=WHY)
    assert role_for(newcomer, applicant) == "editor"
    mail = OutboxMessage.objects.get(template__endswith="others_place")
    assert set(mail.to) == {boss.email, applicant.email} and WHY["reason"] in mail.body
    with pytest.raises(PeopleRefused):
        remove_member(applicant.memberships.get(user=boss), actor=newcomer)
    with pytest.raises(TransitionRefused):
        perform(request, "confirm", actor=instructor, comment="Oui.")
    perform(request, "confirm", actor=UserFactory(head_of_service=True), comment="Élection vue.")
    assert role_for(newcomer, applicant) == "representative"
    assert OutboxMessage.objects.filter(template__endswith="others_place").count() == 2
    assert OutboxMessage.objects.get(template__endswith="own_place").to == [newcomer.email]


def test_a_second_request_that_asks_otherwise_is_not_dropped_in_silence(client, applicant, boss, newcomer) -> None:
    client.force_login(newcomer)
    address = reverse("applicants:join", args=[applicant.siret])
    sent, other_tab = (form_to(client.get(address), address).fields for _tab in range(2))
    client.post(address, sent | {"role": "editor", "message": "Bonjour"})
    request = JoinRequest.objects.get()
    page = client.get(address)
    assert "rien de nouveau n’a été envoyé" in page.text and "<textarea" not in page.text
    again = client.post(address, other_tab | {"role": "representative", "message": "Je préside"})
    assert "rien de nouveau n’a été envoyé" in again.text and "Je préside" in again.text
    for role, message in (("representative", ""), ("editor", "Autre chose")):
        with pytest.raises(PeopleRefused) as caught:
            ask_to_join(applicant, user=newcomer, role=role, message=message)
        assert caught.value.code == "waits"
    assert ask_to_join(applicant, user=newcomer, role="editor", message="Bonjour") == request
    perform(request, "withdraw", actor=newcomer)
    assert ask_to_join(applicant, user=newcomer, role="representative").role == "representative"


def test_whom_a_representative_raised_waits_for_nobody(applicant, boss, newcomer, instructor) -> None:
    request = waited(ask_to_join(applicant, user=newcomer, role="representative"))
    perform(request, "accept", actor=instructor, data=WHY)
    with acting_as(boss):
        change_role(applicant.memberships.get(user=newcomer), "representative", actor=boss)
    with pytest.raises(TransitionRefused) as caught:
        perform(request, "confirm", actor=UserFactory(head_of_service=True), comment="Oui.")
    assert caught.value.code == "conditions"


def test_the_database_lets_the_representatives_decide_first(applicant, boss, newcomer, instructor) -> None:
    request = ask_to_join(applicant, user=newcomer, role="representative")
    mine, row = {"applicant": applicant, "user": newcomer}, JoinRequest.objects.filter(pk=request.pk)
    answer = {"state": "accepted", "decided_by": instructor, "decided_at": timezone.now()}
    with pytest.raises(IntegrityError, match="with a reason"), transaction.atomic():
        row.update(**answer)
    with pytest.raises(IntegrityError, match="answer a request to join first"), transaction.atomic():
        row.update(**answer, reason="x")
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        row.update(service_waits_until=timezone.now())
    with acting_as(instructor):
        for role in ("editor", "representative"):
            with pytest.raises(IntegrityError, match="decide first"), transaction.atomic():
                Membership.objects.create(**mine, role=role)
        waited(request)
        with pytest.raises(IntegrityError, match="decide first"), transaction.atomic():
            Membership.objects.create(**mine, role="representative")
        row.update(**answer, reason="x")
        Membership.objects.create(**mine, role="editor")
        with pytest.raises(IntegrityError, match="decide first"), transaction.atomic():
            Membership.objects.filter(**mine).update(role="representative")
        with pytest.raises(IntegrityError, match="decide first"), transaction.atomic():
            Membership.objects.filter(applicant=applicant, user=boss).update(role="editor")
    with pytest.raises(IntegrityError, match="confirmed_by_another"), transaction.atomic():
        row.update(confirmed_by=instructor, confirmed_at=timezone.now())


def test_who_may_not_answer(applicant, boss, newcomer) -> None:
    request = ask_to_join(applicant, user=newcomer, role="representative")
    editor = UserFactory(applicant=True)
    applicant.memberships.create(user=editor, role="editor")
    people = [
        newcomer,
        editor,
        UserFactory(applicant=True),
        UserFactory(auditor=True),
        UserFactory(finance_officer=True),
    ]
    for person in people:
        for name in ("accept", "refuse"):
            with pytest.raises(TransitionRefused) as caught:
                perform(request, name, actor=person)
            assert caught.value.code == "permission"
    with pytest.raises(TransitionRefused):
        perform(request, "withdraw", actor=boss)
    perform(request, "withdraw", actor=newcomer)
    assert request.state == "withdrawn"
    with pytest.raises(TransitionRefused):
        perform(request, "accept", actor=boss)


def test_a_refused_request_lets_nobody_in(applicant, boss, newcomer) -> None:
    request = ask_to_join(applicant, user=newcomer, role="editor")
    perform(request, "refuse", actor=boss, comment="Inconnu au bureau.")
    assert role_for(newcomer, applicant) is None
    assert "Inconnu au bureau." in OutboxMessage.objects.get(template__endswith="join_answer").body
    assert ask_to_join(applicant, user=newcomer, role="editor").pk != request.pk


def test_a_request_is_not_accepted_for_one_who_came_in_meanwhile(applicant, boss, newcomer) -> None:
    request = ask_to_join(applicant, user=newcomer, role="editor")
    applicant.memberships.create(user=newcomer, role="editor")
    with pytest.raises(TransitionRefused) as caught:
        perform(request, "accept", actor=boss)
    assert caught.value.code == "conditions"


def test_who_sees_a_request(applicant, boss, newcomer) -> None:
    request = ask_to_join(applicant, user=newcomer, role="editor")
    for person in (boss, newcomer, UserFactory(instructor=True)):
        assert list(JoinRequest.objects.for_user(person)) == [request]
    assert not JoinRequest.objects.for_user(UserFactory(applicant=True)).exists()


def test_the_database_refuses_to_answer_oneself(applicant, newcomer) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        JoinRequest.objects.create(applicant=applicant, user=newcomer, state="accepted", decided_by=newcomer)


# --- Inviting --------------------------------------------------------------------------------------------------------


def test_an_invitation_works_once_and_for_its_address(applicant, boss, newcomer) -> None:
    sent = invite(applicant, email=" Tresorier@ASSO.example ", role="editor", actor=boss)
    assert sent.invitation.email == "tresorier@asso.example"
    assert sent.token in OutboxMessage.objects.get().body
    assert sent.token not in Invitation.objects.get().token_hash
    assert find_invitation("faux") is None
    with pytest.raises(PeopleRefused) as caught:
        accept_invitation(find_invitation(sent.token), user=UserFactory(applicant=True))
    assert caught.value.code == "email"
    accept_invitation(find_invitation(sent.token), user=newcomer)
    assert role_for(newcomer, applicant) == "editor"
    with pytest.raises(PeopleRefused) as caught:
        accept_invitation(find_invitation(sent.token), user=newcomer)
    assert caught.value.code == "used"


def test_an_invitation_ends(applicant, boss, newcomer) -> None:
    late = invite(applicant, email=newcomer.email, role="editor", actor=boss)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(PeopleRefused, match="valable|valid"):
        accept_invitation(late.invitation, user=newcomer)
    again = invite(applicant, email=newcomer.email, role="editor", actor=boss)
    late.invitation.refresh_from_db()
    assert late.invitation.revoked_at
    revoke_invitation(again.invitation, actor=boss)
    with pytest.raises(PeopleRefused):
        accept_invitation(again.invitation, user=newcomer)
    assert not Membership.objects.filter(user=newcomer).exists()


def test_who_may_invite(applicant, boss, newcomer) -> None:
    applicant.memberships.create(user=newcomer, role="editor")
    for person in (newcomer, UserFactory(applicant=True), UserFactory(administrator=True)):
        with pytest.raises(PeopleRefused):
            invite(applicant, email="x@example.org", role="editor", actor=person)
    with pytest.raises(PeopleRefused, match=newcomer.email):
        invite(applicant, email=newcomer.email, role="editor", actor=boss)


# --- Changing --------------------------------------------------------------------------------------------------------


def test_the_last_representative_stays(applicant, boss, newcomer) -> None:
    mine = applicant.memberships.get(user=boss)
    for attempt in (lambda: remove_member(mine, actor=boss), lambda: change_role(mine, "editor", actor=boss)):
        with pytest.raises(PeopleRefused) as caught:
            attempt()
        assert caught.value.code == "last_representative"
    other = applicant.memberships.create(user=newcomer, role="editor")
    change_role(other, "representative", actor=boss)
    remove_member(mine, actor=boss)
    assert role_for(boss, applicant) is None
    assert role_for(newcomer, applicant) == "representative"


def test_an_editor_may_leave_but_not_remove(applicant, boss, newcomer) -> None:
    own = applicant.memberships.create(user=newcomer, role="editor")
    with pytest.raises(PeopleRefused):
        remove_member(applicant.memberships.get(user=boss), actor=newcomer)
    with pytest.raises(PeopleRefused):
        change_role(own, "representative", actor=newcomer)
    remove_member(own, actor=newcomer)
    assert role_for(newcomer, applicant) is None


# --- Who is told -----------------------------------------------------------------------------------------------------


@pytest.fixture
def told():
    """The addresses that each new mail about the people of a body went to, by its template, and no mail twice."""
    read: set[int] = set()

    def new() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for mail in OutboxMessage.objects.filter(template__endswith="_place").exclude(pk__in=read):
            read.add(mail.pk)
            assert found.setdefault(mail.template.rpartition("/")[2], set(mail.to)) == set(mail.to)
        return found

    return new


def test_every_change_of_the_people_is_told(applicant, boss, newcomer, told) -> None:
    """The person concerned and the representatives, each once, whoever did it and by whatever door."""
    sent = invite(applicant, email=newcomer.email, role="editor", actor=boss)
    accept_invitation(sent.invitation, user=newcomer)
    assert told() == {"own_place": {newcomer.email}, "others_place": {boss.email}}
    mine = applicant.memberships.get(user=newcomer)
    for role in ("representative", "editor", "representative"):
        change_role(mine, role, actor=boss)
        assert told() == {"own_place": {newcomer.email}, "others_place": {boss.email}}
    change_role(mine, "representative", actor=boss)
    assert told() == {}
    remove_member(applicant.memberships.get(user=boss), actor=newcomer)
    mail = OutboxMessage.objects.filter(template__endswith="own_place").latest("pk")
    assert str(newcomer) in mail.body and "Les Coquelicots" in mail.body
    assert told() == {"own_place": {boss.email}, "others_place": {newcomer.email}}


def test_who_leaves_is_told_too(applicant, boss, newcomer, told) -> None:
    """Their session may be in another hand."""
    membership = applicant.memberships.create(user=newcomer, role="editor")
    remove_member(membership, actor=newcomer)
    assert told() == {"own_place": {newcomer.email}, "others_place": {boss.email}}


def test_whom_a_request_let_in_is_told_to_the_representatives(applicant, boss, newcomer, told) -> None:
    perform(ask_to_join(applicant, user=newcomer, role="editor"), "accept", actor=boss)
    assert told() == {"others_place": {boss.email}}
    assert OutboxMessage.objects.get(template__endswith="join_answer").to == [newcomer.email]


def test_whom_the_service_lets_in_is_told_to_the_body(newcomer, told) -> None:
    orphan = ApplicantFactory()
    perform(
        ask_to_join(orphan, user=newcomer, role="representative"),
        "accept",
        actor=UserFactory(instructor=True),
        data=WHY,
    )
    assert told() == {"others_place": {orphan.email}}


def test_who_was_removed_reads_what_happened_where_their_cases_were(client, applicant, boss, newcomer) -> None:
    """By whom, and whom to write to: no empty list, and no word once they act for it again."""
    membership = applicant.memberships.create(user=newcomer, role="editor")
    client.force_login(newcomer)
    page, words = reverse("grants:my_cases"), ("Les Coquelicots", str(boss), settings.ESSOR_REGION["email"])
    assert "Les Coquelicots" not in client.get(page).content.decode()
    remove_member(membership, actor=boss)
    shown = client.get(page).content.decode()
    assert all(word in shown for word in words)
    applicant.memberships.create(user=newcomer, role="editor")
    assert "Les Coquelicots" not in client.get(page).content.decode()
