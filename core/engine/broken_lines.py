"""Sealed history lines that are not the ones that were sealed: which, and what proves what they were."""

import json
from collections.abc import Mapping
from typing import Any

from core.engine.lines import Columns, Lines, batch_digest, fetch
from core.engine.seals import broken_seals

# What a batch says of a line that its seal does not fit: the line was edited; its seal was; one of the two.
SEAL_HOLDS, LINE_HOLDS, EITHER = "seal", "line", "either"
# What a line of the history may tell.
LABELS = ("insert", "update", "delete")
# For so many lines of a table, what they said is looked for; the others are named.
EXPLAINED = 50


def lines_that_do_not_hold(lines: Lines) -> dict[int, dict[str, Any]]:
    """The lines of a history that are not the ones that were sealed, by ``pgh_id``; see :func:`proven_by`."""
    known = {*lines.columns["public"], *lines.columns["personal"]}
    return {
        row["line"]: row
        for columns in lines.formats()
        if known.issuperset([*columns["public"], *columns["personal"]])
        for row in broken_lines(lines, columns)
        if row["standing"] != LINE_HOLDS
    }


def broken_lines(lines: Lines, columns: Columns) -> list[dict[str, Any]]:
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


def proven_by(lines: Lines, row: dict[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a broken line was sealed with these values, those of the row as it is."""
    if row["standing"] != SEAL_HOLDS:
        return False
    columns, now, back = row["columns"], values_of(row["after"]), to_its_row(lines, row)
    changed = {name: value for name, value in values.items() if name in now and now[name] != value}
    return all(
        row[f"{part}_holds"]
        or proves(lines, columns, row, part, back | {name: changed[name] for name in changed if name in columns[part]})
        for part in ("public", "personal")
    )


def sealed_label(lines: Lines, row: dict[str, Any]) -> str | None:
    """What a broken line told when it was sealed, an entry, a change or a removal, where this alone was edited."""
    if row["standing"] != SEAL_HOLDS or row["public_holds"]:
        return None
    back = to_its_row(lines, row)
    columns = row["columns"]
    return next((label for label in LABELS if proves(lines, columns, row, "public", back | {"pgh_label": label})), None)


def keys_of(lines: Lines) -> list[str]:
    """The columns of a history that hold the key of the row: the one by which its lines are found, and its own."""
    return list(dict.fromkeys([lines.key.strip('"'), lines.model._meta.pk.column]))


def to_its_row(lines: Lines, row: dict[str, Any]) -> dict[str, Any]:
    """What gives a line back to the row of which it was sealed; nothing for one that was not moved."""
    return dict.fromkeys(keys_of(lines), row["row"]) if row["row_now"] != row["row"] else {}


def json_of(line: Any) -> Mapping[str, Any]:
    """All the columns of a history line."""
    return json.loads(line) if isinstance(line, str) else line


def values_of(line: Any) -> Mapping[str, Any]:
    """The values of the row in a history line, without what the library adds."""
    return {name: value for name, value in json_of(line).items() if not name.startswith("pgh_")}


def proves(lines: Lines, columns: Columns, row: dict[str, Any], part: str, patch: Mapping[str, Any]) -> bool:
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
