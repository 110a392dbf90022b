"""Days and years of moments in SQL are those of the Region: in every function, figure and raw query, in one spelling."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from core.days_in_sql import TODAY, day_of, start_of, year_of
from core.figures.invariants import Unit, invariants
from tests.database_roles import ROLE, as_the_application
from tests.test_house import APPS, sources

#: Zones in which the day differs from that of the Region: at each moment in one of them at least.
FAR_ZONES = ("Etc/GMT+12", "Etc/GMT-14")
HERE = f"AT TIME ZONE '{settings.TIME_ZONE}'"
MOMENT = r"[\w.\"]*\w_at\"?\b"
DAY, COMPARED = r"[\w.\"]*(_on|retention_until)\b\"?", "(<=|>=|<>|<|>|=)"
OF_THE_SESSION = {
    "today of the session's zone": r"CURRENT_DATE|LOCALTIME|\b(now|\w+_timestamp)\(\)\s*::|\bdate\s+'(today|tomorrow|yesterday)'",
    "another zone than the Region's": rf"AT TIME ZONE (?!'{settings.TIME_ZONE}')|\btimezone\(",
    # The seconds since 1970 are the same in all zones, and so are minutes.
    "part of a moment without a zone": r"(EXTRACT\s*\((?!epoch)[^()]*FROM|date_(part|trunc)\s*\((?!'minute')[^(),]*,)"
    rf"\s*(now\(|{MOMENT}(?! {HERE}))",
    "text of a moment without a zone": rf"to_char\s*\(\s*(now\(|{MOMENT}(?! {HERE}))",
    "day beside a moment": rf"{DAY}\s*{COMPARED}\s*{MOMENT}(?! {HERE})|{MOMENT}\s*{COMPARED}\s*{DAY}",
    "cast to a day": r"\bCAST\s*\([^()]*\bAS date\s*\)",
}


def faults_of(sql: str) -> list[str]:
    """What in ``sql`` depends on the zone of the session."""
    sql = sql.replace("%%", "%")
    found = [name for name, pattern in OF_THE_SESSION.items() if re.search(pattern, sql, re.IGNORECASE)]
    return found + [f"{cast}::date" for cast in casts_to_a_day(sql) if not is_of_the_region(cast)]


def casts_to_a_day(sql: str) -> Iterator[str]:
    """What stands before each ``::date``: what its parenthesis holds, or its last word."""
    for match in re.finditer(r"::\s*date\b", sql, re.IGNORECASE):
        before, depth = sql[: match.start()], 0
        if not before.endswith(")"):
            yield re.search(r"('[^']*'|\S*)$", before)[0]
            continue
        for place in range(len(before) - 1, -1, -1):
            depth += {")": 1, "(": -1}.get(before[place], 0)
            if not depth:
                yield before[place:]
                break


def is_of_the_region(cast: str) -> bool:
    """A literal; a moment where the Region is, as we and as PostgreSQL write it; such a day moved by months."""
    return bool(
        re.fullmatch(
            rf"'[^']*'|NULL|\(.* {HERE}\)|\(\(\w+ {HERE}::text\)\)|\(\(.* {HERE}\)::date \+ make_interval\(.*\)",
            cast,
            re.DOTALL,
        )
    )


@pytest.mark.parametrize(
    "sql",
    [
        "NEW.paid_on > CURRENT_DATE", "now()::date", "clock_timestamp()::date", "(now() AT TIME ZONE 'UTC')::date", "e.created_at::date",
        "max(e.created_at)::date", "(greatest(p.opened_at, p.closed_at))::date", "(e.ended_at + make_interval(months => 3))::date",
        "EXTRACT(YEAR FROM o.ordered_at)", "date_part('year', now())", "date_trunc('day', sent_at)", "to_char(sent_at, 'YYYY')",
        "NEW.paid_on < b.closed_at",
        "((made_at AT TIME ZONE 'UTC'::text))::date",
        "x.closed_at >= y.ends_on", "CAST(sent_at AS date)", "(x.at AT TIME ZONE current_setting('TimeZone'))::date",
    ],
)  # fmt: skip
def test_what_depends_on_the_session_is_seen(sql):
    assert faults_of(f"SELECT 1 WHERE {sql}")


@pytest.mark.parametrize(
    "sql",
    [
        TODAY, day_of("NEW.sent_at"), day_of("max(e.created_at)"), day_of("coalesce(a.at, max(b.at))"), "'2026-01-01'::date",
        year_of("o.ordered_at"), day_of("now() - make_interval(days => %(days)s)"), f"NEW.paid_on < {day_of('b.closed_at')}",
        f"({day_of('a.submitted_at')} + make_interval(months => coalesce((v.x #>> 'y')::int, 2)))::date", "closed_at < opened_at",
        "date_trunc('minute', entered_at) > called_at", f"consulted_on <= ((made_at {HERE}::text))::date",
    ],
)  # fmt: skip
def test_what_says_the_zone_passes(sql):
    assert faults_of(f"SELECT 1 WHERE {sql}") == []


@pytest.mark.django_db
def test_no_function_check_index_or_view_of_the_database_has_days_of_the_session():
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT proname::text, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL
            SELECT tgname::text, pg_get_triggerdef(t.oid) FROM pg_trigger t
              JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'public'::regnamespace AND NOT tgisinternal
            UNION ALL
            SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint
             WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'x')
            UNION ALL
            SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL
            SELECT viewname::text, definition FROM pg_views WHERE schemaname = 'public'
            """
        )
        rows = cursor.fetchall()
    assert len(rows) > 1000
    assert [(name, fault) for name, text in rows for fault in faults_of(text)] == []


