"""The proof that nobody edited the past. Each check yields its findings, the first broken link first."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.translation import gettext as _
from django_fsm import FSMFieldMixin

from core.engine.added_lines import added_lines
from core.engine.broken_lines import EXPLAINED, lines_that_do_not_hold, proven_by, sealed_label
from core.engine.edited_seals import lost_lines
from core.engine.erasure import NOTHING, marks_of
from core.engine.event_checks import last_states
from core.engine.findings import Finding, differences, line_in_words
from core.engine.kind_checks import number_of_kind
from core.engine.line_checks import removed_rows, salts_of_nothing, slipped_lines
from core.engine.lines import Lines, fetch, quoted
from core.engine.misplaced_lines import as_sealed, misplaced_lines
from core.engine.seal_checks import transactions_of_removed_events
from core.history import history_model_of, personal_fields, tracked_models
from core.models.event import Event, EventSeal
from core.models.job import Job
from core.models.proof import Erasure

CHUNK = 2_000


def check_anchor(anchor: str) -> Iterator[Finding]:
    """The seal that somebody noted outside of the database (``position:hash``) is still the same."""
    position, _separator, noted = anchor.partition(":")
    seal = EventSeal.objects.filter(position=int(position)).first()
    if seal is None or seal.hash != noted:
        found = seal.hash if seal else None
        sentence = _("the chain of all events is not the one that was noted.")
        yield Finding(EventSeal._meta.db_table, position, "hash", noted, found, None, sentence)


# --- rows and their history ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tables:
    """The names that the comparison of a tracked table with its history needs, quoted."""

    name: str
    table: str
    history: str
    pk: str
    key: str
    columns: list[str]

    @classmethod
    def of(cls, model: type[models.Model]) -> "_Tables":
        history = history_model_of(model)
        own = {field.column for field in model._meta.concrete_fields if not field.generated}
        kept = [field.column for field in history._meta.concrete_fields if field.column in own]
        has_key = any(field.name == "pgh_obj" for field in history._meta.concrete_fields)
        return cls(
            name=model._meta.db_table,
            table=quoted(model._meta.db_table),
            history=quoted(history._meta.db_table),
            pk=quoted(model._meta.pk.column),
            key=quoted("pgh_obj_id" if has_key else model._meta.pk.column),
            columns=kept,
        )

    def row(self, alias: str) -> str:
        return ", ".join(f"{alias}.{quoted(column)}" for column in self.columns)

    def json(self, alias: str) -> str:
        pairs = ", ".join(f"'{column}', {alias}.{quoted(column)}" for column in self.columns)
        return f"jsonb_build_object({pairs})"


HISTORY = "[history]"


def _as_sealed(model: type[models.Model], statement: str) -> list[dict[str, Any]]:
    """What a statement on the history of a model finds, each line with the row of which it was sealed, and no line that
    was added: one that was moved to another row accuses neither of the two, an added one accuses none.

    :data:`HISTORY` stands in the statement for the history. Without findings, nothing is asked twice.
    """
    lines = Lines.of(model)
    rows = fetch(statement.replace(HISTORY, lines.table))
    if not rows:
        return rows
    moved, stood = misplaced_lines(lines)
    added = added_lines(lines).keys() | slipped_lines(lines).keys()
    if not moved and not stood and not added:
        return rows
    history = as_sealed(lines, moved, added, stood)
    found, again = {row["id"] for row in rows}, fetch(statement.replace(HISTORY, history))
    # a row that says what an added line says is told by that line
    return again if moved or stood else [row for row in again if row["id"] in found]


def check_rows(model: type[models.Model]) -> Iterator[Finding]:
    """Every present row is what its newest history row says; every row that went away has a delete event."""
    found = list(rows_unlike_their_history(model))
    if found and told_with_their_batch(model):
        return
    yield from found


def told_with_their_batch(model: type[models.Model]) -> set[str]:
    """The rows that their history does not explain, where as many sealed lines of the table are gone, with their seals: it
    is their lines that were removed, and the batch names them (``core.engine.lost_lines``)."""
    lines = Lines.of(model)
    if not (lost := lost_lines(lines)):
        return set()
    rows = {str(finding.id) for finding in rows_unlike_their_history(model)}
    rows |= {str(finding.id) for finding in _gaps(model)} | set(salts_of_nothing(lines))
    return rows if len(rows) <= lost else set()


def check_salts(model: type[models.Model]) -> Iterator[Finding]:
    """No salt is there for a row that has no history."""
    lines = Lines.of(model)
    if not lines.columns["personal"] or not (rows := salts_of_nothing(lines)) or told_with_their_batch(model):
        return
    for row in rows:
        sentence = _("there is a salt for this row, which has no history: somebody added it.")
        yield Finding(lines.name, row, "salt", None, None, None, sentence)


def rows_unlike_their_history(model: type[models.Model]) -> Iterator[Finding]:
    """The rows that are not what the newest line of their history says, whatever else explains that."""
    names = _Tables.of(model)
    query = f"""
        WITH newest AS (
            SELECT DISTINCT ON ({names.key}) * FROM {HISTORY} AS line ORDER BY {names.key}, pgh_id DESC
        )
        SELECT coalesce(present.{names.pk}, newest.{names.key}) AS id, newest.pgh_label AS label, newest.pgh_id AS line,
               newest.pgh_created_at AS recorded_at, present.{names.pk} IS NOT NULL AS is_present,
               CASE WHEN newest.pgh_id IS NOT NULL THEN {names.json("newest")} END AS before,
               CASE WHEN present.{names.pk} IS NOT NULL THEN {names.json("present")} END AS after
        FROM {names.table} AS present FULL JOIN newest ON newest.{names.key} = present.{names.pk}
        WHERE newest.pgh_id IS NULL
           OR (newest.pgh_label = 'delete') = (present.{names.pk} IS NOT NULL)
           OR (present.{names.pk} IS NOT NULL AND ({names.row("present")}) IS DISTINCT FROM ({names.row("newest")}))
        ORDER BY recorded_at NULLS FIRST, id
    """  # noqa: S608 - the names come from the models
    rows = _as_sealed(model, query)
    lines = _NewestLines(Lines.of(model), [row["line"] for row in rows if row["line"]]) if rows else None
    removed = removed_rows(lines.lines) if rows else {}
    for row in rows:
        before, after = _loaded(row["before"]), _loaded(row["after"])
        if row["is_present"] and removed.get(str(row["id"]), 0) > (row["line"] or 0):
            continue  # what its newest lines said was removed, and is told as that
        if lines.told_otherwise(row["line"], row["is_present"]):
            if not row["is_present"] or before == after:
                continue  # the line was edited: it told of a change, or of the removal
            row["label"] = "update"
        edited = before is not None and row["is_present"] and row["label"] != "delete"
        if edited and lines.said_by_the_row(row["line"], after):
            continue  # the line was edited, not the row: the check of the lines says so, with what was sealed
        if edited and lines.holds_the_mark(row["id"], row["line"], before, after):
            continue  # the line of an erased row says something again, and is told as that
        sentence = lines.sentence(row["line"]) if edited else ""
        yield _row_finding(names.name, row, before, after, sentence, known=row["line"] not in lines.broken)


class _NewestLines:
    """Which of two that differ was edited, a row or the newest line of its history: what the seal of the line proves."""

    def __init__(self, lines: Lines, newest: list[int]) -> None:
        self.lines = lines
        query = 'SELECT line FROM core_historyseal WHERE "table" = %s AND line = ANY (%s)'
        self.sealed = {row["line"] for row in fetch(query, [lines.name, newest])} if newest else set()
        self.broken = lines_that_do_not_hold(lines) if self.sealed else {}
        self.left = EXPLAINED

    def said_by_the_row(self, line: int, values: dict[str, Any]) -> bool:
        """Whether the row says what was sealed, so that the line was edited."""
        if line not in self.broken or not self.left:
            return False
        self.left -= 1
        return proven_by(self.lines, self.broken[line], values)

    def told_otherwise(self, line: int | None, is_present: bool) -> bool:
        """Whether a line that was edited told, when it was sealed, what the row is: there, or gone."""
        if line not in self.broken:
            return False
        label = sealed_label(self.lines, self.broken[line])
        return label is not None and (label != "delete") == is_present

    def holds_the_mark(self, row: Any, line: int, before: dict[str, Any], after: dict[str, Any]) -> bool:
        """Whether the row was erased by law, up to this line, and holds the mark of that wherever the line differs."""
        changed = {name for name in before if before[name] != after[name]}
        model, table = self.lines.model, self.lines.name
        fields = {(field := model._meta.get_field(name)).column: field for name in personal_fields(model)}
        if not changed <= fields.keys():
            return False
        if not Erasure.objects.filter(table=table, row=str(row), last_line__gte=line).exists():
            return False
        marks = {name: marks_of(model, fields[name], [row])[0] or "" for name in changed}
        return all(_text_of(after[name]) in ("", NOTHING, marks[name]) for name in changed)

    def sentence(self, line: int) -> str:
        """What is proven of the two."""
        if line not in self.sealed:
            return _(
                "this row differs from the newest line of its history, which is not sealed yet: one of the two was edited "
                "without leaving a trace."
            )
        if line in self.broken:
            return _(
                "this row differs from the newest line of its history, which is not the one that was sealed: what the row "
                "said is not known."
            )
        return _("this row was edited without leaving a trace; the newest line of its history is sealed.")


def _row_finding(table: str, row: dict[str, Any], before: Any, after: Any, edited: str, *, known: bool) -> Finding:
    """``edited`` is what is said of a row that differs from its line, which says what the row said when ``known``."""
    if before is None:
        sentence = _("this row was added without leaving a trace.")
        return Finding(table, row["id"], "*", None, after, row["recorded_at"], sentence)
    if not row["is_present"]:
        sentence = _("this row was removed without leaving a trace.")
        return Finding(table, row["id"], "*", before, None, row["recorded_at"], sentence)
    if row["label"] == "delete":
        sentence = _("this row came back after its deletion without leaving a trace.")
        return Finding(table, row["id"], "*", None, after, row["recorded_at"], sentence)
    field, said, says = differences(before, after)
    return Finding(table, row["id"], field, said if known else None, says, row["recorded_at"], edited)


def _text_of(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else value or ""


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def check_beginnings(model: type[models.Model]) -> Iterator[Finding]:
    """The history of every row begins with its creation, and nothing follows its deletion."""
    found = list(_gaps(model))
    if found and told_with_their_batch(model):
        return
    yield from found


def _gaps(model: type[models.Model]) -> Iterator[Finding]:
    names = _Tables.of(model)
    query = f"""
        SELECT id, label, pgh_id, pgh_created_at, previous, before FROM (
            SELECT {names.key} AS id, pgh_label AS label, pgh_id, pgh_created_at,
                   lag(pgh_label) OVER (PARTITION BY {names.key} ORDER BY pgh_id) AS previous,
                   lag(pgh_id) OVER (PARTITION BY {names.key} ORDER BY pgh_id) AS before
            FROM {HISTORY} AS kept
        ) AS line
        WHERE (previous IS NULL) <> (label = 'insert') AND previous IS DISTINCT FROM 'delete'
           OR previous = 'delete' AND label <> 'insert'
        ORDER BY pgh_id
    """  # noqa: S608 - the names come from the models
    rows = _as_sealed(model, query)
    lines = Lines.of(model)
    forged = lines_that_do_not_hold(lines) if rows else {}
    removed = removed_rows(lines) if rows else {}
    for row in rows:
        if row["pgh_id"] in forged or row["before"] in forged or str(row["id"]) in removed:
            continue  # what a line says of itself was edited after it was sealed, or lines removed, and is told as that
        sentence = _("the history of this row has a gap before its line %(line)s.")
        yield Finding(
            names.name, row["id"], "*", line_in_words(row["previous"]), line_in_words(row["label"]),
            row["pgh_created_at"], sentence,
            {"line": row["pgh_id"]},
        )  # fmt: skip


def check_outside(model: type[models.Model]) -> Iterator[Finding]:
    """Every recorded change was made through Essor, which says who acted."""
    names = _Tables.of(model)
    query = f"""
        SELECT line.{names.key} AS id, line.pgh_label AS label, line.pgh_created_at AS recorded_at, line.pgh_id AS line,
               {names.json("line")} AS after,
               (SELECT {names.json("earlier")} FROM {HISTORY} AS earlier
                WHERE earlier.{names.key} = line.{names.key} AND earlier.pgh_id < line.pgh_id
                ORDER BY earlier.pgh_id DESC LIMIT 1) AS before
        FROM {HISTORY} AS line WHERE line.pgh_context IS NULL ORDER BY line.pgh_id
    """  # noqa: S608 - the names come from the models
    rows = _as_sealed(model, query)
    forged = lines_that_do_not_hold(Lines.of(model)) if rows else {}
    for row in rows:
        if row["line"] in forged:
            continue  # whoever made the change was named when it was sealed
        before, after = _loaded(row["before"]) or {}, _loaded(row["after"])
        field, said, says = "*", before or None, after
        if row["label"] == "update":
            field, said, says = differences(before, after)
        elif row["label"] == "delete":
            said, says = after, None
        sentence, words = _("edited outside Essor (%(what)s)."), {"what": line_in_words(row["label"])}
        yield Finding(names.name, row["id"], field, said, says, row["recorded_at"], sentence, words)


# --- states and events ---------------------------------------------------------------------------------------------


def state_columns() -> list[tuple[type[models.Model], str]]:
    """The models with one state that only recorded actions change."""
    found = [(Job, "state")]
    for model in apps.get_models():
        columns = [field.column for field in model._meta.local_concrete_fields if isinstance(field, FSMFieldMixin)]
        if len(columns) == 1 and not hasattr(model, "pgh_tracked_model"):
            found.append((model, columns[0]))
    return found


def check_states(model: type[models.Model], column: str) -> Iterator[Finding]:
    """A row's state is the one that its last event gave it."""
    table, pk = quoted(model._meta.db_table), quoted(model._meta.pk.column)
    query = f"""
        SELECT present.{pk} AS id, present.{quoted(column)} AS state, last.to_state, last.created_at
        FROM {table} AS present
        JOIN (
            SELECT DISTINCT ON (object_id) object_id, to_state, created_at FROM {Event._meta.db_table}
            WHERE content_type_id = %s AND to_state <> '' ORDER BY object_id, sequence DESC
        ) AS last ON last.object_id = present.{pk}
        WHERE present.{quoted(column)} <> last.to_state
        ORDER BY last.created_at
    """  # noqa: S608
    kind = number_of_kind(model)
    rows = fetch(query, [kind])
    excused = _rows_without_event(model, [row["id"] for row in rows])
    given = last_states(kind, [row["id"] for row in rows]) if rows else {}
    for row in rows:
        if str(row["id"]) in excused or given.get(row["id"]) in (None, row["state"]):
            continue  # an event that gave a state was removed, moved, added or edited, and is named
        sentence = _("this state was given without a transition.")
        yield Finding(
            model._meta.db_table, row["id"], column, given[row["id"]], row["state"], row["created_at"], sentence
        )


def _rows_without_event(model: type[models.Model], rows: list[Any]) -> set[str]:
    """Those of these rows whose newest line was written with an event that was removed since."""
    numbers = transactions_of_removed_events() if rows and model in tracked_models() else set()
    if not numbers:
        return set()
    names = _Tables.of(model)
    query = f"""
        SELECT DISTINCT ON ({names.key}) {names.key}::text AS id, pgh_context_id::text AS number FROM {names.history}
        WHERE {names.key}::text = ANY (%s) ORDER BY {names.key}, pgh_id DESC
    """  # noqa: S608
    return {row["id"] for row in fetch(query, [[str(row) for row in rows]]) if row["number"] in numbers}


def count(model: type[models.Model]) -> int:
    return model._base_manager.count()
