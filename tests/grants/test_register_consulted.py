"""A proposal of de minimis aid keeps the proof that the central register was consulted, or why it could not be."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import pgtrigger
import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from applicants.de_minimis.links import decide_links
from applicants.models import Applicant
from core.acting import acting_as
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.history import history_model_of
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants import committee
from grants.committee import SessionRefused
from grants.consultation import problems
from grants.models import Proposal
from grants.staff_forms import ProposeForm
from tests.applicants.test_single_undertaking import another_establishment
from tests.factories.applicants import ApplicantFactory, pdf
from tests.factories.core import UserFactory, recorded_earlier
from tests.factories.instruction import (
    CaseFactory,
    SessionFactory,
    agenda,
    answer_all,
    compute,
    consulted,
    score_all,
    staff,
)

pytestmark = pytest.mark.django_db
PLAIN = {"proposed_amount": "26000", "reasons": "Un projet solide."}


@pytest.fixture
def instructor():
    return staff(Role.INSTRUCTOR)


@pytest.fixture
def case(instructor):
    case = CaseFactory(state="in_instruction", instructor=instructor)
    answer_all(case, "eligibility")
    score_all(case)
    compute(case)
    return case


def propose(case, actor, **data):
    return perform(case, "propose", actor=actor, data=PLAIN | data)


def refusal(case, actor, **data) -> dict:
    with pytest.raises(TransitionRefused) as refused:
        propose(case, actor, **data)
    return refused.value.errors


def test_the_proposal_keeps_day_reference_and_sector(case, instructor):
    propose(case, instructor, **consulted())
    proposal = case.live_proposal()
    assert (proposal.de_minimis_regime, proposal.register_consulted_on) == ("general", timezone.localdate())
    assert (proposal.register_reference, proposal.register_sector) == ("Extrait n° 1", "94.99")


def test_a_document_proves_it_too(case, instructor):
    data = consulted() | {"register_reference": ""}
    upload = SimpleUploadedFile("extrait.pdf", pdf("extrait"), "application/pdf")
    perform(case, "propose", actor=instructor, data=PLAIN | data, files={"register_document": upload})
    assert case.live_proposal().register_document.file.sha256


def test_the_proof_of_a_proposal_that_was_sent_back_is_not_joined_again(case, instructor):
    data = consulted() | {"register_reference": ""}
    upload = SimpleUploadedFile("extrait.pdf", pdf("extrait"), "application/pdf")
    perform(case, "propose", actor=instructor, data=PLAIN | data, files={"register_document": upload})
    proof = case.live_proposal().register_document
    head = staff(Role.HEAD_OF_SERVICE)
    perform(case, "send_back", actor=head, comment="Le montant est à revoir.")
    assert "extrait.pdf" in str(_form_of(case).fields["register_document"].help_text)
    another_day = data | {"register_consulted_on": ""}
    assert list(refusal(case, instructor, **another_day)) == ["register_consulted_on"]
    propose(case, instructor, **data)
    assert case.live_proposal().register_document == proof
    perform(case, "send_back", actor=head, comment="Encore.")
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=True):
        later = data | {"register_consulted_on": timezone.localdate()}
        assert list(refusal(case, instructor, **later)) == ["register_reference"], "the proof is of another day"


@pytest.mark.parametrize(
    ("without", "field"),
    [
        ({"register_consulted_on": ""}, "register_consulted_on"),
        ({"register_reference": ""}, "register_reference"),
        ({"register_sector": ""}, "register_sector"),
        ({"register_sector": "associations"}, "register_sector"),
        ({"register_consulted_on": timezone.localdate() + timedelta(days=2)}, "register_consulted_on"),
        ({"register_consulted_on": timezone.localdate() - timedelta(days=400)}, "register_consulted_on"),
    ],
)
def test_what_is_missing_is_said_beside_its_field(case, instructor, without, field):
    assert list(refusal(case, instructor, **consulted() | without)) == [field]


def test_a_register_that_could_not_be_consulted_has_its_reason(case, instructor):
    propose(case, instructor, register_unavailable="Registre en panne le 3 mars.", register_sector="9499Z")
    assert case.live_proposal().register_sector == "94.99"


def test_a_proposal_against_and_a_programme_without_state_aid_ask_nothing(case, instructor):
    propose(case, instructor, favourable="no", proposed_amount="")
    assert case.live_proposal().register_consulted_on is None
    cpo = CaseFactory(programme_code="CPO", state="in_instruction", budget=False)
    page_fields = [name for name in _form_of(cpo).fields if name.startswith("register")]
    assert page_fields == []


def _form_of(case):
    return ProposeForm(instance=case, actor=None)


def test_the_database_refuses_a_proposal_that_says_nothing_of_it(case):
    with pytest.raises(IntegrityError, match="proposal_consulted_the_register"), transaction.atomic():
        Proposal.objects.create(
            application=case, computation=case.latest_computation(), amount=Decimal(1), eligible_base=Decimal(1),
            reasons="x", de_minimis_regime="general", made_by=UserFactory(instructor=True),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"register_sector": ""}, "proposal_names_the_sector"),
        ({"register_sector": "94.9"}, "proposal_names_the_sector"),
        ({"register_sector": "", "register_unavailable": "En panne."}, "proposal_names_the_sector"),
        ({"register_consulted_on": timezone.localdate() + timedelta(days=1)}, "proposal_consulted_on_a_day"),
    ],
)
def test_the_database_wants_the_sector_and_a_day_that_has_come(case, wrong, constraint):
    said = consulted() | {"de_minimis_regime": "general"} | wrong
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Proposal.objects.create(
            application=case, computation=case.latest_computation(), amount=Decimal(1), eligible_base=Decimal(1),
            reasons="x", made_by=UserFactory(instructor=True), **said,
        )  # fmt: skip


def test_an_open_question_on_the_enterprise_holds_the_proposal(case, instructor):
    branch = ApplicantFactory(siret=another_establishment(case.applicant))
    assert case.applicant.siren in str(refusal(case, instructor, **consulted()))
    decide_links(branch, answer="alone", explanation="Registre du commerce.", actor=instructor)
    propose(case, instructor, **consulted())


# --- a second establishment after the proposal ------------------------------------------------------------------------


def established(case):
    """Another establishment of the applicant's enterprise appears now."""
    return ApplicantFactory(siret=another_establishment(case.applicant))


