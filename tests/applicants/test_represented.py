"""Who represented a body until lately: a moment in which nobody does is not enough to decide in their place."""

from datetime import timedelta

import pgtrigger
import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from applicants.models import JoinRequest, Membership
from applicants.people import accept_invitation, ask_to_join, invite, remove_member
from applicants.permissions import has_representative, role_for
from core.acting import acting_as, stamp_transaction
from core.dates import format_date_long
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
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
    return ApplicantFactory(name="Les Coquelicots", siret=siret(1), representative=boss)


@pytest.fixture
def newcomer():
    return UserFactory(applicant=True, email="tresorier@asso.example")


@pytest.fixture
def instructor():
    return UserFactory(instructor=True)


def waited(request: JoinRequest) -> JoinRequest:
    """The request, its days over."""
    with pgtrigger.ignore("applicants.JoinRequest:request_is_fixed"):
        JoinRequest.objects.filter(pk=request.pk).update(service_waits_until=timezone.now() - timedelta(minutes=1))
    request.refresh_from_db()
    return request


def closed(person, *, days: int = 0):
    """The account of the person, closed so many days ago."""
    person.is_active = False
    person.save()
    with pgtrigger.ignore(), acting_as(label="test"):
        last = person.history_rows.order_by("-pgh_id").values("pk")[:1]
        person.history_rows.filter(pk__in=last).update(pgh_created_at=timezone.now() - timedelta(days=days))
    return person


def test_a_body_whose_representatives_left_is_answered_at_once(applicant, boss, newcomer, instructor) -> None:
    """Not before their days are over: an account is closed for a moment too."""
    request = ask_to_join(applicant, user=newcomer, role="representative")
    for days in (0, 15):
        closed(boss, days=days)
        for name in ("accept", "refuse"):
            with pytest.raises(TransitionRefused) as caught:
                perform(request, name, actor=instructor, data=WHY)
            assert caught.value.code == "conditions"
            said = str(caught.value)
            assert str(boss) in said
            assert format_date_long(timezone.localdate() + timedelta(days=15 - days)) in said
    closed(boss, days=16)
    perform(request, "accept", actor=instructor, data=WHY)
    assert role_for(newcomer, applicant) == "representative"


def test_the_days_are_those_of_the_setting_and_what_the_database_holds_at_least(applicant, boss, newcomer, settings):
    for asked, counted in ((5, 15), (40, 40)):
        settings.ESSOR_JOIN_WAITS_DAYS = asked
        for days, expected in ((counted, True), (counted + 1, False)):
            closed(boss, days=days)
            assert has_representative(applicant, but=newcomer) is expected


def test_beside_who_was_deactivated_lately_the_service_gives_an_editors_place(applicant, boss, newcomer, instructor):
    request = waited(ask_to_join(applicant, user=newcomer, role="representative"))
    closed(boss, days=3)
    perform(request, "accept", actor=instructor, data=WHY)
    assert role_for(newcomer, applicant) == "editor"
    with pytest.raises(TransitionRefused):
        perform(request, "confirm", actor=instructor, comment="Oui.")
    told = OutboxMessage.objects.get(template__endswith="others_place")
    assert set(told.to) == {boss.email, applicant.email}
    perform(request, "confirm", actor=UserFactory(head_of_service=True), comment="Élection vue.")
    assert role_for(newcomer, applicant) == "representative"


