"""A proposal of de minimis aid keeps the proof that the central register was consulted, or why it could not be."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from applicants.de_minimis.links import decide_links
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants.models import Proposal
from grants.staff_forms import ProposeForm
from tests.applicants.test_single_undertaking import another_establishment
from tests.factories.applicants import ApplicantFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, answer_all, compute, consulted, score_all, staff

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


def test_an_open_question_on_the_enterprise_holds_the_proposal(case, instructor):
    branch = ApplicantFactory(siret=another_establishment(case.applicant))
    assert case.applicant.siren in str(refusal(case, instructor, **consulted()))
    decide_links(branch, answer="alone", explanation="Registre du commerce.", actor=instructor)
    propose(case, instructor, **consulted())


def test_the_officer_reads_it_on_the_case(case, instructor, client):
    propose(case, instructor, **consulted())
    client.force_login(instructor)
    page = client.get(reverse("admin:grants_application_change", args=[case.pk])).content.decode()
    assert "Extrait n° 1" in page
