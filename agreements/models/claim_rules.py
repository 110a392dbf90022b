"""What the database itself refuses of a payment claim."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from agreements.models.same_invoice import MAY_BE_ONE, over_their_total
from agreements.models.triggers import days_in_order, refuse
from agreements.settlements.triggers import moves_with_its_agreement


def claim_constraints() -> list[models.BaseConstraint]:
    """What a claim keeps, each row by itself."""
    return [
        models.UniqueConstraint(fields=["instalment"], condition=~Q(state="rejected"), name="claim_one_per_instalment"),
        models.CheckConstraint(condition=Q(claimed_amount__gt=0), name="claim_asks_something"),
        models.CheckConstraint(
            condition=Q(certified_amount__isnull=True)
            | Q(certified_amount__gte=0, certified_amount__lte=F("claimed_amount")),
            name="claim_certified_within_claimed",
        ),
        models.CheckConstraint(
            condition=Q(certified_amount__isnull=True)
            | Q(certified_amount=F("claimed_amount"))
            | ~Q(certification_reason=""),
            name="claim_cut_has_reason",
        ),
        models.CheckConstraint(
            condition=Q(ordered_amount=0)
            | Q(certified_amount__isnull=False, ordered_amount__gt=0, ordered_amount__lte=F("certified_amount")),
            name="claim_ordered_within_certified",
        ),
        models.CheckConstraint(
            condition=Q(paid_amount__gte=0, paid_amount__lte=F("ordered_amount")),
            name="claim_paid_within_ordered",
        ),
        models.CheckConstraint(
            condition=Q(ordered_by__isnull=True) | ~Q(ordered_by=F("certified_by")),
            name="claim_certifier_does_not_order",
        ),
        models.CheckConstraint(
            condition=Q(certified_by__isnull=True) | ~Q(certified_by=F("submitted_by")),
            name="claim_filer_does_not_certify",
        ),
        models.CheckConstraint(
            condition=Q(state__in=["draft", "rejected"]) | Q(submitted_by__isnull=False, submitted_at__isnull=False),
            name="claim_filed_by_someone",
        ),
        models.CheckConstraint(
            condition=~Q(state__in=["certified", "ordered", "paid"])
            | Q(certified_by__isnull=False, certified_at__isnull=False, certified_amount__isnull=False),
            name="claim_certified_by_someone",
        ),
        models.CheckConstraint(
            condition=~Q(state__in=["ordered", "paid"]) | Q(ordered_by__isnull=False, ordered_at__isnull=False),
            name="claim_ordered_by_someone",
        ),
        models.CheckConstraint(
            condition=~Q(state="paid")
            | Q(certified_amount__gt=0, paid_on__isnull=False, paid_amount=F("certified_amount"))
            | Q(certified_amount=0, paid_on__isnull=True),
            name="claim_paid_is_dated",
        ),
        models.CheckConstraint(
            condition=Q(overpaid_amount=0) | Q(overpaid_amount__gt=0, state="paid", certified_amount=0),
            name="claim_overpaid_when_nothing_is_due",
        ),
    ]


def claim_triggers() -> list[pgtrigger.Trigger]:
    """The rules that a claim keeps whoever writes it."""
    return [
        _fits_its_agreement(),
        moves_with_its_agreement(),
        _instructor_does_not_order(),
        _ordered_in_full(),
        _certified_is_still_due(),
        _certified_line_by_line(),
        _given_back_with_a_day(),
        days_in_order(
            ("opened_at", "the opening of the claim"),
            ("submitted_at", "the filing"),
            ("certified_at", "the certification"),
            ("ordered_at", "the order"),
            ("paid_on", "the payment"),
        ),
    ]


def _given_back_with_a_day() -> pgtrigger.Trigger:
    """A claim is given back to its beneficiary with the day by which the answer is expected."""
    return pgtrigger.Trigger(
        name="given_back_with_a_day",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state <> 'returned' AND NEW.state = 'returned'"),
        func=f"""
            IF NEW.answer_due_on IS NULL THEN
                {refuse("a claim is given back with the day by which the answer is expected")}
            END IF;
            RETURN NEW;
        """,
    )


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


#: SQL of what is due in all for euros spent of a base (``agreements.rules.proration.entitlement``), to the cent.
_ENTITLED = """greatest(least({spent}, CASE
    WHEN policy <> 'none' AND {base} > 0 AND {spent} < {base}
        AND (policy = 'strict' OR {spent} * 100 < {base} * (100 - its.proration_tolerance)
             OR (its.proration_cut = 'from' AND {spent} * 100 = {base} * (100 - its.proration_tolerance)))
    THEN round(div({granted} * {spent} * 100, {base}) / 100, 2) ELSE {granted} END), 0)"""

#: SQL of the parts of the plan that cost something: of the whole grant, or of the year of the claim.
_PARTS = """FROM grants_application g CROSS JOIN jsonb_array_elements(g.granted_plan -> 'parts') part
    WHERE g.id = its.application_id AND (part ->> 'cost')::numeric > 0
      AND (planned.tranche_id IS NULL OR (part ->> 'year')::int = (
          SELECT t.rank FROM agreements_tranche t WHERE t.id = planned.tranche_id))"""

#: SQL of the certified lines of the claims that are compared with that part.
_KEPT = """FROM agreements_expenditureline line
    JOIN agreements_paymentclaim c ON c.id = line.claim_id
    JOIN agreements_instalment i ON i.id = c.instalment_id
    WHERE c.agreement_id = NEW.agreement_id AND c.state <> 'rejected'
      AND i.tranche_id IS NOT DISTINCT FROM planned.tranche_id
      AND line.certified_amount IS NOT NULL AND line.certified_amount <> 0"""


def _certified_is_still_due() -> pgtrigger.Trigger:
    """What was certified is still due when it is ordered: the same rule as ``agreements.due``, on the figures of now.

    Expenditure of another claim may have been cut since, or another claim of the same part ordered. The agreement is
    locked: claims that are ordered together count one after the other.
    """
    return pgtrigger.Trigger(
        name="certified_is_still_due",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'certified' AND NEW.state = 'ordered'"),
        declare=[
            ("planned", "agreements_instalment%ROWTYPE"),
            ("its", "agreements_agreement%ROWTYPE"),
            ("granted", "NUMERIC"),
            ("base", "NUMERIC"),
            ("spent", "NUMERIC"),
            ("already", "NUMERIC"),
            ("settled", "BOOLEAN"),
            ("policy", "TEXT"),
            ("axes", "TEXT[]"),
            ("one", "RECORD"),
            ("spent_here", "NUMERIC"),
            ("due", "NUMERIC"),
        ],
        func=f"""
            SELECT * INTO its FROM agreements_agreement WHERE id = NEW.agreement_id FOR NO KEY UPDATE;
            SELECT * INTO planned FROM agreements_instalment WHERE id = NEW.instalment_id;
            SELECT coalesce(sum(c.certified_total), 0), coalesce(sum(c.ordered_amount) FILTER (WHERE c.id <> NEW.id), 0),
                   coalesce(bool_or(c.ordered_amount > 0 AND i.kind = 'balance' AND i.needs_expenditure)
                            FILTER (WHERE c.id <> NEW.id), FALSE)
              INTO spent, already, settled
              FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id
             WHERE c.agreement_id = NEW.agreement_id AND c.state <> 'rejected'
               AND i.tranche_id IS NOT DISTINCT FROM planned.tranche_id;
            IF NOT planned.needs_expenditure AND NOT settled THEN RETURN NEW; END IF;
            granted := its.granted_amount; base := its.eligible_base;
            IF planned.tranche_id IS NOT NULL THEN
                SELECT amount, cost INTO granted, base FROM agreements_tranche WHERE id = planned.tranche_id;
            END IF;
            policy := CASE WHEN planned.kind = 'interim' THEN 'strict' ELSE its.proration END;
            SELECT array_agg(DISTINCT part ->> 'axis') INTO axes {_PARTS};
            IF cardinality(axes) > 1 AND NOT EXISTS (SELECT 1 {_KEPT} AND line.axis <> ALL (axes)) THEN
                due := 0;
                FOR one IN
                    SELECT part ->> 'axis' AS axis, sum((part ->> 'amount')::numeric) AS granted,
                           sum((part ->> 'cost')::numeric) AS base {_PARTS} GROUP BY 1
                LOOP
                    SELECT coalesce(sum(line.certified_amount), 0) INTO spent_here {_KEPT} AND line.axis = one.axis;
                    due := due + {_ENTITLED.format(granted="one.granted", base="one.base", spent="spent_here")};
                END LOOP;
            ELSE
                due := {_ENTITLED.format(granted="granted", base="base", spent="spent")};
            END IF;
            due := least(greatest(due - already, 0), NEW.claimed_amount);
            IF NEW.certified_amount > due THEN
                {refuse("% were certified and % are still due", "NEW.certified_amount", "due")}
            END IF;
            RETURN NEW;
        """,
    )


#: SQL of the supplier in the key of an invoice: what stands before its number.
_SUPPLIER = r"regexp_replace({}, '\|[^|]*$', '')"


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
                  ON {MAY_BE_ONE}
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
            IF EXISTS ({over_their_total("c.id = NEW.id")}) THEN
                {refuse("more is kept of an invoice than its total, in all claims together")}
            END IF;
            IF EXISTS (
                SELECT 1 FROM agreements_expenditureline credit
                WHERE credit.claim_id = NEW.id AND credit.declared_amount < 0 AND credit.corrects_key <> ''
                  AND 0 > (
                    SELECT coalesce(sum(line.declared_amount), 0) FROM agreements_expenditureline line
                    JOIN agreements_paymentclaim its ON its.id = line.claim_id
                    WHERE its.agreement_id = NEW.agreement_id
                      AND (its.id = NEW.id OR its.state NOT IN ('draft', 'rejected'))
                      AND CASE WHEN line.declared_amount < 0 THEN line.corrects_key
                               ELSE split_part(line.duplicate_key, '|', -1) END = credit.corrects_key
                      AND ({_SUPPLIER.format("line.duplicate_key")} = {_SUPPLIER.format("credit.duplicate_key")}
                           OR {_SUPPLIER.format("line.name_key")} = {_SUPPLIER.format("credit.name_key")}))) THEN
                {refuse("a credit note takes back more than the invoice that it corrects")}
            END IF;
            RETURN NEW;
        """,
    )
