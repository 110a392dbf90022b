"""The hashes of a sheet's rows: of the data, of what is shown of them, and of what no law removes from them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.workbooks.columns import Column, Erased, Removed, Stated

_UNSEEN = frozenset({Removed, Erased})


@dataclass(frozen=True)
class Hashes:
    """The hashes of a report, and how many of its texts are not shown; ``before`` is who says the hash of the data
    where ``erased`` texts keep it from being made again."""

    data: str
    shown: str
    lasting: str
    removed: int = 0
    erased: int = 0
    before: Stated | None = None


class DataDigest:
    """Takes the texts of a sheet chunk by chunk; hashes differ where texts were removed since.

    The lasting hash leaves out the columns whose texts the law may remove: it stays what it is, whatever is erased.
    """

    def __init__(self, columns: Iterable[Column] = ()):
        self._personal = [number for number, column in enumerate(columns) if column.personal]
        self._data, self._shown = hashlib.sha256(), None
        self._lasting = hashlib.sha256() if self._personal else None
        self._emptied: dict[int, list[str]] = {}
        self.removed = self.erased = 0

    def shown(self, number: int, values: list[Any], texts: list[str]) -> list[str]:
        """Return the texts of the chunk's column ``number`` as they are shown: empty where one was removed."""
        if _UNSEEN.isdisjoint(set(map(type, values))):
            return texts
        self.removed += sum(type(value) in _UNSEEN for value in values)
        self.erased += sum(type(value) is Erased for value in values)
        self._emptied[number] = [
            "" if type(value) in _UNSEEN else text for value, text in zip(values, texts, strict=True)
        ]
        return self._emptied[number]

    def update(self, columns: list[list[str]]) -> None:
        """Take in a chunk, the data's texts column by column."""
        if self._emptied and self._shown is None:
            self._shown = self._data.copy()
        self._data.update(_lines_of(columns))
        if self._shown is not None:
            self._shown.update(_lines_of([self._emptied.get(number, texts) for number, texts in enumerate(columns)]))
        if self._lasting is not None:
            nothing = dict.fromkeys(self._personal, [""] * len(columns[0]))
            self._lasting.update(_lines_of([nothing.get(number, texts) for number, texts in enumerate(columns)]))
        self._emptied = {}

    @property
    def of_data(self) -> str:
        """The SHA-256 of the rows as they were."""
        return self._data.hexdigest()

    @property
    def of_shown(self) -> str:
        """The SHA-256 of the rows as they are shown."""
        return (self._shown or self._data).hexdigest()

    @property
    def of_lasting(self) -> str:
        """The SHA-256 of the rows without what the law may remove."""
        return (self._lasting or self._data).hexdigest()


def _lines_of(columns: list[list[str]]) -> bytes:
    return "".join("\x1f".join(row) + "\n" for row in zip(*columns, strict=True)).encode()
