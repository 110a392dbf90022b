"""Who acted for a body, or asked to, is not free of it by leaving: the pages, the database, the figure, the import."""

from datetime import timedelta

import pytest
import tablib
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from applicants.models import Applicant, InterestPeriod, JoinRequest, KeptInterest, Membership, NoInterest
from applicants.people import PeopleRefused, ask_to_join, declare_no_interest, lift_interest, remove_member
from applicants.permissions import may_answer_on_undertaking, may_declare_no_interest
from applicants.workbooks import ApplicantResource
from core.figures.invariants import invariants
from core.importexport.resources import ROW
from core.models import Event
from core.roles import Role
from core.transitions import perform
from grants.interests import interest_in
from grants.models import Application, Proposal
from grants.named import bodies_that_name
from grants.staff_permissions import may_instruct
from tests.factories.applicants import ApplicantFactory
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, staff

pytestmark = pytest.mark.django_db


def one_who_left(body: Applicant, role: Role = Role.INSTRUCTOR):
    """A person of the staff who acted for the body, and left by the way of the portal."""
    person = staff(role)
    Membership.objects.create(user=person, applicant=body, role="editor")
    remove_member(Membership.objects.get(user=person), actor=person)
    return person


def one_who_asks(body: Applicant):
    person = UserFactory(roles=[Role.INSTRUCTOR, Role.APPLICANT])
    return person, ask_to_join(body, user=person, role="editor")


def reads(person, body: Applicant) -> bool:
    """What the row says."""
    return bool(Applicant.objects.get(pk=body.pk).interest_of(person))


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def free(kept: KeptInterest, reason: str = "Adhésion d’une journée, sans acte.") -> None:
    lift_interest(kept, reason, actor=staff(Role.HEAD_OF_SERVICE))


