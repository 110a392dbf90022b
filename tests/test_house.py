"""The rules of the house that no other tool checks."""

import ast
import warnings
from collections.abc import Iterator
from importlib.metadata import files, packages_distributions
from pathlib import Path

import django_fsm
import pytest

BASE_DIR = Path(__file__).resolve().parent.parent
APPS = ("core", "applicants", "grants", "agreements", "reporting", "demo")
PACKAGES = (*APPS, "config", "tests", "scripts", "benchmarks")
LINE_LIMIT = 500
TEST_LINE_LIMIT = 700  # a specification may list many cases of one thing


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (path for path in (BASE_DIR / package).rglob("*.py") if "migrations" not in path.parts)
    yield BASE_DIR / "manage.py"


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sources():
        yield path.relative_to(BASE_DIR), ast.parse(path.read_text(), filename=str(path))


def test_django_fsm_is_django_fsm_2():
    """Two distributions write the same folder; the other one warns at import and is under another licence later."""
    assert packages_distributions()["django_fsm"] == ["django-fsm-2"]
    assert not hasattr(django_fsm, "show_deprecation_warning")
    recorded = {Path(str(file.locate())).resolve() for file in files("django-fsm-2")}
    assert Path(django_fsm.__file__).resolve() in recorded


def test_no_app_is_imported_inside_a_function():
    """The line of imports is visible at the top of each file (``ready`` alone may import its own app)."""
    found = []
    for path, tree in trees():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if path.name == "apps.py" and function.name == "ready":
                continue
            found += [
                f"{path}:{node.lineno} imports {name}"
                for node in ast.walk(function)
                for name in imported_names(node)
                if name.partition(".")[0] in APPS
            ]
    assert found == []


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []


def test_no_relative_import():
    found = [
        f"{path}:{node.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert found == []


def test_every_file_is_short():
    found = {str(path.relative_to(BASE_DIR)): len(path.read_text().splitlines()) for path in sources()}
    limits = {path: TEST_LINE_LIMIT if path.startswith("tests/") else LINE_LIMIT for path in found}
    assert {path: lines for path, lines in found.items() if lines > limits[path]} == {}


# What a step of a migration takes from the product as it is today: the tools of migrations, what its columns are made of,
# and pure rules of which the living result is what the rows of before must be. SQL and settings are copied: they stay.
TAKEN_BY_MIGRATIONS = {
    "core.acting", "core.events", "core.engine.old_rows", "core.history_migrations", "core.lib.refolding",
    "core.money", "core.text", "core.triggers", "core.models.user", "core.lib.names", "core.lib.telephones",
    "applicants.models.people", "applicants.rules.identifiers", "grants.models.plan_columns", "reporting.models.reference",
    "agreements.rules.duplicates", "reporting.rules.doubts", "reporting.rules.ends",
    "reporting.effects",  # the hash of an application, which `verify_history` makes again
}  # fmt: skip


def test_steps_of_migrations_stand_on_nothing_that_moves():
    found = {
        (str(path.relative_to(BASE_DIR)), name)
        for app in APPS
        for path in (BASE_DIR / app).glob("migrations/*.py")
        for node in ast.walk(ast.parse(path.read_text(), filename=str(path)))
        for name in imported_names(node)
        if name.partition(".")[0] in APPS and name not in TAKEN_BY_MIGRATIONS
    }
    assert {(path, name) for path, name in found if ".migrations._" not in name} == set()


def test_warnings_are_errors():
    with pytest.raises(UserWarning):
        warnings.warn("a warning stops a test", UserWarning, stacklevel=1)


def test_no_model_is_named_by_a_string():
    """An import hidden in a string is an import: ``get_model`` serves the state of a migration, and these for now."""
    allowed = {
        "core/migration_state.py": "the models of a migration's state",
        "core/engine/old_rows.py": "the models of a migration's state",
        "agreements/forms/transitions.py": "the models name these forms",
        "reporting/effects.py": "the models name these functions",
        "reporting/shares_by_year.py": "the models name the functions that call these",
    }
    found = {
        str(path)
        for path, tree in trees()
        if path.parts[0] in APPS
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_model"
    }
    assert found == set(allowed)
