"""The portal pages: what each person sees, what each mistake gets, and that nothing typed is lost."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from applicants.models import Applicant, BankAccount, DeMinimisAid, Invitation, JoinRequest
from applicants.people import ask_to_join, invite
from applicants.permissions import role_for
from core.events import history
from tests.factories.applicants import (
    SIRET_OF_THE_GUIDE,
    ApplicantFactory,
    BankAccountFactory,
    DeMinimisAidFactory,
    pdf,
    siret,
)
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
NIR = "2 95 10 99 126 111 93"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = tmp_path


@pytest.fixture
def person(client):
    user = UserFactory(applicant=True)
    client.force_login(user, backend=BACKEND)
    return user


@pytest.fixture
def mine(person):
    return ApplicantFactory(name="Les Coquelicots", representative=person)


def url(name: str, *args: object) -> str:
    return reverse(f"applicants:{name}", args=args)


LEGAL = {
    "siret": "418 166 096 00051",
    "name": "Les Coquelicots",
    "ess_statut": "association",
    "legal_category": "9220",
    "email": "contact@coquelicots.example",
    "address_line": "12 rue des Lilas",
    "postcode": "51 000",
    "city": "Châlons-en-Champagne",
}
NATURAL = {
    "first_name": "Camille",
    "last_name": "Durand",
    "email": "c@example.org",
    "address_line": "1 rue",
    "postcode": "51000",
    "city": "Reims",
}

# --- Creating --------------------------------------------------------------------------------------------------------


def test_an_organisation_is_created_and_one_comes_back(client, person) -> None:
    response = client.post(url("new_legal"), LEGAL | {"next": "/aides/"})
    assert response.status_code == 302 and response.url == "/aides/"
    applicant = Applicant.objects.get()
    assert (applicant.siret, applicant.is_association, applicant.nuts2) == (SIRET_OF_THE_GUIDE, True, "FRF2")
    assert role_for(person, applicant) == "representative"


def test_another_site_is_no_way_back(client, person) -> None:
    response = client.post(url("new_legal"), LEGAL | {"next": "https://ailleurs.example/"})
    assert response.url == url("detail", Applicant.objects.get().pk)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"siret": "41816609600052"}, "siret"),
        ({"siret": "123"}, "siret"),
        ({"siret": ""}, "siret"),
        ({"rna": "751"}, "rna"),
        ({"postcode": "5100"}, "postcode"),
        ({"name": ""}, "name"),
        ({"in_formation": "on"}, "in_formation"),
        ({"representative_name": f"Mme Durand {NIR}"}, "representative_name"),
        ({"ess_statut": ""}, "ess_statut"),
        ({"email": "pas une adresse"}, "email"),
    ],
)
def test_a_mistake_is_said_beside_its_field_and_nothing_is_lost(client, person, typed: dict, field: str) -> None:
    response = client.post(url("new_legal"), LEGAL | {"acronym": "COQ"} | typed)
    assert response.status_code == 200
    assert field in response.context["form"].errors
    assert 'value="COQ"' in response.content.decode()
    assert not Applicant.objects.exists()


@pytest.mark.parametrize("identity", [{"rna": "W9R1234567"}, {"in_formation": "on"}, {"local_register": "Colmar 3/12"}])
def test_an_organisation_without_siret(client, person, identity: dict) -> None:
    client.post(url("new_legal"), LEGAL | {"siret": ""} | identity)
    assert Applicant.objects.get().siret is None


def test_a_known_number_leads_to_a_request_not_to_a_take_over(client, person) -> None:
    other = ApplicantFactory(siret=SIRET_OF_THE_GUIDE, representative=UserFactory(applicant=True))
    response = client.post(url("new_legal"), LEGAL)
    assert response.url == url("join", SIRET_OF_THE_GUIDE)
    assert client.get(response.url).status_code == 200
    client.post(response.url, {"role": "editor", "message": "Je suis salariée."})
    assert JoinRequest.objects.get().applicant == other
    assert client.get(url("detail", other.pk)).status_code == 404
    assert other.display_name in client.get(url("index")).content.decode()


def test_an_unknown_number_cannot_be_joined(client, person) -> None:
    assert client.get(url("join", siret(77))).status_code == 404


def test_a_person_sent_twice_is_one_applicant(client, person) -> None:
    client.post(url("new_natural"), NATURAL)
    client.post(url("new_natural"), NATURAL)
    assert Applicant.objects.get().display_name == "Camille Durand"


def test_no_number_of_a_person_is_asked(client, person) -> None:
    page = client.get(url("new_natural")).content.decode()
    assert "nir" not in {field.name for field in client.get(url("new_natural")).context["form"]}
    assert page.count("<input") > 5
    response = client.post(url("new_natural"), NATURAL | {"address_line": f"1 rue, {NIR}"})
    assert "address_line" in response.context["form"].errors


# --- Changing --------------------------------------------------------------------------------------------------------


def test_a_representative_changes_but_not_the_number(client, mine) -> None:
    changes = LEGAL | {"siret": siret(50), "city": "Reims", "postcode": "51100"}
    client.post(url("edit", mine.pk), changes)
    number = mine.siret
    mine.refresh_from_db()
    assert (mine.city, mine.siret) == ("Reims", number)
    assert "edit" in [event.action for event in history(mine)]


def test_an_organisation_that_gets_registered_adds_its_number(client, person) -> None:
    applicant = ApplicantFactory(being_formed=True, representative=person)
    page = client.get(url("edit", applicant.pk))
    assert "in_formation" in page.context["form"].fields
    client.post(url("edit", applicant.pk), LEGAL | {"ess_statut": "cooperative", "legal_category": "5458"})
    applicant.refresh_from_db()
    assert (applicant.siret, applicant.in_formation) == (SIRET_OF_THE_GUIDE, False)


@pytest.mark.parametrize(
    ("typed", "leaves"),
    [
        ({"rna": "W123456789"}, False),
        ({"local_register": "Colmar 3/12"}, False),
        ({"rna": "W123456789", "ess_statut": "association"}, False),  # its legal category says otherwise
        ({"rna": "W123456789", "ess_statut": "association", "legal_category": "9220"}, True),
        ({"siret": SIRET_OF_THE_GUIDE}, True),
    ],
)
def test_a_company_leaves_its_formation_with_its_siret(client, person, typed: dict, leaves: bool) -> None:
    body = ApplicantFactory(being_formed=True, representative=person)
    posted = LEGAL | {"siret": "", "ess_statut": "cooperative", "legal_category": "5458"} | typed
    client.get(url("edit", body.pk))
    response = client.post(url("edit", body.pk), posted)
    body.refresh_from_db()
    assert body.in_formation is not leaves
    assert leaves or "siret" in response.context["form"].errors


def test_an_editor_reads_only(client, person) -> None:
    applicant = ApplicantFactory(editor=person, representative=UserFactory(applicant=True))
    assert client.get(url("detail", applicant.pk)).status_code == 200
    assert client.get(url("edit", applicant.pk)).status_code == 302
    refused = client.post(url("edit", applicant.pk), LEGAL)
    assert refused.status_code == 409 and LEGAL["email"] in refused.text  # what was typed is given back
    before = applicant.name
    applicant.refresh_from_db()
    assert applicant.name == before
    assert client.get(url("new_bank_account", applicant.pk)).status_code == 302


# --- Whose -----------------------------------------------------------------------------------------------------------

PAGES = ["detail", "edit", "people", "bank_accounts", "new_bank_account", "de_minimis"]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("role", ["applicant", "instructor", "auditor", "administrator"])
def test_another_applicants_pages_do_not_exist(client, name: str, role: str) -> None:
    client.force_login(UserFactory(**{role: True}), backend=BACKEND)
    assert client.get(url(name, ApplicantFactory().pk)).status_code == 404


@pytest.mark.parametrize("name", ["index", "new", "new_legal", "new_natural"])
def test_one_signs_in_first(client, name: str) -> None:
    assert "/connexion/" in client.get(url(name)).url


def test_an_expired_session_keeps_what_was_typed(client, db) -> None:
    response = client.post(url("new_legal"), LEGAL)
    assert response.status_code == 401
    assert not Applicant.objects.exists()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens(client, mine, name: str) -> None:
    BankAccountFactory(applicant=mine, verified=True)
    DeMinimisAidFactory(applicant=mine)
    assert client.get(url(name, mine.pk)).status_code == 200


# --- People ----------------------------------------------------------------------------------------------------------


def test_inviting_and_cancelling(client, mine) -> None:
    client.post(url("people", mine.pk), {"email": "ami@example.org", "role": "editor"})
    invitation = Invitation.objects.get()
    assert "ami@example.org" in client.get(url("people", mine.pk)).content.decode()
    client.post(url("cancel_invitation", mine.pk, invitation.pk))
    invitation.refresh_from_db()
    assert invitation.revoked_at


def test_taking_up_an_invitation(client, person) -> None:
    boss = UserFactory(applicant=True)
    applicant = ApplicantFactory(representative=boss)
    sent = invite(applicant, email=person.email, role="editor", actor=boss)
    assert url("my_invitation", sent.invitation.pk) in client.get(url("index")).content.decode()
    address = url("invitation", sent.token)
    assert client.get(address).status_code == 200
    assert role_for(person, applicant) is None
    assert client.post(address).url == url("detail", applicant.pk)
    assert role_for(person, applicant) == "editor"


def test_another_ones_invitation(client, person) -> None:
    boss = UserFactory(applicant=True)
    applicant = ApplicantFactory(representative=boss)
    sent = invite(applicant, email="autre@example.org", role="editor", actor=boss)
    assert client.get(url("my_invitation", sent.invitation.pk)).status_code == 404
    response = client.post(url("invitation", sent.token))
    assert response.status_code == 200 and person.email in response.content.decode()
    assert client.get(url("invitation", "faux")).status_code == 404
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1), email=person.email)
    assert client.post(url("invitation", sent.token)).status_code == 200
    assert role_for(person, applicant) is None


def test_answering_a_request(client, mine, person) -> None:
    newcomer = UserFactory(applicant=True)
    asked = JoinRequest.objects.create(applicant=mine, user=newcomer, role="editor")
    assert newcomer.email in client.get(url("people", mine.pk)).content.decode()
    client.post(url("answer_request", asked.pk, "accept"))
    assert role_for(newcomer, mine) == "editor"
    assert client.post(url("answer_request", asked.pk, "destroy")).status_code == 404


def test_roles_are_changed_and_people_removed(client, mine, person) -> None:
    other = mine.memberships.create(user=UserFactory(applicant=True), role="editor")
    client.post(url("member", mine.pk, other.pk), {"role": "representative"})
    other.refresh_from_db()
    assert other.role == "representative"
    client.post(url("member", mine.pk, other.pk), {"remove": "1"})
    assert mine.memberships.count() == 1
    client.post(url("member", mine.pk, mine.memberships.get().pk), {"remove": "1"}, follow=True)
    assert mine.memberships.count() == 1


# --- Bank details and de minimis -------------------------------------------------------------------------------------


def details(**changes) -> dict:
    proof = SimpleUploadedFile("rib.pdf", pdf())
    return {"holder_name": "Les Coquelicots", "iban": "FR76 3000 6000 0112 3456 7890 189", "proof": proof} | changes


def test_bank_details_are_entered_with_their_proof(client, mine) -> None:
    assert client.post(url("new_bank_account", mine.pk), details()).status_code == 302
    account = BankAccount.objects.get()
    page = client.get(url("bank_accounts", mine.pk)).content.decode()
    assert account.masked_iban in page and account.iban not in page
    assert b"".join(client.get(account.proof.get_absolute_url())) == pdf()


def test_the_applicant_reads_what_to_do_about_its_bank_details(client, mine) -> None:
    pages = [url("detail", mine.pk), url("bank_accounts", mine.pk)]
    for page in pages:
        assert "Vous n’avez pas encore donné vos coordonnées bancaires" in client.get(page).content.decode()
    client.post(url("new_bank_account", mine.pk), details())
    for page in pages:
        assert "Le service vérifie vos coordonnées bancaires" in client.get(page).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"iban": "FR7630006000011234567890188"}, "iban"),
        ({"bic": "??"}, "bic"),
        ({"proof": ""}, "proof"),
        ({"proof": SimpleUploadedFile("rib.html", b"<html><script>x</script>")}, "proof"),
        ({"proof": SimpleUploadedFile("rib.pdf", b"%PDF" + b"x" * 40)}, "proof"),
    ],
)
def test_wrong_bank_details(client, mine, changes: dict, field: str) -> None:
    response = client.post(url("new_bank_account", mine.pk), details(**changes))
    assert response.status_code == 200 and field in response.context["form"].errors
    assert "Les Coquelicots" in response.content.decode()


def test_the_account_in_use_is_said_beside_the_iban(client, mine) -> None:
    account = BankAccountFactory(applicant=mine, verified=True)
    response = client.post(url("new_bank_account", mine.pk), details(iban=account.iban))
    assert "iban" in response.context["form"].errors


def test_de_minimis_is_declared_and_taken_back(client, mine) -> None:
    declared = {"granted_on": "2025-03-01", "amount": "12 000,50", "authority": "Commune", "regime": "general"}
    assert client.post(url("de_minimis", mine.pk), declared).status_code == 302
    aid = DeMinimisAid.objects.get()
    assert (aid.amount, aid.origin) == (Decimal("12000.50"), "declared")
    assert "Retirer cette déclaration" in client.post(url("withdraw_de_minimis", mine.pk, aid.pk)).text
    assert DeMinimisAid.objects.exists()
    client.post(url("withdraw_de_minimis", mine.pk, aid.pk), {"sure": "1"})
    assert not DeMinimisAid.objects.exists()


@pytest.mark.parametrize(
    ("typed", "field"),
    [({"amount": "0"}, None), ({"granted_on": "2999-01-01"}, "granted_on"), ({"amount": "beaucoup"}, "amount")],
)
def test_a_wrong_declaration(client, mine, typed: dict, field: str | None) -> None:
    declared = {"granted_on": "2025-03-01", "amount": "12000", "authority": "Commune", "regime": "general"}
    response = client.post(url("de_minimis", mine.pk), declared | typed)
    assert response.status_code == 200
    assert response.context["form"].errors if field is None else field in response.context["form"].errors
    assert not DeMinimisAid.objects.exists()


def test_a_granted_aid_is_not_taken_back(client, mine) -> None:
    aid = DeMinimisAidFactory(applicant=mine, origin="granted", reference="CONV-1")
    assert client.post(url("withdraw_de_minimis", mine.pk, aid.pk)).status_code == 404


# --- Speed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["index", "people", "bank_accounts", "de_minimis"])
def test_the_number_of_queries_does_not_grow(
    client, mine, person, name: str, django_assert_max_num_queries, settings
) -> None:
    args = [] if name == "index" else [mine.pk]

    def fill(rows: int) -> None:
        for number in range(rows):
            ApplicantFactory(representative=person)
            mine.memberships.create(user=UserFactory(applicant=True), role="editor")
            JoinRequest.objects.create(applicant=mine, user=UserFactory(applicant=True))
            JoinRequest.objects.create(applicant=ApplicantFactory(), user=person)
            BankAccountFactory(applicant=mine, state="superseded", entered_by=person)
            DeMinimisAidFactory(applicant=mine)
            Invitation.objects.create(
                applicant=mine,
                email=f"n{number}-{rows}@example.org",
                token_hash=f"{number}-{rows}",
                invited_by=person,
            )

    client.get(url(name, *args))
    fill(3)
    with django_assert_max_num_queries(20) as few:
        client.get(url(name, *args))
    fill(27)
    with django_assert_max_num_queries(len(few)):
        client.get(url(name, *args))


def test_an_auditor_reads_their_own_request_and_is_offered_nothing_that_is_refused(client) -> None:
    """Who became an auditor after asking to join: the button could only answer 403."""
    person = UserFactory(applicant=True)
    asked = ask_to_join(ApplicantFactory(), user=person, role="editor")
    client.force_login(person, backend=BACKEND)
    withdraw = reverse("applicants:answer_request", args=[asked.pk, "withdraw"])
    add = reverse("applicants:new")
    page = client.get(reverse("applicants:index")).text
    assert withdraw in page and add in page
    person.groups.add(*UserFactory(auditor=True).groups.all())
    client.force_login(type(person).objects.get(pk=person.pk), backend=BACKEND)
    page = client.get(reverse("applicants:index")).text
    assert asked.applicant.display_name in page and "Un auditeur lit tout et ne change rien" in page
    assert withdraw not in page and f'"{add}"' not in page
