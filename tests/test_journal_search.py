"""The journal is searched by the numbers that people read on pages and papers, not by those of rows."""

import pytest
from django.urls import reverse

from core.models import Event
from core.models.event import EventQuerySet
from tests.factories.agreements import in_force, ordered
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db


def found(client, term: str) -> EventQuerySet:
    answer = client.get(reverse("admin:core_event_changelist"), {"q": term})
    return answer.context["cl"].queryset.order_by("pk")


def test_what_happened_to_an_act_a_claim_and_a_batch_is_found_by_their_number(client):
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    client.force_login(UserFactory(administrator=True))
    for row, number in (
        (agreement.application, agreement.application.number),
        (agreement, agreement.number),
        (claim, claim.number.lower()),
        (batch, f" {batch.number} "),
    ):
        events = Event.objects.of(row).order_by("pk")
        assert events and list(found(client, number)) == list(events), number
    assert not found(client, f"{agreement.number}9")
    event = Event.objects.of(claim).last()
    assert event in found(client, str(claim.pk))
    assert list(found(client, event.hash)) == [event]
