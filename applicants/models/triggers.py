"""What the database itself refuses about persons, whoever writes."""

import pgtrigger

MONTHS_IF_UNSET = 36
"""How long an interest stays where no row of :class:`applicants.models.InterestPeriod` says it."""


def bodies_of_case(case: str) -> str:
    """SQL of the bodies of one case (``case``: an SQL expression of its id), as :func:`impartial` reads them: the ids of
    the lead, the partners and the persons; and the lead with the address of each person, who is named in the case."""
    own = " UNION ALL ".join(
        f"SELECT applicant_id, NULL::text FROM {table} WHERE {key} = {case}"
        for table, key in (
            ("grants_application", "id"),
            ("grants_partner", "application_id"),
            ("grants_personline", "application_id"),
        )
    )
    return f"""{own} UNION ALL SELECT of_lead.applicant_id, lower(line.email)
                  FROM grants_personline line JOIN grants_application of_lead ON of_lead.id = line.application_id
                 WHERE line.application_id = {case} AND line.email <> ''"""


def interested(person: str, body: str, at: str | None = None, address: str = "NULL") -> str:
    """SQL of whether a person (id) has an interest in a body (id).

    They are a member, or ask to be one; they were or asked, less than the months of the parameter ago, and nobody lifted
    it; or they are named by the other side alone (an open invitation, the address of the body, or ``address``, SQL of
    one that is written in a case) and have not declared that they have no interest. ``at``: SQL of a moment of the past;
    an address counts for it when the body has not been changed since, because the moment at which it was written is not
    on the row. The names ``m``, ``k``, ``j``, ``named``, ``i``, ``b`` and ``n`` are used inside: what is given does not
    begin with one of them.
    """

    def since(column: str) -> str:
        return f"{column} <= {at}" if at else "TRUE"

    def until(column: str) -> str:
        return f"({column} IS NULL OR {column} > {at})" if at else f"{column} IS NULL"

    asks = f"(j.state = 'pending' OR j.decided_at > {at})" if at else "j.state = 'pending'"
    closed = " AND ".join(until(f"i.{column}") for column in ("accepted_at", "revoked_at", "declined_at"))
    return f"""(
                EXISTS (SELECT 1 FROM applicants_membership m
                         WHERE m.user_id = {person} AND m.applicant_id = {body} AND {since("m.created_at")})
                OR EXISTS (SELECT 1 FROM applicants_keptinterest k
                            WHERE k.user_id = {person} AND k.applicant_id = {body} AND {since("k.began_at")}
                              AND k.counts_until > {at or "clock_timestamp()"} AND {until("k.lifted_at")})
                OR EXISTS (SELECT 1 FROM applicants_joinrequest j
                            WHERE j.user_id = {person} AND j.applicant_id = {body} AND {since("j.created_at")} AND {asks})
                OR (EXISTS (
                        SELECT 1 FROM core_user named JOIN applicants_invitation i ON lower(i.email) = named.email
                         WHERE named.id = {person} AND i.applicant_id = {body} AND {since("i.created_at")}
                           AND {closed} AND i.expires_at > {at or "clock_timestamp()"}
                        UNION ALL
                        SELECT 1 FROM core_user named JOIN applicants_applicant b ON lower(b.email) = named.email
                         WHERE named.id = {person} AND b.id = {body} AND {since("b.updated_at")}
                        UNION ALL
                        SELECT 1 FROM core_user named WHERE named.id = {person} AND named.email = {address})
                    AND NOT EXISTS (
                        SELECT 1 FROM applicants_nointerest n WHERE n.user_id = {person} AND n.applicant_id = {body}
                           AND {since("n.declared_at")} AND {until("n.void_at")})))"""


#: SQL of whether a person (one %s: their id) has an interest in a row of applicants_applicant.
INTERESTED = f"""EXISTS (SELECT 1 FROM (SELECT %s::bigint) AS reader(id)
                          WHERE {interested("reader.id", "applicants_applicant.id")})"""


def ends_declarations() -> pgtrigger.Trigger:
    """Who joins a body, or asks to, has an interest in it: what they declared before is void."""
    return pgtrigger.Trigger(
        name="ends_declarations",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        func="""
            UPDATE applicants_nointerest SET void_at = clock_timestamp()
             WHERE user_id = NEW.user_id AND applicant_id = NEW.applicant_id AND void_at IS NULL;
            RETURN NULL;
        """,
    )


def interest_stays(
    tie: str, operation: pgtrigger.Operation, condition: pgtrigger.Condition | None = None
) -> pgtrigger.Trigger:
    """What ends (a membership, a request to join) leaves an interest of its kind (``tie``), for the months of the parameter."""
    return pgtrigger.Trigger(
        name="interest_stays",
        when=pgtrigger.After,
        operation=operation,
        condition=condition,
        func=f"""
            INSERT INTO applicants_keptinterest (user_id, applicant_id, tie, began_at, ended_at, counts_until, reason)
            SELECT OLD.user_id, OLD.applicant_id, '{tie}', OLD.created_at, clock_timestamp(),
                   clock_timestamp() + make_interval(months => coalesce(
                       (SELECT months FROM applicants_interestperiod), {MONTHS_IF_UNSET})::int), '';
            RETURN NULL;
        """,
    )


def impartial(columns: list[str], bodies: str) -> pgtrigger.Trigger:
    """Return the trigger that refuses, in ``columns`` (ids of users), who has an interest in one of the ``bodies``, and an auditor.

    ``bodies`` is SQL that gives ids of applicants, each with an address by which the case names somebody, or NULL, and
    may read NEW. It looks when a name is written, not later: who
    joins a body afterwards has acted well before.
    """
    checks = "\n".join(
        f"""
            IF NEW.{column} IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.{column} IS DISTINCT FROM OLD.{column}) THEN
                people := people || NEW.{column}::bigint;
            END IF;"""
        for column in columns
    )
    return pgtrigger.Trigger(
        name="impartial",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("people", "BIGINT[] := '{}'")],
        func=f"""{checks}
            IF people = '{{}}' THEN RETURN NEW; END IF;
            IF EXISTS (
                SELECT 1 FROM unnest(people) AS acting(id), ({bodies}) AS of_case(id, address)
                 WHERE {interested("acting.id", "of_case.id", address="of_case.address")}
            ) THEN
                RAISE EXCEPTION 'who acts for a body of the case does not act for the Region on it'
                    USING ERRCODE = 'check_violation';
            END IF;
            IF EXISTS (
                SELECT 1 FROM core_user_groups held JOIN auth_group role ON role.id = held.group_id
                WHERE held.user_id = ANY (people) AND role.name = 'auditor'
            ) THEN
                RAISE EXCEPTION 'an auditor changes nothing' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )
