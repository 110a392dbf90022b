"""``write_csv``: the same columns as a workbook's sheet, as UTF-8 CSV (RFC 4180) that no spreadsheet will execute."""

import csv
import os
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from core.workbooks.cells import canonical_texts, neutralised
from core.workbooks.columns import NUMERIC_KINDS, Column, Sheet, Stated
from core.workbooks.digests import DataDigest
from core.workbooks.sheetxml import CHUNK_ROWS, Prepared
from core.workbooks.writer import Written, hashes_of

_PLAIN = NUMERIC_KINDS | {"date", "datetime", "boolean"}


def write_csv(
    path: str | os.PathLike,
    columns: Sequence[Column],
    rows: Iterable[Any],
    *,
    key: str = "data",
    headers: Sequence[str] | None = None,
    stated: Callable[[str], Stated | None] | None = None,
) -> Written:
    """Write the rows and return counts, totals and hash, equal to those of the same rows in a workbook.

    ``headers`` replaces the labels (a published format's own names). Amounts have a decimal point and no spaces,
    dates are ISO; texts that a spreadsheet would compute get an apostrophe in front.
    """
    path, prepared = Path(path), Prepared(Sheet(key, columns, key=key))
    digest, count = DataDigest(prepared.columns), 0
    totals = {column.key: Decimal("0.00") for column in columns if column.total}
    with NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8", newline=""
    ) as temporary:
        try:
            out = csv.writer(temporary, lineterminator="\r\n")
            out.writerow(headers or [str(column.label) for column in columns])
            rows = iter(rows)
            while chunk := list(islice(rows, CHUNK_ROWS)):
                texts, shown = [], []
                values = prepared.values(chunk)
                for number, (column, column_values) in enumerate(zip(columns, values, strict=True)):
                    texts.append(canonical_texts(column.kind, column_values, prepared.labels[number]))
                    shown.append(digest.shown(number, column_values, texts[-1]))
                    if column.key in totals:
                        totals[column.key] += sum(value for value in column_values if value is not None)
                digest.update(texts)
                safe = [
                    shown[number] if column.kind in _PLAIN else [neutralised(text) for text in shown[number]]
                    for number, column in enumerate(columns)
                ]
                out.writerows(zip(*safe, strict=True))
                count += len(chunk)
        except BaseException:
            os.unlink(temporary.name)
            raise
    os.chmod(temporary.name, 0o644)
    os.replace(temporary.name, path)
    hashes = hashes_of({key: digest}, stated)
    return Written(path, {key: count}, {key: totals}, hashes.data, hashes.shown, hashes.removed, hashes.lasting)
