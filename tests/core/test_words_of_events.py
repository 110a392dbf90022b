"""Every event that the code writes is told in words: nobody reads "de_minimis_granted" in a history."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps

from core.presentation import _action_labels
from core.transitions import transitions_of, workflow_models

ROOT = Path(__file__).resolve().parents[2]
APPS = ("core", "applicants", "grants", "agreements", "reporting")


def recorded_actions() -> Iterator[tuple[str, str]]:
    """(action, place) of every call of ``record`` whose action is written down."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or len(node.args) < 2:
                    continue
                if getattr(node.func, "id", getattr(node.func, "attr", "")) != "record":
                    continue
                for constant in ast.walk(node.args[1]):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        yield constant.value, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_event_has_its_words():
    transitions = {spec.name for model in workflow_models(apps.get_models()) for spec in transitions_of(model)}
    found = dict(recorded_actions())
    assert len(found) > 40
    without = {action: place for action, place in found.items() if action not in transitions | set(_action_labels)}
    assert without == {}
