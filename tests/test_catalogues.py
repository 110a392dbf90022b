"""French is complete: every text of the code and the templates has its translation, with the same placeholders."""

import re

import pytest

from config import messages
from config.messages import PACKAGES, messages_of, missing, open_catalogue

PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_is_translated(package):
    assert missing(package) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_translations_keep_their_placeholders(package):
    wrong = []
    for entry in open_catalogue(package):
        expected = set(PLACEHOLDER.findall(entry.msgid)) | set(PLACEHOLDER.findall(entry.msgid_plural or ""))
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            if text and not set(PLACEHOLDER.findall(text)) <= expected:
                wrong.append(entry.msgid)
    assert wrong == []


def test_texts_are_found_in_code_and_templates():
    """The check above would be worth nothing if the extraction found nothing."""
    assert len(messages_of("core")) > 50
    assert any(place.endswith(".html") for message in messages_of("core").values() for place, _line in message.places)


def test_texts_between_the_braces_of_f_strings_are_found(tmp_path, monkeypatch):
    """They were left out of the catalogues, and read in English."""
    monkeypatch.setattr(messages, "BASE_DIR", tmp_path)
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "page.py").write_text(
        "said = f\"{_('It is done.')} {ngettext('%(n)s row', '%(n)s rows', n)}\"\n"
    )
    found = messages_of("core")
    assert set(found) == {(None, "It is done."), (None, "%(n)s row")}
    assert found[None, "%(n)s row"].plural == "%(n)s rows"


def test_a_text_has_one_french_in_all_packages():
    """Django looks a text up in one merged catalogue: two meanings of one English word need a context each."""
    found: dict[tuple[str | None, str], dict[str, str]] = {}
    for package in PACKAGES:
        for entry in open_catalogue(package):
            if entry.msgstr:
                found.setdefault((entry.msgctxt, entry.msgid), {})[package] = entry.msgstr
    assert {key: texts for key, texts in found.items() if len(set(texts.values())) > 1} == {}
