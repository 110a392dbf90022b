"""Carry the decisions of a session to its cases: all of them, or none with the reason of each row."""

from core.transitions import TransitionRefused, perform

TRANSITIONS = {"granted": "approve", "rejected": "reject", "deferred": "defer"}


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