def test_no_figure_has_days_of_the_session():
    looked_at = [invariant for invariant in invariants() if invariant.sql]
    assert len(looked_at) > 80
    assert [(each.code, fault) for each in looked_at for fault in faults_of(each.sql)] == []


@pytest.mark.django_db
def test_no_figure_makes_a_day_of_a_moment_by_the_zone_of_the_session():
    """Also where no cast is written: a day compared with a moment, a moment shown as a day."""
    broken = []
    with as_the_application() as role, connection.cursor() as cursor:
        cursor.execute("RESET SESSION AUTHORIZATION")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        cursor.execute(
            """
            SELECT string_agg(oid::regprocedure::text, ', ') FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND (
                proname ~ '^date_(eq|ne|lt|le|gt|ge|cmp)_timestamptz$' OR proname ~ '^timestamptz_(eq|ne|lt|le|gt|ge|cmp)_date$'
                OR oid IN ('date(timestamptz)'::regprocedure, 'timestamptz(date)'::regprocedure,
                           'timestamp(timestamptz)'::regprocedure, 'timestamptz(timestamp)'::regprocedure,
                           'date_part(text, timestamptz)'::regprocedure, 'date_trunc(text, timestamptz)'::regprocedure,
                           'to_char(timestamptz, text)'::regprocedure, 'extract(text, timestamptz)'::regprocedure))
            """
        )
        (functions,) = cursor.fetchone()
        assert functions.count("timestamp with time zone") >= 20
        cursor.execute(f"REVOKE EXECUTE ON FUNCTION {functions} FROM PUBLIC")
        cursor.execute(f"SET LOCAL SESSION AUTHORIZATION {ROLE}")
        with pytest.raises(Exception, match="permission denied for function"), transaction.atomic():
            cursor.execute("SELECT created_at::date FROM core_event")
        for invariant in invariants():
            try:
                with transaction.atomic():
                    if invariant.rows:
                        list(invariant.rows())
                        continue
                    cursor.execute(invariant.sql, dict(invariant.parameters()))
            except Exception as error:
                broken.append((invariant.code, str(error)))
                continue
            if invariant.unit is Unit.DAY:
                types = {column.name: column.type_code for column in cursor.description}
                broken += [(invariant.code, name) for name in ("expected", "found") if types[name] in (1114, 1184)]
    assert broken == []


def written() -> Iterator[tuple[Path, str]]:
    """The sources, but for the module that spells the days and for this one."""
    for path in sources():
        if path.name not in ("days_in_sql.py", "test_days_in_sql.py"):
            yield path.relative_to(settings.BASE_DIR), path.read_text()


def sql_texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The texts of a module, whole: what a call of the one spelling gives stands as it gives it."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(_as_sql(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | documentation:
            yield node.lineno, node.value


def _as_sql(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    value = part.value
    if isinstance(value, ast.Name) and value.id == "TODAY":
        return TODAY
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("day_of", "year_of"):
        return {"day_of": day_of, "year_of": year_of}[value.func.id]("moment")
    return "VALUE"


def test_no_raw_query_of_the_product_has_days_of_the_session():
    faults = [
        f"{path}:{line} {fault}"
        for path, text in written()
        if path.parts[0] in APPS and re.search(r"SELECT|UPDATE|NEW\.|OLD\.|::", text)
        for line, sql in sql_texts(ast.parse(text))
        for fault in faults_of(sql)
    ]
    assert faults == []


def test_the_days_of_the_region_are_spelt_in_one_module():
    spelt = [
        str(path)
        for path, text in written()
        if path.parts[0] in APPS and re.search("AT TIME ZONE", text, re.IGNORECASE)
    ]
    assert spelt == []


def test_no_day_is_that_of_utc_or_of_the_machine():
    """In Python: ``timezone.localdate``, of now or of a moment."""
    wrong = re.compile(
        r"\bdate\.today\(|\bdatetime\.(now|today)\(\)|\butcnow\(|timezone\.now\(\)\.(date|year|month|day|strftime)\b"
        r"|\b\w+_at\.(date\(|year\b|month\b|day\b|strftime)"
    )
    found = [
        f"{path}:{number}"
        for path, text in written()
        for number, line in enumerate(text.splitlines(), 1)
        if wrong.search(line)
    ]
    assert found == []


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["UTC", *FAR_ZONES])
def test_days_and_years_do_not_depend_on_the_session(zone):
    asked = {
        day_of("'2026-06-30 22:30+00'::timestamptz"): "2026-07-01",
        day_of("'2026-06-30 21:30+00'::timestamptz"): "2026-06-30",
        day_of("'2026-12-31 23:30+00'::timestamptz"): "2027-01-01",
        day_of("'2026-06-30 21:30+00'::timestamptz + interval '1 hour'"): "2026-07-01",
        year_of("'2026-12-31 23:30+00'::timestamptz"): "2027",
        year_of("'2026-12-31 22:30+00'::timestamptz"): "2026",
        day_of(start_of("date '2026-07-01'")): "2026-07-01",
        start_of("date '2026-07-01'") + " = '2026-06-30 22:00+00'": "true",
        f"{TODAY} - {day_of('now()')}": "0",
    }
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL TimeZone = '{zone}'")
        cursor.execute("SELECT " + ", ".join(f"({sql})::text" for sql in asked))
        assert list(cursor.fetchone()) == list(asked.values())
