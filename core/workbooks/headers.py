"""Finding the columns of a file by the text of their headers, wherever they stand, and saying what is amiss."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.text import fold
from core.workbooks.columns import Column

BESIDE_REFUSED_ROWS = (
    Column("_row", gettext_lazy("Row in the file"), "integer", width=10),
    Column("_reasons", gettext_lazy("Why it was refused"), width=60),
)
"""What a workbook of refused rows says of each: it may come back with it."""
LOOKED_AT = 40  # a header stands within the first rows, below a title perhaps


@dataclass
class HeaderMatch:
    """Where each column stands: place in the row by key, the header's text by key, its row's number.

    ``meanings`` are the keys of the columns that a folded text may mean.
    """

    row: int
    places: dict[str, int]
    texts: dict[str, str]
    all_texts: list[str]
    meanings: dict[str, list[str]]

    def doubled(self) -> dict[str, str]:
        """The headers that mean a column that another one stands over already: one would be read and the other left out.
        By header, the one that is read: the same text, or another name or language of it."""
        return {
            text: self.texts[key]
            for text in self.unused()
            for key in self.meanings.get(fold(text), ())
            if key in self.texts
        }

    def ignored(self) -> list[str]:
        """The headers of which nothing is read, but for those that a workbook of refused rows has beside its columns."""
        own = {name for column in BESIDE_REFUSED_ROWS for name in names_of(column)}
        return [text for text in self.unused() if fold(text) not in own]

    def unused(self) -> list[str]:
        taken = set(self.places.values())
        return [text for place, text in enumerate(self.all_texts) if text and place not in taken]


def names_of(column: Column) -> list[str]:
    """Return the folded texts that mean this column: key, label in every language, aliases."""
    names = [column.key, *column.aliases]
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            names.append(str(column.label))
    return list(dict.fromkeys(folded for name in names if (folded := fold(str(name)))))


def match_header(columns: Sequence[Column], cells: Sequence[Any], row: int) -> HeaderMatch:
    """Match one row of cells with the columns; each cell serves one column, exact names first."""
    texts = [" ".join(str(cell).split()) if cell is not None else "" for cell in cells]
    folded = [fold(text) for text in texts]
    places: dict[str, int] = {}
    meanings: dict[str, list[str]] = {}
    for column in columns:
        names = names_of(column)
        for name in names:
            meanings.setdefault(name, []).append(column.key)
        for name in names:
            place = next((p for p, text in enumerate(folded) if text == name and p not in places.values()), None)
            if place is not None:
                places[column.key] = place
                break
    return HeaderMatch(row, places, {key: texts[place] for key, place in places.items()}, texts, meanings)


def find_header(columns: Sequence[Column], rows: Sequence[tuple[int, Sequence[Any]]]) -> HeaderMatch | None:
    """Return the best match among the first rows; None when no row looks like the header."""
    matches = [match_header(columns, cells, row) for row, cells in rows]
    best = max(matches, key=lambda match: len(match.places), default=None)
    required = [column for column in columns if column.required]
    # A table of which no column is compulsory may come with two of them only.
    needed = max(1, len(required) // 3) if required else min(2, len(columns))
    if best is None or len(best.places) < needed:
        return None
    return best


def missing_columns(columns: Sequence[Column], match: HeaderMatch) -> list[tuple[Column, str]]:
    """Return the required columns that were not found, each with a sentence: what was found, what was meant."""
    found = match.unused()
    answers = []
    for column in columns:
        if not column.required or column.key in match.places:
            continue
        sentence = _("The column “%(label)s” was not found.") % {"label": column.label}
        near = get_close_matches(fold(str(column.label)), [fold(text) for text in found], n=1, cutoff=0.6)
        if near:
            meant = next(text for text in found if fold(text) == near[0])
            sentence += " " + _("Is it the column “%(found)s”? Then rename it.") % {"found": meant}
        elif found:
            listed = ", ".join(f"“{text}”" for text in found[:12])
            sentence += " " + _("Columns that were found and not used: %(listed)s.") % {"listed": listed}
        else:
            sentence += " " + _("Add it with this exact header.")
        answers.append((column, sentence))
    return answers
