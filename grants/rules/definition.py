"""Reading and checking a programme file: every problem at once, in sentences that say where and what to write."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _

from grants.programmes.aid_checks import aid_problems
from grants.programmes.condition_checks import condition_problems
from grants.programmes.form_checks import form_problems
from grants.programmes.structure import Found, structure_problems
from grants.programmes.yaml_reader import Unreadable, decoded, line_at, read_yaml
from grants.rules.accounts import accounts
from grants.rules.schema import parse_programme, resolve


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where (path and line) and what to do about it."""

    path: str
    line: int | None
    message: str

    def __str__(self):
        where = self.path or _("whole file")
        if self.line:
            where = _("%(path)s (line %(line)d)") % {"path": where, "line": self.line}
        return f"{where}: {self.message}"


class DefinitionError(Exception):
    """A programme file cannot be used. ``problems`` lists all that was found."""

    def __init__(self, source: str, problems: list[Problem]):
        self.source, self.problems = source, problems
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))


class FolderError(DefinitionError):
    """Some files of a folder cannot be used: ``errors`` has one entry a file."""

    def __init__(self, errors: list[DefinitionError]):
        self.errors = errors
        super().__init__(errors[0].source, [problem for error in errors for problem in error.problems])

    def __str__(self):
        return "\n".join(str(error) for error in self.errors)


