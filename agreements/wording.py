"""The wording of the acts, read from ``documents/wording/*.yaml`` and filled with a case.

The same filled text goes into the Word document and into the PDF: they cannot say two things.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml
from django.apps import apps
from jinja2 import StrictUndefined, Template
from jinja2.exceptions import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from core.dates import format_date_long
from core.money import amount_in_words, format_euros

COMMON = "common"
_BREAK = re.compile(r"\n\s*\n")
_SPACES = re.compile(r"[ \t\r\n]+")
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*$")


class WordingError(RuntimeError):
    """A wording that cannot be read or filled; ``str()`` names the file and the passage."""


@dataclass(frozen=True)
class Article:
    """A numbered article of an act."""

    number: int
    title: str
    paragraphs: list[str]


def wording(name: str) -> dict[str, Any]:
    """Return the passages of the programme's wording, on top of the common ones.

    Raises WordingError when the file does not exist or is not a wording.
    """
    return _read(COMMON) if name in ("", COMMON) else _merge(_read(COMMON), _read(name))


def wordings() -> list[str]:
    """Return the names of the wordings that are there: what a programme may name."""
    return [path.stem for path in _folder().glob("*.yaml") if _NAME.match(path.stem)]


def _folder() -> Path:
    return Path(apps.get_app_config("agreements").path) / "documents" / "wording"


@cache
def _read(name: str) -> dict[str, Any]:
    path = _folder() / f"{name}.yaml"
    if not _NAME.match(name) or not path.is_file():
        raise WordingError(f"There is no wording {name!r} in {path.parent.name}/.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise WordingError(f"{path.name}: {error}") from error
    if not isinstance(content, dict):
        raise WordingError(f"{path.name}: a wording is a list of named passages.")
    return content


def _merge(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The programme's passages win; its articles replace those of the same code, or come at their place."""
    merged = common | {key: value for key, value in own.items() if key not in ("articles", "recitals")}
    merged["recitals"] = [*common["recitals"], *own.get("recitals", [])]
    articles = {article["code"]: article for article in common["articles"]}
    order = list(articles)
    for article in own.get("articles", []):
        if article["code"] not in articles:
            after = article.get("after")
            order.insert(order.index(after) + 1 if after in order else len(order), article["code"])
        articles[article["code"]] = article
    merged["articles"] = [articles[code] for code in order]
    return merged


@cache
def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=False)
    environment.filters |= {"euros": format_euros, "words": amount_in_words, "long_date": format_date_long}
    return environment


@lru_cache(maxsize=1000)  # the passages of all wordings are some hundreds, and each act fills them again
def _template(passage: str) -> Template:
    return _environment().from_string(passage)


def _one_line(text: str) -> str:
    """One line with single spaces. No-break spaces stay: an amount is never cut at the end of a line."""
    return _SPACES.sub(" ", text).strip(" ")


class Filler:
    """Fills passages with the facts of one case."""

    def __init__(self, facts: Mapping[str, Any]):
        self.facts = facts

    def fill(self, passage: str) -> str:
        """Return one passage on one line. Raises WordingError, naming the passage."""
        return _one_line(self._render(passage))

    def paragraphs(self, passage: str) -> list[str]:
        """Return the filled paragraphs of a passage, without the empty ones."""
        parts = (_one_line(part) for part in _BREAK.split(self._render(passage)))
        return [part for part in parts if part]

    def articles(self, items: list[dict[str, str]]) -> list[Article]:
        """Return the articles that say something for this case, numbered."""
        filled = [(item["title"], self.paragraphs(item["text"])) for item in items]
        kept = [(title, texts) for title, texts in filled if texts]
        return [Article(number, self.fill(title), texts) for number, (title, texts) in enumerate(kept, 1)]

    def _render(self, passage: str) -> str:
        try:
            return _template(passage).render(self.facts)
        except TemplateError as error:
            raise WordingError(f"{passage[:80]!r}: {error}") from error
