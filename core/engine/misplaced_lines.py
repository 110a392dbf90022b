"""Sealed history lines that say another row, or took each other's number: the history as it was sealed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from core.engine.broken_lines import EXPLAINED, SEAL_HOLDS, json_of, keys_of, lines_that_do_not_hold, proves
from core.engine.findings import Finding, line_in_words
from core.engine.lines import Lines


def misplaced_lines(lines: Lines) -> tuple[dict[int, str], dict[int, int]]:
    """The lines that say another row than the one of which they were sealed: {``pgh_id``: the key of that row}; and those
    that took each other's number, see :func:`renumbered_lines`."""
    broken = lines_that_do_not_hold(lines)
    stood = renumbered_lines(lines, broken)
    moved = {
        number: row["row"]
        for number, row in broken.items()
        if row["row_now"] != row["row"] and row["standing"] == SEAL_HOLDS and number not in stood
    }
    return moved, stood


def renumbered_lines(lines: Lines, broken: Mapping[int, dict[str, Any]]) -> dict[int, int]:
    """The broken lines that took each other's number: {number now: the one with which it was sealed}, proven by the seal
    of that one. Two lines that were exchanged name each other."""
    held = [row for row in broken.values() if row["standing"] == SEAL_HOLDS][:EXPLAINED]
    stood: dict[int, int] = {}
    for row in held:
        for other in held:
            if other is not row and other["row"] == row["row_now"] and _is_line_of(lines, row, other):
                stood[row["line"]] = other["line"]
    return {now: was for now, was in stood.items() if was in stood}


def _is_line_of(lines: Lines, row: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether a broken line is, with another number, the one that the seal of ``other`` holds."""
    columns, patch = other["columns"], {"pgh_id": other["line"]}
    sealed = other | {"line": row["line"]}
    parts = ["public", *(["personal"] if columns["personal"] and not other["is_erased"] else [])]
    return all(proves(lines, columns, sealed, part, patch) for part in parts)


def exchanged_findings(
    lines: Lines, stood: Mapping[int, int], broken: Mapping[int, dict[str, Any]]
) -> Iterator[Finding]:
    """Lines that took each other's number, told once: the rows of which they speak did nothing."""
    told: set[int] = set()
    for now in sorted(stood):
        if now in told:
            continue
        circle = [now]
        while (was := stood[circle[-1]]) not in circle:
            circle.append(was)
        told.update(circle)
        row = broken[now]
        sentence = _(
            "lines %(lines)s of the history of this row took each other's place after they were sealed: what came before "
            "and what after was exchanged, and each says what it said."
        )
        words = {"lines": ", ".join(map(str, sorted(circle)))}
        said = {was: _label_of(broken[line]) for line, was in stood.items()}
        before, after = (
            ", ".join(map(label, sorted(circle))) for label in (said.get, lambda at: _label_of(broken[at]))
        )
        before, after = (None, None) if before == after else (before, after)
        yield Finding(lines.name, row["row"], "*", before, after, row["sealed_at"], sentence, words)


def _label_of(row: dict[str, Any]) -> str:
    return line_in_words(json_of(row["after"])["pgh_label"])


def as_sealed(
    lines: Lines, moved: Mapping[int, str], added: Iterable[int] = (), renumbered: Mapping[int, int] | None = None
) -> str:
    """SQL: the history in which each moved line stands with the row of which it was sealed, each that took the number of
    another with its own, and no added line; the table, where there are none."""
    without = f"WHERE kept.pgh_id NOT IN ({', '.join(str(int(line)) for line in added)})" if added else ""
    renumbered = renumbered or {}
    if not moved and not renumbered:
        return f"(SELECT kept.* FROM {lines.table} AS kept {without})" if added else lines.table  # noqa: S608
    pairs = ", ".join(
        f"({line:d}, {_literal(moved[line]) if line in moved else 'NULL'}::text, {renumbered.get(line, line):d})"
        for line in sorted({*moved, *renumbered})
    )
    back = ", ".join(f"{_literal(column)}, moved.row" for column in keys_of(lines))
    return f"""(
        SELECT (jsonb_populate_record(kept, CASE WHEN moved.line IS NULL THEN '{{}}'::jsonb ELSE
                CASE WHEN moved.row IS NULL THEN '{{}}'::jsonb ELSE jsonb_build_object({back}) END
                || jsonb_build_object('pgh_id', moved.number) END)).*
        FROM {lines.table} AS kept LEFT JOIN (VALUES {pairs}) AS moved (line, row, number) ON moved.line = kept.pgh_id {without}
    )"""  # noqa: S608 - numbers, and keys of rows as literals


def _literal(text: str) -> str:
    """A text as it stands in a statement that may have parameters."""
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"
