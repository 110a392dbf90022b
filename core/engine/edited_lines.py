"""Sealed history lines that no longer say what was sealed: which of them, which field, and what it said before.

A seal is a hash: it tells that a line changed, not what. But what a line said can be guessed from its neighbours, and
the guess proven by the hash: a field takes the value of the line before or after, and when that gives what was sealed,
the field and its value are known for certain.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from core.engine.findings import Finding, named
from core.engine.lines import Columns, Lines, batch_digest, fetch, quoted
from core.engine.seals import broken_seals

# What a batch says of a line that its seal does not fit: the line was edited; its seal was; one of the two.
SEAL_HOLDS, LINE_HOLDS, EITHER = "seal", "line", "either"
# What a line of the history may tell.
LABELS = ("insert", "update", "delete")
# For so many lines of a table, what they said is looked for; the others are named.
EXPLAINED = 50


@dataclass(frozen=True)
class Was:
    """What one field of a sealed line said, proven by the seal."""

    field: str
    before: Any
    after: Any


def edited_lines(lines: Lines, columns: Columns) -> Iterator[Finding]:
    """Lines whose text is no longer the one that was sealed, rows whose salt went or changed."""
    found = []
    for row in _broken(lines, columns):
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
    left = [row for row in found if row["row"] not in set(salts)]
    for row in islice(left, EXPLAINED):
        yield _line_finding(lines, row, _what_it_said(lines, row))
    for row in left[EXPLAINED:]:
        yield _line_finding(lines, row, None)


def _broken(lines: Lines, columns: Columns) -> list[dict[str, Any]]:
    """The lines that are not what was sealed, each with the ``columns`` under which it was."""
    rows = _that_differ(lines, columns)
    if not rows or not (broken := broken_seals(row["position"] for row in rows)):
        return rows
    known = {*lines.columns["public"], *lines.columns["personal"]}
    others = [
        other
        for other in [*lines.formats(), lines.columns]
        if other != columns and known.issuperset([*other["public"], *other["personal"]])
    ]
    found = [row for row in rows if row["position"] not in broken]
    for position in sorted(broken):
        found += _under_other_columns(lines, others, position)
    return found


def _under_other_columns(lines: Lines, columns: list[Columns], position: int) -> list[dict[str, Any]]:
    """Lines of a seal that was edited, and is named: they are read under the columns of the seals beside it. Those under
    which the fewest differ are its own; where all do, nothing is known of any."""
    (batch,) = fetch("SELECT count(*) AS count FROM core_historyseal WHERE position = %s", [position])
    found = [_that_differ(lines, other, position) for other in columns]
    fewest = min(found, key=len, default=[])
    return fewest if len(fewest) < batch["count"] else []


def _that_differ(lines: Lines, columns: Columns, position: int | None = None) -> list[dict[str, Any]]:
    """The lines of all seals of these columns, or of the one at a position."""
    personal = lines.personal_digest(columns)
    erased = "false"
    if columns["personal"]:
        erased = """EXISTS (SELECT FROM core_erasure AS erasure WHERE erasure."table" = leaf."table"
            AND erasure.row = leaf.row AND erasure.last_line >= leaf.line)"""
    digest = lines.digest(columns, "leaf.personal_digest")
    query = f"""
        SELECT leaf.id AS leaf, leaf.position, leaf.row, leaf.line, leaf.digest, leaf.personal_digest, seal.sealed_at,
               to_jsonb(line.*) AS after,
               {digest} = leaf.digest AS public_holds,
               coalesce({personal}, '-') = leaf.personal_digest AS personal_holds,
               line.{lines.key}::text AS row_now, {"salt.salt IS NULL" if columns["personal"] else "false"} AS without_salt,
               {erased} AS is_erased
        FROM core_historyseal AS leaf
        JOIN core_eventseal AS seal ON seal.position = leaf.position
        JOIN {lines.table} AS line ON line.pgh_id = leaf.line {lines.with_salt(columns)}
        WHERE leaf."table" = %s AND {"seal.columns = %s::jsonb" if position is None else "seal.position = %s"}
          AND ({digest} <> leaf.digest OR line.{lines.key}::text <> leaf.row
               OR (coalesce({personal}, '-') <> leaf.personal_digest AND NOT {erased}))
        ORDER BY leaf.position, leaf.line
    """  # noqa: S608
    rows = fetch(query, [lines.name, json.dumps(columns) if position is None else position])
    held = standing(lines, columns, sorted({row["position"] for row in rows}))
    return [row | {"standing": held[row["position"]], "columns": columns} for row in rows]


def standing(lines: Lines, columns: Columns, positions: list[int]) -> dict[int, str]:
    """Of each batch, whether its seals or the lines themselves are what the chain holds; see :data:`SEAL_HOLDS`."""
    if not positions:
        return {}
    computed = f"coalesce({lines.personal_digest(columns)}, leaf.personal_digest)"
    query = f"""
        SELECT position, batch_hash = {batch_digest("leaf")} AS seals, batch_hash = {batch_digest("again")} AS lines
        FROM (
            SELECT seal.position, seal.batch_hash, leaf.line, leaf.row, leaf.digest,
                   line.{lines.key}::text AS row_now, {lines.digest(columns, computed)} AS digest_now
            FROM core_eventseal AS seal JOIN core_historyseal AS leaf ON leaf.position = seal.position
            JOIN {lines.table} AS line ON line.pgh_id = leaf.line {lines.with_salt(columns)}
            WHERE seal.position = ANY (%s)
        ) AS leaf CROSS JOIN LATERAL (
            SELECT leaf.line AS line, leaf.row_now AS row, leaf.digest_now AS digest
        ) AS again
        GROUP BY position, batch_hash
    """  # noqa: S608
    return {
        row["position"]: SEAL_HOLDS if row["seals"] else LINE_HOLDS if row["lines"] else EITHER
        for row in fetch(query, [positions])
    }


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


def lines_that_do_not_hold(lines: Lines) -> dict[int, dict[str, Any]]:
    """The lines of a history that are not the ones that were sealed, by ``pgh_id``; see :func:`proven_by`."""
    known = {*lines.columns["public"], *lines.columns["personal"]}
    return {
        row["line"]: row
        for columns in lines.formats()
        if known.issuperset([*columns["public"], *columns["personal"]])
        for row in _broken(lines, columns)
        if row["standing"] != LINE_HOLDS
    }


def proven_by(lines: Lines, row: dict[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a broken line was sealed with these values, those of the row as it is."""
    if row["standing"] != SEAL_HOLDS:
        return False
    columns, now, back = row["columns"], values_of(row["after"]), _to_its_row(lines, row)
    changed = {name: value for name, value in values.items() if name in now and now[name] != value}
    return all(
        row[f"{part}_holds"]
        or _proves(lines, columns, row, part, back | {name: changed[name] for name in changed if name in columns[part]})
        for part in ("public", "personal")
    )


