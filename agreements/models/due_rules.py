"""What the database itself refuses of what is due: the rule of ``agreements.due`` on the figures of now."""

import pgtrigger

from agreements.models.triggers import refuse

#: SQL of what is due in all for euros spent of a base (``agreements.rules.proration.entitlement``), to the cent.
#: ``its`` is the agreement, ``policy`` its rule.
ENTITLED = """greatest(least({spent}, CASE
    WHEN policy <> 'none' AND {base} > 0 AND {spent} < {base}
        AND (policy = 'strict' OR {spent} * 100 < {base} * (100 - its.proration_tolerance)
             OR (its.proration_cut = 'from' AND {spent} * 100 = {base} * (100 - its.proration_tolerance)))
    THEN round(div({granted} * {spent} * 100, {base}) / 100, 2) ELSE {granted} END), 0)"""

#: SQL: what each axis of a grant, or of one of its years, was granted and costs. Only of some agreements, ``{which}``.
AXES_OF = """
    SELECT a.id AS agreement_id, t.id AS tranche_id, part ->> 'axis' AS axis, sum((part ->> 'amount')::numeric) AS granted,
           sum((part ->> 'cost')::numeric) AS base
    FROM agreements_agreement a JOIN grants_application app ON app.id = a.application_id
    CROSS JOIN jsonb_array_elements(app.granted_plan -> 'parts') AS part
    LEFT JOIN agreements_tranche t ON t.agreement_id = a.id AND t.rank = (part ->> 'year')::int
    WHERE {which} AND (part ->> 'cost')::numeric > 0 GROUP BY a.id, t.id, part ->> 'axis'
"""
#: SQL: what is due in all for the spending of each row ``its``, by axis where the grant has several.
DUE_IN_ALL = f"""
    SELECT its.*, CASE
        WHEN cardinality(known.axes) > 1 AND NOT EXISTS (
            SELECT 1 FROM spending s WHERE s.key = its.key AND s.axis <> ALL (known.axes) AND s.spent <> 0)
        THEN (SELECT sum({ENTITLED.format(granted="x.granted", base="x.base", spent="coalesce(s.spent, 0)")})
              FROM axis x LEFT JOIN spending s ON s.key = its.key AND s.axis = x.axis
              WHERE x.agreement_id = its.agreement_id AND x.tranche_id IS NOT DISTINCT FROM its.tranche_id)
        ELSE {ENTITLED.format(granted="its.granted", base="its.base", spent="its.spent")} END AS due
    FROM its LEFT JOIN LATERAL (
        SELECT array_agg(DISTINCT x.axis) AS axes FROM axis x
        WHERE x.agreement_id = its.agreement_id AND x.tranche_id IS NOT DISTINCT FROM its.tranche_id) AS known ON TRUE
"""
TERMS = """
    coalesce(t.amount, a.granted_amount) AS granted, coalesce(t.cost, a.eligible_base) AS base, a.proration AS policy,
    a.proration_tolerance, a.proration_cut
"""

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

#: SQL: the account of the part was settled by the claim ``c`` of the instalment ``i``, its balance on expenditure.
SETTLES = "(i.kind = 'balance' AND i.needs_expenditure AND c.state IN ('ordered', 'paid'))"

#: SQL: the claim ``c`` of the instalment ``i`` compared the expenditure of the part with its cost: its balance, certified.
COMPARES = "(i.kind = 'balance' AND i.needs_expenditure AND c.certified_amount IS NOT NULL)"

# What is due in all, ``due``; of the other claims of the part: what is ordered, ``already``, what of it was written down
# as paid above what is due, ``noted``, what was ``accepted``, ordered or not, given up or not: it is due no second time;
# whether one of them ``compared`` expenditure and cost.
_DUE_IN_ALL = f"""
    SELECT * INTO its FROM agreements_agreement WHERE id = NEW.agreement_id FOR NO KEY UPDATE;
    SELECT * INTO planned FROM agreements_instalment WHERE id = NEW.instalment_id;
    SELECT coalesce(sum(c.certified_total), 0), coalesce(sum(c.ordered_amount) FILTER (WHERE c.id <> NEW.id), 0),
           coalesce(sum(c.overpaid_amount) FILTER (WHERE c.id <> NEW.id), 0),
           coalesce(sum(c.certified_amount) FILTER (WHERE c.id <> NEW.id), 0),
           coalesce(bool_or({COMPARES}) FILTER (WHERE c.id <> NEW.id), FALSE)
      INTO spent, already, noted, accepted, compared
      FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id
     WHERE c.agreement_id = NEW.agreement_id AND c.state <> 'rejected'
       AND i.tranche_id IS NOT DISTINCT FROM planned.tranche_id;
    granted := its.granted_amount; base := its.eligible_base;
    IF planned.tranche_id IS NOT NULL THEN
        SELECT amount, cost INTO granted, base FROM agreements_tranche WHERE id = planned.tranche_id;
    END IF;
    policy := CASE WHEN planned.kind = 'interim' AND NOT compared THEN 'strict' ELSE its.proration END;
    SELECT array_agg(DISTINCT part ->> 'axis') INTO axes {_PARTS};
    IF cardinality(axes) > 1 AND NOT EXISTS (SELECT 1 {_KEPT} AND line.axis <> ALL (axes)) THEN
        due := 0;
        FOR one IN
            SELECT part ->> 'axis' AS axis, sum((part ->> 'amount')::numeric) AS granted,
                   sum((part ->> 'cost')::numeric) AS base {_PARTS} GROUP BY 1
        LOOP
            SELECT coalesce(sum(line.certified_amount), 0) INTO spent_here {_KEPT} AND line.axis = one.axis;
            due := due + {ENTITLED.format(granted="one.granted", base="one.base", spent="spent_here")};
        END LOOP;
    ELSE
        due := {ENTITLED.format(granted="granted", base="base", spent="spent")};
    END IF;
"""
_VARIABLES = [
    ("planned", "agreements_instalment%ROWTYPE"),
    ("its", "agreements_agreement%ROWTYPE"),
    ("granted", "NUMERIC"),
    ("base", "NUMERIC"),
    ("spent", "NUMERIC"),
    ("already", "NUMERIC"),
    ("noted", "NUMERIC"),
    ("accepted", "NUMERIC"),
    ("compared", "BOOLEAN"),
    ("policy", "TEXT"),
    ("axes", "TEXT[]"),
    ("one", "RECORD"),
    ("spent_here", "NUMERIC"),
    ("due", "NUMERIC"),
]


