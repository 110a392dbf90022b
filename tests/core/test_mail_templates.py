"""Every mail of the product is plain text: nothing in it is written as HTML would have it."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from core.presentation import mail_words

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(
    path
    for package in ("core", "applicants", "grants", "agreements", "reporting")
    for path in (ROOT / package / "templates").rglob("mail/*.txt")
)


def test_there_are_mails_to_look_at():
    assert len(TEMPLATES) > 50


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_mail_escapes_nothing(path):
    """A name like “Bois local & Compagnie” stays as it is, in subjects too."""
    assert re.match(r"(\{% load [^%]+%\}\s*)*\{% autoescape off %\}", path.read_text())


@pytest.mark.parametrize(
    "path", [path for path in TEMPLATES if path.name.endswith(".body.txt")], ids=lambda path: path.stem
)
def test_a_mail_has_one_subject(path):
    subject = path.with_name(path.name.replace(".body.", ".subject."))
    assert len(subject.read_text().strip().splitlines()) == 1


@pytest.mark.parametrize(
    "path", [path for path in TEMPLATES if path.name.endswith(".body.txt")], ids=lambda path: path.stem
)
def test_a_mail_has_its_words_in_the_lists_of_the_staff(path):
    template = str(path.relative_to(next(parent for parent in path.parents if parent.name == "templates")))
    template = template.removesuffix(".body.txt")
    with translation.override("fr"):
        assert mail_words(template) not in (template, "")
