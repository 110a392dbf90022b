"""The description of the REST interface, and its page."""

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.urls import reverse
from rest_framework.throttling import SimpleRateThrottle

from tests.factories.core import UserFactory


def test_the_schema_is_made_without_a_warning(tmp_path):
    out = tmp_path / "schema.yml"
    call_command("spectacular", file=str(out), validate=True, fail_on_warn=True)
    text = out.read_text()
    for path in ("programmes/", "calls/", "applications/", "operations/"):
        assert f"/api/v1/{path}:" in text


@pytest.mark.django_db
def test_the_description_and_its_page_are_public_and_leave_the_page_of_nobody_else(client):
    schema = client.get(reverse("api-schema"))
    assert schema.status_code == 200
    page = client.get(reverse("api-docs"))
    assert page.status_code == 200
    assert b"https://" not in page.content, "everything comes from this server"
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert client.get("/api/v1/").status_code == 403


@pytest.fixture
def two_a_minute(monkeypatch):
    cache.clear()
    for scope in ("anon", "user"):
        monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, "2/minute")
    yield
    cache.clear()


@pytest.mark.django_db
@pytest.mark.parametrize("signed_in", [False, True])
def test_one_who_asks_too_often_is_told_when_to_come_back(client, two_a_minute, signed_in):
    if signed_in:
        client.force_login(UserFactory(applicant=True), backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("api-operation-list")
    assert [client.get(address).status_code for _turn in range(3)] == [200, 200, 429]
    refused = client.get(address, headers={"X-Forwarded-For": "203.0.113.9"})
    assert refused.status_code == 429, "an address that the visitor writes is not believed"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["detail"]
    if signed_in:
        client.force_login(UserFactory(applicant=True), backend="django.contrib.auth.backends.ModelBackend")
        assert client.get(address).status_code == 200, "another person has a count of their own"