def test_who_leaves_keeps_their_interest_until_somebody_else_lifts_it():
    proposal = CaseFactory(state="instructed").live_proposal()
    case = Application.objects.get(pk=proposal.application_id)
    person = one_who_left(case.applicant)
    assert reads(person, case.applicant) is True
    assert interest_in(person, Application.objects.filter(pk=case.pk)) and may_instruct(person, case)
    with pytest.raises(IntegrityError, match="acts for a body"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(visa_by=person, visa_at=timezone.now())
    (kept,) = KeptInterest.objects.all()
    assert kept.tie == "acted" and kept.counts_until > timezone.now() + timedelta(days=3 * 365 - 1)
    for who in (person, staff(Role.INSTRUCTOR), one_who_left(case.applicant, Role.HEAD_OF_SERVICE)):
        with pytest.raises(PeopleRefused):
            lift_interest(kept, "Aucun doute.", actor=who)
    with pytest.raises(IntegrityError, match="kept_interest_lifted_by_another"), transaction.atomic():
        KeptInterest.objects.filter(pk=kept.pk).update(lifted_by=person, lifted_at=timezone.now(), reason="x")
    page = reverse("admin:applicants_applicant_interest", args=[case.applicant_id, kept.pk])
    assert (
        page
        in signed_in(staff(Role.INSTRUCTOR))
        .get(reverse("admin:applicants_applicant_change", args=[case.applicant_id]))
        .content.decode()
    )
    chief = signed_in(staff(Role.HEAD_OF_SERVICE))
    assert chief.post(page, {"reason": " "}).status_code == 200
    assert chief.post(page, {"reason": "Adhésion d’une journée."}).status_code == 302
    assert Event.objects.of(case.applicant).get(action="lift_interest").comment == "Adhésion d’une journée."
    assert reads(person, case.applicant) is False
    Proposal.objects.filter(pk=proposal.pk).update(visa_by=person, visa_at=timezone.now())
    kept.refresh_from_db()
    with pytest.raises(PeopleRefused):
        free(kept)


def test_what_stays_is_not_taken_away_by_sql():
    body = ApplicantFactory()
    one_who_left(body)
    for change in ("counts_until = now()", "lifted_at = now()", "user_id = user_id + 1", "began_at = now()"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE applicants_keptinterest SET {change}")  # noqa: S608
    with pytest.raises(Exception, match="Cannot delete"), transaction.atomic():
        KeptInterest.objects.all().delete()
    member = Membership.objects.create(user=staff(Role.INSTRUCTOR), applicant=body, role="editor")
    with pytest.raises(IntegrityError, match="its person and body"), transaction.atomic():
        Membership.objects.filter(pk=member.pk).update(user=UserFactory(applicant=True))


def test_the_months_are_a_parameter_and_hold_for_who_leaves_from_then_on():
    body = ApplicantFactory()
    assert InterestPeriod.objects.get().months == 36
    InterestPeriod.objects.update(months=2)
    one_who_left(body)
    (kept,) = KeptInterest.objects.all()
    assert timedelta(days=58) < kept.counts_until - kept.ended_at < timedelta(days=63)
    assert not KeptInterest.objects.live().filter(counts_until__lt=timezone.now()).exists()
    for months in (0, 121):
        with pytest.raises(IntegrityError, match="interest_period_months"), transaction.atomic():
            InterestPeriod.objects.update(months=months)


@pytest.mark.parametrize("answer", ["withdraw", "refuse"])
def test_who_asks_to_act_has_an_interest_from_then_on(answer: str):
    body = ApplicantFactory(representative=UserFactory(applicant=True))
    person = UserFactory(roles=[Role.INSTRUCTOR, Role.APPLICANT])
    Applicant.objects.filter(pk=body.pk).update(email=person.email)
    declare_no_interest(body, "Mon adresse y figure par erreur.", actor=person)
    assert reads(person, body) is False
    request = ask_to_join(body, user=person, role="editor")
    assert NoInterest.objects.get().void_at and may_declare_no_interest(person, body)
    assert reads(person, body) is True
    who = person if answer == "withdraw" else body.memberships.get().user
    perform(JoinRequest.objects.get(pk=request.pk), answer, actor=who)
    assert reads(person, body) and KeptInterest.objects.get().tie == "asked"
    assert may_declare_no_interest(person, body) and body not in bodies_that_name(person)
    Applicant.objects.filter(pk=body.pk).update(email="")
    free(KeptInterest.objects.own_acts().get())
    assert reads(person, body) is True  # the naming that was taken off waits for its answer
    declare_no_interest(body, "Mon adresse y figurait par erreur.", actor=person)
    assert reads(person, body) is False


def test_a_question_on_the_enterprise_is_answered_by_who_has_no_interest_at_all():
    body = ApplicantFactory()
    asking, _request = one_who_asks(body)
    for person in (one_who_left(body), asking):
        assert may_answer_on_undertaking(person, body)
    assert may_answer_on_undertaking(staff(Role.INSTRUCTOR), body) is None


@pytest.mark.parametrize("moment", ["while a member", "after leaving", "while asking"])
def test_the_figure_sees_what_such_a_person_did(moment: str):
    (figure,) = [item for item in invariants() if item.code == "grants.decided-impartially"]
    proposal = CaseFactory(state="instructed").live_proposal()
    body = proposal.application.applicant
    assert not list(figure.broken())
    if moment == "while asking":
        person, request = one_who_asks(body)
        perform(request, "withdraw", actor=person)
        at = request.created_at + timedelta(milliseconds=1)
    else:
        person = one_who_left(body)
        kept = KeptInterest.objects.get()
        at = kept.began_at if moment == "while a member" else kept.ended_at + timedelta(seconds=1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE grants_proposal SET made_by_id = %s, made_at = %s WHERE id = %s", [person.pk, at, proposal.pk]
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert len(list(figure.broken())) == 1


def imported(body: Applicant, person, **cells: str):
    row = {ROW: 2, "siret": body.siret} | cells
    data = tablib.Dataset(tuple(row.values()), headers=list(row))
    return ApplicantResource().import_data(data, use_transactions=True, user=person, reason="Reprise")


@pytest.mark.parametrize("tie", ["address", "member", "left", "asks"])
def test_a_file_asks_about_interest_as_the_page_does(tie: str):
    """Not who reads the same file without a change, nor about other bodies."""
    body, other = ApplicantFactory(), ApplicantFactory()
    person = staff(Role.INSTRUCTOR)
    if tie == "address":
        Applicant.objects.filter(pk=body.pk).update(email=person.email)
    elif tie == "member":
        Membership.objects.create(user=person, applicant=body, role="representative")
    elif tie == "left":
        person = one_who_left(body)
    else:
        person, _request = one_who_asks(body)
    before = Applicant.objects.values().get(pk=body.pk)
    result = imported(body, person, email="contact@recup.example", representative_name="Moi")
    assert [str(text) for row in result.invalid_rows for text in row.error.messages] == [str(body.interest_of(person))]
    assert Applicant.objects.values().get(pk=body.pk) == before
    assert not imported(body, person, name=body.name).has_validation_errors()
    assert not imported(other, person, email="a@b.example").has_validation_errors()
    assert Applicant.objects.get(pk=other.pk).email == "a@b.example"
