"""Seals that were removed while what they sealed is there: a batch of the chain that counts more seals of lines than there
are, and seals of lines of which the batch is gone. What stands there is honest: the seal is named, with its table."""

import hashlib
from collections.abc import Iterator
from itertools import combinations, islice
from typing import Any

from django.utils.translation import ngettext

from core.engine.broken_lines import json_of
from core.engine.findings import Finding, named
from core.engine.lines import Lines, fetch
from core.engine.seals import BATCH, broken_seals
from core.history import tracked_models

TRIED = 500
"""So many ways to fill the gaps of a batch are tried."""
NAMED = 20
"""So many lines are named with their batch."""


def lines_without_their_seal(lines: Lines) -> dict[int, dict[str, Any]]:
    """The lines of which the seal alone was removed, by ``pgh_id``, each with when it was written and the batch that proves it:
    with their hashes, made again, it is what the chain holds. A line that was edited too, or added, is none of them."""
    found: dict[int, dict[str, Any]] = {}
    for batch in short_batches(lines):
        unsealed = [line for line in _unsealed(lines, batch) if line["line"] not in found]
        leaves = fetch("SELECT line, row, digest FROM core_historyseal WHERE position = %s", [batch["position"]])
        # Those that were written since the seals before it come first.
        near = [line for line in unsealed if line["is_of_its_time"]]
        ways = [near, unsealed] if batch["lost"] > 1 else []
        ways = [way for way in ways if len(way) == batch["lost"]] or combinations([*near, *unsealed], batch["lost"])
        for way in islice(ways, TRIED):
            if _digest([*leaves, *way]) == batch["batch_hash"]:
                found |= {line["line"]: {**batch, "recorded_at": line["recorded_at"]} for line in way}
                break
    return found


def short_batches(lines: Lines) -> list[dict[str, Any]]:
    """The batches of a table of which seals of lines are gone; a seal of the chain that was edited says nothing of them."""
    query = """
        SELECT seal.position, seal.batch_hash, seal.columns, seal.sealed_at, seal.lines - count(leaf.id) AS lost,
               (SELECT max(sealed_at) FROM core_eventseal AS earlier WHERE earlier.position < seal.round) AS since
        FROM core_eventseal AS seal LEFT JOIN core_historyseal AS leaf ON leaf.position = seal.position
        WHERE seal."table" = %s AND seal.event_id IS NULL
        GROUP BY seal.position HAVING count(leaf.id) < seal.lines ORDER BY seal.position
    """
    rows = fetch(query, [lines.name])
    broken = broken_seals(row["position"] for row in rows)
    return [row for row in rows if row["position"] not in broken]


