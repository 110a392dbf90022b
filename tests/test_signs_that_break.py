"""What nobody types by hand, in every address and every field of the portal, is answered: never by an error 500.

"²" is a digit to ``str.isdigit`` and no number to ``int``; NUL has no place in any column of the database.
"""

import re
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import BadRequest, ValidationError
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, get_resolver

from agreements.admin.forms import LinesForm
from agreements.claims import _amount_problems
from core.money import MAX_AMOUNT, EuroField
from core.workbooks.values import CellRefused, to_money, to_text
from grants.rules.answers import parse_amount
from tests.factories.core import UserFactory
from tests.factories.grants import filed
from tests.forms import forms_of
from tests.test_writing_views import (
    key_of,
    portal_pages_of_agreements,
    portal_pages_of_applicants,
    portal_pages_of_cases,
)

ROOT = Path(__file__).resolve().parent.parent
APPS = ("core", "applicants", "grants", "agreements", "reporting")
SIGN = "²\0"
LEAVES = ("core:logout", "core.views.account.sign_out")
PORTAL = (portal_pages_of_applicants, portal_pages_of_cases, portal_pages_of_agreements)
QUERY = ("next", "seen", "page", "p", "q", "applicant", "token", "state__exact", "o", "check", "instructor", "action")
SAMPLES = {
    "int": "1",
    "uuid": str(uuid.UUID(int=1)),
    "slug": "a",
    "path": "a%00",
    "str": "a%00",
    "drf_format_suffix": "",
}
_PLACE = re.compile(r"<(?:(\w+):)?\w+>")


def routes(patterns=None, before: str = "") -> Iterator[str]:
    """Every address of the product that is written with converters, with a sample in each place."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        if not isinstance(pattern, URLPattern):
            yield from routes(pattern.url_patterns, route)
        elif not re.search(r"[\\^$(]", route):
            yield "/" + _PLACE.sub(lambda place: SAMPLES[place[1] or "str"], route)


def signed_in(user) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("person", ["member", "staff"])
def test_every_address_answers(person):
    user = UserFactory(applicant=True) if person == "member" else UserFactory(head_of_service=True)
    client = signed_in(user)
    addresses = [route for route in routes() if route.startswith("/admin/") == (person == "staff")]
    assert len(addresses) > 20
    for sign in (SIGN, "²"):
        broken = [route for route in addresses if client.get(route, dict.fromkeys(QUERY, sign)).status_code >= 500]
        assert broken == []
    assert [route for route in addresses if "%00" in route and client.get(route).status_code != 404] == []


@pytest.mark.django_db
@pytest.mark.parametrize("pages", PORTAL, ids=lambda pages: pages.__name__)
def test_every_field_of_the_portal_answers(pages):
    seen = set()
    for user, addresses in pages():
        client = signed_in(user)
        for address in addresses:
            for form in forms_of(client.get(address, follow=True), address):
                if key_of(form.action) in LEAVES:
                    continue
                for name in form.fields:
                    if (key := (key_of(form.action), re.sub(r"[0-9]+", "0", name))) in seen:
                        continue
                    seen.add(key)
                    answer = client.post(form.action, form.fields | {name: SIGN})
                    assert answer.status_code < 500, key
    assert len(seen) > 8


@pytest.mark.django_db
def test_a_bare_word_is_no_address_to_go_back_to():
    case = filed()
    client = signed_in(case.created_by)
    page = f"/ma-structure/{case.applicant_id}/modifier/"
    form = next(form for form in forms_of(client.get(page)) if "email" in form.fields)
    answer = client.post(page, form.fields | {"next": "foo"})
    assert (answer.status_code, answer.url) == (302, f"/ma-structure/{case.applicant_id}/")


@pytest.mark.django_db
def test_a_message_loses_the_sign_that_nobody_sees_and_nothing_else():
    case = filed()
    client = signed_in(case.created_by)
    client.post(f"/mes-dossiers/{case.public_id}/messages/", {"body": "Bon\0jour ²"})
    assert case.messages.get().body == "Bonjour ²"


def test_nothing_takes_a_sign_for_a_digit():
    """``core.text.is_number`` is the one test of what ``int`` is then given."""
    found = []
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if ".isdigit(" in (text := path.read_text(encoding="utf-8")) or ".isnumeric(" in text:
                found.append(str(path.relative_to(ROOT)))
    assert found == []


@pytest.mark.parametrize("amount", ["100 000 000 000", "1" * 15, "1" * 400])
def test_one_rule_says_what_is_no_plausible_amount(amount):
    with pytest.raises(ValidationError):
        EuroField().clean(amount)
    with pytest.raises(CellRefused):
        to_money(amount)
    assert parse_amount(amount) is None
    assert "trop élevé" in _amount_problems({"declared_amount": Decimal(amount.replace(" ", ""))})["declared_amount"]


@pytest.mark.parametrize("raw", [1e308, float("inf"), float("nan")])
def test_a_cell_of_any_size_is_read_or_refused(raw):
    with pytest.raises(CellRefused):
        to_money(raw)
    assert to_text(raw)


def test_digits_of_other_scripts_are_no_amount():
    with pytest.raises(ValidationError):
        EuroField().clean("٣")
    assert EuroField().clean("99 999 999 999,99") == MAX_AMOUNT


@pytest.mark.parametrize("sent", ["amount-²=5", "reason-66=Coupe", "amount-7=5&amount-7=6"])
def test_lines_of_another_claim_are_not_passed_over(sent):
    line = SimpleNamespace(pk=7, rank=1, declared_amount=MAX_AMOUNT, certified_amount=None, certified_reason="")
    LinesForm(QueryDict("amount-7=5&reason-7="), lines=[line]).refuse_others()
    with pytest.raises(BadRequest):
        LinesForm(QueryDict(sent), lines=[line]).refuse_others()
