"""Checks of the row history against its seals, and against the events of the people whom it names."""

import json
from collections.abc import Iterator
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.engine.added_lines import added_lines
from core.engine.authors import begins_at, exceptions_of
from core.engine.broken_lines import lines_that_do_not_hold, values_of
from core.engine.edited_lines import edited_lines
from core.engine.edited_seals import SealsOfLines
from core.engine.event_checks import transactions_of_edited_events
from core.engine.findings import Finding
from core.engine.lines import Columns, Lines, fetch
from core.engine.seal_checks import transactions_of_removed_events
from core.engine.seals import broken_seals


def check_lines(model: type[models.Model]) -> Iterator[Finding]:
    """Every sealed line of a row's history is there, as it was sealed."""
    lines = Lines.of(model)
    yield from _removed(lines)
    known = set(lines.columns["public"]) | set(lines.columns["personal"])
    for columns in lines.formats():
        if lost := sorted({*columns["public"], *columns["personal"]} - known - _present(lines)):
            if _said_by_broken_seals(lines, columns):
                continue  # a seal that was edited, and is named, says of what it is
            sentence = _("the history has lost columns that are sealed: its lines cannot be proven any more.")
            yield Finding(lines.name, "*", ", ".join(lost), None, None, None, sentence)
            continue
        yield from edited_lines(lines, columns)


def _said_by_broken_seals(lines: Lines, columns: Columns) -> bool:
    query = 'SELECT position FROM core_eventseal WHERE "table" = %s AND columns = %s::jsonb'
    positions = {row["position"] for row in fetch(query, [lines.name, json.dumps(columns)])}
    return broken_seals(positions) == positions


def _present(lines: Lines) -> set[str]:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
    return {row["attname"] for row in fetch(query, [lines.table])}


def _removed(lines: Lines) -> Iterator[Finding]:
    """Sealed lines that are gone; a row whose whole history went with it is named once."""
    for row in _removed_lines(lines):
        if row["whole"]:
            sentence = ngettext(
                "the whole history of this row was removed (%(count)d sealed line).",
                "the whole history of this row was removed (%(count)d sealed lines).",
                row["count"],
            )
        else:
            sentence = ngettext(
                "%(count)d sealed line of the history of this row was removed: line %(line)s.",
                "%(count)d sealed lines of the history of this row were removed, the first is line %(line)s.",
                row["count"],
            )
        words = {"count": row["count"], "line": row["first"]}
        yield Finding(lines.name, row["row"], "*", None, None, row["sealed_at"], sentence, words)


def removed_rows(lines: Lines) -> dict[str, int]:
    """The rows of which sealed lines are gone, each with the number of the last of these."""
    return {row["row"]: row["last"] for row in _removed_lines(lines)}


def _removed_lines(lines: Lines) -> list[dict[str, Any]]:
    query = f"""
        SELECT leaf.row, min(leaf.line) AS first, max(leaf.line) AS last, count(*) AS count, min(seal.sealed_at) AS sealed_at,
               NOT EXISTS (SELECT FROM {lines.table} AS rest WHERE rest.{lines.key}::text = leaf.row) AS whole
        FROM core_historyseal AS leaf JOIN core_eventseal AS seal ON seal.position = leaf.position
        LEFT JOIN {lines.table} AS line ON line.pgh_id = leaf.line
        WHERE leaf."table" = %s AND line.pgh_id IS NULL AND leaf.id <> ALL (%s)
        GROUP BY leaf.row ORDER BY min(leaf.position), leaf.row
    """  # noqa: S608
    rows = fetch(query, [lines.name, []])
    if not rows:
        return rows
    # a seal that was edited, and is named, proves no line that would be gone
    seals = SealsOfLines()
    edited = [seal.leaf for seal in seals.edited] + [row["id"] for row in seals.misplaced]
    return fetch(query, [lines.name, edited]) if edited else rows


def salts_of_nothing(lines: Lines) -> list[str]:
    """The rows of which there is a salt, nothing sealed, and no history: nothing is hashed with it."""
    query = f"""
        SELECT salt.row FROM core_personsalt AS salt
        WHERE salt."table" = %s
          AND NOT EXISTS (SELECT FROM {lines.table} AS line WHERE line.{lines.key}::text = salt.row)
          AND NOT EXISTS (SELECT FROM core_historyseal AS leaf WHERE leaf."table" = salt."table" AND leaf.row = salt.row)
        ORDER BY salt.id
    """  # noqa: S608
    return [row["row"] for row in fetch(query, [lines.name])]