def _unsealed(lines: Lines, batch: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines without a seal that were there when a batch was sealed, hashed as it hashes its own."""
    columns = json_of(batch["columns"])
    known = {*lines.columns["public"], *lines.columns["personal"]}
    if not known.issuperset([*columns["public"], *columns["personal"]]):
        return []
    query = f"""
        SELECT line.pgh_id AS line, line.{lines.key}::text AS row, {lines.digest(columns, lines.personal_digest(columns))} AS digest,
               line.pgh_created_at AS recorded_at, line.pgh_created_at >= coalesce(%(since)s, '-infinity'::timestamptz) AS is_of_its_time
        FROM {lines.table} AS line {lines.with_salt(columns)}
        WHERE line.pgh_created_at <= %(at)s AND NOT EXISTS (
            SELECT FROM core_historyseal AS seal WHERE seal."table" = %(table)s AND seal.line = line.pgh_id)
        ORDER BY line.pgh_id
    """  # noqa: S608
    return fetch(query, {"since": batch["since"], "at": batch["sealed_at"], "table": lines.name})


def _digest(leaves: list[dict[str, Any]]) -> str:
    """What ``core.engine.lines.batch_digest`` is in SQL."""
    text = ";".join(
        f"{leaf['line']}:{leaf['row']}:{leaf['digest']}" for leaf in sorted(leaves, key=lambda leaf: leaf["line"])
    )
    return hashlib.sha256(text.encode()).hexdigest()


def findings_of_seals(lines: Lines, found: dict[int, dict[str, Any]]) -> Iterator[Finding]:
    """Each batch of which seals were removed, named once with the lines, which are there as they were sealed; ``found`` are
    these, see :func:`lines_without_their_seal`."""
    by_batch: dict[int, list[int]] = {}
    for line, batch in sorted(found.items()):
        by_batch.setdefault(batch["position"], []).append(line)
    at = {batch["position"]: batch["sealed_at"] for batch in found.values()}
    for position, numbers in by_batch.items():
        sentence = ngettext(
            "the seal of line %(lines)s of the history of %(table)s was removed; the line is the one that was sealed.",
            "the seals of lines %(lines)s of the history of %(table)s were removed; the lines are those that were sealed.",
            len(numbers),
        )
        said = ", ".join(map(str, numbers[:NAMED])) + ("…" if len(numbers) > NAMED else "")
        words = {"lines": said, "table": named(lines.name)}
        yield Finding("core_eventseal", position, "*", None, None, at[position], sentence, words)


def removed_batches() -> dict[int, dict[str, Any]]:
    """The seals of batches that are gone from the chain, by position, as the seals of their lines tell: with the table and
    the number of these. One of which a line says another batch than its own, which lacks it, is none."""
    query = """
        SELECT leaf.position, leaf."table", count(*) AS count FROM core_historyseal AS leaf
        WHERE NOT EXISTS (SELECT FROM core_eventseal AS seal WHERE seal.position = leaf.position)
        GROUP BY leaf.position, leaf."table" ORDER BY leaf.position
    """
    rows = fetch(query)
    lost: dict[str, int] = {}
    for model in tracked_models():
        if any(row["table"] == model._meta.db_table for row in rows):
            lost[model._meta.db_table] = sum(batch["lost"] for batch in short_batches(Lines.of(model)))
    return {row["position"]: row for row in rows if row["table"] in lost and row["count"] > lost[row["table"]]}


def findings_of_batches(removed: dict[int, dict[str, Any]]) -> Iterator[Finding]:
    """Each seal that is gone, once."""
    for position, row in removed.items():
        sentence = ngettext(
            "this seal is missing: it sealed %(count)d line of the history of %(table)s.",
            "this seal is missing: it sealed %(count)d lines of the history of %(table)s.",
            row["count"],
        )
        words = {"count": row["count"], "table": named(row["table"])}
        yield Finding("core_eventseal", position, "*", None, None, None, sentence, words)


def rounds_of_removed_seals() -> dict[int, int]:
    """How many seals are gone from each round: the chain has no gaps, and a round is known by its first position."""
    query = """
        SELECT position, round, before, round_before FROM (
            SELECT position, round, lag(position, 1, 0) OVER chain AS before, lag(round) OVER chain AS round_before
            FROM core_eventseal WINDOW chain AS (ORDER BY position)
        ) AS seal WHERE position <> before + 1
    """
    found: dict[int, int] = {}
    for row in fetch(query):
        begins = row["round"] or row["position"]
        for position in range(row["before"] + 1, min(row["position"], row["before"] + TRIED)):
            round_ = begins if position >= begins else row["round_before"]
            if round_:
                found[round_] = found.get(round_, 0) + 1
    return found


def cut_round(lines: Lines) -> dict[str, Any] | None:
    """The last round of the chain, where the end of the chain was cut off in it: seals of lines were made that are gone, those
    after the last one that is there, and no batch says that this table was sealed to its last line; None where it was not."""
    query = """
        SELECT last.position, last.round, last.sealed_at
        FROM (SELECT * FROM core_eventseal ORDER BY position DESC LIMIT 1) AS last
        WHERE pg_sequence_last_value(pg_get_serial_sequence('core_historyseal', 'id')::regclass)
              > (SELECT coalesce(max(id), 0) FROM core_historyseal)
          AND NOT EXISTS (
              SELECT FROM core_eventseal AS batch
              WHERE batch.round = last.round AND batch.event_id IS NULL AND batch."table" = %s AND batch.lines < %s)
    """
    return next(iter(fetch(query, [lines.name, BATCH])), None)


def cut_lines(lines: Lines) -> int:
    """How many lines lack the seal that was cut off with the end of the chain: an event of their transaction is sealed in the
    last round, which sealed all that the transaction wrote."""
    if (cut := cut_round(lines)) is None:
        return 0
    query = f"""
        SELECT count(*) AS count FROM {lines.table} AS line
        WHERE EXISTS (SELECT FROM core_eventseal AS seal WHERE seal.transaction = line.pgh_context_id AND seal.round = %s)
          AND NOT EXISTS (
              SELECT FROM core_historyseal AS seal WHERE seal."table" = %s AND seal.line = line.pgh_id)
          AND (pg_current_xact_id_if_assigned() IS NULL OR line.pgh_context_id <> essor_transaction())
    """  # noqa: S608
    return fetch(query, [cut["round"], lines.name])[0]["count"]


def finding_of_the_end(count: int) -> Finding:
    """The end of the chain that was cut off, named once: from which seal on, and how many lines it had sealed at least."""
    last = fetch("SELECT position, sealed_at FROM core_eventseal ORDER BY position DESC LIMIT 1")[0]
    sentence = ngettext(
        "the seals after this one were removed: the round that it is of had sealed %(count)d more line of the history, which is there.",
        "the seals after this one were removed: the round that it is of had sealed %(count)d more lines of the history, which are there.",
        count,
    )
    return Finding("core_eventseal", last["position"], "*", None, None, last["sealed_at"], sentence, {"count": count})
