"""Who acts: carried to the events by a context variable, and to the row history by the database session."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import pghistory
from django.db import connection
from pghistory import runtime


@dataclass(frozen=True)
class Acting:
    """A person, or nobody with a label that says which machinery acts ("command load_programmes")."""

    user: Any = None
    label: str = ""

    @property
    def metadata(self) -> dict[str, Any]:
        """What the row history keeps: never the name of a person, which could not be erased there."""
        name = str(self.user) if self.user else ""
        return {"user": getattr(self.user, "pk", None), "label": "" if self.label == name else self.label}


_acting: ContextVar[Acting | None] = ContextVar("essor_acting", default=None)


def current() -> Acting | None:
    """Who acts now; None outside of any request, task or command."""
    return _acting.get()


def current_actor():
    """The user who acts now, or None when it is a machine or nobody."""
    acting = _acting.get()
    return acting.user if acting else None


def current_label() -> str:
    acting = _acting.get()
    return acting.label if acting else ""


@contextmanager
def acting_as(user=None, label: str = "") -> Iterator[Acting]:
    """Everything written inside is recorded as done by this user (or by what the label names)."""
    acting = Acting(user=user, label=label or (str(user) if user else ""))
    outer = _acting.get()
    token = _acting.set(acting)
    try:
        with pghistory.context(**acting.metadata):
            yield acting
    finally:
        _acting.reset(token)
        if outer:
            # A nested pghistory.context overwrites the outer one and does not give it back.
            pghistory.context(**outer.metadata)


@contextmanager
def unstamped() -> Iterator[None]:
    """Statements go to the database as they are written, without the stamp of who acts.

    A stamp is sent with placeholders; in the statements of a migration a ``%`` is a ``%`` (a trigger's RAISE).
    ``acting_as`` inside stamps again: what a migration writes by itself (reference data) says who wrote it.
    """
    stamped, tracked = connection.execute_wrappers, runtime._tracker.__dict__.pop("value", None)
    connection.execute_wrappers = []
    try:
        yield
    finally:
        connection.execute_wrappers = stamped
        if tracked is not None:
            runtime._tracker.value = tracked


def stamp_transaction() -> None:
    """Tell the database who acts, for statements that do not go through Django's cursor (COPY).

    Django's own statements are stamped one by one; call this inside a transaction before a raw COPY.
    """
    acting = _acting.get()
    if acting is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pghistory.context_id', gen_random_uuid()::text, true), "
            "set_config('pghistory.context_metadata', %s, true)",
            [json.dumps(acting.metadata)],
        )
