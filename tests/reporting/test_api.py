"""The public list of operations by REST."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from core.dates import add_years
from reporting.models import BeneficiaryKind, EUBeneficiary, EUProgramme, Fund, Operation
from reporting.operations import add_version, listed_financing
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/operations/"


def operation(code: str, *, published: date | None = date(2026, 1, 1), **beneficiary) -> Operation:
    programme, _created = EUProgramme.objects.get_or_create(
        code="po-test", defaults={"name": "Programme", "period": "2021-2027"}
    )
    made = Operation.objects.create(
        code=code, programme=programme, source_key=code, first_published_on=published, search_text=code.lower()
    )
    fund = Fund.objects.get(code="ESF+")
    holder = EUBeneficiary.objects.create(**{"name": f"Association {code}", "name_key": code} | beneficiary)
    facts = {
        "name": f"Atelier {code}",
        "beneficiary": holder,
        "beneficiary_name": holder.name,
        "start_date": date(2025, 1, 1),
        "end_date": date(2025, 12, 31),
        "fund": fund,
        "eligible_cost": Decimal("1000.00"),
        "total_cost": Decimal("1200.00"),
    }
    add_version(made, facts, listed_financing(fund, Decimal("1000.00"), Decimal("400.00")))
    return made


def codes(client, question: str = "") -> list[str]:
    response = client.get(f"{ADDRESS}{question}")
    assert response.status_code == 200, response.content
    return [row["operation_code"] for row in response.json()["results"]]


def test_everyone_reads_what_was_published(client):
    operation("B")
    operation("A")
    operation("HIDDEN", published=None)
    assert codes(client) == ["A", "B"]
    assert client.get(f"{ADDRESS}HIDDEN/").status_code == 404
    row = client.get(f"{ADDRESS}A/").json()
    assert len(row) == 18
    assert row["operation_name"] == "Atelier A"
    assert (row["total_cost"], row["eu_cofinancing_rate"], row["fund"]) == ("1200.00", "40.00", "FSE+")
    assert (row["start_date"], row["beneficiary_name"]) == ("2025-01-01", "Association A")


def test_eu_staff_also_read_what_their_screens_show(client):
    operation("HIDDEN", published=None)
    client.force_login(UserFactory(eu_controller=True), backend="django.contrib.auth.backends.ModelBackend")
    assert codes(client) == ["HIDDEN"]
    client.force_login(UserFactory(applicant=True), backend="django.contrib.auth.backends.ModelBackend")
    assert codes(client) == []


def test_the_name_of_a_person_goes_after_two_years(client):
    person = {"kind": BeneficiaryKind.NATURAL, "first_name": "Alix", "surname": "Moreau"}
    operation("NEW", published=timezone.localdate(), **person)
    operation("OLD", published=add_years(timezone.localdate(), -2), **person)
    new, old = client.get(f"{ADDRESS}NEW/").json(), client.get(f"{ADDRESS}OLD/").json()
    assert (new["beneficiary_first_name"], new["beneficiary_surname"]) == ("Alix", "Moreau")
    assert (old["beneficiary_first_name"], old["beneficiary_surname"]) == ("", "")
    assert new["beneficiary_name"] == old["beneficiary_name"] == ""


def test_filters(client):
    operation("A")
    assert codes(client, "?fund=ESF%2B&programme=po-test&start_after=2025-01-01") == ["A"]
    assert codes(client, "?start_before=2025-01-01") == []
    assert codes(client, "?search=a") == ["A"]
    assert codes(client, "?fund=ERDF") == []
    for question, field in (("fund=NONE", "fund"), ("start_after=soon", "start_after"), ("funds=ESF", "funds")):
        response = client.get(f"{ADDRESS}?{question}")
        assert response.status_code == 400
        assert list(response.json()) == [field]


def test_the_number_of_queries_does_not_grow(client, django_assert_max_num_queries):
    counts = []
    for first, last in ((0, 3), (3, 30)):
        for number in range(first, last):
            operation(f"OP-{number:03d}")
        with django_assert_max_num_queries(20) as captured:
            codes(client)
        counts.append(len(captured))
    assert counts[0] == counts[1]
