"""Every row holds to what its table refuses: read again, row by row, whatever the guards say now.

A guard that was taken away, stepped around and put back (or said to be valid) looks as it did; the row that it would have
refused is still there. Marks of what is kept nowhere else (a password, the words of a mail) are held by a CHECK alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.apps import apps
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import connection, models
from django.db.models.sql import Query
from django.utils.translation import gettext as _

from core.engine.findings import Finding
from core.engine.lines import Lines, fetch, quoted
from core.engine.plain_values import RULES
from core.engine.verification import rows_unlike_their_history
from core.history import history_model_of, tracked_models
from core.triggers import Digest

CHECK, UNIQUE, KEY = "check", "unique", "key"


@dataclass(frozen=True)
class Held:
    """What a table refuses: ``broken`` is the SQL of what a row may not be (CHECK), or the query that returns the keys of
    the rows that may not stand together (UNIQUE) or alone (KEY). ``columns`` are those that it is about."""

    kind: str
    name: str
    broken: str
    columns: tuple[str, ...]
    message: str = ""
    mark: str = ""
    target: type[models.Model] | None = None


def held_models() -> list[type[models.Model]]:
    """The models whose rows are looked at; the lines of the histories are looked at by their seals."""
    histories = {history_model_of(model) for model in tracked_models()}
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model not in histories
    ]


def check_held(model: type[models.Model]) -> Iterator[Finding]:
    """Each row that a CHECK, a unique key, a foreign key or a NOT NULL of its table would refuse."""
    rules = _rules(model)
    rows = fetch(_query(model))
    if not rows:
        return
    forged = _forged(model)
    for row in rows:
        for rule in _broken_checks(model, row["rows"][0]) if row["rule"] < 0 else [rules[row["rule"]]]:
            left = [pk for pk in row["rows"] if not _told(rule, forged.get(pk, set()))]
            if len(left) < len(row["rows"]) if rule.kind == UNIQUE else not left:
                continue  # the row is named for the very column
            if rule.target is not None and _was_there(rule, model, row["rows"][0]):
                continue  # the row that it names was removed, and is named for that
            yield _finding(model, rule, row["rows"])


def _finding(model: type[models.Model], rule: Held, rows: list[str]) -> Finding:
    table, pk = model._meta.db_table, rows[-1]
    if rule.mark:
        sentence = _("“%(name)s” no longer has the content that it was made of.")
        return Finding(table, pk, rule.mark, None, None, None, sentence, {"name": _named(model, pk)})
    if rule.kind == UNIQUE:
        sentence = _(
            "rows %(rows)s say together what the table refuses (%(rule)s): they were written while its guard was away."
        )
        words = {"rows": ", ".join(rows), "rule": rule.message or rule.name}
        return Finding(table, pk, ", ".join(rule.columns) or "*", None, None, None, sentence, words)
    after = _values(model, rule, pk)
    if rule.kind == KEY:
        sentence = _(
            "this row names a row that is not there, and of which nothing was kept: its key was not looked at."
        )
        return Finding(table, pk, rule.columns[0], None, after, None, sentence)
    sentence = _(
        "this row says what its table refuses (%(rule)s): it was written while the guard was away, or under another."
    )
    return Finding(
        table, pk, ", ".join(rule.columns) or "*", None, after, None, sentence, {"rule": rule.message or rule.name}
    )


def _named(model: type[models.Model], pk: str) -> str:
    return str(model._base_manager.filter(pk=pk).first() or pk)


def _values(model: type[models.Model], rule: Held, pk: str) -> object:
    """What the row says in the columns of a rule."""
    columns = ", ".join(map(quoted, rule.columns))
    if not columns:
        return None
    (row,) = fetch(
        f"SELECT {columns} FROM {quoted(model._meta.db_table)} WHERE {quoted(model._meta.pk.column)}::text = %s",  # noqa: S608
        [pk],
    )
    return row[rule.columns[0]] if len(row) == 1 else row


def _forged(model: type[models.Model]) -> dict[str, set[str]]:
    """The rows that differ from their history, by what differs."""
    found: dict[str, set[str]] = {}
    if model in tracked_models():
        for finding in rows_unlike_their_history(model):
            found.setdefault(str(finding.id), set()).update(finding.field.split(", "))
    return found


def _told(rule: Held, fields: set[str]) -> bool:
    return "*" in fields or bool(fields & set(rule.columns))


def _was_there(rule: Held, model: type[models.Model], pk: str) -> bool:
    """Whether the history or the seals know the row that a key names."""
    if rule.target not in tracked_models():
        return False
    lines = Lines.of(rule.target)
    said = str(_values(model, rule, pk))
    query = f"""SELECT EXISTS (SELECT FROM {lines.table} AS line WHERE line.{lines.key}::text = %(said)s)
                OR EXISTS (SELECT FROM core_historyseal WHERE "table" = %(table)s AND row = %(said)s) AS known"""  # noqa: S608
    return bool(fetch(query, {"said": said, "table": lines.name})[0]["known"])


def _broken_checks(model: type[models.Model], pk: str) -> list[Held]:
    """Which of the CHECKs a row breaks."""
    checks = [rule for rule in _rules(model) if rule.kind == CHECK]
    parts = ", ".join(f"({_literal(rule.broken)}) IS TRUE" for rule in checks)
    query = f"SELECT ARRAY[{parts}] AS broken FROM {quoted(model._meta.db_table)} WHERE {quoted(model._meta.pk.column)}::text = %s"  # noqa: S608
    (row,) = fetch(query, [pk])
    return [rule for rule, broken in zip(checks, row["broken"], strict=True) if broken]


# --- the rules of a table, as SQL -------------------------------------------------------------------------------------


def _literal(sql: str) -> str:
    return sql.replace("%", "%%")


@cache
def _query(model: type[models.Model]) -> str:
    """The rows that break a rule: the number of the rule (-1: a CHECK) and the keys of the rows, as texts."""
    rules = _rules(model)
    parts = []
    if checks := [f"({rule.broken})" for rule in rules if rule.kind == CHECK]:
        parts.append(
            f"SELECT -1 AS rule, ARRAY[{quoted(model._meta.pk.column)}::text] AS rows"  # noqa: S608
            f" FROM {quoted(model._meta.db_table)} WHERE {' OR '.join(checks)}"
        )
    parts += [
        f"SELECT {number} AS rule, rows FROM ({rule.broken}) AS found"  # noqa: S608
        for number, rule in enumerate(rules)
        if rule.kind != CHECK
    ]
    return _literal(" UNION ALL ".join(parts) + " ORDER BY 1, 2")


@cache
def _rules(model: type[models.Model]) -> list[Held]:
    found = []
    for field in model._meta.local_concrete_fields:
        found += _rules_of(model, field)
    for names in model._meta.unique_together:
        columns = tuple(model._meta.get_field(name).column for name in names)
        found.append(_unique(model, f"{', '.join(columns)} UNIQUE", columns))
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        for rule in model._meta.constraints:
            if isinstance(rule, models.CheckConstraint):
                found.append(_check(model, rule, editor))
            elif isinstance(rule, models.UniqueConstraint):
                found.append(_unique_rule(model, rule, editor))
            elif isinstance(rule, ExclusionConstraint):
                found.append(_apart(model, rule, editor))
    return found


def _rules_of(model: type[models.Model], field: models.Field) -> Iterator[Held]:
    """What a field itself refuses: nothing, a number below 0, a day that is none, the same twice, a row that is not there."""
    name, column = field.column, quoted(field.column)
    if not field.null and not field.generated:
        yield Held(CHECK, f"{name} NOT NULL", f"{column} IS NULL", (name,))
    if condition := field.db_check(connection):
        yield Held(CHECK, f"{name} CHECK", f"NOT ({condition})", (name,))
    kind = (field.db_type(connection) or "").partition("(")[0]
    for rule, said in RULES.items():
        if kind in said and not field.generated:
            yield Held(CHECK, rule, f"NOT ({said[kind].format(column)})", (name,))
    if field.unique and not field.primary_key:
        yield _unique(model, f"{name} UNIQUE", (name,))
    if getattr(field, "db_constraint", False) and field.remote_field is not None:
        target = field.related_model
        broken = (
            f"SELECT ARRAY[mine.{quoted(model._meta.pk.column)}::text] AS rows FROM {quoted(model._meta.db_table)} AS mine"  # noqa: S608
            f" WHERE mine.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {quoted(target._meta.db_table)} AS theirs"
            f" WHERE theirs.{quoted(field.target_field.column)} = mine.{column})"
        )
        yield Held(KEY, f"{name} FOREIGN KEY", broken, (name,), target=target)


def _message(rule: models.BaseConstraint) -> str:
    return "" if rule.violation_error_message == rule.default_violation_error_message else rule.violation_error_message


def _check(model: type[models.Model], rule: models.CheckConstraint, editor) -> Held:
    columns = sorted(model._meta.get_field(name).column for name in rule.condition.referenced_base_fields)
    marks = [
        model._meta.get_field(said[0]).column
        for said in getattr(rule.condition, "children", ())
        if isinstance(said, tuple) and isinstance(said[1], Digest)
    ]
    return Held(
        CHECK,
        rule.name,
        f"NOT ({rule._get_check_sql(model, editor)})",
        tuple(columns),
        _message(rule),
        "".join(marks[:1]),
    )


def _unique(
    model: type[models.Model], name: str, columns: tuple[str, ...], said: str = "", where: str = "", *,
    nulls: bool = False, message: str = "",
) -> Held:  # fmt: skip
    """``said``: what may stand once, as SQL; ``nulls``: nothing counts as a value too."""
    parts = [said] if said else [quoted(column) for column in columns]
    filled = [] if nulls else [f"({part}) IS NOT NULL" for part in parts]
    conditions = " AND ".join([*filled, *([f"({where})"] if where else [])]) or "true"
    key = quoted(model._meta.pk.column)
    broken = (
        f"SELECT array_agg({key}::text ORDER BY {key}) AS rows FROM {quoted(model._meta.db_table)}"  # noqa: S608
        f" WHERE {conditions} GROUP BY {', '.join(parts)} HAVING count(*) > 1"
    )
    return Held(UNIQUE, name, broken, columns, message)


def _compiled(model: type[models.Model], expression, editor, *, qualified: bool = False) -> str:
    query = Query(model, alias_cols=qualified)
    resolved = expression.resolve_expression(query)
    sql, parameters = query.get_compiler(connection=connection).compile(resolved)
    return sql % tuple(editor.quote_value(value) for value in parameters)


def _unique_rule(model: type[models.Model], rule: models.UniqueConstraint, editor) -> Held:
    where = rule._get_condition_sql(model, editor) or ""
    columns = tuple(model._meta.get_field(name).column for name in rule.fields)
    nulls = rule.nulls_distinct is False
    if not rule.expressions:
        return _unique(model, rule.name, columns, where=where, nulls=nulls, message=_message(rule))
    said = ", ".join(_compiled(model, expression, editor) for expression in rule.expressions)
    return _unique(model, rule.name, (), f"ROW({said})::text", where, nulls=True, message=_message(rule))


def _apart(model: type[models.Model], rule: ExclusionConstraint, editor) -> Held:
    """Two rows of which every expression stands to the other as the rule forbids."""
    table, key = quoted(model._meta.db_table), quoted(model._meta.pk.column)

    def of(alias: str, sql: str) -> str:
        return sql.replace(f"{table}.", f"{alias}.")

    pairs, where = [], ""
    for expression, operator in rule.expressions:
        said = models.F(expression) if isinstance(expression, str) else expression
        sql = _compiled(model, said, editor, qualified=True)
        pairs.append(f"{of('one', sql)} {operator} {of('other', sql)}")
    if rule.condition is not None:
        where = _compiled(model, rule.condition, editor, qualified=True)
        pairs += [f"({of('one', where)})", f"({of('other', where)})"]
    broken = (
        f"SELECT ARRAY[one.{key}::text, other.{key}::text] AS rows FROM {table} AS one JOIN {table} AS other"  # noqa: S608
        f" ON one.{key} < other.{key} AND {' AND '.join(pairs)}"
    )
    return Held(UNIQUE, rule.name, broken, (), _message(rule))
