"""The column that keeps the plan of a grant, and the triggers that hold it to the amount beside it.

The column holds ``GrantPlan.as_json()`` (``grants.programmes.grant_plan``); an empty one is the plan of nothing. The
triggers look after PostgreSQL's own constraints, and refuse with the SQLSTATE of a check violation, as those do.
"""

import pgtrigger
from django.db import models

PARTS = "jsonb_array_elements({plan}->'parts')"


class PlanField(models.JSONField):
    """The parts of a grant: amount and cost by year, person and axis."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("default", dict)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)


def _unchanged(*columns: str) -> str:
    new, old = (", ".join(f'{row}."{column}"' for column in columns) for row in ("NEW", "OLD"))
    return f"ROW({new}) IS NOT DISTINCT FROM ROW({old})"


def plan_adds_up(plan: str, amount: str, *, cost: str = "") -> pgtrigger.Trigger:
    """Return the trigger that wants the parts of the column ``plan`` to add up to ``amount`` (and ``cost``)."""
    wrong_cost = f" OR (NEW.{cost} > 0 AND NEW.{amount} > 0 AND costs <> NEW.{cost})" if cost else ""
    return pgtrigger.Trigger(
        name=f"{plan}_adds_up",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("amounts", "NUMERIC"), ("costs", "NUMERIC"), ("lowest", "NUMERIC")],
        func=f"""
            IF NEW.{amount} IS NULL THEN RETURN NULL; END IF;
            IF TG_OP = 'UPDATE' AND {_unchanged(plan, amount, *([cost] if cost else []))} THEN RETURN NULL; END IF;
            SELECT coalesce(sum((part->>'amount')::numeric), 0), coalesce(sum((part->>'cost')::numeric), 0),
                   coalesce(min(least((part->>'amount')::numeric, (part->>'cost')::numeric)), 0)
                INTO amounts, costs, lowest FROM {PARTS.format(plan=f"NEW.{plan}")} part;
            IF amounts <> NEW.{amount} OR lowest < 0{wrong_cost} THEN
                RAISE EXCEPTION 'the parts of the plan add up to % and not to %', amounts, NEW.{amount}
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        """,
    )


def plan_within_computed(plan: str, computed: str) -> pgtrigger.Trigger:
    """Return the trigger that keeps each part of ``plan`` within its computed part, at its very cost.

    Args:
        computed: SQL that selects the plan of the computation.
    """
    theirs = PARTS.format(plan="computed_plan")
    key = "({0}->'axis', {0}->'year', {0}->'person')"
    return pgtrigger.Trigger(
        name=f"{plan}_within_computed",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("computed_plan", "JSONB")],
        func=f"""
            IF coalesce(jsonb_array_length(NEW.{plan}->'parts'), 0) = 0 THEN RETURN NULL; END IF;
            IF TG_OP = 'UPDATE' AND {_unchanged(plan)} THEN RETURN NULL; END IF;
            computed_plan := ({computed});
            IF EXISTS (
                SELECT 1 FROM {PARTS.format(plan=f"NEW.{plan}")} mine
                LEFT JOIN {theirs} theirs ON {key.format("mine")} IS NOT DISTINCT FROM {key.format("theirs")}
                WHERE theirs IS NULL OR (mine->>'amount')::numeric > (theirs->>'amount')::numeric
                    OR (mine->>'cost')::numeric <> (theirs->>'cost')::numeric) THEN
                RAISE EXCEPTION 'a part of the plan is above what was computed for it'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        """,
    )


def named_parts_are_asked_again(plan: str, decision: str) -> pgtrigger.Trigger:
    """Return the trigger that never lets a proportion replace the years or persons that a decision named one by one."""
    several = PARTS.format(plan=f"OLD.{plan}")
    return pgtrigger.Trigger(
        name=f"{plan}_is_asked_again",
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        func=f"""
            IF OLD.{decision} = 'granted' AND NEW.{decision} = 'granted'
                AND OLD.{plan}->>'way' = 'typed' AND NEW.{plan}->>'way' = 'pro_rata'
                AND (SELECT count(DISTINCT (part->'year', part->'person')) FROM {several} part) > 1 THEN
                RAISE EXCEPTION 'years or persons that were named are named again, not shared out'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        """,
    )