def answered(case, officer):
    decide_links(case.applicant, answer="alone", explanation="Registre du commerce.", actor=officer)


def known() -> bool:
    return look_at(invariant_of("grants.undertaking-is-known")).holds


def taken(case, step):
    """A step that rests on the proposal: what it says is refused, or nothing where it is taken."""
    try:
        with transaction.atomic():
            step(case)
    except (TransitionRefused, SessionRefused) as refused:
        return str(refused)
    return ""


def visa(case):
    perform(case, "give_visa", actor=staff(Role.HEAD_OF_SERVICE, "PROGRESS1", "CPO"))


def schedule(case):
    perform(case, "schedule", actor=staff(Role.COMMITTEE_SECRETARY), data={"session": SessionFactory().pk})


def grant(case):
    (item,) = agenda_of(case)
    committee.record_decision(item, "granted", actor=staff(Role.COMMITTEE_SECRETARY))


def close(case):
    data = {"deliberation_number": "26CP-0512"}
    session = case.agenda_items.get().session
    perform(session, "close_session", actor=staff(Role.COMMITTEE_SECRETARY), data=data)


def agenda_of(case):
    return list(case.agenda_items.select_related("session", "application"))


def case_at(step):
    """A case just before a step."""
    if step in (visa, schedule):
        return CaseFactory(state={visa: "instructed", schedule: "ready_for_committee"}[step])
    case = CaseFactory(state="scheduled")
    agenda(SessionFactory(state="in_session", members=3), case)
    if step is close:
        grant(case)
    return case


STEPS = pytest.mark.parametrize("step", [visa, schedule, grant, close])


@STEPS
def test_an_establishment_that_appears_after_the_proposal_stops_each_step(step, instructor):
    case = case_at(step)
    established(case)
    case.refresh_from_db()
    assert case.applicant.siren in taken(case, step)
    assert known()
    answered(case, instructor)
    assert taken(type(case).objects.get(pk=case.pk), step) == ""
    assert known()


