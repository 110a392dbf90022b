"""What screens say of amounts, dates, states and files."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone, translation

from core import icons, presentation
from core.site.sometimes import sometimes
from core.templatetags import essor
from tests.core.sample.models import Case, CaseState

NARROW = "\u202f"


def render(text: str, **context: object) -> str:
    return Template("{% load essor %}" + text).render(Context(context))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("12345.67"), f"12{NARROW}345,67{NARROW}€"),
        ("1000", f"1{NARROW}000,00{NARROW}€"),
        (0, f"0,00{NARROW}€"),
        (None, "–"),
        ("", "–"),
    ],
)
def test_euros(value: object, expected: str) -> None:
    assert essor.euros(value) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (Decimal("0.8"), "ratio", f"80{NARROW}%"),
        (Decimal("0.7324"), "ratio", f"73,24{NARROW}%"),
        (Decimal("66.6667"), "points", f"66,67{NARROW}%"),
        (Decimal("0"), "ratio", f"0{NARROW}%"),
        (Decimal("0.505"), "ratio", f"50,5{NARROW}%"),
        (None, "ratio", "–"),
    ],
)
def test_percent(value: object, unit: str, expected: str) -> None:
    assert essor.percent(value, unit) == expected


def test_sizes_in_the_units_of_peoples_machines() -> None:
    assert [essor.file_size(size).replace("\xa0", " ") for size in (59, 13_500, 1_300_000)] == [
        "59 octets",
        "13,2 Ko",
        "1,2 Mo",
    ]
    with translation.override("en"):
        assert essor.file_size(13_500).replace("\xa0", " ") == "13.2 KB"


def test_dates_in_french_and_english() -> None:
    day = datetime(2026, 11, 23, 22, 47, tzinfo=ZoneInfo("Europe/Paris"))
    assert essor.long_date(day) == "23 novembre 2026"
    assert essor.short_date(day.date()) == "23/11/2026"
    assert essor.moment(day) == "23 novembre 2026, 22\u00a0h\u00a047"
    with translation.override("en"):
        assert essor.moment(day) == "23 November 2026, 10:47 PM"
        assert essor.short_date(day.date()) == "23 Nov 2026"
        # A day typed with figures is read as everywhere in France, also by an English reader.
        assert forms.DateField().clean("01/06/2026") == forms.DateField().clean("1 Jun 2026") == date(2026, 6, 1)
    assert essor.long_date(day.replace(day=1)) == "1er novembre 2026"
    assert essor.long_date(None) == essor.short_date(None) == essor.moment(None) == ""


@pytest.mark.parametrize(
    ("days", "words"),
    [(12, "encore 12 jours"), (1, "encore 1 jour"), (0, "dernier jour aujourd’hui"), (-3, "3 jours de retard")],
)
def test_deadlines_in_words(days: int, words: str) -> None:
    assert essor.days_left(timezone.localdate() + timedelta(days=days)) == words


def test_what_a_timeline_says_of_when() -> None:
    assert essor.when(date(2027, 2, 5)) == "5 février 2027"
    assert essor.when("environ 4 semaines") == "environ 4 semaines"


def test_a_state_is_a_word_and_an_icon() -> None:
    case = Case(state=CaseState.SUBMITTED)
    shown = essor.state_pill(case)
    assert "Received" in shown and "<svg" in shown and 'class="pill wait"' in shown
    assert "Submitted" in essor.state_pill(case, audience="staff")
    assert essor.state_pill(None) == ""


def test_a_model_chooses_its_own_tones(monkeypatch) -> None:
    monkeypatch.setattr(Case, "STATE_TONES", {"submitted": "act"}, raising=False)
    assert presentation.tone_of(Case(), "submitted") == "act"
    assert presentation.tone_of(Case(), "accepted") == "ok"
    assert presentation.tone_of(Case(), "never-heard-of") == "idle"


def test_text_in_a_pill_is_escaped() -> None:
    assert "&lt;b&gt;" in essor.pill("<b>", "no")


@pytest.mark.parametrize("name", sorted(icons.PATHS))
def test_every_icon_draws(name: str) -> None:
    assert "<path" in essor.icon(name)
    assert 'aria-label="Fait"' in essor.icon(name, label="Fait")


def test_every_tone_has_an_icon() -> None:
    assert set(presentation.ICONS) == set(presentation.TONES)
    assert set(presentation.ICONS.values()) <= set(icons.PATHS)


def test_links_keep_the_query_string() -> None:
    request = RequestFactory().get("/", {"q": "a b", "page": "3"})
    assert render("{% query page=4 %}", request=request) == "?q=a+b&amp;page=4"
    assert render("{% query page=None %}", request=request) == "?q=a+b"
    assert render("{% query page=None q=None %}", request=request) == "?"


class SampleForm(forms.Form):
    name = forms.CharField(label="Nom", help_text="Tel qu’au répertoire")
    note = forms.CharField(label="Note", required=False)
    reason = sometimes(forms.CharField(label="Motif", help_text="Obligatoire en cas de refus"))
    kind = forms.ChoiceField(label="Genre", choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    sure = forms.BooleanField(label="Certain")
    token = forms.CharField(widget=forms.HiddenInput, initial="x")


def test_a_field_ties_label_help_and_error_together() -> None:
    form = SampleForm({"token": "x"})
    page = render('{% include "essor/components/errors.html" %}{% include "essor/components/fields.html" %}', form=form)
    assert '<label for="id_name">' in page
    assert 'aria-describedby="id_name_helptext id_name_error"' in page
    assert 'id="id_name_error"' in page and 'id="id_name_helptext"' in page
    assert '<a href="#id_name">Nom</a>' in page
    assert "<legend>Genre" in page and page.count('type="radio"') == 2
    assert "3 points à corriger" in page
    assert page.count('name="token"') == 1
    assert "facultatif" in page.split('for="id_note"')[1].split("</label>")[0]
    assert "facultatif" not in page.split('for="id_reason"')[1].split("</label>")[0]  # it may be compulsory
    assert "reason" not in form.errors


def test_each_summary_of_a_page_has_a_title_of_its_own() -> None:
    """A page with several forms that were refused: a screen reader would read the first title for each of them."""

    class Asked(forms.Form):
        name = forms.CharField()

    include = '{% for form in forms %}{% include "essor/components/errors.html" %}{% endfor %}'
    page = render(include, forms=[Asked({}), Asked({}), Asked({})])
    titles = re.findall(r'<h2 id="([^"]+)"', page)
    assert len(titles) == len(set(titles)) == 3
    assert re.findall(r'aria-labelledby="([^"]+)"', page) == titles


def test_a_form_without_fault_shows_no_summary() -> None:
    assert render('{% include "essor/components/errors.html" %}', form=SampleForm()).strip() == ""


def test_a_table_with_totals_and_an_empty_one() -> None:
    columns = [{"label": "Poste", "key": "label", "kind": "text"}, {"label": "Montant", "key": "sum", "kind": "money"}]
    rows = [{"label": "Achats", "sum": Decimal("10")}, {"label": "Divers", "sum": None}]
    table = {"caption": "Budget", "columns": columns, "rows": rows, "totals": {"sum": Decimal("10")}, "empty": "Rien."}
    page = render('{% include "essor/components/table.html" %}', table=table)
    assert page.count(f"10,00{NARROW}€") == 2
    assert "<tfoot>" in page and "<caption>Budget</caption>" in page
    assert "Rien." in render('{% include "essor/components/table.html" %}', table=table | {"rows": []})


def test_pages_are_links_that_keep_the_filters() -> None:
    page = Paginator(list(range(100)), 10).get_page(5)
    request = RequestFactory().get("/", {"q": "x"})
    shown = render('{% include "essor/components/pagination.html" %}', page_obj=page, request=request)
    assert 'href="?q=x&amp;page=6"' in shown and 'aria-current="page">5<' in shown
    single = Paginator([1], 10).get_page(1)
    assert render('{% include "essor/components/pagination.html" %}', page_obj=single, request=request).strip() == ""


def test_a_timeline_says_what_is_done_now_and_later() -> None:
    steps = [
        {"title": "Dépôt", "when": date(2026, 11, 3), "status": "done"},
        {"title": "Pièces", "when": None, "status": "now", "text": "En cours"},
        {"title": "Comité", "when": "en février", "status": "later"},
    ]
    page = render('{% include "essor/components/timeline.html" %}', steps=steps)
    assert 'class="now" aria-current="step"' in page
    assert "(fait)" in page and "(à venir)" in page and "3 novembre 2026" in page
