"""What the JSON schema finds wrong in a programme's file, in sentences that a person can act on."""

import copy
import difflib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from grants.rules.json_schema import programme_schema

Found = tuple[list, str]
LONGEST_SHOWN = 60


def structure_problems(data: dict) -> tuple[list[Found], dict | None]:
    """``(problems, data to look further into)``; what is wrong is replaced there by something of the right type.

    The second is None when so much is missing that nothing more can be said.
    """
    errors = sorted(
        Draft202012Validator(programme_schema(for_editors=False)).iter_errors(data),
        key=lambda error: [str(step) for step in error.absolute_path],
    )
    problems, mended = [], copy.deepcopy(data)
    told: set[tuple] = set()
    for error in errors:
        place = (*error.absolute_path, error.validator)
        if place in told and error.validator == "required":
            continue  # one error names all that is missing at this place
        told.add(place)
        problems += _sentences(error)
        mended = _mend(mended, error) if mended is not None else None
    return problems, mended


def _sentences(error: ValidationError) -> Iterator[Found]:
    path = list(error.absolute_path)
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield [*path, name], _("“%(name)s” is missing: add a line “%(name)s: …”.") % {"name": name}
    elif error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        for name in error.instance:
            if name not in known:
                yield [*path, name], unknown_name(str(name), known)
    else:
        yield path, SENTENCES.get(error.validator, _misfit)(error)


def unknown_name(name: str, known: list[str]) -> str:
    """The sentence for a word that is not known here, with the nearest one that is."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return _("“%(name)s” is not known here: did you mean “%(near)s”?") % {"name": name, "near": near[0]}
    return _("“%(name)s” is not known here; what is known: %(known)s.") % {"name": name, "known": ", ".join(known)}


def shown(value: Any) -> str:
    """A value of the file as a sentence quotes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        text = ", ".join(f"{key}: {shown(item)}" for key, item in value.items())
    elif isinstance(value, list):
        text = ", ".join(shown(item) for item in value)
    else:
        text = "" if value is None else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _enum(error: ValidationError) -> str:
    allowed = ", ".join(str(value) for value in error.validator_value if value != "")
    return _("“%(value)s” is not possible: write one of %(allowed)s.") % {
        "value": shown(error.instance),
        "allowed": allowed,
    }


def _type(error: ValidationError) -> str:
    expected = {
        "string": _("a text (between quotes if it is a number, a date, yes or no)"),
        "number": _("a number, without spaces or currency, with a point for decimals"),
        "integer": _("a whole number, without spaces"),
        "boolean": _("true or false"),
        "array": _("a list: one “- item” by line"),
        "object": _("a block of “key: value” lines"),
    }[error.validator_value]
    if error.instance is None:
        return _("nothing is written here: write %(expected)s.") % {"expected": expected}
    return _("“%(value)s” is not right here: write %(expected)s.") % {
        "value": shown(error.instance),
        "expected": expected,
    }


def _text(error: ValidationError) -> str:
    return _("write a text, or a block with “fr:” (and “en:” for English).")


def _described(error: ValidationError) -> str:
    return _("“%(value)s” is not right here: write %(expected)s.") % {
        "value": shown(error.instance),
        "expected": error.schema["description"],
    }


def _bound(error: ValidationError) -> str:
    sentence = {
        "minimum": _("%(value)s is too little: write %(limit)s at least."),
        "exclusiveMinimum": _("%(value)s is too little: write more than %(limit)s."),
        "maximum": _("%(value)s is too much: write %(limit)s at most."),
    }[error.validator] % {"value": shown(error.instance), "limit": error.validator_value}
    hint = error.schema.get("description")
    return f"{sentence} ({hint})" if hint else sentence


def _too_long(error: ValidationError) -> str:
    return ngettext(
        "%(count)d character too long: %(limit)d at most.",
        "%(count)d characters too long: %(limit)d at most.",
        len(error.instance) - error.validator_value,
    ) % {"count": len(error.instance) - error.validator_value, "limit": error.validator_value}


def _empty(error: ValidationError) -> str:
    return _("nothing is written here: write at least one, or remove the line.")


def _misfit(error: ValidationError) -> str:
    return _("“%(value)s” does not fit here: see another programme’s file.") % {"value": shown(error.instance)}


SENTENCES = {
    "enum": _enum,
    "type": _type,
    "oneOf": _text,
    "pattern": _described,
    "minimum": _bound,
    "exclusiveMinimum": _bound,
    "maximum": _bound,
    "maxLength": _too_long,
    "minLength": _empty,
    "minItems": _empty,
}


# --- looking further although something is wrong --------------------------------------------------------------------


def _mend(data: dict | None, error: ValidationError) -> dict | None:
    """``data`` with something of the right type where ``error`` is, so that the other checks can run too."""
    path = list(error.absolute_path)
    if error.validator == "additionalProperties":
        return data
    if error.validator == "required":
        block = _at(data, path)
        for name in error.validator_value:
            if name not in block:
                stand_in = _stand_in(error.schema["properties"].get(name, {}))
                if stand_in is None:
                    return None
                block[name] = stand_in
        return data
    stand_in = _stand_in(error.schema)
    if stand_in is None or not path:
        return None
    _at(data, path[:-1])[path[-1]] = stand_in
    return data


def _at(data: Any, path: list) -> Any:
    for step in path:
        data = data[step]
    return data


def _stand_in(schema: dict) -> Any:
    """A value that fits a schema well enough to go on; None when there is none that says nothing of its own."""
    if "enum" in schema:
        return next(value for value in schema["enum"] if value != "")
    if schema.get("$ref") == "#/$defs/text" or "oneOf" in schema:
        return "?"
    if schema.get("type") in ("number", "integer"):
        return max(int(Decimal(str(schema.get("minimum", 1)))), 1)
    return {"string": "?", "boolean": False, "array": []}.get(schema.get("type"))
