"""Triggers: a proposal, its visa, its place on an agenda and the grant rest on the opinions and the seat of now, and on
what the service answered of the establishments of the enterprise (``applicants.de_minimis.links``).

What else the checks rest on (the room under the de minimis ceiling, what is asked of a form) SQL cannot work out:
``grants.void`` does, before each of these steps. What is computed has its own fingerprint (``proposal_on_present_figures``).
"""

import pgtrigger

# An opinion that was given before the file was completed or corrected backs nothing, unless it was asked again or an
# officer said why it still holds.
OPINIONS = """
    IF EXISTS (
        SELECT 1 FROM grants_opinion opinion
        WHERE opinion.application_id = NEW.application_id AND opinion.result <> ''
            AND greatest(opinion.file_number, opinion.upheld_number, 0) < (
                SELECT max(snapshot.number) FROM grants_snapshot snapshot
                WHERE snapshot.application_id = NEW.application_id)
            AND NOT EXISTS (
                SELECT 1 FROM grants_opinion later
                WHERE later.application_id = NEW.application_id AND later.result <> ''
                    AND later.code = opinion.code AND later.body = opinion.body AND later.id > opinion.id)) THEN
        RAISE EXCEPTION 'an opinion was given before the file was completed or corrected'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_on_present_opinions';
    END IF;
"""

# The mark of the address, as ``Applicant.address`` writes it.
SEAT_NOW = """
    SELECT essor_digest(body.address_line || '|' || body.postcode || '|' || body.city) INTO present
        FROM grants_application app JOIN applicants_applicant body ON body.id = app.applicant_id
        WHERE app.id = NEW.application_id;
"""

# The seat counts where an automatic check of the programme looks at it. A proposal of before the mark has none.
SEAT_IS_ANOTHER = """
    IF {mark} NOT IN ('', present) AND EXISTS (
        SELECT 1 FROM grants_application app
            JOIN grants_programmeversion version ON version.id = app.programme_version_id
            JOIN grants_checkanswer answer ON answer.application_id = app.id AND answer.rests_on <> ''
            JOIN LATERAL jsonb_array_elements(version.definition->'checks') AS rule ON rule->>'code' = answer.code
        WHERE app.id = NEW.application_id AND rule->>'automatic' = 'region') THEN
        RAISE EXCEPTION 'the seat of the applicant changed since the proposal'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_on_present_seat';
    END IF;
"""

# Where State aid applies, the service answered about every establishment of the enterprise that is known here now.
UNDERTAKING_IS_KNOWN = """
    IF EXISTS (
        SELECT 1 FROM grants_application app
            JOIN grants_programmeversion version ON version.id = app.programme_version_id
            JOIN applicants_applicant mine ON mine.id = app.applicant_id
            JOIN applicants_applicant other ON left(other.siret, 9) = left(mine.siret, 9) AND other.id <> mine.id
        WHERE app.id = NEW.application_id AND coalesce(version.definition->>'de_minimis', '') <> ''
            AND NOT EXISTS (
                SELECT 1 FROM applicants_undertakinganswer answer
                WHERE answer.siren = left(mine.siret, 9) AND answer.side = 'service'
                    AND answer.establishments @> to_jsonb(ARRAY[mine.siret, other.siret]))) THEN
        RAISE EXCEPTION 'the service has not answered about an establishment of the enterprise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_of_known_undertaking';
    END IF;
"""


def proposal_on_present_opinions() -> pgtrigger.Trigger:
    """A proposal and its visa."""
    return pgtrigger.Trigger(
        name="proposal_on_present_opinions",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        func=f"""
            IF TG_OP = 'INSERT' OR (NEW.visa_by_id IS NOT NULL AND OLD.visa_by_id IS NULL) THEN
                {OPINIONS}
            END IF;
            RETURN NEW;
        """,
    )


def proposal_on_present_seat() -> pgtrigger.Trigger:
    """A proposal in favour keeps the mark of the seat; its visa is given on that very seat."""
    return pgtrigger.Trigger(
        name="proposal_on_present_seat",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        declare=[("present", "VARCHAR")],
        func=f"""
            IF TG_OP = 'INSERT' THEN
                {SEAT_NOW}
                NEW.seat_mark := coalesce(present, '');
            ELSIF NEW.favourable AND NEW.visa_by_id IS NOT NULL AND OLD.visa_by_id IS NULL THEN
                {SEAT_NOW}
                {SEAT_IS_ANOTHER.format(mark="NEW.seat_mark")}
            END IF;
            RETURN NEW;
        """,
    )


def proposal_of_known_undertaking() -> pgtrigger.Trigger:
    """A proposal in favour and its visa."""
    return pgtrigger.Trigger(
        name="proposal_of_known_undertaking",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        func=f"""
            IF NEW.favourable AND (TG_OP = 'INSERT' OR (NEW.visa_by_id IS NOT NULL AND OLD.visa_by_id IS NULL)) THEN
                {UNDERTAKING_IS_KNOWN}
            END IF;
            RETURN NEW;
        """,
    )


def agenda_on_present_facts() -> pgtrigger.Trigger:
    """What is put on an agenda, and what is granted."""
    return pgtrigger.Trigger(
        name="agenda_on_present_facts",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        declare=[("present", "VARCHAR"), ("proposed", "grants_proposal%ROWTYPE")],
        func=f"""
            IF TG_OP = 'INSERT' OR (NEW.decision = 'granted' AND OLD.decision IS DISTINCT FROM 'granted') THEN
                {OPINIONS}
                SELECT * INTO proposed FROM grants_proposal
                    WHERE application_id = NEW.application_id AND sent_back_at IS NULL;
                IF proposed.favourable THEN
                    {SEAT_NOW}
                    {SEAT_IS_ANOTHER.format(mark="proposed.seat_mark")}
                    {UNDERTAKING_IS_KNOWN}
                END IF;
            END IF;
            RETURN NEW;
        """,
    )
