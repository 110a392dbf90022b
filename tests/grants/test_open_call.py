"""What the public reads and simulates follows the open call, not the version that was loaded last."""

from copy import deepcopy

import pytest
from django.urls import reverse

from core.money import format_euros
from grants.models import ProgrammeVersion
from grants.rules.definition import read_definition
from grants.services.programmes import PROGRAMMES_FOLDER, load_definition
from grants.views.catalogue import entries, open_calls
from tests.factories.grants import has_closed
from tests.factories.instruction import CallFactory, version_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def call():
    """An open call of the first version; a second version with a lower ceiling and other words came since."""
    call = CallFactory(programme_version=version_of("PROGRESS1"))
    definition = deepcopy(read_definition(PROGRAMMES_FOLDER / "progress1.yaml"))
    definition["summary"] = {"fr": "Une phrase toute neuve, zygomatique.", "en": "A brand new sentence."}
    ceiling = next(step for axis in definition["aid"]["axes"] for step in axis["steps"] if step.get("amount") == 30000)
    ceiling["amount"] = 10000
    load_definition(definition)
    assert ProgrammeVersion.objects.filter(programme__code="PROGRESS1").count() == 2
    return call


def simulated(client) -> str:
    """The aid that the public page computes for 50,000 euros of expenses."""
    page = client.get(reverse("grants:programme", args=["PROGRESS1"]), {"general": "50000"})
    return format_euros(page.context["simulation"].result.amount).replace("\u202f", " ").replace("\xa0", " ")


def test_the_simulator_promises_what_the_open_call_gives(call, client):
    (entry,) = entries()
    assert entry.rules == call.programme_version.rules
    assert entry.rules != entry.newest.rules
    assert simulated(client) == "30 000,00 €"


def test_without_a_call_the_newest_rules_are_shown(call, client):
    has_closed(call)
    (entry,) = entries()
    assert entry.rules == entry.newest.rules
    assert simulated(client) == "10 000,00 €"


def test_the_home_page_and_the_search_speak_of_the_open_call(call, client):
    assert "zygomatique" not in str(open_calls()[0].summary)
    page = client.get(reverse("grants:catalogue"), {"q": "zygomatique"}).content.decode()
    assert call.programme_version.rules.name.fr not in page
    has_closed(call)
    page = client.get(reverse("grants:catalogue"), {"q": "zygomatique"}).content.decode()
    assert call.programme_version.rules.name.fr in page


def test_the_interface_names_the_version_of_the_open_call(call, client):
    (row,) = client.get("/api/v1/programmes/").json()["results"]
    assert row["version"] == 1
    has_closed(call)
    (row,) = client.get("/api/v1/programmes/").json()["results"]
    assert row["version"] == 2
