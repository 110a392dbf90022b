"""The JSON schema of a programme file, made from the dataclasses of ``grants.rules.schema`` and the limits below."""

from dataclasses import MISSING, fields
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from django.utils.translation import gettext_lazy as _

from grants.programmes import steps
from grants.rules import schema as s
from grants.rules.automatic_checks import AUTOMATIC

CODE = {
    "pattern": r"^[a-z][a-z0-9_]*$",
    "maxLength": 50,
    "description": _("small letters without accents, digits and “_”, beginning with a letter"),
}
A_SHARE = _("a share: 0.80 for 80 %")
RATE = {"exclusiveMinimum": 0, "maximum": 2, "description": A_SHARE}
SHARE = {"exclusiveMinimum": 0, "maximum": 1, "description": A_SHARE}
ABOVE_ZERO = {"exclusiveMinimum": 0}
AT_LEAST_ONE = {"minimum": 1}

TARGETS = ["", "title", "project_period", "early_start_reason", "requested_amount"]
AUDIENCES = ["association", "cooperative", "mutual", "foundation", "company", "siae", "collective", "person", "network"]
PURPOSES = ["start", "experiment", "develop", "cooperate", "structure", "capital"]
PIECE_TYPES = ["pdf", "image", "office", "spreadsheet"]
PER = ["", "application", "year", "person", "company", "tranche"]

LIMITS: dict[tuple[type, str], dict] = {
    (s.ProgrammeRules, "code"): {
        "pattern": r"^[A-Z][A-Z0-9-]*$",
        "maxLength": 30,
        "description": _("capital letters, digits and hyphens, beginning with a letter, like CAPITAL-SCOP"),
    },
    (s.ProgrammeRules, "number_prefix"): {
        "pattern": r"^[A-Z]{2,8}$",
        "description": _("two to eight capital letters without accents, like PROG"),
    },
    (s.ProgrammeRules, "applicant_kinds"): {"items": {"enum": ["legal", "natural"]}, "minItems": 1},
    (s.ProgrammeRules, "payee"): {"enum": ["person", "company"]},
    (s.ProgrammeRules, "de_minimis"): {"enum": ["", "general", "sgei", "agriculture", "fishery"]},
    (s.ProgrammeRules, "sections"): {"minItems": 1},
    (s.ProgrammeRules, "sources"): {"minItems": 1},
    (s.Source, "code"): CODE,
    (s.Source, "url"): {"pattern": r"^(https?://\S+)?$", "description": _("an address that begins with https://")},
    (s.Contact, "email"): {
        "pattern": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
        "description": _("an e-mail address, like name@example.org"),
    },
    (s.Parameter, "code"): CODE,
    (s.Section, "code"): CODE,
    (s.Section, "questions"): {"minItems": 1},
    (s.Question, "code"): CODE,
    (s.Question, "target"): {"enum": TARGETS},
    (s.Question, "max_length"): {"minimum": 1, "maximum": 20000},
    (s.Question, "max_months"): {"minimum": 1, "maximum": 240},
    (s.Question, "min_rows"): {"minimum": 0, "maximum": 200},
    (s.Question, "max_rows"): {"minimum": 1, "maximum": 200},
    (s.PieceRule, "code"): CODE,
    (s.PieceRule, "types"): {"items": {"enum": PIECE_TYPES}, "minItems": 1},
    (s.PieceRule, "max_megabytes"): {"minimum": 1, "maximum": 20},
    (s.PieceRule, "max_files"): {"minimum": 1, "maximum": 20},
    (s.CheckRule, "code"): CODE,
    (s.CheckRule, "stage"): {"enum": ["completeness", "admissibility", "eligibility"]},
    (s.CheckRule, "automatic"): {"enum": ["", *AUTOMATIC]},
    (s.Criterion, "code"): CODE,
    (s.Criterion, "weight"): {"minimum": 1, "maximum": 100},
    (s.Criterion, "max_score"): {"minimum": 1, "maximum": 20},
    (s.OpinionRule, "code"): CODE,
    (s.Axis, "code"): CODE,
    (s.Base, "kind"): {"enum": ["budget", "own_contribution", "tranches"]},
    (s.Base, "axis"): {"enum": ["general", "engineering"]},
    (steps.Rate, "rate"): RATE,
    (steps.RateCap, "rate"): SHARE,
    (steps.PublicAidCap, "rate"): SHARE,
    (steps.Ceiling, "amount"): ABOVE_ZERO,
    (steps.Ceiling, "per"): {"enum": PER},
    (steps.Floor, "amount"): ABOVE_ZERO,
    (steps.Floor, "per"): {"enum": PER},
    (steps.Floor, "below"): {"enum": ["", "refuse", "pay_contribution"]},
    (s.AidRule, "form"): {"enum": ["subvention", "bourse"]},
    (s.AidRule, "requested"): {"enum": ["computed", "typed"]},
    (s.AidRule, "floor_policy"): {"enum": ["refuse", "pay_contribution"]},
    (s.AidRule, "axes"): {"minItems": 1},
    (s.Instalment, "kind"): {"enum": ["advance", "interim", "balance", "single"]},
    (s.Instalment, "share"): SHARE,
    (s.TrancheRule, "count"): {"minimum": 2, "maximum": 5},
    (s.TrancheRule, "released_on"): {"enum": ["report"]},
    (s.Deadlines, "silence_months"): {"minimum": 1, "maximum": 12},
    (s.Deadlines, "pieces_days"): AT_LEAST_ONE,
    (s.Deadlines, "payment_days"): AT_LEAST_ONE,
    (s.Deadlines, "report_months"): AT_LEAST_ONE,
    (s.Deadlines, "first_claim_months"): AT_LEAST_ONE,
    (s.Deadlines, "balance_months"): AT_LEAST_ONE,
    (s.Proration, "policy"): {"enum": ["none", "tolerance", "strict"]},
    (s.Proration, "tolerance"): {"minimum": 0, "maximum": 1},
    (s.Catalogue, "ceiling"): ABOVE_ZERO,
    (s.Proration, "cut"): {"enum": ["from", "beyond"]},
    (s.Proration, "strict_above"): {"minimum": 0},
    (s.Catalogue, "audiences"): {"items": {"enum": AUDIENCES}, "minItems": 1},
    (s.Catalogue, "purposes"): {"items": {"enum": PURPOSES}, "minItems": 1},
}

