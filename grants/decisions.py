"""Write what a committee decides on a case, and carry it to the cases: all of them, or none with the reason of each row."""

from decimal import Decimal

from django.utils import timezone

from core.events import record
from core.transitions import TransitionRefused, perform

TRANSITIONS = {"granted": "approve", "rejected": "reject", "deferred": "defer"}
WRITTEN = ["decision", "decided_amount", "decided_plan", "reason", "decided_by", "decided_at"]


def write(session, item, decision: str, amount: Decimal | None, reason: str, plan: dict, *, actor) -> None:
    """Note on the grid what is decided on one case, with its event; an empty ``decision`` takes it back."""
    item.decision, item.decided_amount, item.reason, item.decided_plan = decision, amount, reason, plan
    item.decided_by = actor if decision else None
    item.decided_at = timezone.now() if decision else None
    item.save(update_fields=WRITTEN)
    record(
        session,
        "decide",
        actor=actor,
        data={
            "item": item.pk,
            "case": item.application.number,
            "decision": decision,
            "amount": amount,
            "plan": plan,
        },
        comment=reason,
    )


def take_back(session, *, actor) -> None:
    """Take back every decision noted on the grid of a session that ends without them."""
    for item in session.items.exclude(decision="").select_related("application").order_by("rank"):
        write(session, item, "", None, "", {}, actor=actor)


def apply(session, *, actor) -> int:
    """Perform the decided transition of every case on the agenda, in the caller's transaction.

    Returns the number of cases.

    Raises:
        TransitionRefused: with errors by row (``item-<id>``), when at least one case cannot take its decision. The
            caller's transaction must be rolled back: nothing is kept.
    """
    errors: dict[str, list[str]] = {}
    items = list(session.items.select_related("application").order_by("application_id"))
    for item in items:
        try:
            perform(item.application, TRANSITIONS[item.decision], actor=actor, comment=item.reason, system=True)
        except TransitionRefused as refusal:
            errors[f"item-{item.pk}"] = [f"{item.application.number}: {refusal}"]
    if errors:
        raise TransitionRefused("conditions", errors)
    return len(items)
