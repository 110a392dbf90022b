"""Homonyms are kept apart: a same name is a question, never a replacement."""

from datetime import date
from io import BytesIO

import openpyxl
import pytest
from django.urls import reverse

from applicants.models import Applicant
from applicants.workbooks import ApplicantResource
from core.workbooks import read_table
from tests.factories.applicants import ApplicantFactory, siret
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db
CAMILLE = {"last_name": "MARTINEAU", "first_name": "Camille"}


def run(*rows: dict):
    """Import rows as the admin's screen does; the result."""
    book = openpyxl.Workbook()
    names = list(dict.fromkeys(name for row in rows for name in row))
    book.active.append(names)
    for row in rows:
        book.active.append([row.get(name) for name in names])
    out = BytesIO()
    book.save(out)
    resource = ApplicantResource()
    columns = resource.imported_columns()
    reading = read_table(BytesIO(out.getvalue()), columns, max_rows=100, max_bytes=10**6)
    return resource.import_data(resource.dataset(reading, columns), user=UserFactory(administrator=True))


def people() -> list[Applicant]:
    return list(Applicant.objects.filter(kind="natural").order_by("pk"))


def test_two_people_of_one_name_stay_two():
    rows = (
        {**CAMILLE, "birth_date": date(1980, 2, 29), "city": "Reims"},
        {"last_name": "Martineau", "first_name": "Camille", "birth_date": date(1999, 7, 1), "city": "Charleville"},
    )
    result = run(*rows)
    assert not result.invalid_rows
    assert [(item.birth_date.year, item.city) for item in people()] == [(1980, "Reims"), (1999, "Charleville")]
    again = run(*rows)
    assert again.totals["skip"] == 2
    assert len(people()) == 2


def test_a_row_that_could_be_either_is_refused_with_what_to_add():
    run({**CAMILLE, "birth_date": date(1980, 2, 29), "city": "Reims"})
    result = run({**CAMILLE, "city": "Charleville"})
    (refused,) = result.invalid_rows
    assert "date de naissance" in str(refused.error)
    (known,) = people()
    assert known.city == "Reims"


@pytest.mark.parametrize(
    ("known", "row", "count", "city"),
    [
        ({"email": "a@x.example"}, {"email": "A@x.example", "city": "Épernay"}, 1, "Épernay"),  # the same, who moved
        ({"email": "a@x.example"}, {"email": "b@x.example", "city": "Épernay"}, 2, "Reims"),
        ({"birth_date": date(1980, 1, 1), "email": "a@x.example"},
         {"birth_date": date(1980, 1, 1), "email": "b@x.example", "city": "Épernay"}, 1, "Épernay"),
        ({"birth_date": date(1980, 1, 1), "email": "a@x.example"},
         {"birth_date": date(1990, 1, 1), "email": "a@x.example", "city": "Épernay"}, 2, "Reims"),  # mother and child
    ],
)  # fmt: skip
def test_what_tells_people_apart(known, row, count, city):
    run({**CAMILLE, "city": "Reims", **known})
    result = run({**CAMILLE, **row})
    assert not result.invalid_rows
    assert len(people()) == count
    assert people()[0].city == city


def test_names_that_fold_alike_are_not_the_same():
    run({"last_name": "Été", "first_name": "Zoé", "city": "Reims"})
    run({"last_name": "Ete", "first_name": "Zoe", "city": "Épernay"})
    assert [item.city for item in people()] == ["Reims", "Épernay"]


def test_organisations_without_a_number_are_asked_for_one():
    base = {"name": "Les Amis du Parc", "in_formation": "oui"}
    run({**base, "city": "Reims"})
    assert run({**base, "city": "Reims"}).totals["skip"] == 1
    (refused,) = run({**base, "city": "Troyes"}).invalid_rows
    assert "SIRET" in str(refused.error)
    assert Applicant.objects.get().city == "Reims"
    run({"name": "Les Amis du Parc", "siret": siret(5), "city": "Troyes"})
    assert Applicant.objects.count() == 2


# --- the portal -----------------------------------------------------------------------------------------------------


def typed(number: str, **changes) -> dict:
    return {
        "siret": number, "name": "Les Amis du Parc", "ess_statut": "association", "email": "a@asso.example",
        "address_line": "1 rue Neuve", "postcode": "51 100", "city": "Reims",
    } | changes  # fmt: skip


def test_a_second_organisation_of_the_same_name_is_kept_and_a_double_click_is_one(client):
    client.force_login(UserFactory(applicant=True))
    url = reverse("applicants:new_legal")
    first, other = siret(61), siret(62)
    for number in (first, other, other):
        assert client.post(url, typed(f"N° SIRET {number}\u200b")).status_code == 302
    assert sorted(Applicant.objects.values_list("siret", flat=True)) == sorted([first, other])
    assert {item.postcode for item in Applicant.objects.all()} == {"51100"}


def test_two_people_of_one_name_made_in_a_row_are_two(client):
    client.force_login(UserFactory(applicant=True))
    url = reverse("applicants:new_natural")
    base = {
        "first_name": "Camille",
        "last_name": "Martin",
        "address_line": "1 rue A",
        "postcode": "51100",
        "city": "Reims",
    }
    for email in ("a@x.example", "a@x.example", "b@x.example"):
        client.post(url, base | {"email": email})
    assert [item.email for item in people()] == ["a@x.example", "b@x.example"]


# --- searches say so --------------------------------------------------------------------------------------------------


def test_the_staff_are_told_that_a_search_held_no_word(client):
    client.force_login(UserFactory(instructor=True))
    known = ApplicantFactory(name="Association unique en son genre")
    page = client.get(reverse("admin:applicants_applicant_changelist"), {"q": "!!!"}).content.decode()
    assert known.name not in page
    assert "ni lettre ni chiffre" in page


def test_the_public_is_told_too(client):
    page = client.get(reverse("grants:catalogue"), {"q": "★★"}).content.decode()
    assert "ni lettre ni chiffre" in page


def test_the_staff_paste_a_number_with_its_name(client):
    client.force_login(UserFactory(instructor=True))
    wanted = siret(71)
    inlines = {
        f"{prefix}-{part}": "0"
        for prefix in ("memberships", "invitations", "no_interests", "de_minimis_aids")
        for part in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    typed = {"kind": "legal", "name": "Les Coquelicots", "siret": f"N° SIRET : {wanted}\u200b", "postcode": "51 100"}
    client.post(reverse("admin:applicants_applicant_add"), typed | inlines)
    known = Applicant.objects.get()
    assert (known.siret, known.postcode) == (wanted, "51100")
