"""Makes migrations that add many fields, constraints and triggers quick: minutes become seconds.

For each field, constraint, index and trigger that a migration adds, Django and pgtrigger render anew all the models
that are related to the changed one (``ProjectState.reload_model``). Here every model is related to the user, so that
each of a thousand operations would render the whole project. What only adds to a model needs none of the others: the
model is rendered alone, or its list of constraints changed in place. A trigger that goes changes no other model
either. Operations that change or remove something else, and ``RunPython``, render as Django does.
"""

from collections.abc import Callable
from functools import wraps

from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger, RemoveTrigger

_find_related = ProjectState._find_reload_model


def _append_option(state: ProjectState, app_label: str, model_name: str, option: str, item: object) -> None:
    """Add to an option of the model's state, and to the rendered model where there is one."""
    options = state.models[app_label, model_name.lower()].options
    _set_option(state, app_label, model_name, option, [*options.get(option, []), item])


def _set_option(state: ProjectState, app_label: str, model_name: str, option: str, items: list) -> None:
    options = state.models[app_label, model_name.lower()].options
    options[option] = items
    if "apps" in state.__dict__:
        meta = state.apps.get_model(app_label, model_name)._meta
        setattr(meta, option, list(items))
        meta.original_attrs = {**meta.original_attrs, option: items}


def _trigger_state_forwards(operation: AddTrigger, app_label: str, state: ProjectState) -> None:
    _append_option(state, app_label, operation.model_name, "triggers", operation.trigger)


def _removed_trigger_state_forwards(operation: RemoveTrigger, app_label: str, state: ProjectState) -> None:
    triggers = state.models[app_label, operation.model_name.lower()].options.get("triggers", [])
    left = [trigger for trigger in triggers if trigger.name != operation.name]
    _set_option(state, app_label, operation.model_name, "triggers", left)


def _find_reload_model(state: ProjectState, app_label: str, model_name: str, delay: bool = False) -> set:
    """The models to render again: the model alone while something is added to it."""
    if not state.__dict__.get("_adding"):
        return _find_related(state, app_label, model_name, delay)
    state.is_delayed = True  # RunPython renders everything before it runs
    return {(app_label, model_name.lower())}


def _adding(method: Callable) -> Callable:
    """Mark the state while ``method`` adds to a model."""

    @wraps(method)
    def add(state: ProjectState, *args, **kwargs) -> None:
        state._adding = True
        try:
            method(state, *args, **kwargs)
        finally:
            del state._adding

    return add


def install() -> None:
    """Replace the methods; called once, when the core app is ready."""
    if ProjectState._find_reload_model is _find_reload_model:
        return
    ProjectState._append_option = _append_option
    ProjectState._find_reload_model = _find_reload_model
    ProjectState.add_model = _adding(ProjectState.add_model)
    ProjectState.add_field = _adding(ProjectState.add_field)
    AddTrigger.state_forwards = _trigger_state_forwards
    RemoveTrigger.state_forwards = _removed_trigger_state_forwards
