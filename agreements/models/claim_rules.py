"""What the database itself refuses of a payment claim."""

import pgtrigger

from agreements.models.triggers import refuse
from agreements.settlements.triggers import moves_with_its_agreement


def claim_triggers() -> list[pgtrigger.Trigger]:
    """The rules that a claim keeps whoever writes it."""
    return [
        _fits_its_agreement(),
        moves_with_its_agreement(),
        _instructor_does_not_order(),
        _ordered_in_full(),
        _certified_line_by_line(),
    ]


def _fits_its_agreement() -> pgtrigger.Trigger:
    """A claim asks for no more than its instalment, of an agreement in force, of a tranche that is released."""
    return pgtrigger.Trigger(
        name="claim_fits_its_agreement",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("planned", "agreements_instalment%ROWTYPE"), ("grant_state", "TEXT")],
        func=f"""
            IF TG_OP = 'UPDATE' AND NEW.claimed_amount = OLD.claimed_amount THEN RETURN NEW; END IF;
            SELECT * INTO planned FROM agreements_instalment WHERE id = NEW.instalment_id;
            IF planned.agreement_id <> NEW.agreement_id THEN
                {refuse("a claim and its instalment belong to one agreement")}
            END IF;
            IF NEW.claimed_amount > planned.amount THEN
                {refuse("the claim asks for % and the instalment is %", "NEW.claimed_amount", "planned.amount")}
            END IF;
            SELECT state INTO grant_state FROM agreements_agreement WHERE id = NEW.agreement_id;
            IF grant_state <> 'in_force' AND NOT EXISTS (
                SELECT 1 FROM agreements_settlementline l
                WHERE l.claim_id = NEW.id AND l.outcome = 'pay' AND l.amount >= NEW.claimed_amount) THEN
                {refuse("only an agreement in force is paid")}
            END IF;
            IF planned.tranche_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM agreements_tranche WHERE id = planned.tranche_id AND state = 'released') THEN
                {refuse("the tranche of this instalment is not released")}
            END IF;
            RETURN NEW;
        """,
    )


def _instructor_does_not_order() -> pgtrigger.Trigger:
    """Who instructs a case does not order its payments."""
    return pgtrigger.Trigger(
        name="instructor_does_not_order",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        condition=pgtrigger.Q(new__ordered_by__isnull=False),
        func=f"""
            IF EXISTS (SELECT 1 FROM agreements_agreement a JOIN grants_application g
                       ON g.id = a.application_id
                       WHERE a.id = NEW.agreement_id AND g.instructor_id = NEW.ordered_by_id) THEN
                {refuse("who instructs a case does not order its payments")}
            END IF;
            RETURN NEW;
        """,
    )


def _ordered_in_full() -> pgtrigger.Trigger:
    """A claim is ordered whole or not at all; one that is paid to persons, at least to one of them."""
    return pgtrigger.Trigger(
        name="ordered_in_full",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'certified' AND NEW.state = 'ordered'"),
        declare=[("paid_to", "TEXT")],
        func=f"""
            SELECT payee INTO paid_to FROM agreements_agreement WHERE id = NEW.agreement_id;
            IF paid_to = 'persons' AND NEW.ordered_amount > 0 THEN RETURN NEW; END IF;
            IF NEW.ordered_amount <> NEW.certified_amount THEN
                {refuse("a claim is ordered in full: % of %", "NEW.ordered_amount", "NEW.certified_amount")}
            END IF;
            RETURN NEW;
        """,
    )


def _certified_line_by_line() -> pgtrigger.Trigger:
    """A claim is certified when every line is, and every invoice declared twice has its answer."""
    return pgtrigger.Trigger(
        name="certified_line_by_line",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state IS DISTINCT FROM 'certified' AND NEW.state = 'certified'"),
        func=f"""
            IF EXISTS (SELECT 1 FROM agreements_expenditureline
                       WHERE claim_id = NEW.id AND certified_amount IS NULL) THEN
                {refuse("every line is certified or cut before the claim is")}
            END IF;
            IF EXISTS (
                SELECT 1 FROM agreements_expenditureline mine
                JOIN agreements_expenditureline other
                  ON other.id <> mine.id AND (
                      other.duplicate_key = mine.duplicate_key
                      OR (other.name_key = mine.name_key AND (mine.supplier_siret = '' OR other.supplier_siret = '')))
                JOIN agreements_paymentclaim its ON its.id = other.claim_id
                WHERE mine.claim_id = NEW.id
                  AND (its.id = NEW.id OR its.state NOT IN ('draft', 'rejected'))
                  AND NOT EXISTS (
                      SELECT 1 FROM agreements_duplicatewarning w
                      WHERE w.answered_at IS NOT NULL
                        AND ((w.line_id = mine.id AND w.other_line_id = other.id)
                          OR (w.line_id = other.id AND w.other_line_id = mine.id)))) THEN
                {refuse("an invoice declared twice is answered before certification")}
            END IF;
            RETURN NEW;
        """,
    )
