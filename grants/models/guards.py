"""What the database refuses of sessions, envelopes and calls beside one another: their dates, their programme, their
open cases. Conditions and forms say the same before it; these are the last word, whatever the door.
"""

import pgtrigger

from core.days_in_sql import day_of
from grants.states import FINAL, GRANTED

_DECIDED = ", ".join(f"'{state}'" for state in dict.fromkeys([*GRANTED, *FINAL]))
CONVENED_AHEAD = "1 year"  # at most so long before its day is a session convened: later is a slip of the year


def _refuse(sentence: str, *arguments: str) -> str:
    listed = "".join(f", {argument}" for argument in arguments)
    return f"RAISE EXCEPTION '{sentence}'{listed} USING ERRCODE = 'check_violation';"


def session_date_follows() -> pgtrigger.Trigger:
    """A session is neither before its convening, nor before the filing of a case of its agenda, nor implausibly late;
    its deliberation is not dated before it."""
    return pgtrigger.Trigger(
        name="session_date_follows",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        declare=[("day", "DATE"), ("filed", "DATE")],
        func=f"""
            IF TG_OP = 'UPDATE' AND (NEW.held_at, NEW.convened_at, NEW.deliberation_on, NEW.state)
               IS NOT DISTINCT FROM (OLD.held_at, OLD.convened_at, OLD.deliberation_on, OLD.state) THEN
                RETURN NEW;
            END IF;
            day := {day_of("NEW.held_at")};
            IF day < {day_of("NEW.convened_at")} THEN
                {_refuse("a session is not held on % before it was convened", "day")}
            END IF;
            IF NEW.held_at > NEW.convened_at + interval '{CONVENED_AHEAD}' THEN
                {_refuse("a session is not convened more than a year before its day, %", "day")}
            END IF;
            IF NEW.deliberation_on < day THEN
                {_refuse("a deliberation is not dated before its session, %", "day")}
            END IF;
            SELECT max({day_of("a.submitted_at")}) INTO filed FROM grants_agendaitem i
              JOIN grants_application a ON a.id = i.application_id WHERE i.session_id = NEW.id;
            IF day < filed THEN
                {_refuse("a session is not held on % before the filing of a case of its agenda, %", "day", "filed")}
            END IF;
            RETURN NEW;
        """,
    )


def case_filed_before_its_session() -> pgtrigger.Trigger:
    """A case goes on the agenda of a session that is held on the day of its filing or later."""
    return pgtrigger.Trigger(
        name="case_filed_before_its_session",
        operation=pgtrigger.Insert,
        when=pgtrigger.Before,
        func=f"""
            IF (SELECT {day_of("s.held_at")} < {day_of("a.submitted_at")}
                  FROM grants_committeesession s, grants_application a
                 WHERE s.id = NEW.session_id AND a.id = NEW.application_id) THEN
                {_refuse("a session is not held before the filing of a case of its agenda")}
            END IF;
            RETURN NEW;
        """,
    )


def envelope_stays_open_for_its_agenda() -> pgtrigger.Trigger:
    """An envelope does not close while a session has a case of it to decide, be its agenda only in preparation."""
    return pgtrigger.Trigger(
        name="envelope_stays_open_for_its_agenda",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition('NEW."is_closed" AND NOT OLD."is_closed"'),
        func=f"""
            IF EXISTS (SELECT 1 FROM grants_application a JOIN grants_call c ON c.id = a.call_id
                        WHERE c.envelope_id = NEW.id AND a.state = 'scheduled') THEN
                {_refuse("a session has a case of this envelope to decide")}
            END IF;
            RETURN NEW;
        """,
    )


def agenda_of_open_envelopes() -> pgtrigger.Trigger:
    """A case goes on an agenda while its envelope is open; the envelope is locked to look: it closes before or after."""
    return pgtrigger.Trigger(
        name="agenda_of_open_envelopes",
        operation=pgtrigger.Insert,
        when=pgtrigger.Before,
        declare=[("closed", "BOOLEAN")],
        func=f"""
            SELECT e.is_closed INTO closed FROM grants_envelope e JOIN grants_call c ON c.envelope_id = e.id
              JOIN grants_application a ON a.call_id = c.id WHERE a.id = NEW.application_id FOR SHARE OF e;
            IF closed THEN
                {_refuse("the envelope of this case is closed: no session can grant on it")}
            END IF;
            RETURN NEW;
        """,
    )


