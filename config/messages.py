"""The texts to translate: found in code and templates without GNU gettext, kept in one catalogue for each package.

``python -m config.messages`` brings the catalogues up to date and says what is not translated; ``--check`` writes
nothing and ends with 1 when a text has no translation (tests and CI).
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import polib
from babel.messages.extract import extract
from django.utils.translation import templatize

BASE_DIR = Path(__file__).resolve().parent.parent
PACKAGES = ("config", "core", "applicants", "grants", "agreements", "reporting", "demo")
LANGUAGE = "fr"
TEMPLATES = (".html", ".txt")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "_gettext": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


@dataclass
class Message:
    """One text to translate, with where it stands."""

    text: str
    plural: str = ""
    context: str | None = None
    places: list[tuple[str, str]] = field(default_factory=list)

    @property
    def key(self) -> tuple[str | None, str]:
        return self.context, self.text


def messages_of(package: str) -> dict[tuple[str | None, str], Message]:
    """Every text of a package by (context, text)."""
    found: dict[tuple[str | None, str], Message] = {}
    for path in sorted((BASE_DIR / package).rglob("*")):
        if "migrations" in path.parts or "locale" in path.parts or path.suffix not in (".py", *TEMPLATES):
            continue
        place = str(path.relative_to(BASE_DIR))
        for message, line in _extract(path):
            kept = found.setdefault(message.key, message)
            kept.plural = kept.plural or message.plural
            kept.places.append((place, str(line)))
    return found


def _extract(path: Path) -> Iterator[tuple[Message, int]]:
    source = path.read_text(encoding="utf-8")
    if path.suffix in TEMPLATES:
        # What is not text becomes filler, whose indentation means nothing.
        source = "\n".join(line.lstrip() for line in templatize(source, origin=str(path)).splitlines())
    else:
        yield from _in_f_strings(source)
    yield from _in_code(source)


def _in_f_strings(source: str) -> Iterator[tuple[Message, int]]:
    """The texts between the braces of f-strings: whoever reads the code as text takes them for a part of the string."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FormattedValue):
            yield from ((message, node.lineno) for message, _line in _in_code(ast.unparse(node.value)))


def _in_code(source: str) -> Iterator[tuple[Message, int]]:
    for line, texts, _comments, context in extract(
        "python", BytesIO(source.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"}
    ):
        text, plural = (texts[0], texts[1]) if isinstance(texts, tuple) else (texts, "")
        if text:
            yield Message(text, plural, context or None), line


def catalogue_path(package: str) -> Path:
    """The French catalogue of a package; that of ``config`` lies at the root."""
    folder = BASE_DIR if package == "config" else BASE_DIR / package
    return folder / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"


def open_catalogue(package: str) -> polib.POFile:
    """The catalogue of a package, empty when there is none yet."""
    path = catalogue_path(package)
    if path.is_file():
        return polib.pofile(str(path), wrapwidth=118)
    catalogue = polib.POFile(wrapwidth=118)
    catalogue.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": LANGUAGE,
        "Plural-Forms": "nplurals=2; plural=(n > 1);",
    }
    return catalogue


def missing(package: str) -> list[str]:
    """The texts of a package without a translation, each with the place where it stands first."""
    translated = {
        (entry.msgctxt, entry.msgid)
        for entry in open_catalogue(package)
        if not entry.obsolete and not entry.fuzzy and entry.translated()
    }
    return [
        f"{':'.join(message.places[0])}: {message.text!r}"
        for key, message in messages_of(package).items()
        if key not in translated
    ]


def update(package: str) -> None:
    """Bring a catalogue up to date: new texts come in untranslated, texts that are gone leave."""
    found = messages_of(package)
    if not found:
        return
    known = {(entry.msgctxt, entry.msgid): entry for entry in open_catalogue(package)}
    catalogue = open_catalogue(package)
    catalogue.clear()
    for key, message in sorted(found.items(), key=lambda item: (item[0][1], item[0][0] or "")):
        entry = known.get(key) or polib.POEntry(msgid=message.text, msgctxt=message.context)
        entry.occurrences = []  # places move with each commit: they would hide the changes that matter
        entry.obsolete = False
        if message.plural and not entry.msgid_plural:
            entry.msgid_plural = message.plural
            entry.msgstr_plural = {0: entry.msgstr, 1: entry.msgstr}
            entry.msgstr = ""
        catalogue.append(entry)
    path = catalogue_path(package)
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue.save(str(path))


def main(arguments: list[str]) -> int:
    """Exit code 1 when a text has no French translation."""
    if "--check" not in arguments:
        for package in PACKAGES:
            update(package)
    lacking = [line for package in PACKAGES for line in missing(package)]
    for line in lacking:
        print(line)
    print(f"{len(lacking)} texts without a French translation.")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