def fingerprint(definition: dict) -> str:
    """SHA-256 of a definition, whatever the order of its keys."""
    text = json.dumps(definition, sort_keys=True, ensure_ascii=False, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def read_definition(path: Path) -> dict:
    """The checked definition of a YAML file.

    Raises:
        DefinitionError: with every problem found; one that keeps the file from being read hides the others.
    """
    try:
        text = decoded(path.read_bytes())
    except Unreadable as error:
        raise DefinitionError(path.name, [Problem("", error.line, error.message)]) from error
    return check_definition(text, path.name)


def check_definition(text: str, source: str) -> dict:
    """The definition written in ``text``; ``source`` names it in messages. Raises DefinitionError."""
    try:
        tree, definition = read_yaml(text)
    except Unreadable as error:
        raise DefinitionError(source, [Problem("", error.line, error.message)]) from error
    if not isinstance(definition, dict):
        raise DefinitionError(source, [Problem("", None, _("write one “key: value” by line, beginning with “code:”."))])
    placed = [Problem(_shown(path), line_at(tree, path), message) for path, message in _problems(definition)]
    if placed:
        unique = sorted(set(placed), key=lambda problem: (problem.line or 0, problem.path, problem.message))
        raise DefinitionError(source, unique)
    return definition


def _problems(definition: dict) -> Iterator[Found]:
    parameters = {
        item["code"]: item.get("value")
        for item in definition.get("parameters") or []
        if isinstance(item, dict) and isinstance(item.get("code"), str)
    }
    unknown = list(_unknown_parameters(definition, parameters))
    parameters |= {code: parameters.get(code) for _path, code in _used_parameters(definition)}
    found, mended = structure_problems(resolve(definition, parameters))
    wrong = [path for path, _message in unknown]
    yield from unknown
    for path, message in found:
        if path not in wrong:
            yield path, message
    yield from _unread_parameters(definition)
    if mended is not None:
        wrong += [path for path, _message in found]
        for path, message in _further(mended) if wrong else _cross_checks(mended):
            if not any(_same_place(path, other) for other in wrong):
                yield path, message


def _further(mended: dict) -> list[Found]:
    """What else is wrong in a file that lacks something: all of it, or nothing where that cannot be told."""
    try:
        return list(_cross_checks(mended))
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
        return []


def _same_place(path: list, wrong: list) -> bool:
    """Whether a problem may only follow from what is wrong in the same block of the file."""
    return path == wrong[: len(path)] or wrong == path[: len(wrong)] or path == wrong[:-1]


def _cross_checks(data: dict) -> Iterator[Found]:
    """What no schema says: the parts of a file that must agree."""
    rules = parse_programme(data)
    yield from _duplicates(data)
    yield from _references(data)
    total = sum(criterion.weight for criterion in rules.criteria)
    if rules.criteria and total != 100:
        yield ["criteria"], _("the weights add up to %(total)d: they must add up to 100.") % {"total": total}
    yield from form_problems(rules, data)
    yield from aid_problems(rules, data)
    yield from condition_problems(rules)


# --- parameters -----------------------------------------------------------------------------------------------------


def _used_parameters(value: Any, path: list | None = None) -> Iterator[tuple[list, str]]:
    """Every ``$code`` of the file with its place."""
    path = path or []
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _used_parameters(item, [*path, key])
    elif isinstance(value, str) and value.startswith("$"):
        yield path, value[1:]


def _unknown_parameters(definition: dict, parameters: dict) -> Iterator[Found]:
    for path, code in _used_parameters(definition):
        if code not in parameters:
            yield (
                path,
                _("“$%(code)s” is used, but no parameter has this code: add it under “parameters”.") % {"code": code},
            )


def _unread_parameters(definition: dict) -> Iterator[Found]:
    used = {code for _path, code in _used_parameters(definition)}
    items = definition.get("parameters")
    for rank, item in enumerate(items if isinstance(items, list) else []):
        code = item.get("code") if isinstance(item, dict) else None
        if isinstance(code, str) and code not in used:
            yield (
                ["parameters", rank, "code"],
                _("nothing uses this parameter: write “$%(code)s” where its value belongs, or remove it.")
                % {"code": code},
            )


# --- codes and references -------------------------------------------------------------------------------------------


CODED = ("sources", "parameters", "sections", "pieces", "checks", "criteria", "opinions")


def _duplicates(resolved: dict) -> Iterator[Found]:
    named = {name: resolved.get(name, []) for name in CODED}
    for path, items in [([name], items) for name, items in named.items()] + [
        (["aid", "axes"], resolved["aid"]["axes"])
    ]:
        codes = [item["code"] for item in items]
        for rank, code in enumerate(codes):
            if code in codes[:rank]:
                yield [*path, rank, "code"], _("“%(code)s” is used twice: each code is unique.") % {"code": code}
    seen: set[str] = set()
    for rank, section in enumerate(resolved["sections"]):
        for place, question in enumerate(section["questions"]):
            if question["code"] in seen:
                yield (
                    ["sections", rank, "questions", place, "code"],
                    _("“%(code)s” is used twice: each code is unique.") % {"code": question["code"]},
                )
            seen.add(question["code"])


def _references(value: Any, path: list | None = None, root: dict | None = None) -> Iterator[Found]:
    """Sources and accounts that are named but do not exist."""
    path, root = path or [], root if root is not None else value
    if isinstance(value, list):
        for rank, item in enumerate(value):
            yield from _references(item, [*path, rank], root)
    if not isinstance(value, dict):
        return
    sources = {item["code"] for item in root["sources"]}
    if isinstance(value.get("source"), str) and value["source"] not in sources:
        yield (
            [*path, "source"],
            _("no source has the code “%(code)s”: add it under “sources”.") % {"code": value["source"]},
        )
    for name in ("accounts", "excluded_accounts"):
        for rank, code in enumerate(value.get(name) or []):
            if code not in accounts():
                yield (
                    [*path, name, rank],
                    _("no account has the code “%(code)s”, see cerfa_accounts.csv.") % {"code": code},
                )
            elif accounts()[code].side != "charge" or accounts()[code].in_kind:
                yield (
                    [*path, name, rank],
                    _("the account “%(code)s” is no expense in money: nothing on it could be eligible.")
                    % {"code": code},
                )
    for key, item in value.items():
        yield from _references(item, [*path, key], root)


def _shown(path: list) -> str:
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