def grant_on_an_open_envelope() -> pgtrigger.Trigger:
    """Nothing is granted on a closed envelope, which could not bear its act; the envelope is locked to look."""
    return pgtrigger.Trigger(
        name="grant_on_an_open_envelope",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition("NEW.state = 'approved' AND OLD.state = 'scheduled'"),
        declare=[("closed", "BOOLEAN")],
        func=f"""
            SELECT e.is_closed INTO closed FROM grants_envelope e JOIN grants_call c ON c.envelope_id = e.id
             WHERE c.id = NEW.call_id FOR NO KEY UPDATE OF e;
            IF closed THEN
                {_refuse("the envelope is closed: nothing is granted on it")}
            END IF;
            RETURN NEW;
        """,
    )


def envelope_keeps_its_place() -> pgtrigger.Trigger:
    """Programme, kind and year of an envelope, by which sums group, stay while money is committed or granted on it or a
    session decides on it; and it stays with the programme of its calls."""
    return pgtrigger.Trigger(
        name="envelope_keeps_its_place",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            'ROW(OLD."programme_id", OLD."kind", OLD."year") IS DISTINCT FROM'
            ' ROW(NEW."programme_id", NEW."kind", NEW."year")'
        ),
        func=f"""
            IF EXISTS (SELECT 1 FROM grants_commitment k WHERE k.envelope_id = NEW.id)
               OR EXISTS (SELECT 1 FROM grants_application a JOIN grants_call c ON c.id = a.call_id
                           WHERE c.envelope_id = NEW.id AND a.state IN ('scheduled', 'approved')) THEN
                {_refuse("an envelope in use keeps its programme, its kind and its year")}
            END IF;
            IF EXISTS (SELECT 1 FROM grants_call c JOIN grants_programmeversion v ON v.id = c.programme_version_id
                        WHERE c.envelope_id = NEW.id AND v.programme_id <> NEW.programme_id) THEN
                {_refuse("an envelope is of the programme of its calls")}
            END IF;
            RETURN NEW;
        """,
    )


def call_keeps_its_programme() -> pgtrigger.Trigger:
    """A call draws on an envelope of its own programme; with cases it keeps its programme, and its envelope while a
    session decides on one of them."""
    return pgtrigger.Trigger(
        name="call_keeps_its_programme",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        declare=[("own", "BIGINT")],
        func=f"""
            IF TG_OP = 'UPDATE' AND ROW(OLD.programme_version_id, OLD.envelope_id)
               IS NOT DISTINCT FROM ROW(NEW.programme_version_id, NEW.envelope_id) THEN
                RETURN NEW;
            END IF;
            SELECT programme_id INTO own FROM grants_programmeversion WHERE id = NEW.programme_version_id;
            IF EXISTS (SELECT 1 FROM grants_envelope e WHERE e.id = NEW.envelope_id AND e.programme_id <> own) THEN
                {_refuse("a call draws on an envelope of its own programme")}
            END IF;
            IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
            IF own <> (SELECT programme_id FROM grants_programmeversion WHERE id = OLD.programme_version_id)
               AND EXISTS (SELECT 1 FROM grants_application a WHERE a.call_id = NEW.id) THEN
                {_refuse("a call with cases keeps its programme")}
            END IF;
            IF NEW.envelope_id IS DISTINCT FROM OLD.envelope_id
               AND EXISTS (SELECT 1 FROM grants_application a WHERE a.call_id = NEW.id AND a.state = 'scheduled') THEN
                {_refuse("a case of this call is on an agenda: the call keeps its envelope")}
            END IF;
            RETURN NEW;
        """,
    )


def case_keeps_its_call() -> pgtrigger.Trigger:
    """A filed case keeps its call and the version of the rules under which it was filed."""
    return pgtrigger.Trigger(
        name="case_keeps_its_call",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            'OLD."submitted_at" IS NOT NULL AND ROW(OLD."call_id", OLD."programme_version_id") IS DISTINCT FROM'
            ' ROW(NEW."call_id", NEW."programme_version_id")'
        ),
        func=f"""
            {_refuse("a filed case keeps its call and the rules under which it was filed")}
        """,
    )


