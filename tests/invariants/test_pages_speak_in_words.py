"""The page of each thing on the staff site speaks in words: no code, no machine's moment, no value of a programming language."""

import re

import lxml.html
import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.figures.invariants import invariants
from core.figures.models import FigureFinding
from core.models import User

pytestmark = pytest.mark.django_db
ROWS = 2
RAW = re.compile(
    r"(?<![\w@./-])[a-z]+(?:_[a-z0-9]+)+(?![\w@.-])|\d{4}-\d\d-\d\d[T ]\d\d|\d\d:\d\d:\d\d\.\d|\bNone\b|\bTrue\b|\bFalse\b|Decimal\(|[{\[]['\"]"
)
# Names of icons, and what is shown as the proof covers it, beside its words.
DRAWN = "//script|//style|//svg|//template|//code|//*[contains(@class, 'material-symbols')]"


def pages():
    """The pages of the newest rows of everything that the staff site shows (lists and histories: test_breaking)."""
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label):
        for key in model._default_manager.order_by("-pk").values_list("pk", flat=True)[:ROWS]:
            yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[key])


def test_no_page_of_the_staff_site_shows_what_only_the_machine_says(region):
    client = Client()
    client.force_login(User.objects.get(email="audit@region.example"))
    found, read = {}, 0
    for address in pages():
        answer = client.get(address)
        if answer.status_code != 200:
            continue
        read += 1
        page = lxml.html.fromstring(answer.content.decode())
        for drawn in page.xpath(DRAWN):
            drawn.drop_tree()
        if raw := sorted({match for text in page.itertext() for match in RAW.findall(text)}):
            found[address] = raw
    assert found == {}
    assert read > 60


@pytest.mark.parametrize("reader", ["audit@region.example", "finances@region.example", "administration@region.example"])
def test_the_row_that_a_check_names_opens(region, reader):
    """For each kind of rows that a figure is about: the link of a finding leads to the page of the row, or there is none."""
    client, now = Client(), timezone.now()
    client.force_login(User.objects.get(email=reader))
    linked, closed = 0, {}
    for invariant in {invariant.subject: invariant for invariant in invariants()}.values():
        model = invariant.subject
        if (row := model._base_manager.order_by("-pk").first()) is None:
            continue
        FigureFinding.objects.create(
            code=invariant.code,
            model=model._meta.label_lower,
            object_id=row.pk,
            label="–",
            first_seen=now,
            last_seen=now,
        )
        page = client.get(reverse("admin:core_figurecheck_rows", args=[invariant.code])).content.decode()
        for address in lxml.html.fromstring(page).xpath("//table//th[@scope='row']/a/@href"):
            linked += 1
            answer = client.get(address)
            if answer.status_code != 200:
                closed[model._meta.label_lower] = (address, answer.status_code)
    assert closed == {}
    assert linked > 15
