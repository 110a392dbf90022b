"""The description of the REST interface, and its page."""

import pytest
from django.core.management import call_command
from django.urls import reverse


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