def check_authors(model: type[models.Model], *, after_line: int = 0, after_event: int = 0) -> Iterator[Finding]:
    """A line that names a person was written in a transaction in which an event says what that person did.

    Only lines and events with a greater number than ``after_line`` and ``after_event`` are looked at.
    """
    lines = Lines.of(model)
    query = f"""
        SELECT line.{lines.key}::text AS row, line.pgh_id AS line, line.pgh_label AS label, line.pgh_created_at AS recorded_at,
               line.pgh_context_id::text AS number, line.pgh_context ->> 'user' AS person, line.pgh_context ->> 'label' AS acting,
               (SELECT concat_ws(' ', who.first_name, who.last_name) FROM core_user AS who
                WHERE who.id = (line.pgh_context ->> 'user')::bigint) AS name, to_jsonb(line.*) AS after
        FROM {lines.table} AS line
        WHERE line.pgh_context ->> 'user' IS NOT NULL AND line.pgh_created_at >= %s
          AND line.pgh_id > %s AND NOT EXISTS (
              SELECT FROM core_event AS event
              WHERE event.transaction = line.pgh_context_id AND event.id > %s AND event.actor_id = (line.pgh_context ->> 'user')::bigint
          ) AND NOT coalesce({exceptions_of(lines.name)}, false)
        ORDER BY line.pgh_id
    """  # noqa: S608
    rows = fetch(query, [begins_at(), after_line, after_event])
    forged = lines_that_do_not_hold(lines) if rows else {}
    without_event = transactions_of_removed_events() if rows else set()
    if rows:
        without_event |= transactions_of_edited_events({row["number"] for row in rows if row["number"]})
    added = added_lines(lines) if rows else {}
    for row in rows:
        if row["number"] in without_event:
            continue  # the event of its transaction was removed or edited, and is named
        if row["line"] in forged or row["line"] in added:
            continue  # whom it names was edited after it was sealed, or the whole line added, and is told as that
        sentence = _("line %(line)s of the history names %(person)s (%(acting)s), who did nothing in its transaction.")
        yield Finding(
            lines.name, row["row"], "*", None, values_of(row["after"]), row["recorded_at"],
            sentence, {"line": row["line"], "person": row["name"] or row["person"], "acting": row["acting"] or "–"},
        )  # fmt: skip


def check_rounds(model: type[models.Model]) -> Iterator[Finding]:
    """What one transaction wrote was sealed in one round: nothing was slipped into a transaction of the past."""
    lines = Lines.of(model)
    for row in slipped_lines(lines).values():
        sentence = _("line %(line)s of the history was slipped into a transaction that was sealed before it.")
        yield Finding(
            lines.name, row["row"], "*", row["before"], row["round"], row["sealed_at"], sentence, {"line": row["line"]}
        )


def slipped_lines(lines: Lines) -> dict[int, dict[str, Any]]:
    """The lines that were sealed in a later round than what their transaction wrote, by ``pgh_id``."""
    query = f"""
        SELECT DISTINCT ON (leaf.line) leaf.row, leaf.line, batch.sealed_at, batch.round, other.round AS before,
               batch.position, other.position AS beside
        FROM core_historyseal AS leaf
        JOIN core_eventseal AS batch ON batch.position = leaf.position
        JOIN {lines.table} AS line ON line.pgh_id = leaf.line
        JOIN core_eventseal AS other ON other.transaction = line.pgh_context_id
        WHERE leaf."table" = %s AND other.round <> batch.round
          -- what the present transaction writes may be sealed in several rounds of its own
          AND (pg_current_xact_id_if_assigned() IS NULL OR line.pgh_context_id <> essor_transaction())
        ORDER BY leaf.line
    """  # noqa: S608
    rows = fetch(query, [lines.name])
    broken = broken_seals({row[name] for row in rows for name in ("position", "beside")})
    forged = lines_that_do_not_hold(lines) if rows else {}
    # a seal that says another round than was chained, or a line that says another transaction, is named for it
    return {
        row["line"]: row for row in rows if not broken & {row["position"], row["beside"]} and row["line"] not in forged
    }
