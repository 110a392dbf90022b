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

#: SQL: the account of the part was settled by the claim ``c`` of the instalment ``i``, its balance on expenditure.
SETTLES = "(i.kind = 'balance' AND i.needs_expenditure AND c.state IN ('ordered', 'paid'))"

#: SQL: the claim ``c`` of the instalment ``i`` compared the expenditure of the part with its cost: its balance, certified.
COMPARES = "(i.kind = 'balance' AND i.needs_expenditure AND c.certified_amount IS NOT NULL)"


#: SQL: the agreement ``{agreement}`` has ended, and no claim of the part ``{tranche}``, of which a balance compares expenditure
#: and cost, may declare expenditure any more, nor has some that waits for its certificate: what is certified is then all that
#: makes an advance due.
NOBODY_DECLARES = """({agreement}.ended_on IS NOT NULL AND EXISTS (
    SELECT 1 FROM agreements_instalment due_i WHERE due_i.agreement_id = {agreement}.id AND due_i.kind = 'balance'
       AND due_i.needs_expenditure AND due_i.tranche_id IS NOT DISTINCT FROM {tranche}) AND NOT EXISTS (
    SELECT 1 FROM agreements_paymentclaim due_c JOIN agreements_instalment due_i ON due_i.id = due_c.instalment_id
     WHERE due_c.agreement_id = {agreement}.id AND due_i.tranche_id IS NOT DISTINCT FROM {tranche}
       AND due_i.needs_expenditure AND due_c.certified_amount IS NULL AND due_c.state NOT IN ('paid', 'rejected')))"""

#: SQL: what the settlement of an agreement that has ended keeps for a claim ``{claim}`` (its id); NULL where none does, which
#: ``least`` passes over.
KEPT = "(SELECT kept.amount FROM agreements_settlementline kept WHERE kept.claim_id = {claim} AND kept.outcome = 'pay')"


def _due_on(row: str = "NEW") -> str:
    """Return the SQL of what is due on the claim ``row`` itself, once ``_due_in_all`` reckoned its part: as
    ``agreements.due.due_of_claim``."""
    return f"""least(CASE WHEN planned.needs_expenditure OR compared
        THEN least(greatest(due - accepted, 0), {row}.claimed_amount)
        WHEN undeclared THEN least(greatest(due - going, 0), {row}.claimed_amount) ELSE {row}.claimed_amount END,
        {KEPT.format(claim=f"{row}.id")})"""


