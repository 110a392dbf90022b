"""Every form that a test sends is watched (``tests.authors``): here, that the net holds."""

import pytest
from django.urls import reverse

from core.models import Event
from grants.models import Message
from grants.services import filing
from tests.factories.grants import filed

pytestmark = pytest.mark.django_db


def message_of(client, **more):
    case = filed()
    client.force_login(case.created_by)
    page = reverse("grants:write_message", args=[case.public_id])
    return case, client.post(page, {"body": "Bonjour", **more})


def test_a_message_to_the_service_leaves_an_event_of_its_author(client):
    case, response = message_of(client)
    assert response.status_code == 302
    event = Event.objects.of(case).get(action="message_to_service")
    assert (event.actor, event.data) == (case.created_by, {"message": Message.objects.get().pk})


def test_a_message_sent_twice_leaves_one_event(client):
    key = "8d1f3bd8-2f3c-4a51-9a35-2b1c39a8d0c6"
    case, _response = message_of(client, key=key)
    client.post(reverse("grants:write_message", args=[case.public_id]), {"body": "Bonjour", "key": key})
    assert Event.objects.of(case).filter(action="message_to_service").count() == 1


def test_a_form_that_leaves_no_event_fails_its_test(client, monkeypatch):
    monkeypatch.setattr(filing, "record", lambda *args, **kwargs: None)
    with pytest.raises(AssertionError, match="wrote without an event: .*grants_message"):
        message_of(client)
