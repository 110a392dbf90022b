"""Signals of the engine."""

from django.dispatch import Signal

# Sent inside the transaction of a transition, after the row and its event are saved; an exception in a receiver undoes
# the transition. Arguments: sender (the model), instance, name, spec, source, target, actor, data, comment, event.
transitioned = Signal()

# Sent inside the transaction in which an administrator deactivates or reactivates an account, after its event: what the
# account meant elsewhere follows. Arguments: sender (User), instance, actor, reason, event.
account_switched = Signal()
