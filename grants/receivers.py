"""What follows a transition of a case by itself."""

from core.signals import transitioned
from grants import instruction, retention
from grants.models import Application


def after_transition(sender, instance, name, actor, **kwargs) -> None:
    """A case that is filed or completed gets its automatic checks; one that is instructed, its computed aid."""
    if name in ("submit", "complete"):
        instruction.answer_automatic_checks(instance)
    elif name == "start_instruction":
        instruction.compute_aid(instance, actor=actor)


def connect() -> None:
    """Listen to the transitions of cases."""
    retention.connect()
    transitioned.connect(after_transition, sender=Application, dispatch_uid="grants_after_transition")
