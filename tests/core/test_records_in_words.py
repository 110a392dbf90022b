"""What core records is read in words: states, what it is about, kinds of documents, the columns of the seals."""

import re

import pytest
from django.urls import reverse

from core.acting import acting_as
from core.documents import store
from core.engine.seals import seal_all
from core.events import record
from core.jobs import run_now
from core.models import Document
from core.presentation import document_kinds
from tests.core.sample.models import Case
from tests.factories.applicants import pdf
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def text_of_page(client, settings, tmp_path):
    settings.ESSOR_DOCUMENT_ROOT = tmp_path
    administrator = UserFactory(administrator=True)
    client.force_login(administrator)

    def text_of(address: str) -> str:
        html = re.sub(r"<(script|style).*?</\1>", "", client.get(address).content.decode(), flags=re.DOTALL)
        return " ".join(re.sub(r"<[^>]+>", " ", html).split())

    return text_of


def test_the_seals_have_french_columns(text_of_page):
    with acting_as(label="tests"):
        UserFactory()
    seal_all()
    text = text_of_page(reverse("admin:core_eventseal_changelist"))
    for word in ("Numéro d’événement", "Lignes d’historique", "Empreinte", "Scellé le"):
        assert word in text
    for word in ("Event id", "Hash", "Sealed at"):
        assert word not in text


def test_the_log_says_states_and_subjects_in_words(text_of_page):
    job = run_now("sample.report", {"rows": 1}, user=UserFactory(finance_officer=True))
    text = text_of_page(reverse("admin:core_event_changelist"))
    assert f"{job.pk} (A report)" in text
    assert "terminé" in text
    for code in (" queued ", " running ", " done "):
        assert code not in text


def test_what_a_person_did_on_a_page_is_not_put_down_to_somebody_who_was_not_signed_in(text_of_page):
    """The name of a job through which a person acts is said; of an event without a person, that nobody was signed in."""
    person = UserFactory()
    nobody = "une personne qui n’est pas connectée"

    def page_of(actor, label: str) -> str:
        with acting_as(actor, label):
            event = record(person, "user.roles", actor=actor)
        assert event.actor_label == label
        return text_of_page(reverse("admin:core_event_change", args=[event.pk]))

    assert nobody not in page_of(person, "POST /admin/core/user/1/roles/")
    assert "tâche n° 12" in page_of(person, "job sample.report #12").replace("\xa0", " ")
    assert nobody in page_of(None, "POST /compte/")


def test_documents_say_what_they_are_and_of_what(text_of_page):
    person = UserFactory(applicant=True)
    with acting_as(person):
        case = Case.objects.create(title="A kitchen garden", owner=person)
        document = store(pdf("one"), name="piece.pdf", subject=case, user=person, kind="proof")
    for address in ("changelist", ("change", document.pk)):
        name, *arguments = (address,) if isinstance(address, str) else address
        text = text_of_page(reverse(f"admin:core_document_{name}", args=arguments))
        assert "Justificatif de dépense" in text
        assert " proof " not in text
        assert str(case) in text
    assert Document.objects.filter(kind="proof").exists()


def test_every_kind_of_document_that_the_code_stores_has_its_words():
    words = document_kinds()
    for kind in ("job", "import", "bank_proof", "act_pdf", "signed_copy", "claim_piece", "receipt", "opinion"):
        assert words[kind] != kind