@STEPS
def test_the_figure_finds_what_was_done_before_the_answer(step, instructor):
    case = case_at(step)
    assert taken(case, step) == ""
    with pgtrigger.ignore():
        Applicant.objects.filter(pk=established(case).pk).update(created_at=timezone.now() - timedelta(days=1))
    recorded_earlier(
        Applicant.objects.exclude(pk=case.applicant_id).get(siret__startswith=case.applicant.siren), days=1
    )
    assert not known()


@pytest.mark.parametrize("later", ["other", "own"])
def test_who_takes_the_number_of_an_enterprise_later_accuses_nothing_of_before(later):
    other = ApplicantFactory()
    case = CaseFactory(state="ready_for_committee")
    for row in (other, case.applicant):
        recorded_earlier(row)
    Applicant.objects.filter(pk=other.pk).update(created_at=timezone.now() - timedelta(days=90))
    taker, giver = (other, case.applicant) if later == "other" else (case.applicant, other)
    Applicant.objects.filter(pk=taker.pk).update(siret=another_establishment(giver))
    line = history_model_of(Applicant).objects.filter(pgh_obj_id=taker.pk).latest("pgh_id")
    for moment, holds in ((timezone.now(), True), (timezone.now() - timedelta(days=1), False)):
        with pgtrigger.ignore(), acting_as(label="test"):
            type(line).objects.filter(pgh_id=line.pgh_id).update(pgh_created_at=moment)
        assert known() is holds


@pytest.mark.parametrize("step", [visa, schedule, grant])
def test_the_database_asks_at_each_step_too(step, instructor):
    case = case_at(step)
    established(case)
    with pytest.raises(IntegrityError, match="has not answered about an establishment"), transaction.atomic():
        if step is visa:
            case.proposals.update(visa_by=staff(Role.HEAD_OF_SERVICE), visa_at=timezone.now())
        elif step is schedule:
            SessionFactory().append(case)
        else:
            case.agenda_items.update(
                decision="granted", decided_amount=26000, decided_by=instructor, decided_at=timezone.now()
            )


def test_an_aid_that_is_no_state_aid_is_not_asked_about():
    case = CaseFactory(programme_code="CPO", state="instructed")
    established(case)
    assert taken(case, visa) == ""
    assert known()


def test_the_case_says_what_its_visa_waits_for(client):
    case = CaseFactory(state="instructed")
    established(case)
    client.force_login(staff(Role.HEAD_OF_SERVICE))
    page = client.get(reverse("admin:grants_application_change", args=[case.pk])).content.decode()
    assert f"entreprise {case.applicant.siren}" in page


# --- the age of the consultation --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "refused"), [(183, False), (184, True)])
def test_a_consultation_serves_for_the_days_of_the_setting_at_the_proposal(case, instructor, settings, days, refused):
    day = timezone.localdate() - timedelta(days=days)
    type(case).objects.filter(pk=case.pk).update(submitted_at=timezone.now() - timedelta(days=300))
    said = problems(type(case).objects.get(pk=case.pk), consulted() | {"register_consulted_on": day})
    assert bool(said) is refused
    settings.ESSOR_DE_MINIMIS_CONSULTED_DAYS = 365
    assert problems(type(case).objects.get(pk=case.pk), consulted() | {"register_consulted_on": day}) == {}


@STEPS
@pytest.mark.parametrize("unavailable", [False, True])
def test_an_old_consultation_stops_each_step(step, unavailable, settings):
    case = case_at(step)
    day = timezone.localdate() - timedelta(days=184)
    then = timezone.make_aware(datetime.combine(day, time(12)))
    said = {"register_consulted_on": None, "register_unavailable": "En panne."} if unavailable else {}
    with pgtrigger.ignore():
        case.proposals.update(**{"made_at": then, "register_consulted_on": day} | said)
    case = type(case).objects.get(pk=case.pk)
    assert "183" in taken(case, step)
    settings.ESSOR_DE_MINIMIS_CONSULTED_DAYS = 184
    assert taken(type(case).objects.get(pk=case.pk), step) == ""


def test_the_officer_reads_it_on_the_case(case, instructor, client):
    propose(case, instructor, **consulted())
    client.force_login(instructor)
    page = client.get(reverse("admin:grants_application_change", args=[case.pk])).content.decode()
    assert "Extrait n° 1" in page
