"""The hashes of a sheet's rows: of the data, and of what is shown of them."""

import hashlib
from typing import Any

from core.workbooks.columns import Removed


class DataDigest:
    """Takes the texts of a sheet chunk by chunk; the two hashes differ where texts were removed since."""

    def __init__(self):
        self._data, self._shown = hashlib.sha256(), None
        self._emptied: dict[int, list[str]] = {}
        self.removed = 0

    def shown(self, number: int, values: list[Any], texts: list[str]) -> list[str]:
        """Return the texts of the chunk's column ``number`` as they are shown: empty where one was removed."""
        if Removed not in set(map(type, values)):
            return texts
        self.removed += sum(type(value) is Removed for value in values)
        self._emptied[number] = [
            "" if type(value) is Removed else text for value, text in zip(values, texts, strict=True)
        ]
        return self._emptied[number]

    def update(self, columns: list[list[str]]) -> None:
        """Take in a chunk, the data's texts column by column."""
        if self._emptied and self._shown is None:
            self._shown = self._data.copy()
        self._data.update(_lines_of(columns))
        if self._shown is not None:
            self._shown.update(_lines_of([self._emptied.get(number, texts) for number, texts in enumerate(columns)]))
        self._emptied = {}

    @property
    def of_data(self) -> str:
        """The SHA-256 of the rows as they were."""
        return self._data.hexdigest()

    @property
    def of_shown(self) -> str:
        """The SHA-256 of the rows as they are shown."""
        return (self._shown or self._data).hexdigest()


def _lines_of(columns: list[list[str]]) -> bytes:
    return "".join("\x1f".join(row) + "\n" for row in zip(*columns, strict=True)).encode()
