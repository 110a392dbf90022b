"""What the database refuses of an agreement that has ended, whatever the door."""

import pgtrigger

from agreements.models.triggers import refuse
from agreements.settlements.kept import UNJUSTIFIED
from core.days_in_sql import day_of

ENDED = "('completed', 'terminated', 'lapsed')"
#: SQL, true where the settlement of the agreement lets ``claim`` go on.
GOES_ON = "EXISTS (SELECT 1 FROM agreements_settlementline l WHERE l.claim_id = {claim} AND l.outcome = 'pay')"

#: SQL, true of a claim ``c`` that the settlement lets go on unfiled, and that may stay so for ever.
KEPT_WITHOUT_A_DAY = f"(c.state = 'draft' AND c.answer_due_on IS NULL AND {GOES_ON.format(claim='c.id')})"


def ends_with_its_settlement() -> pgtrigger.Trigger:
    """An agreement in force ends with its settlement, which says what becomes of every claim under way."""
    return pgtrigger.Trigger(
        name="ends_with_its_settlement",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(f"OLD.state = 'in_force' AND NEW.state IN {ENDED}"),
        declare=[("kept", "NUMERIC"), ("named", "NUMERIC"), ("decided_on", "DATE")],
        func=f"""
            IF NOT EXISTS (SELECT 1 FROM agreements_settlement
                           WHERE agreement_id = NEW.id AND target = NEW.state) THEN
                {refuse("an agreement in force ends with its settlement")}
            END IF;
            IF EXISTS (SELECT 1 FROM agreements_paymentclaim c
                       WHERE c.agreement_id = NEW.id AND c.state NOT IN ('paid', 'rejected')
                         AND NOT {GOES_ON.format(claim="c.id")}) THEN
                {refuse("the settlement says what becomes of every claim under way")}
            END IF;
            IF EXISTS (SELECT 1 FROM agreements_paymentclaim c WHERE c.agreement_id = NEW.id AND {KEPT_WITHOUT_A_DAY}) THEN
                {refuse("a claim that goes on while it is being written has a day by which it is filed")}
            END IF;
            SELECT s.kept_amount, {day_of("s.decided_at")} INTO kept, decided_on
              FROM agreements_settlement s WHERE s.agreement_id = NEW.id;
            SELECT coalesce(sum(l.amount - c.paid_amount), 0) INTO named
              FROM agreements_settlementline l JOIN agreements_settlement s ON s.id = l.settlement_id
              JOIN agreements_paymentclaim c ON c.id = l.claim_id
             WHERE s.agreement_id = NEW.id AND l.outcome = 'pay';
            IF kept <> named THEN
                {refuse("the settlement keeps % in all and % for its claims", "kept", "named")}
            END IF;
            IF NEW.ended_on IS DISTINCT FROM decided_on THEN
                {refuse("an agreement ends on the day of its settlement, %", "decided_on")}
            END IF;
            RETURN NEW;
        """,
    )


def moves_with_its_agreement() -> pgtrigger.Trigger:
    """On an ended agreement a claim only goes back or is refused, unless the settlement names it, up to its amount."""
    return pgtrigger.Trigger(
        name="moves_with_its_agreement",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state IS DISTINCT FROM NEW.state"),
        declare=[("grant_state", "TEXT"), ("kept", "NUMERIC")],
        func=f"""
            SELECT state INTO grant_state FROM agreements_agreement WHERE id = NEW.agreement_id;
            IF grant_state NOT IN {ENDED} OR NEW.state = 'rejected'
               OR (OLD.state, NEW.state) IN (('ordered', 'certified'), ('certified', 'under_review')) THEN
                RETURN NEW;
            END IF;
            SELECT amount INTO kept FROM agreements_settlementline WHERE claim_id = NEW.id AND outcome = 'pay';
            IF kept IS NULL THEN
                {refuse("the agreement has ended: the settlement does not name the claim %", "NEW.number")}
            END IF;
            IF NEW.certified_amount - NEW.given_up_amount > kept THEN
                {refuse("the settlement keeps % for the claim and not %", "kept", "NEW.certified_amount")}
            END IF;
            RETURN NEW;
        """,
    )


