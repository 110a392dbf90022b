"""What holds for every transition of the product, whoever declared it."""

import ast
import inspect
import textwrap
from dataclasses import replace

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, models, transaction
from django.http import QueryDict
from django.utils import translation

from core.models.user import User
from core.models.workflow import WorkflowModel
from core.roles import Role
from core.transitions import (
    TransitionSpec,
    _check,
    permission_reason,
    state_field_of,
    transitions_of,
    workflow_models,
)
from tests.core.sample.models import Case

TRANSITIONS = [
    pytest.param(model, spec, id=f"{model._meta.label}.{spec.name}")
    for model in workflow_models(apps.get_models())
    for spec in transitions_of(model)
]
every_transition = pytest.mark.parametrize(("model", "spec"), TRANSITIONS)


def person(*roles: Role, **extra) -> User:
    user = User(email="a@example.org", **extra)
    user.__dict__["role_set"] = frozenset(roles)
    return user


@every_transition
@pytest.mark.parametrize("role", Role)
def test_each_role(model: type[models.Model], spec: TransitionSpec, role: Role):
    """The roles named may take it (as far as roles go); every other one is refused before anything is looked at."""
    reason = permission_reason(replace(spec, permission_=None), model(), person(role))
    if spec.audience == "system":
        assert reason
    elif spec.roles:
        assert (reason is None) == (role in spec.roles)
    else:
        assert reason is None
        assert spec.permission, "without roles, a predicate decides"


@every_transition
def test_nobody_disabled_or_superuser_without_a_role(model, spec):
    assert permission_reason(spec, model(), None)
    bare = replace(spec, permission_=None)
    assert permission_reason(bare, model(), person(*spec.roles, is_active=False))
    if spec.roles or spec.audience == "system":
        assert permission_reason(bare, model(), person(is_superuser=True, is_staff=True))


@every_transition
def test_an_auditor_changes_nothing(model, spec):
    assert Role.AUDITOR not in spec.roles
    if spec.audience == "staff":
        assert Role.APPLICANT not in spec.roles


@every_transition
def test_the_system_takes_only_what_is_declared_for_it(model, spec):
    assert (permission_reason(spec, model(), None, system=True) is None) == spec.for_the_system()


@every_transition
def test_the_declaration_is_whole(model, spec):
    states = {str(state) for state, _label in state_field_of(model, spec).flatchoices}
    assert set(spec.sources) <= states | {"*", "+"}
    targets = getattr(spec.target, "allowed_states", [spec.target])
    assert {str(target) for target in targets if target is not None} <= states
    assert issubclass(model, WorkflowModel)
    assert state_field_of(model, spec).protected
    assert all(callable(condition) for condition in spec.conditions)
    assert spec.permission is None or callable(spec.permission)
    assert spec.form is None or spec.form.base_fields is not None


@every_transition
def test_only_declared_fields_are_kept_of_what_is_posted(model, spec):
    """What a page posts besides (tokens, versions, the fields of another form) reaches neither the body nor the event."""
    posted = QueryDict("csrfmiddlewaretoken=x&shown=y&comment=z&password=secret&state=paid", mutable=True)
    posted.update({name: "1" for name in spec.inputs})
    files = {"smuggled": SimpleUploadedFile("a.txt", b"a")}
    if spec.form is None:
        kept = _check(model(), replace(spec, conditions_=(), comment="none"), None, posted, files, "")
        assert set(kept) == set(spec.inputs)
    else:
        assert spec.inputs == ()


# Conditions on what only an officer types, where a step is open to the service as well.
ASKED_OF_THE_SERVICE = {"service_says_why"}
APPLICANTS = [parameters for parameters in TRANSITIONS if parameters.values[1].audience == "applicant"]


@pytest.mark.parametrize(("model", "spec"), APPLICANTS)
def test_what_an_applicant_still_has_to_do_is_known_before_anything_is_typed(model, spec):
    """A page lists what the conditions say (``reasons_against``): none of them may wait for the input."""
    for condition in spec.conditions:
        if condition.__name__ in ASKED_OF_THE_SERVICE:
            continue
        function = _function_of(condition)
        names = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == "data"]
        passed_on = [
            argument.id
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
            for argument in call.args
            if isinstance(argument, ast.Name) and argument.id == "data"
        ]
        assert len(names) == len(passed_on), condition.__name__


def _function_of(condition) -> ast.FunctionDef:
    return ast.parse(textwrap.dedent(inspect.getsource(condition))).body[0]


@every_transition
def test_french_and_english_words(model, spec):
    labels = {}
    for language in ("fr", "en"):
        with translation.override(language):
            labels[language] = (str(spec.label), str(spec.label_for("applicant")))
            assert all(labels[language])


@pytest.mark.django_db
def test_the_database_takes_only_known_states():
    names = {constraint.name for model in workflow_models(apps.get_models()) for constraint in model._meta.constraints}
    for model in workflow_models(apps.get_models()):
        assert f"{model._meta.db_table}_state_known" in names
    case = Case.objects.create(title="A", owner=User.objects.create_user("a@example.org"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(state="elsewhere")
