"""Triggers between an envelope, its calls and the cases granted on it: none takes more than was voted."""

import pgtrigger

#: PL/pgSQL: ``awaiting`` becomes what is granted on an envelope and not committed yet.
AWAITING_ACT = """
    SELECT coalesce(sum(a.granted_amount), 0) INTO awaiting
      FROM grants_application a JOIN grants_call c ON c.id = a.call_id
     WHERE c.envelope_id = {envelope} AND a.state = 'approved'
       AND NOT EXISTS (SELECT 1 FROM grants_commitment k WHERE k.application_id = a.id);
"""


def envelope_bears_its_grants() -> pgtrigger.Trigger:
    """An envelope is neither cut under what is committed and granted on it, nor closed while a grant awaits its act.

    The row that is changed is locked, and a session that closes locks its envelopes: a cut and a vote count one after
    the other.
    """
    return pgtrigger.Trigger(
        name="envelope_bears_its_grants",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            'NEW."voted_amount" < OLD."voted_amount" OR (NEW."is_closed" AND NOT OLD."is_closed")'
        ),
        declare=[("awaiting", "NUMERIC")],
        func=f"""
            {AWAITING_ACT.format(envelope="NEW.id")}
            IF awaiting > 0 AND NEW.voted_amount < NEW.committed_amount + awaiting THEN
                RAISE EXCEPTION 'the envelope bears % committed and % granted', NEW.committed_amount, awaiting
                    USING ERRCODE = 'check_violation';
            END IF;
            IF NEW.is_closed AND NOT OLD.is_closed AND awaiting > 0 THEN
                RAISE EXCEPTION 'the envelope still owes % granted without an act', awaiting
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


def grant_fits_its_envelope() -> pgtrigger.Trigger:
    """A grant of a case fits in what the envelope of its call has left; the envelope is locked to count."""
    return pgtrigger.Trigger(
        name="grant_fits_its_envelope",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            "NEW.state = 'approved' AND (OLD.state <> 'approved' OR NEW.granted_amount > OLD.granted_amount"
            " OR NEW.call_id <> OLD.call_id)"
        ),
        declare=[("purse", "grants_envelope%ROWTYPE"), ("awaiting", "NUMERIC")],
        func=f"""
            SELECT e.* INTO purse FROM grants_envelope e JOIN grants_call c ON c.envelope_id = e.id
             WHERE c.id = NEW.call_id FOR NO KEY UPDATE OF e;
            IF purse.id IS NULL THEN RETURN NEW; END IF;
            {AWAITING_ACT.format(envelope="purse.id AND a.id <> NEW.id")}
            IF purse.committed_amount + awaiting + NEW.granted_amount > purse.voted_amount THEN
                RAISE EXCEPTION 'the envelope % has % left and not %', purse.code,
                    purse.voted_amount - purse.committed_amount - awaiting, NEW.granted_amount
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


def call_keeps_its_envelope() -> pgtrigger.Trigger:
    """A call does not change its envelope while a case of it is granted and awaits its act."""
    return pgtrigger.Trigger(
        name="call_keeps_its_envelope",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition('OLD."envelope_id" IS DISTINCT FROM NEW."envelope_id"'),
        func="""
            IF OLD.envelope_id IS NOT NULL AND EXISTS (
                SELECT 1 FROM grants_application a WHERE a.call_id = NEW.id AND a.state = 'approved'
                   AND NOT EXISTS (SELECT 1 FROM grants_commitment k WHERE k.application_id = a.id)) THEN
                RAISE EXCEPTION 'cases of this call are granted on its envelope' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


def _years_within_vote(table: str, envelope: str, columns: list[str]) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=f"years_within_vote_of_{table}",
        operation=pgtrigger.Insert | pgtrigger.UpdateOf(*columns),
        when=pgtrigger.After,
        timing=pgtrigger.Deferred,
        declare=[("too_much", "RECORD")],
        func=f"""
            PERFORM 1 FROM grants_envelope WHERE id = {envelope} FOR SHARE;
            SELECT p.year, p.voted_amount AS of_year, e.voted_amount AS of_all INTO too_much
              FROM grants_paymentcredit p JOIN grants_envelope e ON e.id = p.envelope_id
             WHERE e.id = {envelope} AND p.voted_amount > e.voted_amount ORDER BY p.year LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'the credits of % are % and the whole envelope %',
                    too_much.year, too_much.of_year, too_much.of_all USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        """,
    )


def years_follow_the_vote() -> pgtrigger.Trigger:
    """An envelope is not lowered under the payment credits of one of its years. Looked at when all is written: its page
    saves both at once."""
    return _years_within_vote("envelope", "NEW.id", ["voted_amount"])


def year_within_the_vote() -> pgtrigger.Trigger:
    """The payment credits of a year stay within what was voted for the whole envelope."""
    return _years_within_vote("credit", "NEW.envelope_id", ["voted_amount", "envelope_id"])
