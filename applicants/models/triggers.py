"""What the database itself refuses about persons, whoever writes."""

import pgtrigger


def bodies_of_case(case: str) -> str:
    """SQL of the ids of the applicants of one case (``case``: an SQL expression of its id): lead, partners, persons."""
    return " UNION ALL ".join(
        f"SELECT applicant_id FROM {table} WHERE {key} = {case}"
        for table, key in (
            ("grants_application", "id"),
            ("grants_partner", "application_id"),
            ("grants_personline", "application_id"),
        )
    )


def impartial(columns: list[str], bodies: str) -> pgtrigger.Trigger:
    """Return the trigger that refuses, in ``columns`` (ids of users), a member of one of the ``bodies`` and an auditor.

    ``bodies`` is SQL that gives ids of applicants and may read NEW. It looks when a name is written, not later: who
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
                SELECT 1 FROM applicants_membership WHERE user_id = ANY (people) AND applicant_id IN ({bodies})
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
