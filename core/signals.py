"""Signals of the engine."""

from django.dispatch import Signal

# Sent inside the transaction of a transition, after the row and its event are saved; an exception in a receiver undoes
# the transition. Arguments: sender (the model), instance, name, spec, source, target, actor, data, comment, event.
transitioned = Signal()
