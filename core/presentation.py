"""How states look: the tone and the icon of a pill. Nothing is said by colour alone: a pill is a word and an icon."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.functional import Promise

from core.transitions import spec_of

TONES = ("ok", "wait", "act", "no", "idle")

ICONS = {"ok": "check", "wait": "clock", "act": "alert", "no": "close", "idle": "dot"}

# The tone of a state whose model says nothing of its own (``STATE_TONES``).
_COMMON_TONES: dict[str, str] = {
    **dict.fromkeys(
        (
            "accepted",
            "admissible",
            "approved",
            "closed",
            "completed",
            "contracted",
            "certified",
            "clean",
            "controlled",
            "done",
            "in_force",
            "paid",
            "released",
            "signed",
            "verified",
        ),
        "ok",
    ),
    **dict.fromkeys(
        (
            "convened",
            "in_instruction",
            "in_session",
            "instructed",
            "open",
            "ordered",
            "queued",
            "ready_for_committee",
            "running",
            "scheduled",
            "sent",
            "signed_by_beneficiary",
            "submitted",
            "under_control",
            "under_review",
        ),
        "wait",
    ),
    **dict.fromkeys(("incomplete", "partly_rejected", "parked", "returned", "suspended", "entered"), "act"),
    **dict.fromkeys(("failed", "inadmissible", "rejected", "terminated", "infected"), "no"),
}


def tone_of(instance: models.Model, state: str) -> str:
    """The tone of ``state`` for the model of ``instance``: its own ``STATE_TONES``, else the common table."""
    own = getattr(instance, "STATE_TONES", {})
    return own.get(state) or _COMMON_TONES.get(state, "idle")


def state_text(instance: models.Model, audience: str = "applicant") -> str:
    """The words for the state of ``instance``, as that audience reads them."""
    label = getattr(instance, "state_label", None)
    return str(label(audience) if callable(label) else instance.get_state_display())


# --- the words of the event log ---------------------------------------------------------------------------------------

_action_labels: dict[str, str | Promise] = {}


def register_action_labels(labels: Mapping[str, str | Promise]) -> None:
    """The words for events that are no transitions: ``{"bank_account.alert": _("Change of account signalled")}``."""
    _action_labels.update(labels)


_consequences: set[str] = set()


def register_consequences(*actions: str) -> None:
    """Events that are written because of another one: no step of the person under whose name they stand."""
    _consequences.update(actions)


def is_consequence(action: str) -> bool:
    """Whether an event follows by itself from what somebody did."""
    return action in _consequences


def action_label(model: type[models.Model], action: str) -> str:
    """What an event did, in words: the transition's label, else the registered words, else its name made readable."""
    try:
        return str(spec_of(model, action).label)
    except LookupError:
        return str(_action_labels.get(action) or action.replace(".", ": ").replace("_", " ").capitalize())


@dataclass(frozen=True)
class EventValue:
    """A value that events speak of and that is no field of their subject: what it is called, and its words."""

    label: str | Promise
    text: Callable[[Any], str]


_event_values: dict[str, EventValue] = {}


def register_event_value(name: str, label: str | Promise, text: Callable[[Any], str]) -> None:
    """The words for a value of an event that is no field: ``register_event_value("roles", _("Roles"), in_words)``."""
    _event_values[name] = EventValue(label, text)


def event_value(name: str) -> EventValue | None:
    """The words registered for a value of events, or None for a field."""
    return _event_values.get(name)


# --- who acts where no person does --------------------------------------------------------------------------------------

_actors: dict[str, str | Promise] = {}


def register_actors(words: Mapping[str, str | Promise]) -> None:
    """The words for what acts by itself, by the name under which it writes: ``{"command demo": _("demonstration")}``."""
    _actors.update(words)


def actor_words(label: str) -> str:
    """The words for what acts under this name; empty where nobody said."""
    return str(_actors.get(label, ""))


# --- the kinds of documents -------------------------------------------------------------------------------------------

Words = Mapping[str, str | Promise]
_mail_words: dict[str, str | Promise] = {}


def register_mails(words: Words) -> None:
    """What the mails of an app are called, by their templates: ``{"grants/mail/granted": _("Decision: granted")}``."""
    _mail_words.update(words)


def mail_words(template: str) -> str:
    """What a mail is called; its template where nobody said."""
    return str(_mail_words.get(template, template))


_document_kinds: list[Words | Callable[[], Words]] = []


def register_document_kinds(words: Words | Callable[[], Words]) -> None:
    """What documents are to their subjects: ``{"bank_proof": _("Bank details")}``, or a function that reads them."""
    _document_kinds.append(words)


def document_kinds() -> dict[str, str]:
    """The words of every kind of document that is known; asked for once a page."""
    found: dict[str, str] = {}
    for words in _document_kinds:
        found |= {kind: str(text) for kind, text in (words() if callable(words) else words).items()}
    return found