def _due_in_all(row: str = "NEW") -> str:
    """Return the PL/pgSQL that reckons what is due in all on the part of the claim ``row``, ``due``; of the other claims of
    the part: what is ordered, ``already``, what of it was written down as paid above what is due, ``noted``, what was
    ``accepted``, ordered or not, given up or not: it is due no second time; what of it is paid or ``going`` to be; whether
    one of them ``compared`` expenditure and cost. ``undeclared``: nobody declares expenditure of the part any more. The
    agreement is locked."""
    # The parts of the plan that cost something: of the whole grant, or of the year of the claim.
    parts = """FROM grants_application g CROSS JOIN jsonb_array_elements(g.granted_plan -> 'parts') part
    WHERE g.id = its.application_id AND (part ->> 'cost')::numeric > 0
      AND (planned.tranche_id IS NULL OR (part ->> 'year')::int = (
          SELECT t.rank FROM agreements_tranche t WHERE t.id = planned.tranche_id))"""
    # The certified lines of the claims that are compared with that part.
    kept = f"""FROM agreements_expenditureline line
    JOIN agreements_paymentclaim c ON c.id = line.claim_id
    JOIN agreements_instalment i ON i.id = c.instalment_id
    WHERE c.agreement_id = {row}.agreement_id AND c.state <> 'rejected'
      AND i.tranche_id IS NOT DISTINCT FROM planned.tranche_id
      AND line.certified_amount IS NOT NULL AND line.certified_amount <> 0"""
    return f"""
    SELECT * INTO its FROM agreements_agreement WHERE id = {row}.agreement_id FOR NO KEY UPDATE;
    SELECT * INTO planned FROM agreements_instalment WHERE id = {row}.instalment_id;
    SELECT coalesce(sum(c.certified_total), 0), coalesce(sum(c.ordered_amount) FILTER (WHERE c.id <> {row}.id), 0),
           coalesce(sum(c.overpaid_amount) FILTER (WHERE c.id <> {row}.id), 0),
           coalesce(sum(c.certified_amount) FILTER (WHERE c.id <> {row}.id), 0),
           coalesce(sum(c.certified_amount - c.given_up_amount) FILTER (WHERE c.id <> {row}.id), 0),
           coalesce(bool_or({COMPARES}) FILTER (WHERE c.id <> {row}.id), FALSE)
      INTO spent, already, noted, accepted, going, compared
      FROM agreements_paymentclaim c JOIN agreements_instalment i ON i.id = c.instalment_id
     WHERE c.agreement_id = {row}.agreement_id AND c.state <> 'rejected'
       AND i.tranche_id IS NOT DISTINCT FROM planned.tranche_id;
    undeclared := {NOBODY_DECLARES.format(agreement="its", tranche="planned.tranche_id")};
    granted := its.granted_amount; base := its.eligible_base;
    IF planned.tranche_id IS NOT NULL THEN
        SELECT amount, cost INTO granted, base FROM agreements_tranche WHERE id = planned.tranche_id;
    END IF;
    policy := CASE WHEN planned.kind = 'interim' AND NOT compared THEN 'strict' ELSE its.proration END;
    SELECT array_agg(DISTINCT part ->> 'axis') INTO axes {parts};
    IF cardinality(axes) > 1 AND NOT EXISTS (SELECT 1 {kept} AND line.axis <> ALL (axes)) THEN
        due := 0;
        FOR one IN
            SELECT part ->> 'axis' AS axis, sum((part ->> 'amount')::numeric) AS granted,
                   sum((part ->> 'cost')::numeric) AS base {parts} GROUP BY 1
        LOOP
            SELECT coalesce(sum(line.certified_amount), 0) INTO spent_here {kept} AND line.axis = one.axis;
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
    ("going", "NUMERIC"),
    ("compared", "BOOLEAN"),
    ("undeclared", "BOOLEAN"),
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
            {_due_in_all()}
            due := {_due_on()};
            IF NEW.certified_amount - NEW.given_up_amount > due AND OLD.certified_amount IS NULL THEN
                {refuse("% would be certified and % are due", "NEW.certified_amount", "due")}
            END IF;
            IF NEW.certified_amount - NEW.given_up_amount > due THEN
                {refuse("% were certified and % are still due", "NEW.certified_amount", "due")}
            END IF;
            RETURN NEW;
        """,
    )


def due_when_certified() -> pgtrigger.Trigger:
    """What was due when a claim was certified is written by the database, whoever certifies: less may be certified for a
    reason, and what becomes due after that was decided by nobody."""
    return pgtrigger.Trigger(
        name="due_when_certified",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "ROW(NEW.certified_amount, NEW.certified_at, NEW.due_as_certified)"
            " IS DISTINCT FROM ROW(OLD.certified_amount, OLD.certified_at, OLD.due_as_certified)"
        ),
        declare=_VARIABLES,
        func=f"""
            NEW.due_as_certified := OLD.due_as_certified;
            IF NEW.certified_amount IS NULL THEN
                NEW.due_as_certified := NULL;
            ELSIF ROW(NEW.certified_amount, NEW.certified_at)
                  IS DISTINCT FROM ROW(OLD.certified_amount, OLD.certified_at) THEN
                {_due_in_all()}
                NEW.due_as_certified := {_due_on()};
            END IF;
            RETURN NEW;
        """,
    )


def nothing_more_is_due() -> pgtrigger.Trigger:
    """A claim is ordered, or closed for nothing, while no more is due on it than when it was certified: an advance that
    was counted may have fallen since. A claim of which a part was given up keeps its certificate, and goes on."""
    return pgtrigger.Trigger(
        name="nothing_more_is_due",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "OLD.state = 'certified' AND NEW.state IN ('ordered', 'paid') AND NEW.given_up_amount = 0"
        ),
        declare=_VARIABLES,
        func=f"""
            {_due_in_all()}
            due := {_due_on()};
            IF due > coalesce(NEW.due_as_certified, NEW.certified_amount) THEN
                {refuse("% were certified and % are due: it is certified again", "NEW.certified_amount", "due")}
            END IF;
            RETURN NEW;
        """,
    )


