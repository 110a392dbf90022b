"""Seals of history lines that were edited: their batch in the chain, and the line itself, say what they were."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from core.engine.broken_lines import LINE_HOLDS, json_of, standing
from core.engine.findings import Finding, differences, named
from core.engine.lines import Lines, batch_digest, fetch
from core.engine.lost_seals import findings_of_batches, lines_without_their_seal, removed_batches
from core.engine.seals import broken_seals
from core.history import tracked_models

LINES = 500
"""So many lines without a seal are tried for one that was edited."""


@dataclass(frozen=True)
class EditedSeal:
    """A seal of a line (its number, position and time) that was edited: {column: value}, what stood and what stands."""

    leaf: int
    position: int
    sealed_at: Any
    table: str
    line: int
    row: str
    stood: dict[str, Any]
    stands: dict[str, Any]

    def recorded_at(self, lines: Lines) -> datetime:
        """When the line was written."""
        query = f"SELECT pgh_created_at AS written FROM {lines.table} WHERE pgh_id = %s"  # noqa: S608
        return fetch(query, [self.line])[0]["written"]

    def finding(self) -> Finding:
        sentence = _(
            "the seal of line %(line)s of the history of %(table)s %(row)s was edited; the line itself is the one that was "
            "sealed: its batch in the chain proves it."
        )
        words = {"line": self.line, "table": named(self.table), "row": self.row}
        column, before, after = differences(self.stood, self.stands)
        return Finding("core_historyseal", self.leaf, column, before, after, self.sealed_at, sentence, words)


class SealsOfLines:
    """The seals of history lines that are not those of the chain, read once in a run."""

    @cached_property
    def batches(self) -> list[dict[str, Any]]:
        """The batches that do not hold; see :func:`broken_batches`."""
        return broken_batches()

    @cached_property
    def misplaced(self) -> list[dict[str, Any]]:
        """Seals that stand in no batch, or in one of another table."""
        query = """
            SELECT leaf.id, leaf."table", leaf.line, leaf.row, leaf.position AS stands_in, seal."table" AS sealed_table,
                   seal.position, seal.sealed_at
            FROM core_historyseal AS leaf
            LEFT JOIN core_eventseal AS seal ON seal.position = leaf.position AND seal.event_id IS NULL
            WHERE seal."table" IS DISTINCT FROM leaf."table" ORDER BY leaf.id
        """
        rows = fetch(query)
        broken = broken_seals(row["position"] for row in rows if row["position"])
        return [row for row in rows if row["position"] not in broken]

    @cached_property
    def edited(self) -> list[EditedSeal]:
        """The seals of which the table or the line was edited."""
        found = [
            EditedSeal(
                row["id"], row["position"], row["sealed_at"], row["sealed_table"], row["line"], row["row"],
                {"table": named(row["sealed_table"])}, {"table": named(row["table"])},
            )
            for row in self.misplaced
            if row["position"]
        ]  # fmt: skip
        return found + [seal for batch in self.batches if (seal := _with_another_line(batch))]

    def lacks(self, table: str) -> bool:
        """Whether a batch of this table counts more seals of lines than there are."""
        return any(batch["table"] == table and (batch["count"] or 0) < batch["lines"] for batch in self.batches)

    def check(self) -> Iterator[Finding]:
        """The hashes of the lines are those that their batch brought into the chain."""
        told = {seal.position for seal in self.edited}
        for seal in self.edited:
            yield seal.finding()
        for row in self.batches:
            if row["position"] in told or _is_told_with_its_line(row):
                continue
            if (row["count"] or 0) < row["lines"] and (lines := _lines_of(row)):
                batches = {batch["position"] for batch in lines_without_their_seal(lines).values()}
                if row["position"] in batches or lost_lines(lines):
                    continue  # they are told with their lines
            sentence = _(
                "the seals of a batch of history lines were edited (%(table)s: %(expected)s sealed, %(found)s there)."
            )
            words = {"table": named(row["table"]), "expected": row["lines"], "found": row["count"] or 0}
            yield Finding(
                "core_eventseal", row["position"], "batch_hash", row["batch_hash"], row["hash"], row["sealed_at"],
                sentence, words,
            )  # fmt: skip
        removed = removed_batches() if any(not row["position"] for row in self.misplaced) else {}
        yield from findings_of_batches(removed)
        for row in self.misplaced:
            if not row["position"] and row["stands_in"] not in removed:
                sentence = _("the seal of line %(line)s of the history stands outside of the chain.")
                yield Finding(row["table"], row["row"], "*", None, None, None, sentence, {"line": row["line"]})


def lost_lines(lines: Lines) -> int:
    """How many lines of a history are gone with their seals: those that the batches count, less those whose seals are there,
    and those that stand there without one."""
    query = """
        SELECT seal.position, seal.lines - count(leaf.id) AS lost, seal.sealed_at
        FROM core_eventseal AS seal LEFT JOIN core_historyseal AS leaf ON leaf.position = seal.position
        WHERE seal."table" = %s AND seal.event_id IS NULL
        GROUP BY seal.position HAVING count(leaf.id) < seal.lines
    """
    rows = fetch(query, [lines.name])
    if not rows:
        return 0
    broken = broken_seals(row["position"] for row in rows)
    batches = [row for row in rows if row["position"] not in broken]
    if not batches:
        return 0
    query = f"""
        SELECT count(*) AS count FROM {lines.table} AS line
        WHERE line.pgh_created_at <= %(at)s AND NOT EXISTS (
            SELECT FROM core_historyseal AS seal WHERE seal."table" = %(table)s AND seal.line = line.pgh_id)
    """  # noqa: S608
    (left,) = fetch(query, {"table": lines.name, "at": max(row["sealed_at"] for row in batches)})
    return max(sum(row["lost"] for row in batches) - left["count"], 0)


def broken_batches() -> list[dict[str, Any]]:
    """The batches whose seals of lines are not those that the chain holds; a seal of the chain that was edited is named
    itself."""
    query = f"""
        SELECT seal.position, seal."table", seal.batch_hash, seal.lines, seal.sealed_at, seal.columns, kept.count, kept.hash
        FROM core_eventseal AS seal
        LEFT JOIN (
            SELECT position, count(*) AS count, {batch_digest("leaf")} AS hash
            FROM core_historyseal AS leaf GROUP BY position
        ) AS kept ON kept.position = seal.position
        WHERE seal.event_id IS NULL AND (kept.count IS DISTINCT FROM seal.lines OR kept.hash <> seal.batch_hash)
        ORDER BY seal.position
    """  # noqa: S608
    rows = fetch(query)
    broken = broken_seals(row["position"] for row in rows)
    return [row for row in rows if row["position"] not in broken]


def _lines_of(batch: dict[str, Any]) -> Lines | None:
    model = next((model for model in tracked_models() if model._meta.db_table == batch["table"]), None)
    return Lines.of(model) if model else None


def _with_another_line(batch: dict[str, Any]) -> EditedSeal | None:
    """The seal of a batch that names a line which is not there, where a line without a seal in its place gives the batch."""
    lines = _lines_of(batch)
    if lines is None or batch["count"] != batch["lines"]:
        return None
    query = f"""
        SELECT leaf.id, leaf.line, leaf.row FROM core_historyseal AS leaf
        LEFT JOIN {lines.table} AS line ON line.pgh_id = leaf.line AND line.{lines.key}::text = leaf.row
        WHERE leaf.position = %s AND line.pgh_id IS NULL
    """  # noqa: S608
    lost = fetch(query, [batch["position"]])
    if len(lost) != 1:
        return None
    query = f"""
        SELECT line.pgh_id AS line, line.{lines.key}::text AS row FROM {lines.table} AS line
        WHERE NOT EXISTS (SELECT FROM core_historyseal AS seal WHERE seal."table" = %(table)s AND seal.line = line.pgh_id)
          AND %(hash)s = (
              SELECT {batch_digest("again")} FROM (
                  SELECT CASE WHEN leaf.id = %(leaf)s THEN line.pgh_id ELSE leaf.line END AS line, leaf.row, leaf.digest
                  FROM core_historyseal AS leaf WHERE leaf.position = %(position)s
              ) AS again
          )
        ORDER BY line.pgh_id LIMIT {LINES}
    """  # noqa: S608
    values = {
        "table": batch["table"], "hash": batch["batch_hash"], "leaf": lost[0]["id"], "position": batch["position"]
    }  # fmt: skip
    for row in fetch(query, values)[:1]:
        return EditedSeal(
            lost[0]["id"], batch["position"], batch["sealed_at"], batch["table"], row["line"], row["row"],
            {"line": row["line"]}, {"line": lost[0]["line"]},
        )  # fmt: skip
    return None


def _is_told_with_its_line(batch: dict[str, Any]) -> bool:
    """Whether the lines of a batch prove it, so that the check of the lines names the very seal."""
    lines = _lines_of(batch)
    if lines is None or batch["count"] != batch["lines"]:
        return False
    position, columns = batch["position"], json_of(batch["columns"])
    return standing(lines, columns, [position])[position] == LINE_HOLDS
