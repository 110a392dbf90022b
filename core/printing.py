"""Papers: PDF by typst, tagged for accessibility (PDF/UA-1); Word documents from templates that an officer can edit.

What people typed is data, never markup or template code, in both.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import typst
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined
from jinja2.exceptions import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from core.dates import format_date_long, format_moment
from core.money import amount_in_words, format_euros

FOLDER = "documents"
LIBRARY = "core/essor.typ"
LOGO_TYPES = {".svg", ".png", ".jpg", ".jpeg"}
# What the two fonts that travel with typst can draw, for texts that hold something they cannot.
_DRAWABLE = re.compile(
    "[^\n\t\u0020-\u007e\u00a0-\u024f\u0370-\u03ff\u0400-\u04ff\u2010-\u2027\u202f-\u205e\u20ac\u2190-\u2193]"
)
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufff0-\uffff\ud800-\udfff]")
_CANNOT_DRAW = ("could not be displayed", "disallowed codepoint")


class PrintingError(RuntimeError):
    """A template that does not compile: an error of ours, named with its template."""


def find_template(name: str) -> Path:
    """The file of "<app>/<file>", in the folder ``documents`` of the app.

    Raises:
        PrintingError: no such app or file.
    """
    label, _slash, file = name.partition("/")
    try:
        path = Path(apps.get_app_config(label).path) / FOLDER / file
    except LookupError as error:
        raise PrintingError(f"{name}: a template is named <app>/<file>.") from error
    if not file or not path.is_file():
        raise PrintingError(f"{name}: no such file, {path}.")
    return path


def render_pdf(template: str, data: Mapping[str, Any]) -> bytes:
    """A tagged PDF (PDF/UA-1) from ``<app>/documents/<file>.typ``, in the active language.

    ``data`` reaches the template as ``data``. Texts, lists and mappings go as they are; amounts (Decimal) as
    ``12 345,67 €``, dates as ``23 novembre 2026``.

    Raises:
        PrintingError: the template is wrong, or expects something that ``data`` lacks.
    """
    source = find_template(template)
    files = {
        "main.typ": source.read_bytes(),
        "essor.typ": find_template(LIBRARY).read_bytes(),
        "words.json": _as_json(_words()),
        **_region_files(),
    }
    try:
        return _compile(files, _plain(data))
    except typst.TypstError as error:
        if not any(sign in str(error) for sign in _CANNOT_DRAW):
            raise PrintingError(f"{template}: {error}") from error
    try:
        return _compile(files, _plain(data), drawable_only=True)
    except typst.TypstError as error:
        raise PrintingError(f"{template}: {error}") from error


def _compile(files: dict[str, bytes], data: Any, *, drawable_only: bool = False) -> bytes:
    text = json.dumps(data, ensure_ascii=False)
    if drawable_only:
        # A sign that no font here can draw (an emoji, an ideogram) would make the whole paper fail: show a box.
        text = _DRAWABLE.sub("\u25a1", text)
    return typst.compile(
        {**files, "data.json": text.encode()}, format="pdf", pdf_standards=["ua-1"], ignore_system_fonts=True
    )


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    """``value`` as JSON has it, in the words of the active language."""
    match value:
        case None | bool() | int():
            return value
        case str() | Promise():
            return _INVISIBLE.sub("", str(value))
        case Decimal():
            return format_euros(value)
        case datetime():
            return format_moment(value)
        case date():
            return format_date_long(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__name__} is not printable: give a text.")


def _words() -> dict[str, str]:
    return {
        "lang": (get_language() or settings.LANGUAGE_CODE)[:2],
        "page": _("Page {number} of {total}"),
        "article": _("Article {number} – {title}"),
    }


def _region_files() -> dict[str, bytes]:
    region = {key: str(value) for key, value in settings.ESSOR_REGION.items()}
    logo = _logo(region.get("logo", ""))
    region["logo_file"] = logo[0] if logo else ""
    return {"region.json": _as_json(region), **({logo[0]: logo[1]} if logo else {})}


@cache
def _logo(setting: str) -> tuple[str, bytes] | None:
    """The Region's logo: its name in the typst project and its bytes; None when none is set or it is not there."""
    if not setting:
        return None
    found = setting if Path(setting).is_absolute() else finders.find(setting)
    path = Path(found) if found else None
    if path is None or not path.is_file() or path.suffix.lower() not in LOGO_TYPES:
        raise PrintingError(f"ESSOR_REGION_LOGO is {setting!r}: an SVG, PNG or JPEG file below static/, or its path.")
    return f"logo{path.suffix.lower()}", path.read_bytes()


# --- Word -----------------------------------------------------------------------------------------------------------


def _environment() -> SandboxedEnvironment:
    """Jinja for templates that officers edit: no access to the machine, and a missing name is an error, not a gap."""
    environment = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    environment.filters |= {
        "euros": format_euros,
        "words": lambda amount: amount_in_words(amount, (get_language() or "fr")[:2]),
        "long_date": format_date_long,
    }
    return environment


def render_docx(template: str | Path, data: Mapping[str, Any]) -> bytes:
    """A Word document from a template: "<app>/<file>.docx" or the path of a file that an officer provided.

    Filters: ``{{ amount|euros }}``, ``{{ amount|words }}``, ``{{ day|long_date }}``. Text is escaped.

    Raises:
        PrintingError: the template cannot be read, or names something that ``data`` lacks.
    """
    path = template if isinstance(template, Path) else find_template(template)
    document = DocxTemplate(path)
    try:
        document.render(_clean(data), _environment(), autoescape=True)
    except TemplateError as error:
        raise PrintingError(f"{path.name}: {error}") from error
    output = BytesIO()
    document.save(output)
    return output.getvalue()


def _clean(value: Any) -> Any:
    """The same, without the control characters that XML forbids."""
    match value:
        case str() | Promise():
            return _INVISIBLE.sub("", str(value))
        case Mapping():
            return {key: _clean(item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case _:
            return value
