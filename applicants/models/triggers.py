"""What the database itself refuses about persons, whoever writes."""

import pgtrigger

from core.roles import ACTING_ROLES

MONTHS_IF_UNSET = 36
"""How long an interest stays where no row of :class:`applicants.models.InterestPeriod` says it."""


def bodies_of_case(case: str) -> str:
    """SQL of the bodies of one case (``case``: an SQL expression of its id), as :func:`impartial` reads them: the ids of
    the lead, the partners and the persons; and the lead with the address of each person, who is named in the case, and
    the place where it stands (see :func:`namings`)."""
    own = " UNION ALL ".join(
        f"SELECT applicant_id, NULL::text, NULL::text FROM {table} WHERE {key} = {case}"
        for table, key in (
            ("grants_application", "id"),
            ("grants_partner", "application_id"),
            ("grants_personline", "application_id"),
        )
    )
    return f"""{own} UNION ALL SELECT of_lead.applicant_id, lower(line.email), 'case:' || line.application_id
                  FROM grants_personline line JOIN grants_application of_lead ON of_lead.id = line.application_id
                 WHERE line.application_id = {case} AND line.email <> ''"""


def answered(person: str, body: str, place: str, at: str | None = None) -> str:
    """SQL of whether a person declared that they have no interest in a body that names them at ``place`` (SQL of a text)
    by the address of their account, which the declaration keeps; ``at``: SQL of a moment of the past."""
    when = f"n.declared_at <= {at} AND (n.void_at IS NULL OR n.void_at > {at})" if at else "n.void_at IS NULL"
    return f"""EXISTS (SELECT 1 FROM applicants_nointerest n JOIN core_user nn ON nn.id = n.user_id
                        WHERE n.user_id = {person} AND n.applicant_id = {body} AND n.address = nn.email
                          AND n.places @> ARRAY[{place}]::text[] AND {when})"""


def namings(person: str, body: str) -> str:
    """SQL of the places (``place``) where a body (id) names a person (id), and which they have not answered.

    ``address``: that of the body; ``invitation``: sent by it, whether the other side took it back or it expired, as long
    as the person has not answered; ``case:`` and an id: a person of a case that it leads; ``kept:`` and an id: a place
    from which the other side took their address (:func:`naming_stays`).
    """
    return f"""
        SELECT naming.place FROM core_user named, LATERAL (
            SELECT 'address' FROM applicants_applicant b WHERE b.id = {body} AND lower(b.email) = named.email
            UNION SELECT 'invitation' FROM applicants_invitation i
             WHERE i.applicant_id = {body} AND lower(i.email) = named.email
               AND NOT i.withheld AND i.accepted_at IS NULL AND i.declined_at IS NULL
            UNION SELECT 'case:' || line.application_id
              FROM grants_personline line JOIN grants_application of_lead ON of_lead.id = line.application_id
             WHERE of_lead.applicant_id = {body} AND lower(line.email) = named.email
            UNION SELECT 'kept:' || k.id FROM applicants_keptinterest k
             WHERE k.user_id = named.id AND k.applicant_id = {body} AND k.tie = 'named' AND k.lifted_at IS NULL
               AND k.counts_until > clock_timestamp()) AS naming(place)
        WHERE named.id = {person} AND NOT {answered("named.id", body, "naming.place")}
        ORDER BY naming.place"""


