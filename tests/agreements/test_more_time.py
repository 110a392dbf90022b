"""A claim after its last day: the officer gives more time, for a reason that the beneficiary reads; pages say what is
missing as the transition asks for it."""

from datetime import timedelta
from html import unescape

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agreements import claims
from agreements.models import Agreement, ClaimExtension, PaymentClaim
from core.dates import format_date_long
from core.models import OutboxMessage
from core.transitions import TransitionRefused, perform, spec_of
from tests.factories.agreements import House, in_force, opened
from tests.forms import form_to

pytestmark = pytest.mark.django_db
CONDITIONS = [(condition.__module__, condition.__name__) for condition in spec_of(PaymentClaim, "submit").conditions]


@pytest.fixture
def late() -> tuple[PaymentClaim, House]:
    """A claim of an act whose last day to claim was yesterday."""
    agreement, house = in_force()
    yesterday = timezone.localdate() - timedelta(days=1)
    Agreement.objects.filter(pk=agreement.pk).update(claim_deadline=yesterday)
    return opened(Agreement.objects.get(pk=agreement.pk), house, "advance"), house


def extend(claim: PaymentClaim, house: House, *, days: int = 30, reason: str = "Travaux retardés."):
    agreement = Agreement.objects.get(pk=claim.agreement_id)
    until = timezone.localdate() + timedelta(days=days)
    return perform(agreement, "extend_claims", actor=house.instructor, data={"until": until}, comment=reason)


def test_more_time_opens_the_claim_again_and_is_told(late, client):
    claim, house = late
    with pytest.raises(TransitionRefused, match="délai"):
        claims.submit(claim, actor=house.member)
    agreement = extend(claim, house)
    extension = agreement.extensions.get()
    assert (extension.granted_by, extension.reason) == (house.instructor, "Travaux retardés.")
    assert agreement.events.filter(action="extend_claims", actor=house.instructor).exists()
    mail = OutboxMessage.objects.get(template="agreements/mail/more_time")
    assert "Travaux retardés." in mail.body and f"{extension.until.year}" in mail.body
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    assert "Délai supplémentaire" in client.get(agreement.get_absolute_url()).content.decode()
    assert claims.submit(PaymentClaim.objects.get(pk=claim.pk), actor=house.member).state == "submitted"
    assert not OutboxMessage.objects.filter(template="agreements/mail/in_force").exclude(
        key=f"agreement-{agreement.pk}-in-force"
    )


def test_the_first_claim_may_be_given_more_time_too(monkeypatch):
    agreement, house = in_force()
    claim = opened(agreement, house, "advance")
    late = agreement.first_claim_deadline + timedelta(days=40)
    monkeypatch.setattr(timezone, "localdate", lambda *_args: late)
    with pytest.raises(TransitionRefused):
        claims.submit(claim, actor=house.member)
    extend(claim, house, days=10)
    assert claims.submit(PaymentClaim.objects.get(pk=claim.pk), actor=house.member).state == "submitted"


@pytest.mark.parametrize(("days", "reason"), [(-1, "Trop tard."), (30, "")])
def test_an_extension_gives_time_for_a_reason(late, days, reason):
    claim, house = late
    with pytest.raises(TransitionRefused):
        extend(claim, house, days=days, reason=reason)


def test_a_later_extension_goes_further_and_none_is_edited(late):
    claim, house = late
    agreement = extend(claim, house)
    with pytest.raises(TransitionRefused):
        extend(claim, house, days=20)
    extend(claim, house, days=60)
    with pytest.raises(IntegrityError), transaction.atomic():
        ClaimExtension.objects.create(
            agreement=agreement, until=timezone.localdate(), reason="Moins.", granted_by=house.instructor
        )
    with pytest.raises(Exception, match="append_only|Cannot update"), transaction.atomic():
        ClaimExtension.objects.update(reason="Autre.")


def test_an_agreement_without_a_last_day_needs_no_extension():
    agreement, house = in_force("CPO", "180000.00")
    Agreement.objects.filter(pk=agreement.pk).update(claim_deadline=None)
    with pytest.raises(TransitionRefused, match="date limite|dernier jour"):
        perform(
            agreement, "extend_claims", actor=house.instructor, comment="Plus.",
            data={"until": timezone.localdate() + timedelta(days=9)},
        )  # fmt: skip


@pytest.mark.parametrize(("module", "name"), CONDITIONS)
def test_the_page_lists_whatever_the_filing_asks(client, monkeypatch, module, name):
    agreement, house = in_force()
    claim = opened(agreement, house)
    refuses = lambda claim, data, actor: {"__all__": "Il manque ceci encore."}  # noqa: E731
    refuses.__name__ = name
    monkeypatch.setattr(f"{module}.{name}", refuses)
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(claim.get_absolute_url()).content.decode()
    assert "Il manque ceci encore." in page and "Tout y est" not in page


@pytest.mark.old_pages
def test_two_people_who_give_more_time_read_both_days(late):
    claim, house = late
    one, two = Client(), Client()
    for client in (one, two):
        client.force_login(house.instructor, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:agreements_agreement_transition", args=[claim.agreement_id, "extend_claims"])
    forms = [form_to(client.get(address), "/extend_claims/") for client in (one, two)]
    days = [timezone.localdate() + timedelta(days=days) for days in (30, 45)]
    typed = [{"until": day.isoformat(), "comment": "Travaux retardés."} for day in days]
    assert one.post(forms[0].action, forms[0].fields | typed[0]).status_code == 302
    answer = two.post(forms[1].action, forms[1].fields | typed[1])
    assert answer.status_code == 409
    words = unescape(answer.content.decode())
    assert format_date_long(days[0]) in words, "the day that was given meanwhile"
    assert format_date_long(days[1]) in words, "the day that was typed"
