"""Functions of the triggers of bank accounts and of the calls about them."""

from applicants.known_contacts import FOUNDERS_COME_WITHIN
from applicants.known_days import LEAST_DAYS
from applicants.models.known_numbers import on_file

# Whatever the writer says: an account entered beside a verified one is a change; so is one entered after another person
# entered one, whatever became of it, and one of a person who joined a short while ago a body that was here before them. An
# hour tells its founders, who come with it. The days are those of ``known_days.LEAST_DAYS``; the service may ask for more.
CHANGE_IS_A_FACT = f"""
    NEW.is_change := NEW.is_change OR EXISTS (
        SELECT 1 FROM applicants_bankaccount
        WHERE applicant_id = NEW.applicant_id AND (state = 'verified' OR entered_by_id <> NEW.entered_by_id)
    ) OR EXISTS (
        SELECT 1 FROM applicants_membership m JOIN applicants_applicant b ON b.id = m.applicant_id
        WHERE m.applicant_id = NEW.applicant_id AND m.user_id = NEW.entered_by_id
          AND m.created_at > NEW.entered_at - interval '{LEAST_DAYS} days'
          AND m.created_at > b.created_at + interval '{FOUNDERS_COME_WITHIN.seconds} seconds'
    );
    RETURN NEW;
"""

CHANGE_IS_PROVED = """
    IF NEW.vouched_by_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM applicants_callback WHERE bank_account_id = NEW.id) THEN
        RAISE EXCEPTION 'a change of account is verified by a call, or by another proof that somebody else gave'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""

# The days are those of the setting when the call was made, which the row keeps, and never fewer than the least: a setting
# that changes later neither excuses a call nor accuses one.
CALL_IS_TRUE = rf"""
    SELECT * INTO account FROM applicants_bankaccount WHERE id = NEW.bank_account_id;
    NEW.known_days := greatest(NEW.known_days, {LEAST_DAYS});
    known_before := account.entered_at - make_interval(hours => 24 * NEW.known_days);
    IF length(right(regexp_replace(NEW.phone, '\D', '', 'g'), 9)) < 8 THEN
        RAISE EXCEPTION '% is not a telephone number', NEW.phone USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.called_at < date_trunc('minute', account.entered_at) OR NEW.called_at > clock_timestamp() THEN
        RAISE EXCEPTION 'the call is made between the entry of the account and now' USING ERRCODE = 'check_violation';
    END IF;
    IF account.is_change AND NOT {on_file("NEW.phone", "account.applicant_id", "known_before")} THEN
        RAISE EXCEPTION 'the number called was not known long before the change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""