def certified_again_when_more_is_due() -> pgtrigger.Trigger:
    """A certified claim is certified again, for as much or for more, only while more is due on it than when it was; for less
    at any time. One of which a part was given up keeps its certificate. What stands on its lines is not touched: what was
    declared of them to a fund stays."""
    return pgtrigger.Trigger(
        name="certified_again_when_more_is_due",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "OLD.state = 'certified' AND NEW.state = 'certified' AND NEW.certified_amount >= OLD.certified_amount"
            " AND ROW(NEW.certified_amount, NEW.certified_at, NEW.certified_by_id, NEW.certification_reason)"
            " IS DISTINCT FROM ROW(OLD.certified_amount, OLD.certified_at, OLD.certified_by_id, OLD.certification_reason)"
        ),
        declare=_VARIABLES,
        func=f"""
            {_due_in_all()}
            due := {_due_on()};
            IF NEW.certified_at <= OLD.certified_at OR NEW.given_up_amount > 0
               OR due <= coalesce(OLD.due_as_certified, OLD.certified_amount) THEN
                {refuse("what was certified does not change")}
            END IF;
            RETURN NEW;
        """,
    )


def ordered_while_due() -> pgtrigger.Trigger:
    """No more is ordered of a claim than what is due on it now: an order that is placed again, for a person or in another batch,
    comes long after its certificate. The agreement is locked."""
    return pgtrigger.Trigger(
        name="ordered_while_due",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("claim", "agreements_paymentclaim%ROWTYPE"), *_VARIABLES],
        func=f"""
            SELECT * INTO claim FROM agreements_paymentclaim WHERE id = NEW.claim_id;
            {_due_in_all("claim")}
            due := {_due_on("claim")};
            IF claim.ordered_amount + NEW.amount > due THEN
                {
            refuse(
                "% would be ordered of the claim % and % are due",
                "claim.ordered_amount + NEW.amount",
                "claim.number",
                "due",
            )
        }
            END IF;
            RETURN NEW;
        """,
    )


def sent_while_due() -> pgtrigger.Trigger:
    """A batch leaves with orders that are still due: expenditure of another claim may have been cut since, or compared with
    its cost by a final claim. The agreements are locked, in one order."""
    return pgtrigger.Trigger(
        name="sent_while_due",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.state = 'open' AND NEW.state = 'sent'"),
        declare=[("claim", "agreements_paymentclaim%ROWTYPE"), *_VARIABLES],
        func=f"""
            FOR claim IN
                SELECT c.* FROM agreements_paymentclaim c WHERE EXISTS (
                    SELECT 1 FROM agreements_paymentorder o
                     WHERE o.claim_id = c.id AND o.batch_id = NEW.id AND o.state = 'ordered')
                 ORDER BY c.agreement_id, c.id
            LOOP
                {_due_in_all("claim")}
                due := {_due_on("claim")};
                IF claim.ordered_amount > due THEN
                    {refuse("% are ordered of the claim % and % are due", "claim.ordered_amount", "claim.number", "due")}
                END IF;
            END LOOP;
            RETURN NEW;
        """,
    )


def counted_by_no_final_claim() -> pgtrigger.Trigger:
    """A claim that the final claim of its part counted is not rejected once that one can no longer be certified again: what
    was left out of it would be lost. The settlement of an end decides otherwise. Looked at after the row: it counts no
    more."""
    return pgtrigger.Trigger(
        name="counted_by_no_final_claim",
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "OLD.state <> 'rejected' AND NEW.state = 'rejected' AND NEW.submitted_at IS NOT NULL"
        ),
        declare=[("final", "agreements_paymentclaim%ROWTYPE"), *_VARIABLES],
        func=f"""
            PERFORM 1 FROM agreements_agreement WHERE id = NEW.agreement_id FOR NO KEY UPDATE;
            SELECT c.* INTO final FROM agreements_instalment mine
            JOIN agreements_instalment i ON i.agreement_id = mine.agreement_id
             AND i.tranche_id IS NOT DISTINCT FROM mine.tranche_id AND i.kind = 'balance' AND i.needs_expenditure
            JOIN agreements_paymentclaim c ON c.instalment_id = i.id AND c.id <> NEW.id
            WHERE mine.id = NEW.instalment_id AND c.due_as_certified IS NOT NULL
              AND (c.state IN ('ordered', 'paid', 'suspended') OR c.state = 'certified' AND c.given_up_amount > 0)
              AND NOT EXISTS (SELECT 1 FROM agreements_settlement s WHERE s.agreement_id = NEW.agreement_id)
            ORDER BY c.id LIMIT 1;
            IF final.id IS NULL THEN RETURN NULL; END IF;
            {_due_in_all("final")}
            due := {_due_on("final")};
            IF due > final.due_as_certified THEN
                {refuse("the final claim % counted it: % are due on it, and % were", "final.number", "due", "final.due_as_certified")}
            END IF;
            RETURN NULL;
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
            {_due_in_all()}
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
