"""Whoever changes how a body is reached is told where it was: its mails and calls are not turned away in silence."""

import pytest
import tablib
from django.urls import reverse

from applicants.workbooks import ApplicantResource
from core.acting import acting_as
from core.models import OutboxMessage
from tests.factories.applicants import ApplicantFactory, siret
from tests.factories.core import UserFactory
from tests.forms import form_to

pytestmark = pytest.mark.django_db


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


@pytest.fixture
def reached():
    """What each address reads of how a body is reached otherwise."""

    def read() -> dict[str, str]:
        mails = OutboxMessage.objects.filter(template__endswith="contact_changed")
        found = {address: mail.body for mail in mails for address in mail.to}
        assert len(found) == mails.count()
        return found

    return read


def test_a_contact_that_the_service_changes_is_told_where_it_was_and_to_its_people(
    client, applicant, boss, newcomer, instructor, reached
) -> None:
    """The address of before first: with the reason, from what to what."""
    applicant.memberships.create(user=newcomer, role="editor")
    client.force_login(instructor)
    address, before = reverse("admin:applicants_applicant_change", args=[applicant.pk]), applicant.email
    typed = form_to(client.get(address), address).fields | {"email": "autre@asso.example", "phone": "06 12 34 56 78"}
    assert "change_reason" in client.post(address, typed).context["adminform"].form.errors
    assert reached() == {}
    client.post(address, typed | {"change_reason": "appel du trésorier"})
    found = reached()
    assert set(found) == {before, "autre@asso.example", boss.email, newcomer.email}
    for word in (
        before,
        "autre@asso.example",
        "06 12 34 56 78",
        "appel du trésorier",
        str(instructor),
        "pour le service",
    ):
        assert word in found[before]


def test_a_contact_that_a_file_changes_is_told_too(applicant, boss, instructor, reached) -> None:
    before = applicant.email
    rows = tablib.Dataset(headers=["siret", "email", "representative_name"])
    rows.append([applicant.siret, "autre@asso.example", "Une Autre"])
    for dry_run in (True, False):
        with acting_as(instructor):
            result = ApplicantResource().import_data(rows, dry_run=dry_run, user=instructor, reason="mise à jour")
        assert not result.has_errors() and not result.has_validation_errors()
        assert bool(reached()) is not dry_run
    found = reached()
    assert set(found) == {before, "autre@asso.example", boss.email}
    assert "Une Autre" in found[boss.email] and "mise à jour" in found[boss.email]


def test_a_contact_that_its_own_people_change_is_told_where_it_was(client, applicant, boss, newcomer, reached) -> None:
    """Their session may be in another hand. What says nothing of how one is reached is told to nobody."""
    applicant.memberships.create(user=newcomer, role="editor")
    client.force_login(boss)
    address, before = reverse("applicants:edit", args=[applicant.pk]), applicant.email
    typed = form_to(client.get(address), address).fields
    client.post(address, typed | {"address_line": "1 rue Neuve"})
    assert reached() == {}
    client.post(address, form_to(client.get(address), address).fields | {"email": "autre@asso.example"})
    found = reached()
    assert set(found) == {before, "autre@asso.example", boss.email}
    assert "pour le service" not in found[before]