def test_the_database_counts_who_represented_a_body_until_lately(applicant, boss, newcomer, instructor) -> None:
    """Their account closed, their right ended or lowered: a moment before is none."""
    request = ask_to_join(applicant, user=newcomer, role="representative")
    row, mine = JoinRequest.objects.filter(pk=request.pk), {"applicant": applicant, "user": newcomer}
    answer = {"state": "accepted", "decided_by": instructor, "decided_at": timezone.now(), "reason": "x"}

    def refused() -> None:
        with pytest.raises(IntegrityError, match="answer a request to join first"), transaction.atomic():
            row.update(**answer)
        with acting_as(instructor), pytest.raises(IntegrityError, match="decide first"), transaction.atomic():
            Membership.objects.create(**mine, role="representative")

    closed(boss, days=14)
    refused()
    of_boss = Membership.objects.filter(user=boss)
    with acting_as(instructor):
        with pytest.raises(IntegrityError, match="decide first"), transaction.atomic():
            of_boss.update(role="editor")
        with pytest.raises(IntegrityError, match="decide first"), transaction.atomic():
            of_boss.delete()
    for end in (lambda: of_boss.update(role="editor"), of_boss.delete):
        with transaction.atomic():
            with acting_as(boss):
                end()
            refused()
            transaction.set_rollback(True)
    closed(boss, days=16)
    row.update(**answer)
    with acting_as(instructor):
        Membership.objects.create(**mine, role="representative")


def test_a_representative_that_the_service_gave_beside_one_deactivated_lately_is_found(
    applicant, boss, newcomer, instructor
) -> None:
    figure = invariant_of("applicants.people-decide-first")
    closed(boss, days=14)
    with acting_as(instructor):
        stamp_transaction()
        with pgtrigger.ignore("applicants.Membership:given_after_its_people"):
            Membership.objects.create(applicant=applicant, user=newcomer, role="representative")
    assert [(row.pk, row.label, row.found) for row in look_at(figure).rows] == [
        (applicant.pk, newcomer.email, instructor.email)
    ]
    closed(boss, days=16)
    assert look_at(figure).holds


def test_where_nobody_can_answer_the_body_and_the_service_read_until_when_one_waits(
    applicant, boss, newcomer, settings
):
    closed(boss, days=5)
    ask_to_join(applicant, user=newcomer, role="representative")
    day = format_date_long(timezone.localdate() + timedelta(days=10))
    mails = {tuple(mail.to): mail.body for mail in OutboxMessage.objects.filter(template__endswith="join_request")}
    assert set(mails) == {(boss.email, applicant.email), (settings.ESSOR_REGION["email"],)}
    assert all(day in body for body in mails.values())


def told() -> set[str]:
    """The addresses of the last mail about the people of the body to the others."""
    mail = OutboxMessage.objects.filter(template__endswith="others_place").latest("pk")
    return set(mail.to)


def test_the_body_reads_that_the_account_of_its_representative_is_closed_and_open_again(
    client, applicant, boss, newcomer
) -> None:
    """At its own address and with everybody who acts for it, each time, and until when the person still counts."""
    applicant.memberships.create(user=newcomer, role="editor")
    client.force_login(administrator := UserFactory(administrator=True))
    address = reverse("admin:core_user_change", args=[boss.pk])
    for is_active, word in (("", "désactivé"), ("on", "réactivé")):
        sent = form_to(client.get(address), address).fields
        client.post(address, sent | {"change_reason": "doublon", "is_active": is_active})
        assert told() == {newcomer.email, applicant.email}
        mail = OutboxMessage.objects.filter(template__endswith="others_place").latest("pk")
        assert word in mail.body and str(administrator) in mail.body and "doublon" in mail.body
        day = format_date_long(timezone.localdate() + timedelta(days=15))
        assert (day in mail.body) is (not is_active)


def test_whose_account_was_closed_or_whose_address_was_changed_lately_is_told_too(
    applicant, boss, newcomer, instructor
) -> None:
    """The mail does not go only where somebody else had turned it."""
    other = UserFactory(applicant=True, email="secretaire@asso.example", last_login=timezone.now())
    applicant.memberships.create(user=other, role="representative")
    with acting_as(UserFactory(administrator=True)):
        other.email = "ailleurs@evil.example"
        other.save()
    other.refresh_from_db()
    closed(boss)
    sent = invite(applicant, email=newcomer.email, role="editor", actor=other)
    with acting_as(newcomer):
        accept_invitation(sent.invitation, user=newcomer)
    assert told() == {boss.email, "ailleurs@evil.example", "secretaire@asso.example"}
    closed(boss, days=16)
    remove_member(applicant.memberships.get(user=boss), actor=other)
    assert told() == {"ailleurs@evil.example", "secretaire@asso.example"}
