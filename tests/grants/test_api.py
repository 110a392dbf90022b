"""The REST interface of programmes, calls and applications: the scope of the screens, and clear answers."""

import json
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from core.documents import store
from core.roles import Role
from grants.models import Piece
from grants.states import ApplicationState as State
from tests.factories.applicants import pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import CallFactory, CaseFactory, programme_of, staff, version_of

pytestmark = pytest.mark.django_db

APPLICATIONS = "/api/v1/applications/"


@pytest.fixture
def mine():
    """A case with a proposal that its applicant does not know of yet."""
    case = CaseFactory(state=State.INSTRUCTED)
    case.applicant.memberships.create(user=case.created_by, role="representative")
    return case


@pytest.fixture
def applicant(client, mine):
    client.force_login(mine.created_by, backend="django.contrib.auth.backends.ModelBackend")
    return client


def login(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def rows(client, address: str) -> list[dict]:
    response = client.get(address)
    assert response.status_code == 200, response.content
    return response.json()["results"]


# --- public ----------------------------------------------------------------------------------------------------------


def test_everyone_reads_the_catalogue(client):
    version = version_of()
    (row,) = rows(client, "/api/v1/programmes/")
    assert row == {
        "code": "PROGRESS1",
        "name": version.programme.name,
        "summary": version.programme.summary,
        "version": 1,
        "url": "http://testserver/api/v1/programmes/PROGRESS1/",
    }
    assert client.get("/api/v1/programmes/PROGRESS1/").json() == row
    programme = programme_of()
    programme.is_active = False
    programme.save()
    assert rows(client, "/api/v1/programmes/") == []
    assert client.get("/api/v1/programmes/PROGRESS1/").status_code == 404


def test_everyone_reads_published_calls(client):
    now = timezone.now()
    CallFactory(code="open")
    CallFactory(code="over", opens_at=now - timedelta(days=90), closes_at=now - timedelta(days=30))
    CallFactory(code="locked", is_locked=True, lock_reason="Panne.")
    CallFactory(code="hidden", is_published=False)
    assert {row["code"] for row in rows(client, "/api/v1/calls/")} == {"open", "over", "locked"}
    assert [row["code"] for row in rows(client, "/api/v1/calls/?is_open=true")] == ["open"]
    assert {row["code"] for row in rows(client, "/api/v1/calls/?is_open=false")} == {"over", "locked"}
    assert len(rows(client, "/api/v1/calls/?programme=PROGRESS1")) == 3
    assert rows(client, "/api/v1/calls/?programme=NONE") == []
    row = client.get("/api/v1/calls/open/").json()
    assert (row["programme"], row["is_open"], row["closed_reason"]) == ("PROGRESS1", True, None)
    assert client.get("/api/v1/calls/locked/").json()["closed_reason"]
    assert client.get("/api/v1/calls/hidden/").status_code == 404


# --- applications ----------------------------------------------------------------------------------------------------


def test_a_stranger_is_sent_away(client, mine):
    for address in (APPLICATIONS, f"{APPLICATIONS}{mine.public_id}/"):
        response = client.get(address)
        assert response.status_code == 403
        assert response.json()["detail"]


def test_an_applicant_reads_only_its_own_cases(applicant, mine):
    foreign = CaseFactory()
    assert [row["id"] for row in rows(applicant, APPLICATIONS)] == [str(mine.public_id)]
    assert applicant.get(f"{APPLICATIONS}{foreign.public_id}/").status_code == 404
    unknown = applicant.get(f"{APPLICATIONS}{uuid.uuid4()}/")
    assert unknown.status_code == 404
    assert unknown.json() == {"detail": "Aucun élément de ce nom parmi ceux que vous pouvez consulter."}


def test_an_applicant_is_not_told_what_is_not_decided(applicant, mine):
    (row,) = rows(applicant, APPLICATIONS)
    assert row["state"] == "in_instruction"
    assert row["computed_amount"] is row["proposed_amount"] is row["granted_amount"] is None
    assert row["requested_amount"] == "28400.00"
    assert len(rows(applicant, f"{APPLICATIONS}?state=in_instruction")) == 1
    assert rows(applicant, f"{APPLICATIONS}?state=instructed") == []


def test_staff_read_the_filed_cases_of_their_programmes(client, mine):
    login(client, staff(Role.INSTRUCTOR))
    (row,) = rows(client, APPLICATIONS)
    assert (row["state"], row["computed_amount"], row["proposed_amount"]) == ("instructed", "28400.00", "26000.00")
    assert len(rows(client, f"{APPLICATIONS}?state=instructed&programme=PROGRESS1")) == 1
    login(client, UserFactory(instructor=True))
    assert rows(client, APPLICATIONS) == []
    assert client.get(f"{APPLICATIONS}{mine.public_id}/").status_code == 404
    login(client, UserFactory(auditor=True))
    assert len(rows(client, APPLICATIONS)) == 1


def test_one_case_with_its_answers_and_pieces(applicant, mine):
    document = store(pdf("statutes"), name="statuts.pdf", subject=mine, user=mine.created_by)
    Piece.objects.create(application=mine, code="statutes", document=document, added_by=mine.created_by)
    row = applicant.get(f"{APPLICATIONS}{mine.public_id}/").json()
    assert row["answers"] == mine.answers
    (piece,) = row["pieces"]
    assert piece["name"] == "statuts.pdf"
    assert piece["sha256"] == document.sha256
    assert piece["document"] == f"http://testserver{reverse('core:document', args=[document.pk])}"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(applicant, mine, method):
    for address in (APPLICATIONS, f"{APPLICATIONS}{mine.public_id}/", "/api/v1/calls/", "/api/v1/programmes/"):
        response = getattr(applicant, method)(address, json.dumps({}), content_type="application/json")
        assert response.status_code in (403, 405)
    mine.refresh_from_db()
    assert mine.state == State.INSTRUCTED


# --- wrong questions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("state=nowhere", "state"),
        ("submitted_after=yesterday", "submitted_after"),
        ("stat=draft", "stat"),
        ("ordering=amount", "ordering"),
    ],
)
def test_a_wrong_filter_gets_a_clear_400(applicant, question, field):
    response = applicant.get(f"{APPLICATIONS}?{question}")
    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert response.json()[field][0]


def test_an_unknown_filter_names_the_known_ones(client):
    response = client.get("/api/v1/calls/?programm=PROGRESS1")
    assert response.json() == {
        "programm": ["Filtre inconnu. Ceux de cette liste : format, is_open, page, page_size, programme."]
    }
    assert client.get("/api/v1/programmes/?name=x").status_code == 400
    assert client.get("/api/v1/programmes/?page=99").status_code == 404


# --- speed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/api/v1/programmes/", "/api/v1/calls/", APPLICATIONS])
def test_the_number_of_queries_does_not_grow(client, address, django_assert_max_num_queries):
    call = CallFactory()
    login(client, UserFactory(auditor=True))
    counts = []
    for rows_more in (3, 27):
        for _turn in range(rows_more):
            CaseFactory(call=call, budget=False, instruction=False, granted_amount=Decimal(1), state=State.APPROVED)
            CallFactory()
        with django_assert_max_num_queries(20) as captured:
            assert client.get(address).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_pages(client):
    for _turn in range(3):
        CallFactory()
    page = client.get("/api/v1/calls/?page_size=2").json()
    assert page["count"] == 3
    assert len(page["results"]) == 2
    assert page["next"].endswith("page=2&page_size=2")
