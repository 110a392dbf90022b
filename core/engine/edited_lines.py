"""Sealed history lines that no longer say what was sealed: which of them, which field, and what it said before.

A seal is a hash: it tells that a line changed, not what. But what a line said can be guessed from its neighbours, and
the guess proven by the hash: a field takes the value of the line before or after, and when that gives what was sealed,
the field and its value are known for certain.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from core.engine.broken_lines import (
    EITHER,
    EXPLAINED,
    LINE_HOLDS,
    SEAL_HOLDS,
    broken_lines,
    json_of,
    lines_that_do_not_hold,
    proves,
    sealed_label,
    to_its_row,
    values_of,
)
from core.engine.findings import Finding, named
from core.engine.lines import Columns, Lines, fetch, quoted
from core.engine.misplaced_lines import exchanged_findings, renumbered_lines

logger = logging.getLogger("essor.proof")


@dataclass(frozen=True)
class Was:
    """What one field of a sealed line said, proven by the seal."""

    field: str
    before: Any
    after: Any


def edited_lines(lines: Lines, columns: Columns) -> Iterator[Finding]:
    """Lines whose text is no longer the one that was sealed, rows whose salt went or changed."""
    found = []
    for row in broken_lines(lines, columns):
        if row["standing"] == LINE_HOLDS:
            yield _seal_finding(lines, row)
        else:
            found.append(row)
    by_row: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        by_row.setdefault(row["row"], []).append(row)
    suspects = [key for key, rows in by_row.items() if _only_personal(rows)]
    sealed = _sealed_lines_of(lines, columns, suspects)
    salts = [key for key in suspects if len(by_row[key]) == sealed[key]]
    for key in salts:
        yield _salt_finding(lines, by_row[key])
    stood = renumbered_lines(lines, {row["line"]: row for row in found})
    yield from exchanged_findings(lines, stood, {row["line"]: row for row in found})
    left = [row for row in found if row["row"] not in set(salts) and row["line"] not in stood]
    explained = [(row, _what_it_said(lines, row)) for row in islice(left, EXPLAINED)]
    yield from _told_together(lines, [*explained, *((row, None) for row in left[EXPLAINED:])])


def _told_together(lines: Lines, told: list[tuple[dict[str, Any], "Was | None"]]) -> Iterator[Finding]:
    """One finding a row and a change: lines of one row that were edited alike are told together."""
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row, was in told:
        same = (was.field, str(was.before), str(was.after)) if was else (row["public_holds"], row["standing"])
        is_alone = row["row_now"] != row["row"] or row["standing"] == EITHER
        alike.setdefault((row["row"], row["line"] if is_alone else None, was is None, *same), []).append(row)
    said = {row["line"]: was for row, was in told}
    for rows in alike.values():
        was = said[rows[-1]["line"]]
        yield _line_finding(lines, rows[-1], was) if len(rows) == 1 else _lines_finding(lines, rows, was)


def _lines_finding(lines: Lines, rows: list[dict[str, Any]], was: "Was | None") -> Finding:
    """Several lines of one row, edited alike; the last of them says what they say now."""
    words = {"lines": ", ".join(str(row["line"]) for row in rows)}
    last = rows[-1]
    if was:
        sentence = _("lines %(lines)s of the history of this row were edited after they were sealed.")
        return Finding(lines.name, last["row"], was.field, was.before, was.after, last["sealed_at"], sentence, words)
    sentence = _(
        "lines %(lines)s of the history of this row were edited after they were sealed (%(which)s); which fields, and what "
        "they said, cannot be known from each other."
    )
    words["which"] = _("personal values") if last["public_holds"] else _("what is not personal")
    return Finding(lines.name, last["row"], "*", None, values_of(last["after"]), last["sealed_at"], sentence, words)


def _seal_finding(lines: Lines, row: dict[str, Any]) -> Finding:
    sentence = _(
        "the seal of line %(line)s of the history of %(table)s %(row)s was edited; the line itself is the one that was "
        "sealed: its batch in the chain proves it."
    )
    words = {"line": row["line"], "table": named(lines.name), "row": row["row_now"]}
    column, before, after = "digest", None, row["digest"]
    if row["row"] != row["row_now"]:
        column, before, after = "row", row["row_now"], row["row"]
    return Finding("core_historyseal", row["leaf"], column, before, after, row["sealed_at"], sentence, words)


def _sealed_lines_of(lines: Lines, columns: Columns, rows: list[str]) -> dict[str, int]:
    """How many lines of each row were sealed."""
    query = """
        SELECT leaf.row, count(*) AS count FROM core_historyseal AS leaf
        JOIN core_eventseal AS seal ON seal.position = leaf.position
        WHERE leaf."table" = %s AND seal.columns = %s::jsonb AND leaf.row = ANY (%s) GROUP BY leaf.row
    """
    return {row["row"]: row["count"] for row in fetch(query, [lines.name, json.dumps(columns), rows])} if rows else {}


def _only_personal(rows: list[dict[str, Any]]) -> bool:
    """Whether all that does not hold is the personal part. When it does so in every line, it is the salt."""
    return all(row["public_holds"] and not row["personal_holds"] and row["row_now"] == row["row"] for row in rows)


def _salt_finding(lines: Lines, rows: list[dict[str, Any]]) -> Finding:
    first = rows[0]
    if first["without_salt"]:
        sentence = _("the salt of this row is gone, and no erasure says so (line %(line)s).")
    elif len(rows) > 1:
        sentence = _(
            "the personal values of the %(count)d sealed lines of this row were edited, or its salt was changed: which of the "
            "two cannot be known."
        )
    else:
        sentence = _(
            "line %(line)s of the history of this row was edited after it was sealed (personal values), or the salt of "
            "this row was changed: which of the two cannot be known."
        )
    words = {"line": first["line"], "count": len(rows)}
    if first["without_salt"]:
        return Finding(lines.name, first["row"], "salt", None, None, first["sealed_at"], sentence, words)
    # What the newest of them says now is what somebody may have put there.
    now, columns = values_of(rows[-1]["after"]), first["columns"]["personal"]
    says = {name: now[name] for name in columns if now.get(name) not in (None, "")}
    # One alone is named; of several, which were edited is not known.
    field, after = next(iter(says.items())) if len(says) == 1 else ("*", says or None)
    return Finding(lines.name, first["row"], field, None, after, first["sealed_at"], sentence, words)


def _line_finding(lines: Lines, row: dict[str, Any], was: Was | None) -> Finding:
    if row["row_now"] != row["row"] and row["standing"] == SEAL_HOLDS:
        return _moved_finding(lines, row, was)
    if was:
        sentence = _("line %(line)s of the history of this row was edited after it was sealed.")
        return Finding(
            lines.name, row["row"], was.field, was.before, was.after, row["sealed_at"], sentence, {"line": row["line"]}
        )
    if not row["public_holds"]:
        which = _("what is not personal")
    elif not row["personal_holds"]:
        which = _("personal values")
    else:
        which = _("the row it speaks of")
    if row["standing"] == EITHER:
        sentence = _(
            "line %(line)s of the history of this row does not agree with its seal, and the seals of its batch were "
            "edited: which of the two was edited cannot be known."
        )
        return Finding(lines.name, row["row_now"], "*", None, None, row["sealed_at"], sentence, {"line": row["line"]})
    sentence = _(
        "line %(line)s of the history of this row was edited after it was sealed (%(which)s); which field, and what it "
        "said, cannot be known from the lines beside it."
    )
    words = {"line": row["line"], "which": which}
    return Finding(lines.name, row["row"], "*", None, values_of(row["after"]), row["sealed_at"], sentence, words)


def _moved_finding(lines: Lines, row: dict[str, Any], was: Was | None) -> Finding:
    """The line alone is named: neither the row from which it was taken nor the one to which it was given did anything."""
    key = lines.key.strip('"')
    if was and was.field == key:
        sentence = _("line %(line)s of the history was moved from this row to row %(now)s after it was sealed.")
    elif was:
        sentence = _(
            "line %(line)s of the history was moved from this row to row %(now)s, and edited, after it was sealed."
        )
    else:
        sentence = _(
            "line %(line)s of the history was moved from this row to row %(now)s after it was sealed; whether it was edited "
            "too cannot be known from the lines beside it."
        )
    words = {"line": row["line"], "now": row["row_now"]}
    before, after = (row["row"], row["row_now"]) if was is None or was.field == key else (was.before, was.after)
    field = key if was is None or was.field == key else was.field
    return Finding(lines.name, row["row"], field, before, after, row["sealed_at"], sentence, words)


def _what_it_said(lines: Lines, row: dict[str, Any]) -> Was | None:
    """The field that was edited and its sealed value, when a neighbour of the line, or the row as it is, has it; None
    when none proves it."""
    if row["standing"] != SEAL_HOLDS:
        return None
    now, columns = values_of(row["after"]), row["columns"]
    key = lines.key.strip('"')
    back = to_its_row(lines, row)
    wrong = _parts_that_do_not_hold(lines, columns, row, back)
    if not wrong:
        return Was(key, row["row"], row["row_now"])
    part = wrong[0]
    if part == "public" and (label := sealed_label(lines, row)):
        return Was("pgh_label", label, json_of(row["after"])["pgh_label"])
    for other in _neighbours(lines, row):
        changed = {
            name: other[name] for name in now if name in columns[part] and name in other and other[name] != now[name]
        }
        for patch in ({name: value} for name, value in changed.items()):
            if proves(lines, columns, row, part, back | patch):
                ((name, value),) = patch.items()
                return Was(name, value, now[name])
        if len(changed) > 1 and proves(lines, columns, row, part, back | changed):
            return Was(", ".join(changed), changed, {name: now[name] for name in changed})
    return None


def _parts_that_do_not_hold(lines: Lines, columns: Columns, row: dict[str, Any], back: Mapping[str, Any]) -> list[str]:
    """Which parts of a line differ from what was sealed, once it is given back to its row; none when it was moved only."""
    if not back:
        return [part for part in ("public", "personal") if not row[f"{part}_holds"]]
    parts = ["public", "personal"] if columns["personal"] and not row["is_erased"] else ["public"]
    return [part for part in parts if not proves(lines, columns, row, part, back)]


Guess = Callable[[Any], Mapping[str, Any]]
_guesses: dict[type[models.Model], list[Guess]] = {}


def guess_with(model: type[models.Model], guess: Guess) -> None:
    """Let what other rows say of a row of this model be tried for what its edited line said: {column: value} by its key.
    A guess is only told where the seal proves it."""
    _guesses.setdefault(model, []).append(guess)


def _guessed(lines: Lines, row: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    for guess in _guesses.get(lines.model, ()):
        try:
            with transaction.atomic():
                found = guess(lines.model._meta.pk.to_python(row["row"]))
        except Exception:  # read from rows that may be forged: whatever goes wrong, nothing is guessed
            logger.exception("What line %s of %s said could not be guessed.", row["line"], lines.name)
            continue
        yield {column: value if value is None else str(value) for column, value in found.items()}


def what_they_said(lines: Lines) -> dict[str, dict[str, Any]]:
    """The rows of which lines do not hold, each with the fields that were edited in them and what the newest of these said,
    where the seals prove these."""
    found: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(sorted(lines_that_do_not_hold(lines).values(), key=lambda row: row["line"])):
        was = _what_it_said(lines, row) if number < EXPLAINED else None
        said = found.setdefault(row["row"], {})
        if was:
            said.update(was.before if ", " in was.field else {was.field: was.before})
    return found


def _neighbours(lines: Lines, row: dict[str, Any]) -> list[Mapping[str, Any]]:
    query = f"""
        (SELECT to_jsonb(line.*) AS said FROM {lines.table} AS line
         WHERE line.{lines.key}::text = %s AND line.pgh_id < %s ORDER BY line.pgh_id DESC LIMIT 1)
        UNION ALL
        (SELECT to_jsonb(line.*) FROM {lines.table} AS line
         WHERE line.{lines.key}::text = %s AND line.pgh_id > %s ORDER BY line.pgh_id LIMIT 1)
        UNION ALL
        SELECT to_jsonb(present.*) FROM {quoted(lines.name)} AS present
        WHERE present.{quoted(lines.model._meta.pk.column)}::text = %s
    """  # noqa: S608
    place = [row["row"], row["line"]]
    return [*(values_of(found["said"]) for found in fetch(query, [*place, *place, row["row"]])), *_guessed(lines, row)]
