"""The public pages: what the Region funds, how much, until when."""

import re

import pytest
from django.conf import settings
from django.urls import reverse

from tests.factories.grants import (
    open_call,
)
from tests.factories.instruction import version_of
from tests.grants.portal import plain

pytestmark = pytest.mark.django_db


@pytest.fixture
def programmes():
    return {code: open_call(code) for code in ("PROGRESS1", "CAPITAL-SCOP", "CPO")}


def test_the_catalogue_is_public(client, programmes):
    page = plain(client.get("/aides/"))
    assert "3 dispositifs" in page
    assert "jusqu’à 30 000 € par an" in page
    assert "encore" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=experimenter", {"PROGRESS1"}),
        ("q=SCOP+capital", {"CAPITAL-SCOP"}),
        ("q=zzz", set()),
        ("audience=network", {"CPO"}),
        ("audience=association", {"PROGRESS1", "CPO"}),
        ("purpose=capital", {"CAPITAL-SCOP"}),
        ("amount=50000", {"PROGRESS1", "CPO"}),
        ("deadline=open", {"PROGRESS1", "CAPITAL-SCOP", "CPO"}),
        ("deadline=soon", set()),
        ("audience=nonsense", {"PROGRESS1", "CAPITAL-SCOP", "CPO"}),
    ],
)
def test_search_and_filters(client, programmes, query, expected):
    content = client.get(f"/aides/?{query}").content.decode()
    assert {code for code in programmes if f'href="/aides/{code}/"' in content} == expected


def test_a_closed_programme_stays_in_the_catalogue(client):
    version_of("CPO")
    page = plain(client.get("/aides/"))
    assert "Fermé" in page
    assert "Aucun appel n’est annoncé" in page


@pytest.mark.parametrize("code", ["PROGRESS1", "CAPITAL-SCOP", "CPO"])
def test_a_programme_page_says_everything(client, programmes, code):
    response = client.get(f"/aides/{code}/")
    page = plain(response)
    rules = version_of(code).rules
    for text in (rules.catalogue.what, rules.catalogue.example, rules.pieces[0].label, rules.criteria[0].label):
        assert re.sub(r"\s+", " ", str(text)).replace("'", "'") in page
    assert "absents des textes publiés" in page
    assert rules.parameters[0].label.fr.split(" (")[0] in page
    assert reverse("grants:start", args=[programmes[code].code]) in response.content.decode()


def test_a_programme_is_found_whatever_the_case_and_404_otherwise(client, programmes):
    assert client.get("/aides/progress1/").status_code == 200
    assert client.get("/aides/nothing/").status_code == 404


def test_the_simulator_computes_with_the_rules(client, programmes):
    assert "30 000,00 €" in plain(client.get("/aides/PROGRESS1/?general=50000"))
    assert "Aide possible : 15 000,00 €" in plain(client.get("/aides/PROGRESS1/?engineering=30 000,00"))
    page = plain(client.get("/aides/CAPITAL-SCOP/?person1=3200&person2=7500"))
    assert "Aide possible : 8 200,00 €" in page
    page = plain(client.get("/aides/CPO/?cost1=100000&asked1=90000"))
    assert "Aide possible : 80 000,00 €" in page
    fragment = client.get("/aides/PROGRESS1/?general=20000", headers={"HX-Request": "true"})
    assert "16 000,00 €" in plain(fragment)
    assert "<html" not in fragment.content.decode()


def test_the_simulator_says_what_is_no_amount(client, programmes):
    response = client.get("/aides/PROGRESS1/?general=beaucoup")
    assert "n’est pas un montant" in plain(response)
    assert 'value="beaucoup"' in response.content.decode()


def test_the_catalogue_speaks_english(client, programmes):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    page = plain(client.get("/aides/PROGRESS1/"))
    assert "80% of eligible spending" in page
    assert "What it funds" in page


def test_catalogue_queries_do_not_grow(client, programmes, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        client.get("/aides/")
    with django_assert_max_num_queries(6):
        client.get("/aides/PROGRESS1/")
