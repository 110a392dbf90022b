"""Dates of a line of expenditure that are asked about: paid before its invoice, an invoice of another year."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from agreements.models import ExpenditureLine
from tests.agreements.test_portal import sign_in, typed, url
from tests.factories.agreements import in_force, opened

pytestmark = pytest.mark.django_db


def test_a_line_paid_before_its_invoice_is_asked_why_and_the_officer_reads_it(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    sign_in(client, house.member)
    page = url("line_add", claim.number)
    assert 'name="paid_before_why"' not in client.get(page).text
    day = timezone.localdate() - timedelta(days=20)
    dates = {"invoice_date": day.isoformat(), "paid_on": (day - timedelta(days=2)).isoformat()}
    asked = client.post(page, typed(**dates))
    assert asked.status_code == 422 and "2 jours avant" in asked.text and 'name="paid_before_why"' in asked.text
    assert client.post(page, typed(**dates, paid_before_why="Acompte de 30 %")).status_code == 302
    line = claim.lines.get()
    assert line.paid_before_why == "Acompte de 30 %"
    with pytest.raises(DatabaseError, match="says why"), transaction.atomic():
        ExpenditureLine.objects.filter(pk=line.pk).update(paid_before_why="")
    sign_in(client, house.instructor)
    staff_page = client.get(reverse("admin:agreements_paymentclaim_change", args=[claim.pk])).text
    assert "avant sa facture" in staff_page and "Acompte de 30 %" in staff_page
    sign_in(client, house.member)
    change = url("line_change", claim.number, line.rank)
    assert "Acompte de 30 %" in client.get(change).text
    assert client.post(change, typed(paid_before_why="Acompte de 30 %")).status_code == 302
    line.refresh_from_db()
    assert line.paid_before_why == ""  # nothing is asked any more


def test_an_invoice_of_another_year_is_asked_why_it_belongs_to_the_year_of_the_claim(client):
    agreement, house = in_force("CPO", "180000.00")
    claim = opened(agreement, house)
    year = claim.instalment.tranche
    sign_in(client, house.member)
    page = url("line_add", claim.number)
    assert 'name="other_year_why"' not in client.get(page).text
    first, last, after = year.starts_on, year.ends_on, year.ends_on + timedelta(days=1)
    right = {"invoice_date": last.isoformat(), "paid_on": after.isoformat()}
    for number, day in enumerate((first, last)):
        dates = right | {"invoice_date": day.isoformat(), "invoice_number": f"F-{number}"}
        assert client.post(page, typed(**dates)).status_code == 302
    dates = {"invoice_date": after.isoformat(), "paid_on": after.isoformat(), "invoice_number": "F-2"}
    asked = client.post(page, typed(**dates))
    assert asked.status_code == 422 and year.label in asked.text and 'name="other_year_why"' in asked.text
    assert client.post(page, typed(**dates, other_year_why="Facture reçue tard")).status_code == 302
    line = claim.lines.get(rank=3)
    assert line.other_year_why == "Facture reçue tard" and line.is_of_another_year
    with pytest.raises(DatabaseError, match="another year"), transaction.atomic():
        ExpenditureLine.objects.filter(pk=line.pk).update(other_year_why="")
    sign_in(client, house.instructor)
    staff_page = client.get(reverse("admin:agreements_paymentclaim_change", args=[claim.pk])).text
    assert "d’une autre année" in staff_page and "Facture reçue tard" in staff_page
    sign_in(client, house.member)
    change = url("line_change", claim.number, line.rank)
    assert (
        client.post(change, typed(**right, invoice_number="F-2", other_year_why="Facture reçue tard")).status_code
        == 302
    )
    line.refresh_from_db()
    assert line.other_year_why == ""  # nothing is asked any more
