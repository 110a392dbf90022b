"""The operation of an agreement that has ended: its plan is what can be declared, and follows when that changes."""

from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from agreements.models import Agreement
from core.events import record
from core.money import ZERO
from reporting.effects import borne_by_source, name_of_source
from reporting.eu_programmes.at_the_end import doubt_the_end, end_of
from reporting.models import Operation, OperationVersion
from reporting.operations import add_version, facts_of_version
from reporting.rules.ends import GRANTED_BY, End, EndedPlan, Line, plan_at_the_end

ENDED = (Agreement.State.COMPLETED, Agreement.State.TERMINATED, Agreement.State.LAPSED)


def follow_the_end(agreement_id: int, *, actor) -> OperationVersion | None:
    """Bring the plan of an ended agreement's operation to what is paid and kept; None when there is nothing to change.

    Called when the agreement ends, and whenever a claim that its settlement kept moves, or a control of it is over.
    """
    with transaction.atomic():
        operation = Operation.objects.filter(agreement_id=agreement_id).select_for_update(no_key=True).first()
        agreement = Agreement.objects.select_related("settlement").get(pk=agreement_id)  # as the database counts it
        if operation is None or agreement.state not in ENDED:
            return None
        before = operation.current
        end = end_of(operation)
        plan = ended_plan(before, end)
        lines = [(line.kind, line.label, line.amount) for line in before.financing.order_by("rank")]
        if plan.eligible == before.eligible_cost and granted_in(plan.lines) == granted_in(lines):
            doubt_the_end(operation, lines, end, actor=actor)
            return None
        facts = facts_of_version(before) | {"eligible_cost": plan.eligible}
        facts["total_cost"] = plan.total(before.total_cost or before.eligible_cost)
        words = _("The agreement has ended: the plan is what is certified or can still be declared.")
        version = add_version(operation, facts, plan.lines, actor=actor, reason=words)
        operation.refresh_from_db()
        record(
            operation,
            "revise",
            actor=actor,
            data={"fields": ["eligible_cost", "eu_amount", "total_cost"]},
            comment=words,
        )
        doubt_the_end(operation, plan.lines, end, actor=actor)
    return version


def ended_plan(version: OperationVersion, end: End) -> EndedPlan:
    """Return what the plan of a version becomes now that its agreement has ended."""
    borne = borne_by_source(version.operation.certificates.all())
    lines = [
        Line(line.kind, line.label, line.amount, borne.get(name_of_source(line), ZERO))
        for line in version.financing.order_by("rank")
    ]
    return plan_at_the_end(lines, version.eligible_cost, end)


def granted_in(lines: list[tuple[str, str, Decimal]]) -> list[Decimal]:
    """Return what the EU and the Region bear in a plan."""
    return [sum((amount for kind, _name, amount in lines if kind == source), ZERO) for source in GRANTED_BY]