def sealed_label(lines: Lines, row: dict[str, Any]) -> str | None:
    """What a broken line told when it was sealed, an entry, a change or a removal, where this alone was edited."""
    if row["standing"] != SEAL_HOLDS or row["public_holds"]:
        return None
    back = _to_its_row(lines, row)
    columns = row["columns"]
    return next(
        (label for label in LABELS if _proves(lines, columns, row, "public", back | {"pgh_label": label})), None
    )


def moved_lines(lines: Lines) -> dict[int, str]:
    """The lines that say another row than the one of which they were sealed: {``pgh_id``: the key of that row}."""
    return {
        number: row["row"]
        for number, row in lines_that_do_not_hold(lines).items()
        if row["row_now"] != row["row"] and row["standing"] == SEAL_HOLDS
    }


def as_sealed(lines: Lines, moved: Mapping[int, str], added: Iterable[int] = ()) -> str:
    """SQL: the history in which each moved line stands with the row of which it was sealed, and no added line; the table,
    where there are none."""
    without = f"WHERE kept.pgh_id NOT IN ({', '.join(str(int(line)) for line in added)})" if added else ""
    if not moved:
        return f"(SELECT kept.* FROM {lines.table} AS kept {without})" if added else lines.table  # noqa: S608
    pairs = ", ".join(f"({int(line)}, {_literal(row)})" for line, row in moved.items())
    back = ", ".join(f"{_literal(column)}, moved.row" for column in _keys(lines))
    return f"""(
        SELECT (jsonb_populate_record(kept, CASE WHEN moved.row IS NULL THEN '{{}}'::jsonb
                ELSE jsonb_build_object({back}) END)).*
        FROM {lines.table} AS kept LEFT JOIN (VALUES {pairs}) AS moved (line, row) ON moved.line = kept.pgh_id {without}
    )"""  # noqa: S608 - numbers, and keys of rows as literals