def interested(person: str, body: str, at: str | None = None, address: str = "NULL", place: str = "NULL") -> str:
    """SQL of whether a person (id) has an interest in a body (id).

    They are a member, or ask to be one; they were or asked, less than the months of the parameter ago, and nobody lifted
    it; or they are named by the other side alone (an invitation, the address of the body, ``address``, SQL of one that is
    written in a case, whose place is ``place``, or one that was taken off) and have not declared, of that naming, that
    they have no interest. ``at``: SQL of a moment of the past; an address counts for it when the body has not been
    changed since, because the moment at which it was written is not on the row. The names ``m``, ``k``, ``j``,
    ``named``, ``i``, ``b``, ``n`` and ``nn`` are used inside: what is given does not begin with one of them.
    """

    def since(column: str) -> str:
        return f"{column} <= {at}" if at else "TRUE"

    def until(column: str) -> str:
        return f"({column} IS NULL OR {column} > {at})" if at else f"{column} IS NULL"

    def open_at(where: str) -> str:
        return f"NOT {answered(person, body, where, at)}"

    asks = f"(j.state = 'pending' OR j.decided_at > {at})" if at else "j.state = 'pending'"
    kept = f"""k.user_id = {person} AND k.applicant_id = {body} AND {since("k.began_at")}
                              AND k.counts_until > {at or "clock_timestamp()"} AND {until("k.lifted_at")}"""
    return f"""(
                EXISTS (SELECT 1 FROM applicants_membership m
                         WHERE m.user_id = {person} AND m.applicant_id = {body} AND {since("m.created_at")})
                OR EXISTS (SELECT 1 FROM applicants_keptinterest k
                            WHERE {kept} AND (k.tie <> 'named' OR {open_at("'kept:' || k.id")}))
                OR EXISTS (SELECT 1 FROM applicants_joinrequest j
                            WHERE j.user_id = {person} AND j.applicant_id = {body} AND {since("j.created_at")} AND {asks})
                OR EXISTS (
                        SELECT 1 FROM core_user named JOIN applicants_invitation i ON lower(i.email) = named.email
                         WHERE named.id = {person} AND i.applicant_id = {body} AND {since("i.created_at")}
                           AND NOT i.withheld AND {until("i.accepted_at")} AND {until("i.declined_at")} AND {open_at("'invitation'")}
                        UNION ALL
                        SELECT 1 FROM core_user named JOIN applicants_applicant b ON lower(b.email) = named.email
                         WHERE named.id = {person} AND b.id = {body} AND {since("b.updated_at")} AND {open_at("'address'")}
                        UNION ALL
                        SELECT 1 FROM core_user named
                         WHERE named.id = {person} AND named.email = {address} AND {open_at(place)}))"""


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


def naming_stays(
    operation: pgtrigger.Operation,
    *,
    body: str,
    place: str,
    taken_off: str,
    since: str = "clock_timestamp()",
) -> pgtrigger.Trigger:
    """The address of an officer that a row no longer carries keeps its question until they answer it: who is named is not
    freed by the other side. ``body``, ``place``, ``taken_off`` and ``since``: SQL that may read OLD. Once a place, however often the
    row is written anew; nothing stays of what they answered, nor of addresses that are nobody's of the staff."""
    staff = ", ".join(f"'{role}'" for role in sorted(ACTING_ROLES))
    return pgtrigger.Trigger(
        name="naming_stays",
        when=pgtrigger.After,
        operation=operation,
        func=f"""
            IF OLD.email = '' OR NOT ({taken_off}) THEN RETURN NULL; END IF;
            INSERT INTO applicants_keptinterest (user_id, applicant_id, tie, began_at, ended_at, counts_until, reason)
            SELECT officer.id, taken.body, 'named', {since}, clock_timestamp(),
                   clock_timestamp() + make_interval(months => coalesce(
                       (SELECT months FROM applicants_interestperiod), {MONTHS_IF_UNSET})::int), ''
              FROM core_user officer, ({body}) AS taken(body)
             WHERE officer.email = lower(OLD.email)
               AND EXISTS (SELECT 1 FROM core_user_groups held JOIN auth_group role ON role.id = held.group_id
                            WHERE held.user_id = officer.id AND role.name IN ({staff}))
               AND NOT {answered("officer.id", "taken.body", place)}
               AND NOT EXISTS (SELECT 1 FROM applicants_keptinterest k
                                WHERE k.user_id = officer.id AND k.applicant_id = taken.body AND k.tie = 'named'
                                  AND k.lifted_at IS NULL AND k.counts_until > clock_timestamp()
                                  AND NOT {answered("officer.id", "taken.body", "'kept:' || k.id")});
            RETURN NULL;
        """,
    )


def impartial(columns: list[str], bodies: str) -> pgtrigger.Trigger:
    """Return the trigger that refuses, in ``columns`` (ids of users), who has an interest in one of the ``bodies``, and an auditor.

    ``bodies`` is SQL that gives ids of applicants, each with an address by which the case names somebody and its place, or
    NULL twice, and may read NEW. It looks when a name is written, not later: who
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
                SELECT 1 FROM unnest(people) AS acting(id), ({bodies}) AS of_case(id, address, place)
                 WHERE {interested("acting.id", "of_case.id", address="of_case.address", place="of_case.place")}
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
