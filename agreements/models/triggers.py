"""Small builders for the triggers of this app.

Every refusal is raised with the SQLSTATE of a check violation, so that Django shows it as an
``IntegrityError``, as it does for the constraints that PostgreSQL knows itself.
"""

import pgtrigger

from core.days_in_sql import TODAY, day_of

#: SQL of the case of a row, where the row names its agreement or its claim.
CASE_OF_AGREEMENT = "(SELECT application_id FROM agreements_agreement WHERE id = NEW.agreement_id)"
CASE_OF_CLAIM = """(SELECT a.application_id FROM agreements_agreement a
    JOIN agreements_paymentclaim c ON c.agreement_id = a.id WHERE c.id = NEW.claim_id)"""


def refuse(message: str, *arguments: str) -> str:
    """Return the PL/pgSQL statement that refuses the row with ``message`` (``%`` = one argument)."""
    listed = "".join(f", {argument}" for argument in arguments)
    return f"RAISE EXCEPTION '{message}'{listed} USING ERRCODE = 'check_violation';"


def legal_moves(transitions: list[tuple[str, str]], field: str = "state") -> pgtrigger.Trigger:
    """Return a trigger that lets ``field`` change only along ``transitions`` (source, target)."""
    moves = ", ".join(f"('{source}', '{target}')" for source, target in transitions)
    return pgtrigger.Trigger(
        name="legal_moves",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(f'OLD."{field}" IS DISTINCT FROM NEW."{field}"'),
        func=f"""
            IF (OLD."{field}", NEW."{field}") NOT IN ({moves}) THEN
                {refuse("% may not go from % to %", "TG_TABLE_NAME", f'OLD."{field}"', f'NEW."{field}"')}
            END IF;
            RETURN NEW;
        """,
    )


def born_in(first: str) -> pgtrigger.Trigger:
    """Return a trigger that lets a row begin only in its first state: the others are reached by their moves."""
    return pgtrigger.Trigger(
        name="born_in_its_first_state",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition(f"NEW.\"state\" <> '{first}'"),
        func=refuse("a row begins in its first state"),
    )


def frozen(name: str, columns: list[str], message: str, unless: str = "FALSE") -> pgtrigger.Trigger:
    """Return a trigger that refuses a change of ``columns`` except where ``unless`` (SQL) holds."""
    new = ", ".join(f'NEW."{column}"' for column in columns)
    old = ", ".join(f'OLD."{column}"' for column in columns)
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        func=f"""
            IF ({unless}) THEN RETURN NEW; END IF;
            IF ROW({new}) IS DISTINCT FROM ROW({old}) THEN
                {refuse(message)}
            END IF;
            RETURN NEW;
        """,
    )


def days_in_order(*days: tuple[str, str], past: tuple[str, ...] = ()) -> pgtrigger.Trigger:
    """Return the trigger that keeps the days of a row in their order; those that are not known are passed over.

    ``days`` are (column, what happened on it), first to last; a column that ends in ``_at`` is a moment, of which the
    day in the Region's time zone counts. Those in ``past`` may not be to come. Old rows are looked at when a day of
    theirs changes.
    """

    def day_in(column: str) -> str:
        is_moment = column.endswith("_at")
        return day_of(f"NEW.{column}") if is_moment else f"NEW.{column}"

    columns = [column for column, _what in days]
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
    steps = "".join(
        f"""
            this := {day_in(column)};
            IF this < latest THEN
                {refuse("% (%) comes before %, on %", f"'{what}'", "this", "latest_what", "latest")}
            END IF;
            IF this IS NOT NULL THEN latest := this; latest_what := '{what}'; END IF;"""
        for column, what in days
    )
    whats = dict(days)
    steps += "".join(
        f"""
            IF {day_in(column)} > {TODAY} THEN
                {refuse("% (%) is to come", f"'{whats[column]}'", day_in(column))}
            END IF;"""
        for column in past
    )
    return pgtrigger.Trigger(
        name="days_in_order",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("this", "DATE"), ("latest", "DATE"), ("latest_what", "TEXT")],
        func=f"""
            IF TG_OP = 'UPDATE' THEN
                IF ROW({new}) IS NOT DISTINCT FROM ROW({old}) THEN RETURN NEW; END IF;
            END IF;{steps}
            RETURN NEW;
        """,
    )


def counted_by_database(columns: list[str]) -> pgtrigger.Trigger:
    """Return a trigger that keeps ``columns`` for other triggers alone.

    What a session writes there itself is ignored: a row that was read before another session paid
    may be saved whole without undoing that payment. Only a trigger (depth above one) moves them.
    """
    keep = "\n".join(f'NEW."{column}" := OLD."{column}";' for column in columns)
    start = "\n".join(f'NEW."{column}" := 0;' for column in columns)
    return pgtrigger.Trigger(
        name="counted_by_database",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        func=f"""
            IF TG_OP = 'INSERT' THEN
                {start}
            ELSIF pg_trigger_depth() < 2 THEN
                {keep}
            END IF;
            RETURN NEW;
        """,
    )


def never_deleted(condition: pgtrigger.Condition | pgtrigger.Q | None = None) -> pgtrigger.Trigger:
    """Return a trigger that refuses the deletion of the rows that meet ``condition`` (all by default)."""
    return pgtrigger.Trigger(
        name="never_deleted",
        when=pgtrigger.Before,
        operation=pgtrigger.Delete,
        condition=condition,
        func=refuse("a row of % is never deleted", "TG_TABLE_NAME"),
    )