def certified_is_still_due() -> pgtrigger.Trigger:
    """What is certified is due, and still due when it is ordered: the rule of ``agreements.due`` on the figures of now.

    Expenditure of another claim may have been cut since. The agreement is locked: claims that are certified, or ordered,
    together count one after the other.
    """
    return pgtrigger.Trigger(
        name="certified_is_still_due",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "NEW.certified_amount > 0 AND (OLD.state = 'certified' AND NEW.state = 'ordered'"
            " OR NEW.state = 'certified' AND NEW.certified_amount IS DISTINCT FROM OLD.certified_amount)"
        ),
        declare=_VARIABLES,
        func=f"""
            {_DUE_IN_ALL}
            IF NOT planned.needs_expenditure AND NOT compared THEN RETURN NEW; END IF;
            due := least(greatest(due - accepted, 0), NEW.claimed_amount);
            IF NEW.certified_amount - NEW.given_up_amount > due THEN
                {refuse("% were certified and % are still due", "NEW.certified_amount", "due")}
            END IF;
            RETURN NEW;
        """,
    )


def account_is_open() -> pgtrigger.Trigger:
    """No payment of a part is filed once its balance was, nor certified where it was begun after it: the rule of
    ``agreements.closing``. The agreement is locked: of two claims filed together, one sees the other."""
    return pgtrigger.Trigger(
        name="account_is_open",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "OLD.state = 'draft' AND NEW.state = 'submitted'"
            " OR NEW.state = 'certified' AND OLD.certified_amount IS NULL AND NEW.certified_amount IS NOT NULL"
        ),
        func=f"""
            PERFORM 1 FROM agreements_agreement WHERE id = NEW.agreement_id FOR NO KEY UPDATE;
            IF EXISTS (
                SELECT 1 FROM agreements_instalment mine
                JOIN agreements_instalment i ON i.agreement_id = mine.agreement_id
                 AND i.tranche_id IS NOT DISTINCT FROM mine.tranche_id AND i.kind = 'balance'
                JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.state NOT IN ('draft', 'rejected')
                WHERE mine.id = NEW.instalment_id AND mine.kind <> 'balance'
                  AND (OLD.state = 'draft' OR c.submitted_at < NEW.opened_at)) THEN
                {refuse("the account is closed by the final claim: no other payment of it is claimed any more")}
            END IF;
            RETURN NEW;
        """,
    )


def closed_with_what_was_overpaid() -> pgtrigger.Trigger:
    """A claim of which nothing is due is closed with what was paid above what is due, to the cent."""
    return pgtrigger.Trigger(
        name="closed_with_what_was_overpaid",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'certified' AND NEW.state = 'paid' AND NEW.certified_amount = 0"),
        declare=_VARIABLES,
        func=f"""
            {_DUE_IN_ALL}
            IF EXISTS (SELECT 1 FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id
                       WHERE c.agreement_id = NEW.agreement_id AND c.id <> NEW.id
                         AND i.tranche_id IS NOT DISTINCT FROM planned.tranche_id
                         AND c.state NOT IN ('draft', 'paid', 'rejected')
                         -- Of an advance certified at nothing, neither euros nor expenditure are to come.
                         AND NOT (c.state = 'certified' AND c.certified_amount = 0 AND NOT i.needs_expenditure)) THEN
                {refuse("another claim of this part is under way")}
            END IF;
            due := CASE WHEN compared OR (planned.needs_expenditure AND planned.kind <> 'interim')
                        THEN greatest(already - noted - due, 0) ELSE 0 END;
            IF NEW.overpaid_amount <> due THEN
                {refuse("% were paid above what is due and not %", "due", "NEW.overpaid_amount")}
            END IF;
            RETURN NEW;
        """,
    )
