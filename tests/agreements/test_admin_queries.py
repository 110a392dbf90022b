"""Every list and page of agreements takes few queries, whatever the number of rows."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from agreements import reports
from agreements.models import Agreement, PaymentBatch, PaymentClaim, PaymentOrder, TrancheReport
from core.roles import Role
from tests.factories.agreements import House, drafted, house_of, in_force, ordered, pay, submitted
from tests.factories.applicants import pdf
from tests.factories.core import hold_in_breach
from tests.factories.instruction import staff
from tests.staff_pages import assert_queries_do_not_grow

pytestmark = pytest.mark.django_db


def fill_with(house: House):
    """A claim filed, one paid, one in an open batch, a draft; each with an agreement of its own."""

    def fill(count: int) -> None:
        for number in range(max(count // 9, 2)):
            drafted(house=house, granted="1000.00")
            submitted(in_force(house=house, granted="1000.00")[0], house)
            _claim, batch = ordered(in_force(house=house, granted="1000.00")[0], house)
            if number % 2:
                pay(batch, house)

    return fill


def lists_and_pages():
    for model in (Agreement, PaymentClaim, PaymentOrder, PaymentBatch):
        name = model._meta.model_name
        yield reverse(f"admin:agreements_{name}_changelist")
        yield reverse(f"admin:agreements_{name}_change", args=[model.objects.order_by("pk").last().pk])
    yield reverse("admin:agreements_agreement_to-draft")
    yield reverse("admin:agreements_paymentbatch_change", args=[PaymentBatch.objects.filter(state="open").first().pk])
    yield reverse("admin:index")


def test_lists_and_pages_do_not_query_by_row(client):
    """Read by somebody who holds every role: more is shown, and asked, than to anybody else."""
    house = house_of()
    reader = staff(Role.INSTRUCTOR)
    hold_in_breach(reader, Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER)
    client.force_login(reader, backend="django.contrib.auth.backends.ModelBackend")
    assert_queries_do_not_grow(client, lists_and_pages(), fill_with(house))


def test_reports_are_read_in_few_queries(client):
    house = house_of("CPO")
    client.force_login(house.instructor, backend="django.contrib.auth.backends.ModelBackend")

    def fill(count: int) -> None:
        for _number in range(max(count // 9, 1)):
            agreement, _house = in_force("CPO", "180000.00", house=house)
            upload = SimpleUploadedFile("bilan.pdf", pdf("bilan"), content_type="application/pdf")
            first = agreement.tranches.order_by("rank").first()
            reports.file_report(
                first, summary="Fait.", spent_amount=Decimal("90000"), upload=upload, actor=house.member
            )

    def addresses():
        yield reverse("admin:agreements_tranchereport_changelist")
        yield reverse("admin:agreements_tranchereport_change", args=[TrancheReport.objects.first().pk])

    assert_queries_do_not_grow(client, addresses(), fill)