def case_keeps_its_applicant() -> pgtrigger.Trigger:
    """Who filed a case stays who is granted what it asks."""
    return pgtrigger.Trigger(
        name="case_keeps_its_applicant",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            'OLD."submitted_at" IS NOT NULL AND OLD."applicant_id" IS DISTINCT FROM NEW."applicant_id"'
        ),
        func=_refuse("a filed case keeps its applicant"),
    )


def given_to_who_instructs() -> pgtrigger.Trigger:
    """A case is given to an active instructor of its programme. That they are impartial, :func:`impartial` says. It
    looks when the name is written: who changes job afterwards has instructed well before."""
    return pgtrigger.Trigger(
        name="given_to_who_instructs",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        func=f"""
            IF NEW.instructor_id IS NULL OR (TG_OP = 'UPDATE' AND NEW.instructor_id = OLD.instructor_id) THEN
                RETURN NEW;
            END IF;
            IF NOT EXISTS (
                SELECT 1 FROM core_user u
                  JOIN core_user_groups held ON held.user_id = u.id JOIN auth_group role ON role.id = held.group_id
                  JOIN grants_programmeassignment a ON a.user_id = u.id
                  JOIN grants_programmeversion v ON v.programme_id = a.programme_id
                 WHERE u.id = NEW.instructor_id AND u.is_active AND role.name = 'instructor'
                   AND v.id = NEW.programme_version_id
            ) THEN
                {_refuse("a case is given to an active instructor of its programme")}
            END IF;
            RETURN NEW;
        """,
    )


def used_credit_keeps_its_year() -> pgtrigger.Trigger:
    """Payment credits that orders have used keep their year and their envelope."""
    return pgtrigger.Trigger(
        name="used_credit_keeps_its_year",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition("ROW(OLD.year, OLD.envelope_id) IS DISTINCT FROM ROW(NEW.year, NEW.envelope_id)"),
        func="""
                    IF EXISTS (SELECT 1 FROM grants_credituse WHERE credit_id = OLD.id) THEN
                        RAISE EXCEPTION 'payment credits that orders have used keep their year and their envelope'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
    )


def kept_once_decided() -> pgtrigger.Trigger:
    """What a case says is rewritten, and removed, while its applicant writes it: what was decided on stays."""
    return pgtrigger.Trigger(
        name="kept_once_decided",
        operation=pgtrigger.Delete,
        when=pgtrigger.Before,
        func=f"""
            IF (SELECT state FROM grants_application WHERE id = OLD.application_id) IN ({_DECIDED}) THEN
                {_refuse("what a decided case says is not removed")}
            END IF;
            RETURN OLD;
        """,
    )


def person_keeps_their_file() -> pgtrigger.Trigger:
    """A person of a case gets the file under which they are paid once, one of their name, and keeps it; what the case says
    of who was granted something stays."""
    return pgtrigger.Trigger(
        name="person_keeps_their_file",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        func=f"""
            IF TG_OP = 'UPDATE' THEN
                IF OLD.applicant_id IS NOT NULL AND NEW.applicant_id IS DISTINCT FROM OLD.applicant_id THEN
                    {_refuse("a person of a case keeps the file under which they are paid")}
                END IF;
                IF OLD.granted_amount IS NOT NULL
                   AND ROW(NEW.application_id, NEW.rank, NEW.first_name, NEW.last_name)
                       IS DISTINCT FROM ROW(OLD.application_id, OLD.rank, OLD.first_name, OLD.last_name) THEN
                    {_refuse("a person who was granted something stays as the case named them")}
                END IF;
                IF NEW.applicant_id IS NOT DISTINCT FROM OLD.applicant_id THEN RETURN NEW; END IF;
            END IF;
            IF NEW.applicant_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM applicants_applicant WHERE id = NEW.applicant_id AND kind = 'natural'
                   AND (upper(btrim(first_name)), upper(btrim(last_name)))
                       = (upper(btrim(NEW.first_name)), upper(btrim(NEW.last_name)))) THEN
                {_refuse("this file is of another person than the one of the case")}
            END IF;
            RETURN NEW;
        """,
    )
