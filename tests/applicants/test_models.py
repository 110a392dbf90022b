"""What the database refuses about applicants, and how they are found."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from applicants.models import Applicant, Department, LegalCategory, Membership
from core.text import fold
from tests.factories.applicants import ApplicantFactory, MembershipFactory, siret
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"kind": "other"},
        {"siret": None},
        {"siret": "123"},
        {"siret": "4181660960005A"},
        {"rna": "123456789"},
        {"rna": "W75123456X"},
        {"first_name": "Camille"},
        {"postcode": "510"},
        {"insee_commune": "XX"},
        {"in_formation": True},
    ],
)
def test_an_organisation_is_whole(wrong: dict) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ApplicantFactory(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"name": "x"}, {"last_name": ""}, {"first_name": ""}, {"siret": siret(1)}, {"is_association": True}],
)
def test_a_person_is_no_organisation(wrong: dict) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ApplicantFactory(natural=True, **wrong)


@pytest.mark.parametrize(
    "identity",
    [{"rna": "W9R1234567"}, {"local_register": "Tribunal de Colmar, vol. 3, fol. 12"}, {"in_formation": True}],
)
def test_other_ways_to_be_identified(identity: dict) -> None:
    applicant = ApplicantFactory(siret=None, **identity)
    assert applicant.pk
    assert applicant.identifier == identity.get("rna", identity.get("local_register", ""))


def test_a_number_is_one_applicants() -> None:
    ApplicantFactory(siret=siret(1))
    with pytest.raises(IntegrityError), transaction.atomic():
        ApplicantFactory(siret=siret(1))


def test_every_change_is_in_the_history() -> None:
    applicant = ApplicantFactory(name="Avant")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE applicants_applicant SET name = 'Après' WHERE id = %s", [applicant.pk])
        cursor.execute(
            "SELECT name FROM applicants_applicantevent WHERE pgh_obj_id = %s ORDER BY pgh_id", [applicant.pk]
        )
        assert [row[0] for row in cursor.fetchall()] == ["Avant", "Après"]
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM applicants_applicantevent")


# --- Finding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("elephant", True),
        ("ELEPHANT d'or", True),
        ("or éléph", True),
        ("L’Éléphant", True),
        ("chalons", True),
        ("418 166 096 00051", True),
        ("418166096", True),
        ("W751", True),
        ("girafe", False),
        ("elephant girafe", False),
        ("  ", True),
        ("'; DROP TABLE & | ! ( :*", False),
        ("œuvre", False),
    ],
)
def test_search(typed: str, found: bool) -> None:
    ApplicantFactory(name="L'Éléphant d’Or", siret="41816609600051", rna="W751234567", city="Châlons-en-Champagne")
    assert Applicant.objects.search(typed).exists() is found


def test_the_search_is_served_by_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "applicant_search" in Applicant.objects.search("coquelicot").order_by().explain()


def test_folding() -> None:
    assert fold("  L'Œuvre-Été  n° 3 ") == "l oeuvre ete n 3"


def test_the_region_comes_from_the_address() -> None:
    applicant = ApplicantFactory(postcode="51000")
    assert (applicant.region_insee, applicant.nuts2) == ("44", "FRF2")
    applicant.postcode = "44000"
    applicant.save()
    assert (applicant.region_insee, applicant.nuts2) == ("52", "FRG0")
    assert ApplicantFactory(postcode="20200").region_insee == "94"
    assert ApplicantFactory(postcode="", insee_commune="2A004").region_insee == "94"


def test_reference_tables_come_with_the_product() -> None:
    assert LegalCategory.objects.get(code="5458").ess == "by_statute"
    assert Department.objects.count() == 101
    assert Department.objects.values("nuts2").distinct().count() == 27


# --- Scope -----------------------------------------------------------------------------------------------------------


def test_one_sees_ones_own() -> None:
    user, stranger = UserFactory(applicant=True), UserFactory(applicant=True)
    mine = ApplicantFactory(representative=user)
    ApplicantFactory()
    assert list(Applicant.objects.for_user(user)) == [mine]
    assert not Applicant.objects.for_user(stranger).exists()
    assert Applicant.objects.for_user(UserFactory(auditor=True)).count() == 2
    assert not Applicant.objects.for_user(UserFactory(instructor=True, is_active=False)).exists()


def test_a_person_acts_once_for_an_applicant() -> None:
    membership = MembershipFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=membership.user, applicant=membership.applicant, role="editor")
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=UserFactory(), applicant=membership.applicant, role="boss")