def sums_up(name: str, table: str, what: str, *, cost: bool = False) -> pgtrigger.Trigger:
    """Return the deferred trigger that wants the rows of ``table`` to add up to the granted amount.

    With ``cost``, the costs of those that are granted something add up to the eligible base too: the cost of a year for
    which nothing is granted counts nowhere. It looks when the transaction ends, so that a schedule
    may be rewritten line by line; no row at all is allowed (an agreement without persons, without tranches).
    """
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        timing=pgtrigger.Deferred,
        declare=[
            ("of_agreement", "BIGINT"),
            ("total", "NUMERIC"),
            ("granted", "NUMERIC"),
            ("costs", "NUMERIC"),
            ("base", "NUMERIC"),
        ],
        func=f"""
            IF TG_OP = 'DELETE' THEN of_agreement := OLD.agreement_id;
            ELSE of_agreement := NEW.agreement_id; END IF;
            SELECT granted_amount, eligible_base INTO granted, base
                FROM agreements_agreement WHERE id = of_agreement;
            SELECT sum(amount), {"sum(cost) FILTER (WHERE amount > 0)" if cost else "NULL"} INTO total, costs
                FROM {table} WHERE agreement_id = of_agreement;
            IF granted IS NOT NULL AND total IS NOT NULL AND total <> granted THEN
                {refuse(what + " add up to % and not to the % granted", "total", "granted")}
            END IF;
            IF costs IS NOT NULL AND costs IS DISTINCT FROM base THEN
                {refuse("the costs of " + what + " add up to % and not to the eligible base of %", "costs", "base")}
            END IF;
            RETURN NULL;
        """,
    )


def plan_follows_amount() -> pgtrigger.Trigger:
    """Return the deferred trigger of an agreement whose amount or base changes, or that leaves the draft: its tranches,
    shares and instalments still add up, and a sent agreement has instalments."""
    parts = {"tranches": "tranche", "shares": "agreementshare", "instalments": "instalment"}
    looks = "".join(
        f"""
            SELECT sum(amount) INTO total FROM agreements_{table} WHERE agreement_id = NEW.id;
            IF total IS NOT NULL AND total <> granted THEN
                {refuse(f"the {what} add up to % and not to the % granted", "total", "granted")}
            END IF;"""
        for what, table in parts.items()
    )
    return pgtrigger.Trigger(
        name="plan_follows_amount",
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        timing=pgtrigger.Deferred,
        condition=pgtrigger.Condition(
            "OLD.granted_amount IS DISTINCT FROM NEW.granted_amount"
            " OR OLD.eligible_base IS DISTINCT FROM NEW.eligible_base OR (OLD.state = 'draft' AND NEW.state <> 'draft')"
        ),
        declare=[("granted", "NUMERIC"), ("base", "NUMERIC"), ("total", "NUMERIC"), ("its_state", "TEXT")],
        func=f"""
            SELECT granted_amount, eligible_base, state INTO granted, base, its_state
                FROM agreements_agreement WHERE id = NEW.id;
            IF granted IS NULL THEN RETURN NULL; END IF;{looks}
            IF total IS NULL AND its_state NOT IN ('draft', 'lapsed') THEN
                {refuse("an agreement that is sent has its instalments")}
            END IF;
            SELECT sum(cost) FILTER (WHERE amount > 0) INTO total FROM agreements_tranche WHERE agreement_id = NEW.id;
            IF total IS NOT NULL AND total IS DISTINCT FROM base THEN
                {refuse("the costs of the tranches add up to % and not to the eligible base of %", "total", "base")}
            END IF;
            RETURN NULL;
        """,
    )


def follows_agreement(what: str, columns: list[str]) -> pgtrigger.Trigger:
    """Return the trigger that keeps the annexes (``columns`` of them) once the agreement was sent."""
    new = ", ".join(f'NEW."{column}"' for column in columns)
    old = ", ".join(f'OLD."{column}"' for column in columns)
    return pgtrigger.Trigger(
        name="annex_frozen",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        declare=[("of_agreement", "BIGINT"), ("its_state", "TEXT")],
        func=f"""
            IF TG_OP = 'UPDATE' AND ROW({new}) IS NOT DISTINCT FROM ROW({old}) THEN RETURN NEW; END IF;
            IF TG_OP = 'DELETE' THEN of_agreement := OLD.agreement_id;
            ELSE of_agreement := NEW.agreement_id; END IF;
            SELECT state INTO its_state FROM agreements_agreement WHERE id = of_agreement;
            IF its_state <> 'draft' THEN
                {refuse(what + " of an agreement that was sent do not change")}
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            RETURN NEW;
        """,
    )


def while_claim_is_written(what: str) -> pgtrigger.Trigger:
    """Return the trigger that lets rows of a claim be added or removed only while it is being written."""
    return pgtrigger.Trigger(
        name="while_claim_is_written",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Delete,
        declare=[("of_claim", "BIGINT"), ("its_state", "TEXT")],
        func=f"""
            IF TG_OP = 'DELETE' THEN of_claim := OLD.claim_id; ELSE of_claim := NEW.claim_id; END IF;
            SELECT state INTO its_state FROM agreements_paymentclaim WHERE id = of_claim FOR SHARE;
            IF its_state NOT IN ('draft', 'returned') THEN
                {refuse(what + " of a claim that was filed do not change")}
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            RETURN NEW;
        """,
    )


def differs(columns: list[str]) -> str:
    """SQL: one of the columns is written otherwise."""
    new, old = (", ".join(f'{row}."{column}"' for column in columns) for row in ("NEW", "OLD"))
    return f"ROW({new}) IS DISTINCT FROM ROW({old})"
