"""Every hidden field of every page and of every form says here what it is for: none decides what nobody read.

A hidden field may name the row that it stands beside, carry what the page showed (compared when it comes back), say where
to go, or stand for the button of a page whose words ask the question. A new one fails the test until it is one of these.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django import forms
from django.conf import settings
from django.urls import get_resolver

from tests.test_writing_views import names

APPS = ("core", "applicants", "grants", "agreements", "reporting")

VERSION = "what the page showed: compared when it comes back (core.engine.versions, core.importexport.shown)"
COMPARED = "what the page showed, compared with what is there before anything is done"
ROW = "names the row, or the rows, beside which it stands; who may act on it is asked when it comes back"
ASKED = "the page asks the question in words, and its button answers it"
TYPED = "repeats what the person typed, ticked or chose on the page before, which shows it"
GOES = "where to go afterwards: an address of this site, or nothing"
ONCE = "a key by which the same sending is taken once (core.engine.once)"

OF_TEMPLATES = {
    "shown": VERSION,
    "{{ item.pk }}-shown": VERSION,
    "{{ field }}": VERSION,
    "v-{{ view.question.code }}": VERSION,
    "p-{{ view.question.code }}": "which questions the page asked: the others are left as they are",
    "checked": COMPARED,
    "seen": COMPARED,
    "address": COMPARED,
    "request": COMPARED,
    "ended": COMPARED,
    "{{ name }}": TYPED,
    "{{ prefix }}{{ name }}": TYPED,
    "{{ file_prefix }}{{ name }}": TYPED,
    "{{ mark }}": TYPED,
    "{{ typed_by }}": "whose words they are: nobody else sends them again",
    "{{ page }}": "the title of the page, for its own words",
    "{{ target }}": GOES,
    "next": GOES,
    "page": GOES,
    "action": "the action of a list of which this is the second page",
    "{{ checkbox_name }}": ROW,
    "form": "which of the forms whose words the page told are let go: what another window keeps meanwhile stays",
    "application": ROW,
    "code": ROW,
    "member": ROW,
    "opinion": ROW,
    "piece": ROW,
    "answer_links": "says that the question of the links stood on the page: where it did not, no answer is no answer",
    "attested": ASKED,
    "sure": ASKED,
    "withdraw": ASKED,
    "token": ONCE,
}
"""By its name in the template."""

OF_FORMS = {
    "answer": ASKED,
    "version": COMPARED,
    "sha256": COMPARED,
    "address": COMPARED,
    "another": "asked in words, as a box to tick, where the same is there already",
    "code": ROW,
    "opinion": ROW,
    "piece": ROW,
    "warning": ROW,
    "shown": VERSION,
    "change_reason": TYPED,
    "import_file_name": COMPARED,
    "export_items": ROW,
    "original_file_name": TYPED,
    "format": "one value",
    "resource": "one value",
}
"""By its name in the form."""


def hidden_in_templates() -> Iterator[tuple[str, str]]:
    for app in APPS:
        for path in sorted((Path(settings.BASE_DIR) / app / "templates").rglob("*.html")):
            for tag in re.findall(r"<input\b(?:[^>\"]|\"[^\"]*\")*>", path.read_text()):
                if re.search(r"""type=["']hidden["']""", tag):
                    yield re.search(r'name="([^"]*)"', tag)[1], path.name


def every(form: type[forms.BaseForm]) -> Iterator[type[forms.BaseForm]]:
    for below in form.__subclasses__():
        yield below
        yield from every(below)


def test_every_hidden_field_of_a_template_says_what_it_is_for():
    found = {name for name, _path in hidden_in_templates()}
    assert found == {*OF_TEMPLATES}


@pytest.mark.django_db
def test_every_hidden_field_of_a_form_says_what_it_is_for():
    assert [*names(get_resolver().url_patterns)]  # every view is loaded, with its forms
    for path in (path for app in APPS for path in (Path(settings.BASE_DIR) / app).rglob("*forms*")):
        for module in [path, *path.glob("*.py")] if path.is_dir() else [path]:
            if module.suffix == ".py":
                import_module(".".join(module.relative_to(settings.BASE_DIR).with_suffix("").parts))
    ours = {form for form in every(forms.BaseForm) if form.__module__.startswith(tuple(f"{app}." for app in APPS))}
    fields = {(form, name): item for form in ours for name, item in form.base_fields.items()}
    hidden = {name for (_form, name), item in fields.items() if item.widget.is_hidden}
    assert hidden == {*OF_FORMS}
