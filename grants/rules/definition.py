"""Reading and checking a programme file: every problem at once, in sentences that say where and what to write."""

import difflib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from grants.rules.accounts import accounts
from grants.rules.json_schema import programme_schema
from grants.rules.schema import Question, QuestionKind, parse_programme, resolve


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


class _Loader(yaml.SafeLoader):
    """YAML with exact decimals and without a key written twice."""


def _decimal(loader: yaml.Loader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node).replace("_", ""))


def _mapping(loader: yaml.Loader, node: yaml.MappingNode) -> dict:
    seen: set[str] = set()
    for key_node, _value in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, _("“%(key)s” is written twice: keep one.") % {"key": key}, key_node.start_mark
            )
        seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def fingerprint(definition: dict) -> str:
    """SHA-256 of a definition, whatever the order of its keys."""
    text = json.dumps(definition, sort_keys=True, ensure_ascii=False, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def read_definition(path: Path) -> dict:
    """The checked definition of a YAML file.

    Raises:
        DefinitionError: with every problem found, or the first one when the file is not YAML.
    """
    return check_definition(path.read_text(encoding="utf-8"), path.name)


def check_definition(text: str, source: str) -> dict:
    """The definition written in ``text``; ``source`` names it in messages. Raises DefinitionError."""
    try:
        tree = yaml.compose(text, _Loader)
        definition = yaml.load(text, _Loader)  # noqa: S506 (a subclass of SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise DefinitionError(source, [Problem("", line, error.problem or str(error))]) from error
    if not isinstance(definition, dict):
        raise DefinitionError(source, [Problem("", None, _("write one “key: value” by line, beginning with “code:”."))])
    problems = list(_problems(definition))
    if problems:
        placed = [Problem(_shown(path), _line(tree, path), message) for path, message in problems]
        raise DefinitionError(source, placed)
    return definition


def _problems(definition: dict) -> Iterator[tuple[list, str]]:
    parameters = {
        item["code"]: item.get("value")
        for item in definition.get("parameters") or []
        if isinstance(item, dict) and "code" in item
    }
    try:
        resolved = resolve(definition, parameters)
    except KeyError as error:
        yield (
            [],
            _("“$%(code)s” is used, but no parameter has this code: add it under “parameters”.")
            % {"code": error.args[0]},
        )
        return
    errors = sorted(
        Draft202012Validator(programme_schema()).iter_errors(resolved), key=lambda e: list(map(str, e.path))
    )
    for error in errors:
        yield _leaf(error)
    if not errors:
        yield from _cross_checks(resolved)


def _leaf(error: ValidationError) -> tuple[list, str]:
    """The path and the sentence of one error of the JSON schema."""
    path = list(error.absolute_path)
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return path, _("“%(name)s” is missing: add a line “%(name)s: …”.") % {"name": missing}
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = next(name for name in error.instance if name not in known)
        near = difflib.get_close_matches(str(unknown), known, n=1)
        if near:
            return path, _("“%(name)s” is not known here: did you mean “%(near)s”?") % {
                "name": unknown,
                "near": near[0],
            }
        return path, _("“%(name)s” is not known here; what is known: %(known)s.") % {
            "name": unknown,
            "known": ", ".join(known),
        }
    if error.validator == "enum":
        allowed = ", ".join(str(value) for value in error.validator_value if value != "")
        return path, _("“%(value)s” is not possible: write one of %(allowed)s.") % {
            "value": error.instance,
            "allowed": allowed,
        }
    if error.validator == "type":
        expected = {
            "string": _("a text (between quotes if it is a number)"),
            "number": _("a number, with a point for decimals"),
            "integer": _("a whole number"),
            "boolean": _("true or false"),
            "array": _("a list: one “- item” by line"),
            "object": _("a block of “key: value” lines"),
        }.get(error.validator_value, error.validator_value)
        return path, _("“%(value)s” is not right here: write %(expected)s.") % {
            "value": error.instance,
            "expected": expected,
        }
    if error.schema.get("oneOf") and "fr" in str(error.schema):
        return path, _("write a text, or a block with “fr:” (and “en:” for English).")
    return path, _("“%(value)s” does not fit: %(rule)s %(limit)s.") % {
        "value": error.instance,
        "rule": error.validator,
        "limit": error.validator_value if not isinstance(error.validator_value, list) else "",
    }


def _cross_checks(resolved: dict) -> Iterator[tuple[list, str]]:
    rules = parse_programme(resolved)
    yield from _duplicates(resolved)
    yield from _references(resolved)
    total = sum(criterion.weight for criterion in rules.criteria)
    if rules.criteria and total != 100:
        yield ["criteria"], _("the weights add up to %(total)d: they must add up to 100.") % {"total": total}
    shares = sum(instalment.share for instalment in rules.instalments)
    if rules.instalments and shares != 1:
        yield ["instalments"], _("the shares add up to %(total)s: they must add up to 1.") % {"total": shares}
    for kind in (QuestionKind.BUDGET, QuestionKind.PERSONS, QuestionKind.PARTNERS, QuestionKind.TRANCHES):
        if sum(question.kind == kind for question in rules.questions.values()) > 1:
            yield ["sections"], _("a form has at most one table “%(kind)s”.") % {"kind": kind}
    needs = {"budget": QuestionKind.BUDGET, "own_contribution": QuestionKind.PERSONS, "tranches": QuestionKind.TRANCHES}
    for rank, axis in enumerate(rules.aid.axes):
        if rules.question_of_kind(needs[axis.base.kind]) is None:
            yield (
                ["aid", "axes", rank, "base", "kind"],
                _("the base “%(base)s” needs a question of type “%(kind)s” in the form.")
                % {"base": axis.base.kind, "kind": needs[axis.base.kind]},
            )
    for question in rules.questions.values():
        yield from _question_checks(question)


def _question_checks(question: Question) -> Iterator[tuple[list, str]]:
    with_choices = (QuestionKind.CHOICE, QuestionKind.MULTIPLE, QuestionKind.ATTESTATIONS)
    if question.kind in with_choices and not question.choices:
        yield ["sections"], _("question “%(code)s”: add “choices:” with at least one choice.") % {"code": question.code}
    if question.target == "project_period" and question.kind != QuestionKind.PERIOD:
        yield (
            ["sections"],
            _("question “%(code)s”: the target project_period needs the type period.") % {"code": question.code},
        )


def _duplicates(resolved: dict) -> Iterator[tuple[list, str]]:
    for name in ("sources", "parameters", "sections", "pieces", "checks", "criteria", "opinions"):
        codes = [item["code"] for item in resolved.get(name, [])]
        for rank, code in enumerate(codes):
            if code in codes[:rank]:
                yield [name, rank, "code"], _("“%(code)s” is used twice: each code is unique.") % {"code": code}
    seen: set[str] = set()
    for rank, section in enumerate(resolved["sections"]):
        for place, question in enumerate(section["questions"]):
            if question["code"] in seen:
                yield (
                    ["sections", rank, "questions", place, "code"],
                    _("“%(code)s” is used twice: each code is unique.") % {"code": question["code"]},
                )
            seen.add(question["code"])


def _references(value: Any, path: list | None = None, root: dict | None = None) -> Iterator[tuple[list, str]]:
    """Sources, questions and accounts that are named but do not exist."""
    path, root = path or [], root if root is not None else value
    if isinstance(value, list):
        for rank, item in enumerate(value):
            yield from _references(item, [*path, rank], root)
    if not isinstance(value, dict):
        return
    sources = {item["code"] for item in root["sources"]}
    questions = {question["code"] for section in root["sections"] for question in section["questions"]}
    if isinstance(value.get("source"), str) and value["source"] not in sources:
        yield (
            [*path, "source"],
            _("no source has the code “%(code)s”: add it under “sources”.") % {"code": value["source"]},
        )
    if isinstance(value.get("answer"), str) and value["answer"] not in questions:
        yield [*path, "answer"], _("no question has the code “%(code)s”.") % {"code": value["answer"]}
    for name in ("accounts", "excluded_accounts"):
        for rank, code in enumerate(value.get(name) or []):
            if code not in accounts():
                yield (
                    [*path, name, rank],
                    _("no account has the code “%(code)s”, see cerfa_accounts.csv.") % {"code": code},
                )
    for key, item in value.items():
        yield from _references(item, [*path, key], root)


def _shown(path: list) -> str:
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _line(node: yaml.Node | None, path: list) -> int | None:
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
        else:
            found = None
        if found is None:
            break
        node = found
    return node.start_mark.line + 1 if node is not None and path else None