def order_follows_its_agreement() -> pgtrigger.Trigger:
    """Ordered and paid: on an agreement in force, or on a claim that the settlement names; of a tranche that opened.

    The agreement is locked: an order and an end count one after the other.
    """
    return pgtrigger.Trigger(
        name="order_follows_its_agreement",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("grant_state", "TEXT"), ("tranche_state", "TEXT")],
        func=f"""
            IF TG_OP = 'UPDATE' AND NOT (OLD.state <> 'paid' AND NEW.state = 'paid') THEN RETURN NEW; END IF;
            SELECT a.state INTO grant_state FROM agreements_agreement a
              JOIN agreements_paymentclaim c ON c.agreement_id = a.id
             WHERE c.id = NEW.claim_id FOR NO KEY UPDATE OF a;
            IF grant_state <> 'in_force' AND NOT {GOES_ON.format(claim="NEW.claim_id")} THEN
                {refuse("the agreement has ended: its settlement does not name this claim")}
            END IF;
            SELECT t.state INTO tranche_state FROM agreements_paymentclaim c
              JOIN agreements_instalment i ON i.id = c.instalment_id
              JOIN agreements_tranche t ON t.id = i.tranche_id
             WHERE c.id = NEW.claim_id;
            IF tranche_state = 'planned' THEN
                {refuse("the tranche of this payment is not released")}
            END IF;
            RETURN NEW;
        """,
    )


def report_follows_its_agreement() -> pgtrigger.Trigger:
    """A report is filed and read on an agreement in force, once its year has ended, with something spent."""
    return pgtrigger.Trigger(
        name="report_follows_its_agreement",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("year", "agreements_tranche%ROWTYPE"), ("grant_state", "TEXT")],
        func=f"""
            IF TG_OP = 'UPDATE' AND OLD.state = NEW.state THEN RETURN NEW; END IF;
            SELECT * INTO year FROM agreements_tranche WHERE id = NEW.tranche_id;
            IF TG_OP = 'INSERT' AND year.amount = 0 AND year.state <> 'released' THEN
                {refuse("no report is filed on a year of which nothing is granted")}
            END IF;
            SELECT state INTO grant_state FROM agreements_agreement WHERE id = year.agreement_id FOR SHARE;
            IF grant_state <> 'in_force' THEN
                {refuse("a report is filed and read while its agreement is in force")}
            END IF;
            IF NEW.state <> 'returned' AND {day_of("NEW.filed_at")} <= year.ends_on THEN
                {refuse("a report is filed once its year has ended, on %", "year.ends_on")}
            END IF;
            IF NEW.state = 'accepted' AND NEW.spent_amount = 0 AND NEW.decision_comment = '' THEN
                {refuse("a year in which nothing was spent is accepted for a reason")}
            END IF;
            RETURN NEW;
        """,
    )


def asks_back_what_nothing_justifies() -> pgtrigger.Trigger:
    """What a settlement says to be justified by nothing, of what is paid or kept and of what is paid, is so when its
    transaction ends."""
    return pgtrigger.Trigger(
        name="asks_back_what_nothing_justifies",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update,
        timing=pgtrigger.Deferred,
        declare=[("reckoned", "RECORD"), ("written", "agreements_settlement%ROWTYPE")],
        func=f"""
            SELECT * INTO written FROM agreements_settlement WHERE id = NEW.id;
            SELECT amount, paid INTO reckoned FROM ({UNJUSTIFIED.format(which="a.id = NEW.agreement_id")}) AS known;
            IF written.unjustified_amount <> reckoned.amount THEN
                {
            refuse(
                "no expenditure justifies % of what is paid or kept, and % would be said",
                "reckoned.amount",
                "written.unjustified_amount",
            )
        }
            END IF;
            IF written.unjustified_paid_amount <> reckoned.paid THEN
                {
            refuse(
                "no expenditure justifies % of what is paid, and % would be asked back",
                "reckoned.paid",
                "written.unjustified_paid_amount",
            )
        }
            END IF;
            RETURN NULL;
        """,
    )
