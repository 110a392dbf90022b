"""The functions of the guards: they say what they should, read the tables that they name, write in whose name, and are
called as they were declared.

A trigger that stands says nothing when the function that it calls reads another table, lends the wrong rights, or is one
that the server need not call (``core.engine.function_attributes``).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from core.engine.findings import Finding, of_the_catalogue
from core.engine.function_attributes import ATTRIBUTES, OF_A_TRIGGER, as_declared, read, unlike_declared
from core.engine.lines import fetch
from core.engine.locks import IGNORE_FUNCTION, SAFE_PATH, STAMP, STAMP_FUNCTION, history_tables
from core.engine.own_words import alone
from core.triggers import FUNCTIONS

# Made by the library of the row history; no trigger of Essor's calls it.
OF_THE_LIBRARY = "_pgh_attach_context"


def plain(text: str) -> str:
    """The text of a function, whatever its lines."""
    return " ".join(text.split())


def declared() -> dict[str, str]:
    """The statement of every function that is no trigger's own, by name."""
    return {**FUNCTIONS, "_pgtrigger_should_ignore": IGNORE_FUNCTION, STAMP: STAMP_FUNCTION}


def check_functions() -> Iterator[Finding]:
    """Every declared function is there with its text and its attributes; all have the safe path; none is there that nobody
    declared."""
    query = f"""
        SELECT function.proname AS name, function.oid::regprocedure::text AS called, function.prosrc AS source,
               function.prosecdef AS lends, array_to_string(function.proconfig, '; ') AS settings,
               function.prorettype = 'trigger'::regtype AS is_of_a_trigger, {ATTRIBUTES} AS attributes,
               function.prorettype = 'trigger'::regtype AND EXISTS (
                   SELECT FROM unnest(%s::text[]) AS history
                   WHERE position('INSERT INTO "' || history || '"' IN function.prosrc) > 0) AS writes_history
        FROM pg_proc AS function
        WHERE function.pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = function.oid AND deptype = 'e')
        ORDER BY 2
    """  # noqa: S608
    rows = fetch(query, [history_tables()])
    wanted = declared()
    for name in sorted(wanted.keys() - {row["name"] for row in rows}):
        yield of_the_catalogue("pg_proc", name, _("this function of the guards is gone: run manage.py migrate."))
    for row in rows:
        yield from alone("pg_proc", row["called"], lambda row=row: _function(row, wanted), savepoint=False)


def _function(row: dict[str, Any], wanted: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with a function that is there; ``wanted`` are the declared ones that are no trigger's own."""
    is_known = row["name"] in wanted
    if is_known:
        said, found = _body(wanted[row["name"]]), plain(row["source"])
        if said != found:
            sentence = _("this function of the guards does not say what it should.")
            yield of_the_catalogue("pg_proc", row["name"], sentence, said, found)
    elif not row["is_of_a_trigger"] and row["name"] != OF_THE_LIBRARY:
        sentence = _("nobody declared this function: it may stand in for another one.")
        yield of_the_catalogue("pg_proc", row["called"], sentence)
    if is_known or row["is_of_a_trigger"]:
        as_made = as_declared(wanted.get(row["name"], OF_A_TRIGGER))
        yield from unlike_declared(row["called"], as_made, read(row["attributes"]))
    yield from _borrowed(row)


def _borrowed(row: dict[str, Any]) -> Iterator[Finding]:
    """The settings with which a function begins, and the rights that it lends."""
    if row["settings"] != f"search_path={SAFE_PATH}":
        if f"search_path={SAFE_PATH}" in (row["settings"] or "").split("; "):
            sentence = _("this function begins with a setting that nobody declared: run manage.py migrate.")
        else:
            sentence = _(
                "this function reads the tables that the session names, not those of Essor: run manage.py migrate."
            )
        yield of_the_catalogue("pg_proc", row["called"], sentence, f"search_path={SAFE_PATH}", row["settings"])
    # A function that is no trigger's and lends rights is told with the rights.
    if row["is_of_a_trigger"] and row["lends"] != row["writes_history"]:
        sentence = _("this function of a trigger does not write with the rights that it should: run manage.py migrate.")
        rights = {True: "SECURITY DEFINER", False: "SECURITY INVOKER"}
        yield of_the_catalogue("pg_proc", row["called"], sentence, rights[row["writes_history"]], rights[row["lends"]])


def _body(statement: str) -> str:
    """What stands between the quotes of a statement that makes a function."""
    found = re.search(r"\$(\w*)\$(.*)\$\1\$", statement, re.DOTALL)
    if found is None:
        raise ValueError(f"This statement makes no function: {statement[:80]}")
    return plain(found[2])
