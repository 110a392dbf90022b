"""Lines that somebody added to the row history by SQL, before they were sealed: which, and why no trigger wrote them."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from core.engine.broken_lines import values_of
from core.engine.findings import Finding
from core.engine.lines import Lines, fetch
from core.engine.lost_seals import cut_round, lines_without_their_seal, short_batches


def added_lines(lines: Lines) -> dict[int, dict[str, Any]]:
    """The lines without a seal that wait for none, by ``pgh_id``.

    Their transaction was sealed, and all that it wrote with it; their number was never given; or they say that a row was
    entered which was there. One of which the seal alone was removed is none: its batch proves it; nor is one of the last round,
    where the end of the chain was cut off in it.
    """
    cut = cut_round(lines)
    query = f"""
        SELECT line.pgh_id AS line, line.{lines.key}::text AS row, line.pgh_created_at AS recorded_at, to_jsonb(line.*) AS after
        FROM {lines.table} AS line
        WHERE NOT EXISTS (
            SELECT FROM core_historyseal AS seal WHERE seal."table" = '{lines.name}' AND seal.line = line.pgh_id
        ) AND (
            EXISTS (SELECT FROM core_eventseal AS seal WHERE seal.transaction = line.pgh_context_id AND seal.round IS DISTINCT FROM %(cut)s)
            -- what the present transaction writes may be sealed in several rounds of its own
            AND (pg_current_xact_id_if_assigned() IS NULL OR line.pgh_context_id <> essor_transaction())
            OR line.pgh_id > pg_sequence_last_value(pg_get_serial_sequence(%(history)s, 'pgh_id')::regclass)
            OR line.pgh_label = 'insert' AND (
                SELECT earlier.pgh_label FROM {lines.table} AS earlier
                WHERE earlier.{lines.key} = line.{lines.key} AND earlier.pgh_id < line.pgh_id
                ORDER BY earlier.pgh_id DESC LIMIT 1
            ) <> 'delete'
        )
        ORDER BY line.pgh_id
    """  # noqa: S608 - the names come from the models
    rows = fetch(query, {"history": lines.table, "cut": cut["round"] if cut else 0})
    honest = lines_without_their_seal(lines) if rows else {}
    return {row["line"]: row for row in rows if row["line"] not in honest}


def findings_of(lines: Lines, added: dict[int, dict[str, Any]]) -> Iterator[Finding]:
    """Each added line, named alone: the row of which it speaks did nothing. Where a batch lacks as many seals as there are such
    lines, they may be sealed ones that were edited."""
    proven = lines_without_their_seal(lines) if added else {}
    lost = sum(batch["lost"] for batch in short_batches(lines)) - len(proven) if added else 0
    for row in added.values():
        if len(added) <= lost:
            sentence = _(
                "line %(line)s of the history of this row has no seal, and one of this table is missing: it was added by SQL, "
                "or edited and its seal removed."
            )
        else:
            sentence = _("line %(line)s of the history of this row was added by SQL: no change of the row wrote it.")
        yield Finding(
            lines.name,
            row["row"],
            "*",
            None,
            values_of(row["after"]),
            row["recorded_at"],
            sentence,
            {"line": row["line"]},
        )