CONDITION = {
    "type": "object",
    "oneOf": [
        {
            "properties": {
                "answer": {"type": "string"},
                "equals": {},
                "contains": {"type": "string"},
                "in": {"type": "array"},
                "at_least": {"type": "number"},
                "answered": {"type": "boolean"},
            },
            "required": ["answer"],
            "minProperties": 2,
            "maxProperties": 2,
            "additionalProperties": False,
        },
        {
            "properties": {
                "applicant": {"enum": ["kind", "is_association", "ess_statut", "signs_cer", "in_formation"]},
                "equals": {},
                "in": {"type": "array"},
            },
            "required": ["applicant"],
            "minProperties": 2,
            "maxProperties": 2,
            "additionalProperties": False,
        },
        *(
            {
                "properties": {word: {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 1}},
                "required": [word],
                "additionalProperties": False,
            }
            for word in ("all", "any")
        ),
        {
            "properties": {"not": {"$ref": "#/$defs/condition"}},
            "required": ["not"],
            "additionalProperties": False,
        },
    ],
}
TEXT = {
    "oneOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "properties": {"fr": {"type": "string", "minLength": 1}, "en": {"type": "string"}},
            "required": ["fr"],
            "additionalProperties": False,
        },
    ]
}


def schema_of(kind: Any) -> dict:
    """The schema of one type annotation."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return schema_of(next(arg for arg in get_args(kind) if arg is not type(None)))
    if origin is tuple:
        return {"type": "array", "items": schema_of(get_args(kind)[0])}
    if kind is Any:
        return {}
    if kind is s.Text:
        return {"$ref": "#/$defs/text"}
    if kind is dict:
        return {"$ref": "#/$defs/condition"}
    if kind is steps.Step:
        return {"$ref": "#/$defs/step"}
    if hasattr(kind, "__dataclass_fields__"):
        return object_schema(kind)
    if issubclass(kind, StrEnum):
        return {"enum": [item.value for item in kind]}
    return {"type": {str: "string", int: "integer", bool: "boolean", Decimal: "number"}[kind]}


def object_schema(kind: type) -> dict:
    """The schema of a dataclass: its fields, those without default being required, and nothing else."""
    hints = get_type_hints(kind)
    properties, required = {}, []
    for field in fields(kind):
        limits = LIMITS.get((kind, field.name), {})
        said = {"description": str(limits["description"])} if "description" in limits else {}
        properties[field.name] = schema_of(hints[field.name]) | limits | said
        if field.default is MISSING:
            required.append(field.name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def step_schema() -> dict:
    """The schema of a step: its ``rule`` decides which fields it has and needs."""
    branches = []
    for rule, kind in steps.STEP_TYPES.items():
        own = object_schema(kind)
        own["properties"] = {"rule": {}} | own["properties"]
        branches.append({"if": {"properties": {"rule": {"const": rule}}, "required": ["rule"]}, "then": own})
    known = {"rule": {"enum": list(steps.STEP_TYPES)}}
    return {"type": "object", "properties": known, "required": ["rule"], "allOf": branches}


def programme_schema(*, for_editors: bool = True) -> dict:
    """The whole schema, for editors (``manage.py load_programmes --schema``) and for the loader.

    The loader looks at conditions by itself: a schema can only say that one of several forms fits.
    """
    condition = CONDITION if for_editors else {"type": "object"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Essor programme",
        "$defs": {"text": TEXT, "condition": condition, "step": step_schema()},
        **object_schema(s.ProgrammeRules),
    }
