"""What a function of the guards is beside its text: when the server calls it, how often, in whose name, in which language.

A function that is STABLE does not see what its statement wrote, one that is STRICT is not called for an empty value: the
text is the same, and nothing is guarded. Every column of ``pg_proc`` is compared with what the declaration makes, whichever
the version of PostgreSQL has.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from core.engine.findings import Finding, of_the_catalogue
from core.engine.lines import fetch
from core.engine.own_words import literal

# What says which function it is, or is looked at in words of its own: its text, its settings, rights, owner and whose
# rights it lends.
LOOKED_AT_ELSEWHERE = (
    "oid", "proname", "pronamespace", "proowner", "proacl", "prosrc", "proconfig", "prosecdef",
)  # fmt: skip
# SQL: every column of ``function``, numbers of the server's own catalogues as names.
ATTRIBUTES = f"""(to_jsonb(function.*) - '{{{",".join(LOOKED_AT_ELSEWHERE)}}}'::text[] || jsonb_build_object(
    'prolang', (SELECT lanname FROM pg_language WHERE oid = function.prolang),
    'prorettype', format_type(function.prorettype, NULL), 'proargtypes', oidvectortypes(function.proargtypes)))"""  # noqa: S608 - constants
# What pgtrigger makes of every trigger: all have one head.
OF_A_TRIGGER = "CREATE OR REPLACE FUNCTION trigger_of_the_library() RETURNS TRIGGER AS $$ BEGIN RETURN NEW; END $$ LANGUAGE plpgsql"
COPY = "essor_copy_of_a_function"

# What the server makes of a statement, once a process.
_made: dict[str, dict[str, Any]] = {}

WORDS = {
    "provolatile": {"i": "IMMUTABLE", "s": "STABLE", "v": "VOLATILE"},
    "proparallel": {"s": "PARALLEL SAFE", "r": "PARALLEL RESTRICTED", "u": "PARALLEL UNSAFE"},
    "proisstrict": {True: "STRICT", False: "CALLED ON NULL INPUT"},
    "proleakproof": {True: "LEAKPROOF", False: "NOT LEAKPROOF"},
    "proretset": {True: "RETURNS SETOF", False: "RETURNS ONE"},
    "prokind": {"f": "FUNCTION", "p": "PROCEDURE", "a": "AGGREGATE", "w": "WINDOW"},
}
KEYWORDS = {
    "procost": "COST", "prorows": "ROWS", "prosupport": "SUPPORT", "prolang": "LANGUAGE", "prorettype": "RETURNS",
}  # fmt: skip


def as_declared(statement: str) -> Mapping[str, Any]:
    """The attributes that this statement gives, as the server makes it; what is made for that is undone."""
    if statement not in _made:
        made, count = re.subn(
            r"CREATE OR REPLACE FUNCTION (?:public\.)?\w+\(", f"CREATE FUNCTION pg_temp.{COPY}(", statement, count=1
        )
        if not count:
            raise ValueError(f"This statement makes no function: {statement[:80]}")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(literal(made))
            (row,) = fetch(
                f"SELECT {ATTRIBUTES} AS attributes, function.oid::regprocedure::text AS called FROM pg_proc AS function"  # noqa: S608
                f" WHERE proname = '{COPY}' AND pronamespace = pg_my_temp_schema()"
            )
            cursor.execute(f"DROP FUNCTION {row['called']}")
        _made[statement] = read(row["attributes"])
    return _made[statement]


def read(attributes: Any) -> dict[str, Any]:
    """What a statement with :data:`ATTRIBUTES` gives."""
    return json.loads(attributes) if isinstance(attributes, str) else attributes


def unlike_declared(called: str, declared: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Finding]:
    """A function that is another than its declaration makes, in one finding with all that differs."""
    wrong = [name for name in sorted({*declared, *found}) if declared.get(name) != found.get(name)]
    if wrong:
        sentence = _(
            "this function of the guards says what it should, and the server does not call it as it was declared: it may "
            "guard nothing."
        )
        sides = (", ".join(_in_sql(name, values.get(name)) for name in wrong) for values in (declared, found))
        yield of_the_catalogue("pg_proc", called, sentence, *sides)


def _in_sql(name: str, value: Any) -> str:
    """An attribute as statements say it; one that none has a word for, by its column."""
    if name in WORDS:
        return WORDS[name].get(value, f"{name} = {value}")
    return f"{KEYWORDS[name]} {value}" if name in KEYWORDS else f"{name} = {value}"