def _keys(lines: Lines) -> list[str]:
    """The columns of a history that hold the key of the row: the one by which its lines are found, and its own."""
    return list(dict.fromkeys([lines.key.strip('"'), lines.model._meta.pk.column]))


def _to_its_row(lines: Lines, row: dict[str, Any]) -> dict[str, Any]:
    """What gives a line back to the row of which it was sealed; nothing for one that was not moved."""
    return dict.fromkeys(_keys(lines), row["row"]) if row["row_now"] != row["row"] else {}


def _literal(text: str) -> str:
    """A text as it stands in a statement that may have parameters."""
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


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
    field, after = next(iter(says.items())) if len(says) == 1 else (", ".join(says) or "*", says or None)
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


def json_of(line: Any) -> Mapping[str, Any]:
    """All the columns of a history line."""
    return json.loads(line) if isinstance(line, str) else line


def values_of(line: Any) -> Mapping[str, Any]:
    """The values of the row in a history line, without what the library adds."""
    return {name: value for name, value in json_of(line).items() if not name.startswith("pgh_")}


def _what_it_said(lines: Lines, row: dict[str, Any]) -> Was | None:
    """The field that was edited and its sealed value, when a neighbour of the line, or the row as it is, has it; None
    when none proves it."""
    if row["standing"] != SEAL_HOLDS:
        return None
    now, columns = values_of(row["after"]), row["columns"]
    key = lines.key.strip('"')
    back = _to_its_row(lines, row)
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
            if _proves(lines, columns, row, part, back | patch):
                ((name, value),) = patch.items()
                return Was(name, value, now[name])
        if len(changed) > 1 and _proves(lines, columns, row, part, back | changed):
            return Was(", ".join(changed), changed, {name: now[name] for name in changed})
    return None


def _parts_that_do_not_hold(lines: Lines, columns: Columns, row: dict[str, Any], back: Mapping[str, Any]) -> list[str]:
    """Which parts of a line differ from what was sealed, once it is given back to its row; none when it was moved only."""
    if not back:
        return [part for part in ("public", "personal") if not row[f"{part}_holds"]]
    parts = ["public", "personal"] if columns["personal"] and not row["is_erased"] else ["public"]
    return [part for part in parts if not _proves(lines, columns, row, part, back)]


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
    return [values_of(found["said"]) for found in fetch(query, [*place, *place, row["row"]])]


def _proves(lines: Lines, columns: Columns, row: dict[str, Any], part: str, patch: Mapping[str, Any]) -> bool:
    """Whether the line with these values is the one that was sealed."""
    if part == "public":
        digest, sealed = lines.digest(columns, "%s"), row["digest"]
        parameters = [row["personal_digest"]]
    else:
        digest, sealed, parameters = lines.personal_digest(columns), row["personal_digest"], []
    query = f"""
        SELECT {digest} = %s AS proven FROM (
            SELECT (jsonb_populate_record(line, %s::jsonb)).* FROM {lines.table} AS line WHERE line.pgh_id = %s
        ) AS line {lines.with_salt(columns)}
    """  # noqa: S608
    return bool(fetch(query, [*parameters, sealed, json.dumps(patch), row["line"]])[0]["proven"])
