"""The transition runner: the only door through which a state changes.

A model method decorated with :func:`workflow_transition` declares one transition; :func:`perform` takes it: lock,
state, permission, input, conditions, body, save, event, signal, in one transaction. Screens, API and
``docs/states.md`` are generated from the declarations.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Protocol

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import DatabaseError, models, transaction
from django.forms import BaseForm
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_fsm import ANY_OTHER_STATE, ANY_STATE, FSMFieldMixin
from django_fsm import transition as fsm_transition

from core.acting import acting_as, current
from core.engine import grounds, questions
from core.engine.refusals import refusal_message
from core.engine.standing import reason_interested, reason_reads_only
from core.engine.versions import Shown, Stale, verify, verify_grounds
from core.events import record
from core.json_safe import json_safe
from core.personal_numbers import national_number_reason
from core.roles import ACTING_ROLES, Role
from core.signals import transitioned
from core.text import in_a_sentence

Text = str | Promise
Permission = Callable[[Any, Any], str | None]
ALL = "__all__"
AUDIENCES = ("staff", "applicant", "system")
COMMENTS = ("none", "optional", "required")
TONES = ("primary", "quiet", "danger")


class Condition(Protocol):
    """Errors by field (``"__all__"`` for the whole), or None when the condition holds."""

    def __call__(self, instance: Any, data: dict, actor: Any) -> dict[str, str] | None: ...


def precondition(condition: Condition) -> Condition:
    """Mark a condition that does not look at the input: screens show its reason beside the button beforehand."""
    condition.before_input = True
    return condition


class TransitionRefused(Exception):
    """A transition that did not happen, with the reasons by field.

    ``code`` says which step refused: ``permission``, ``state``, ``input`` or ``conditions``.
    """

    def __init__(self, code: str, errors: Mapping[str, str | Text | Iterable[str | Text]]):
        self.code = code
        self.errors: dict[str, list[str]] = {
            name: [str(item) for item in ([texts] if isinstance(texts, str | Promise) else texts)]
            for name, texts in errors.items()
        }
        super().__init__(code, self.errors)

    def __str__(self) -> str:
        return " ".join(text for texts in self.errors.values() for text in texts)


@dataclass(frozen=True)
class TransitionSpec:
    """The declaration of one transition."""

    name: str
    field: str
    sources: tuple[str, ...]
    target: Any
    label: Text
    icon: str = ""
    roles: tuple[Role, ...] = ()
    permission_: Permission | str | None = field(default=None, repr=False)
    conditions_: tuple[Condition | str, ...] = field(default=(), repr=False)
    form_: type[BaseForm] | str | None = field(default=None, repr=False)
    inputs: tuple[str, ...] = ()
    comment: str = "none"
    audience: str = "staff"
    applicant_label: Text = ""
    order: int = 10
    tone: str = "primary"
    system_allowed: bool = False
    doc: str = ""

    @property
    def permission(self) -> Permission | None:
        return import_string(self.permission_) if isinstance(self.permission_, str) else self.permission_

    @property
    def conditions(self) -> list[Condition]:
        return [import_string(item) if isinstance(item, str) else item for item in self.conditions_]

    @property
    def form(self) -> type[BaseForm] | None:
        return import_string(self.form_) if isinstance(self.form_, str) else self.form_

    def label_for(self, audience: str) -> Text:
        return self.applicant_label or self.label if audience == "applicant" else self.label

    def starts_from(self, state: str) -> bool:
        if ANY_OTHER_STATE in self.sources:
            return state != self.target
        return ANY_STATE in self.sources or state in self.sources

    def for_the_system(self) -> bool:
        return self.audience == "system" or self.system_allowed


@dataclass(frozen=True)
class Option:
    """A transition as offered to one person: allowed, or not with the reason."""

    spec: TransitionSpec
    allowed: bool
    reason: str = ""


# The instances whose transition is being performed: a body called in any other way is refused.
_performing: ContextVar[tuple[int, ...]] = ContextVar("essor_performing", default=())


def workflow_transition(
    *,
    field: Any,
    source: str | Iterable[str],
    target: Any,
    label: Text,
    icon: str = "",
    roles: Iterable[Role] = (),
    permission: Permission | str | None = None,
    conditions: Iterable[Condition | str] = (),
    form: type[BaseForm] | str | None = None,
    inputs: Iterable[str] = (),
    comment: str = "none",
    audience: str = "staff",
    applicant_label: Text = "",
    order: int = 10,
    tone: str = "primary",
    system_allowed: bool = False,
):
    """Declare a transition. The method's body gets ``actor``, ``data`` and ``comment`` and sets fields.

    ``field`` is the FSM field or its name; ``form``, ``permission`` and ``conditions`` may be dotted paths (for what
    would import the model). ``inputs`` names what a transition without a form takes from its caller: nothing else of
    what a page posts reaches the body or the event. A staff transition needs roles; ``target=None`` keeps the state.
    """
    sources = (str(source),) if isinstance(source, str) else tuple(str(item) for item in source)
    roles = tuple(Role(role) for role in roles)
    if form is not None and inputs:
        raise ImproperlyConfigured(f"Transition {label}: the fields of its form are its inputs.")
    if audience not in AUDIENCES or comment not in COMMENTS or tone not in TONES:
        raise ImproperlyConfigured(f"Transition {label}: wrong audience, comment or tone.")
    if audience == "staff" and not roles:
        raise ImproperlyConfigured(f"Transition {label}: who may take it? A staff transition names its roles.")
    if audience == "system" and (roles or permission):
        raise ImproperlyConfigured(f"Transition {label}: only the system takes it, it names nobody.")
    if audience == "applicant" and not (roles or permission):
        raise ImproperlyConfigured(f"Transition {label}: who may take it? Give roles or a permission.")

    def decorate(body: Callable) -> Callable:
        spec = TransitionSpec(
            name=body.__name__,
            field=field if isinstance(field, str) else "",
            sources=sources,
            target=target if target is None or hasattr(target, "get_state") else str(target),
            label=label,
            icon=icon,
            roles=roles,
            permission_=permission,
            conditions_=tuple(conditions),
            form_=form,
            inputs=tuple(inputs),
            comment=comment,
            audience=audience,
            applicant_label=applicant_label,
            order=order,
            tone=tone,
            system_allowed=system_allowed,
            doc=inspect.getdoc(body) or "",
        )

        @wraps(body)
        def guarded(self, *args, **kwargs):
            if id(self) not in _performing.get():
                raise RuntimeError(f"{body.__qualname__}() is a transition: call core.transitions.perform().")
            return body(self, *args, **kwargs)

        method = fsm_transition(field=field, source=list(sources), target=spec.target, custom={"spec": spec})(guarded)
        method.transition_spec = spec
        return method

    return decorate


# --- the registry --------------------------------------------------------------------------------------------------


def workflow_models(candidates: Iterable[type[models.Model]]) -> list[type[models.Model]]:
    """Those of the models that have transitions."""
    return [model for model in candidates if transitions_of(model)]


def transitions_of(model: type[models.Model]) -> list[TransitionSpec]:
    """The transitions of a model, in the order in which screens show them."""
    found: dict[str, TransitionSpec] = {}
    for cls in reversed(model.__mro__):
        for name, attribute in vars(cls).items():
            if name in found and not hasattr(attribute, "transition_spec"):
                del found[name]
            if spec := getattr(attribute, "transition_spec", None):
                found[name] = spec
    return sorted(found.values(), key=lambda spec: spec.order)


def spec_of(model: type[models.Model], name: str) -> TransitionSpec:
    """The declaration of a transition; LookupError when the model has none of that name."""
    spec = getattr(getattr(model, name, None), "transition_spec", None)
    if spec is None:
        raise LookupError(f"{model.__name__} has no transition {name!r}.")
    return spec


def state_field_of(model: type[models.Model], spec: TransitionSpec) -> FSMFieldMixin:
    """The FSM field that a transition changes."""
    if spec.field:
        return model._meta.get_field(spec.field)
    return next(item for item in model._meta.concrete_fields if isinstance(item, FSMFieldMixin))


# --- who may, and when ---------------------------------------------------------------------------------------------

NOT_SIGNED_IN = gettext_lazy("Sign in to do this.")


def permission_reason(spec: TransitionSpec, instance: models.Model, actor: Any, *, system: bool = False) -> str | None:
    """Why this person may not take this transition of this row; None when they may.

    An auditor takes none; a transition of the staff is not for one who has an interest in the case.
    """
    if system:
        return None if spec.for_the_system() else _("“%(label)s” is done by a person.") % {"label": spec.label}
    if spec.audience == "system":
        return _("“%(label)s” happens by itself.") % {"label": spec.label}
    if actor is None or not getattr(actor, "is_authenticated", False) or not actor.is_active:
        return str(NOT_SIGNED_IN)
    if reason := reason_reads_only(actor):
        return reason
    if spec.roles and not actor.has_role(*spec.roles):
        names = ", ".join(in_a_sentence(role.label) for role in spec.roles)
        return _("Only these roles may do this: %(roles)s.") % {"roles": names}
    if reason := spec.permission(actor, instance) if spec.permission else None:
        return str(reason)
    return reason_interested(actor, instance) if spec.audience == "staff" else None


def _condition_errors(conditions: Iterable[Condition], instance, data: dict, actor) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for condition in conditions:
        for name, text in (condition(instance, data, actor) or {}).items():
            errors.setdefault(name, []).append(str(text))
    return errors


def concerns(spec: TransitionSpec, user: Any) -> bool:
    """True when a screen of this person may show the transition at all: an auditor, who changes nothing, sees none."""
    if not getattr(user, "is_authenticated", False):
        return False
    if spec.audience == "staff":
        return user.has_role(*ACTING_ROLES)
    return spec.audience == "applicant" and (not spec.roles or user.has_role(*spec.roles))


def available_transitions(instance: models.Model, user: Any) -> list[Option]:
    """What this person could do now: transitions from the present state, each allowed or with the reason it is not."""
    options = []
    for spec in transitions_of(type(instance)):
        state = getattr(instance, state_field_of(type(instance), spec).attname)
        if not spec.starts_from(state) or not concerns(spec, user):
            continue
        reason = permission_reason(spec, instance, user)
        if not reason:
            known = [condition for condition in spec.conditions if getattr(condition, "before_input", False)]
            errors = _condition_errors(known, instance, {}, user)
            reason = " ".join(text for texts in errors.values() for text in texts)
        options.append(Option(spec=spec, allowed=not reason, reason=reason or ""))
    return options


def reasons_against(instance: models.Model, name: str, user: Any) -> dict[str, list[str]]:
    """What all the conditions of a transition say now, by field, before anything is typed: what a page lists as still to
    be done is what the transition will ask. For transitions of the applicant, whose conditions read no input."""
    return _condition_errors(spec_of(type(instance), name).conditions, instance, {}, user)


# --- the runner ----------------------------------------------------------------------------------------------------


def perform(
    instance: models.Model,
    name: str,
    *,
    actor: Any,
    data: Mapping[str, Any] | None = None,
    files: Mapping[str, Any] | None = None,
    comment: str = "",
    system: bool = False,
    expected: Shown | None = None,
) -> models.Model:
    """Take a transition, or raise :class:`TransitionRefused` and change nothing.

    ``expected`` is what the page showed of the row (``core.engine.versions.carried``): when something happened to it
    since, :class:`core.engine.versions.Stale` is raised. Screens give it; commands and what follows by itself do not.

    ``data`` and ``files`` go through the transition's form, whose cleaned values the body gets; without a form, only
    what the transition declares as its inputs is kept. ``system=True`` is for
    automatic transitions (``actor`` may then be None). The instance given is refreshed and returned.
    """
    spec = spec_of(type(instance), name)
    if actor is not None and (current() is None or current().user != actor):
        with acting_as(actor, label=_label_of(actor)):
            return _perform(instance, spec, actor, data, files, comment, system, expected)
    return _perform(instance, spec, actor, data, files, comment, system, expected)


def _label_of(actor: Any) -> str:
    outer = current()
    return f"{actor} ({outer.label})"[:200] if outer and outer.label and not outer.user else str(actor)


def _perform(instance, spec: TransitionSpec, *arguments) -> models.Model:
    """What the database refuses, at once or when the transaction ends, is told like a condition."""
    try:
        return _take(instance, spec, *arguments)
    except DatabaseError as error:
        if text := refusal_message(error):
            raise TransitionRefused("conditions", {ALL: text}) from error
        raise


def _take(instance, spec: TransitionSpec, actor, data, files, comment: str, system: bool, expected: Shown | None):
    model = type(instance)
    state_name = state_field_of(model, spec).attname
    with transaction.atomic():
        locked = model._base_manager.select_for_update(of=("self",), no_key=True).filter(pk=instance.pk).first()
        if locked is None:
            raise TransitionRefused("state", {ALL: _("This record no longer exists.")})
        from_state = getattr(locked, state_name)
        _check_possible(locked, spec, from_state, actor, system, expected)
        _check_questions(locked, spec, actor, expected)
        verify(locked, expected)
        cleaned = _check(locked, spec, actor, data, files, comment)
        kept = json_safe(cleaned)
        before = _values(locked)
        _run_body(locked, spec, actor, cleaned, comment)
        after = _values(locked)
        event = record(
            locked,
            spec.name,
            actor=actor,
            data=kept,
            comment=comment,
            changes={key: [before.get(key), value] for key, value in after.items() if before.get(key) != value},
            from_state=from_state,
            to_state=getattr(locked, state_name),
        )
        transitioned.send(
            sender=model,
            instance=locked,
            name=spec.name,
            spec=spec,
            source=from_state,
            target=event.to_state,
            actor=actor,
            data=cleaned,
            comment=comment,
            event=event,
        )
        instance.refresh_from_db()
    return instance


def _check_possible(
    locked, spec: TransitionSpec, state: str, actor, system: bool, expected: Shown | None = None
) -> None:
    """Permission, then state: a page that showed another state is an old one, whichever site it belongs to."""
    if reason := permission_reason(spec, locked, actor, system=system):
        raise TransitionRefused("permission", {ALL: reason})
    if not spec.starts_from(state):
        if expected is not None:
            raise Stale(locked, expected, refusal=_state_sentence(locked, spec, state))
        raise TransitionRefused("state", {ALL: _state_sentence(locked, spec, state)})


def _check_questions(locked, spec: TransitionSpec, actor, expected: Shown | None) -> None:
    """What the page asked is what is asked now: an answer to another question is asked again, never dropped."""
    if expected is None or spec.form is None:
        return
    form = spec.form(data=None, files=None, instance=locked, actor=actor)
    verify_grounds(locked, expected, grounds.of(form))
    if questions.are_others(questions.read(expected.values), form):
        reason = _("“%(label)s” no longer asks what your page asked: answer again what it asks now.")
        raise Stale(locked, expected, refusal=reason % {"label": spec.label})


def _check(locked, spec: TransitionSpec, actor, data, files, comment: str) -> dict[str, Any]:
    """Input and conditions, in this order; the cleaned input."""
    errors: dict[str, list[str]] = {}
    typed = data or {}
    cleaned = {name: typed[name] for name in spec.inputs if name in typed}
    if spec.form is not None:
        form = spec.form(data=data if data is not None else {}, files=files, instance=locked, actor=actor)
        if not form.is_valid():
            errors = {key: [str(text) for text in texts] for key, texts in form.errors.items()}
        cleaned = form.cleaned_data
    if spec.comment == "required" and not comment.strip():
        errors.setdefault("comment", []).append(_("Write a comment: this step needs a reason."))
    if reason := national_number_reason(comment):
        errors.setdefault("comment", []).append(reason)
    if errors:
        raise TransitionRefused("input", errors)
    if errors := _condition_errors(spec.conditions, locked, cleaned, actor):
        raise TransitionRefused("conditions", errors)
    return cleaned


def _state_sentence(locked, spec: TransitionSpec, state: str) -> str:
    labels = dict(state_field_of(type(locked), spec).flatchoices)
    return _("“%(label)s” is not possible while the state is “%(state)s”.") % {
        "label": spec.label,
        "state": labels.get(state, state),
    }


def _run_body(locked, spec: TransitionSpec, actor, cleaned: dict[str, Any], comment: str) -> None:
    """The body and the full save; what a validation refuses is told like a condition."""
    token = _performing.set((*_performing.get(), id(locked)))
    try:
        getattr(locked, spec.name)(actor=actor, data=cleaned, comment=comment)
        locked.save()
    except ValidationError as error:
        raise TransitionRefused("conditions", _validation_errors(error)) from error
    finally:
        _performing.reset(token)


def _validation_errors(error: ValidationError) -> dict[str, list[str]]:
    if hasattr(error, "error_dict"):
        return {name: list(texts) for name, texts in error.message_dict.items()}
    return {ALL: list(error.messages)}


def _values(instance: models.Model) -> dict[str, Any]:
    """The row's own values, JSON-safe, without the time stamps that every save changes."""
    return {
        item.name: json_safe(getattr(instance, item.attname))
        for item in instance._meta.concrete_fields
        if not getattr(item, "auto_now", False) and not item.generated
    }
