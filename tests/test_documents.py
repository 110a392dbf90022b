"""What the documents promise is held by what they name: the tests and the figures that they speak of are there."""

import re
from collections.abc import Iterator
from pathlib import Path

from core.figures.invariants import invariants

BASE_DIR = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*BASE_DIR.glob("*.md"), *(BASE_DIR / "docs").rglob("*.md")])
NAMED = re.compile(r"`(?P<file>tests/[\w/]+\.py)?(?:::(?P<name>[\w:]+))?[^`\n]*`")
FIGURE = re.compile(r"`((?:core|applicants|grants|agreements|reporting)\.[a-z]+(?:-[a-z0-9]+)+)`")


def _named(text: str) -> Iterator[tuple[str, str]]:
    """File and test of each that a document names; ``::name`` alone stands in the file named last."""
    file = ""
    for found in NAMED.finditer(text):
        file = found["file"] or file
        if found["file"] or found["name"]:
            yield file, (found["name"] or "").rpartition("::")[2]


def _defined(file: str, known: dict[str, set[str]]) -> set[str]:
    if file not in known:
        path = BASE_DIR / file
        known[file] = {""} | set(re.findall(r"(?:def|class) (\w+)", path.read_text())) if path.is_file() else set()
    return known[file]


def test_a_test_that_a_document_names_stands_where_it_says():
    known: dict[str, set[str]] = {}
    missing = {
        f"{document.relative_to(BASE_DIR)}: {file}::{name}"
        for document in DOCUMENTS
        for file, name in _named(document.read_text())
        if name not in _defined(file, known)
    }
    assert not missing
    assert len(known) > 100, "the documents name more tests than that: are they still read?"


def test_a_figure_that_a_document_names_is_checked():
    codes = {invariant.code for invariant in invariants()}
    missing = {
        f"{document.relative_to(BASE_DIR)}: {code}"
        for document in DOCUMENTS
        for code in FIGURE.findall(document.read_text())
        if code not in codes
    }
    assert not missing
