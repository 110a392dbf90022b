"""A programme as typed data: what one YAML file of ``grants/programmes/`` says, and nothing else.

``parse_programme`` turns a valid definition (see ``grants.rules.definition`` for reading and checking files) into
these frozen dataclasses. A ``$code`` anywhere in a definition stands for the value of a parameter of the programme.
Amounts and rates are Decimal; a rate of 80 % is ``Decimal("0.80")``.
"""

from dataclasses import MISSING, dataclass, fields, replace
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from django.utils.translation import get_language

from core.text import french_spaces
from grants.programmes.steps import STEP_TYPES, Floor, PublicAidCap, Step


@dataclass(frozen=True)
class Text:
    """Words in French, and in English where the file gives them; ``str()`` follows the active language."""

    fr: str
    en: str = ""

    def __str__(self):
        english = (get_language() or "fr").startswith("en")
        return self.en if english and self.en else french_spaces(self.fr)

    def __bool__(self):
        return bool(self.fr)


NO_TEXT = Text("")


@dataclass(frozen=True)
class Source:
    """Where a rule comes from. ``verified`` is False for what no public text establishes."""

    code: str
    label: Text
    url: str = ""
    verified: bool = True


@dataclass(frozen=True)
class Parameter:
    """A figure that the Region sets: it is no law, and screens show it as a setting."""

    code: str
    label: Text
    value: Any
    verified: bool
    source: str
    note: Text = NO_TEXT

    @property
    def value_text(self) -> str:
        """The value as a line of text."""
        return ", ".join(map(str, self.value)) if isinstance(self.value, list) else str(self.value)


class QuestionKind(StrEnum):
    """Types of questions; the tables have their own rows in the database."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    DATE = "date"
    PERIOD = "period"
    CHOICE = "choice"
    MULTIPLE = "multiple"
    YES_NO = "yes_no"
    EMAIL = "email"
    PHONE = "phone"
    SIRET = "siret"
    ATTESTATIONS = "attestations"
    PARTNERS = "partners"
    PERSONS = "persons"
    BUDGET = "budget"
    TRANCHES = "tranches"
    PIECES = "pieces"


TABLE_KINDS = (QuestionKind.PARTNERS, QuestionKind.PERSONS, QuestionKind.BUDGET, QuestionKind.TRANCHES)


@dataclass(frozen=True)
class Choice:
    """One answer of a choice, or one statement to attest. ``show_if`` hides it from those it does not concern."""

    value: str
    label: Text
    help: Text = NO_TEXT
    show_if: dict | None = None


@dataclass(frozen=True)
class Question:
    """One question. ``target`` names the field of Application that repeats the answer; ``rows_within`` the question of
    an amount that the rows of a table do not exceed together (own contributions: the capital they go into)."""

    code: str
    kind: QuestionKind
    label: Text
    help: Text = NO_TEXT
    example: Text = NO_TEXT
    required: bool = True
    show_if: dict | None = None
    choices: tuple[Choice, ...] = ()
    target: str = ""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    max_length: int | None = None
    max_months: int | None = None
    min_rows: int = 0
    max_rows: int = 40
    rows_within: str = ""

    @property
    def is_table(self) -> bool:
        return self.kind in TABLE_KINDS


@dataclass(frozen=True)
class Section:
    """One step of the form."""

    code: str
    title: Text
    questions: tuple[Question, ...]
    intro: Text = NO_TEXT
    show_if: dict | None = None


@dataclass(frozen=True)
class PieceRule:
    """One expected piece. ``types`` are families of files: pdf, image, office, spreadsheet."""

    code: str
    label: Text
    help: Text = NO_TEXT
    required: bool = True
    show_if: dict | None = None
    types: tuple[str, ...] = ("pdf", "image")
    max_megabytes: int = 10
    max_files: int = 3
    source: str = ""


@dataclass(frozen=True)
class CheckRule:
    """A question the instructor answers with yes, no or not applicable."""

    code: str
    stage: str  # completeness, admissibility or eligibility
    label: Text
    source: str
    help: Text = NO_TEXT
    automatic: str = ""  # name of a computed fact shown beside the question


@dataclass(frozen=True)
class Criterion:
    """A criterion of the score: ``weight`` points of 100, marked from 0 to ``max_score``."""

    code: str
    label: Text
    weight: int
    help: Text = NO_TEXT
    max_score: int = 5


@dataclass(frozen=True)
class OpinionRule:
    """An opinion of another body; required ones are awaited before the proposal."""

    code: str
    label: Text
    body: Text
    source: str
    required: bool = True


@dataclass(frozen=True)
class Base:
    """What the rate applies to: ``budget`` (eligible spend), ``own_contribution`` (per person), ``tranches``."""

    kind: str
    source: str
    accounts: tuple[str, ...] = ()
    excluded_accounts: tuple[str, ...] = ()
    axis: str = "general"


@dataclass(frozen=True)
class Axis:
    """A part of the aid with its own base, rate and ceiling."""

    code: str
    label: Text
    base: Base
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class AidRule:
    """How the aid is computed. ``form`` is ``subvention`` or ``bourse``."""

    form: str
    axes: tuple[Axis, ...]
    overall: tuple[Step, ...] = ()
    requested: str = "computed"  # the amount asked is the aid computed; ``typed``: the applicant may say another one
    floor_policy: str = "refuse"  # or ``pay_contribution``: what a floor does whose step does not say ``below``


@dataclass(frozen=True)
class Instalment:
    """A planned payment: ``share`` of the grant (or of each tranche), paid when ``trigger`` happens."""

    kind: str  # advance, interim, balance, single
    share: Decimal
    trigger: Text
    source: str
    proofs: tuple[Text, ...] = ()


@dataclass(frozen=True)
class TrancheRule:
    """Yearly tranches; each after the first is released on ``released_on`` (``report``) of the year before."""

    count: int
    released_on: str
    source: str


@dataclass(frozen=True)
class Deadlines:
    """Figures in months or days. ``silence_months`` makes an implied refusal (CRPA L231-4)."""

    source: str
    silence_months: int = 2
    pieces_days: int = 30
    payment_days: int = 60
    report_months: int = 6
    first_claim_months: int | None = None
    balance_months: int | None = None


@dataclass(frozen=True)
class Proration:
    """What less spending than planned does: ``none``, ``tolerance`` (under which nothing is cut) or ``strict``.

    ``cut`` says on which side of the tolerance the reduction begins: ``from`` it on, or only ``beyond`` it. A tolerance
    may be strict above an amount in euros, or with EU money (Auvergne's rule, reference: france.md B5).
    """

    policy: str
    source: str
    tolerance: Decimal = Decimal(0)
    cut: str = "from"
    strict_above: Decimal | None = None
    strict_with_eu: bool = False


@dataclass(frozen=True)
class Catalogue:
    """What the public pages say and filter on."""

    audiences: tuple[str, ...]
    purposes: tuple[str, ...]
    amount: Text
    ceiling: Decimal
    what: Text
    who: Text
    how_much: Text
    example: Text
    how_decided: Text
    after: Text = NO_TEXT
    simulator: bool = True


@dataclass(frozen=True)
class Contact:
    """The service behind the programme."""

    service: Text
    email: str
    phone: str
    hours: Text = NO_TEXT
    address: str = ""


def _find(items: tuple, code: str) -> Any:
    """The item of this code. Raises LookupError."""
    for item in items:
        if item.code == code:
            return item
    raise LookupError(code)


@dataclass(frozen=True)
class ProgrammeRules:
    """All the rules of one version of a programme."""

    code: str
    number_prefix: str
    name: Text
    summary: Text
    catalogue: Catalogue
    contact: Contact
    sources: tuple[Source, ...]
    applicant_kinds: tuple[str, ...]
    sections: tuple[Section, ...]
    pieces: tuple[PieceRule, ...]
    checks: tuple[CheckRule, ...]
    criteria: tuple[Criterion, ...]
    aid: AidRule
    deadlines: Deadlines
    instalments: tuple[Instalment, ...]
    proration: Proration
    convention_template: str
    parameters: tuple[Parameter, ...] = ()
    opinions: tuple[OpinionRule, ...] = ()
    tranches: TrancheRule | None = None
    payee: str = "company"
    de_minimis: str = ""  # code of the regime of the applicants' register, empty where no State aid is involved
    public_aid_cap: PublicAidCap | None = None  # the first of the overall steps
    early_start_allowed: bool = True  # a project begun before filing is judged on its written reason, else refused
    same_region: bool = False  # the applicant's seat is in the Region

    @cached_property
    def questions(self) -> dict[str, Question]:
        """Every question by its code, in the order of the form."""
        return {question.code: question for section in self.sections for question in section.questions}

    @cached_property
    def _sections_of(self) -> dict[str, Section]:
        return {question.code: section for section in self.sections for question in section.questions}

    def section_of(self, code: str) -> Section:
        """The step that asks this question. Raises KeyError when none does."""
        return self._sections_of[code]

    @property
    def silence_months(self) -> int:
        """Months of silence that make an implied refusal."""
        return self.deadlines.silence_months

    def question_of_kind(self, kind: QuestionKind) -> Question | None:
        """The (only) question of a table kind, or None where the form has none."""
        return next((question for question in self.questions.values() if question.kind == kind), None)

    def question_for(self, target: str) -> Question | None:
        """The question whose answer is repeated in the field ``target`` of Application."""
        return next((question for question in self.questions.values() if question.target == target), None)

    def section(self, code: str) -> Section:
        """The step of the form. Raises LookupError when there is none of this code."""
        return _find(self.sections, code)

    def piece(self, code: str) -> PieceRule:
        """The rule of a piece. Raises LookupError when there is none of this code."""
        return _find(self.pieces, code)

    def source(self, code: str) -> Source:
        return _find(self.sources, code)

    def parameter(self, code: str) -> Parameter:
        return _find(self.parameters, code)

    def checks_of(self, *stages: str) -> tuple[CheckRule, ...]:
        return tuple(check for check in self.checks if check.stage in stages)


def build(kind: Any, value: Any) -> Any:
    """``value`` (plain data) as ``kind`` (a type annotation of the dataclasses above)."""
    if kind is Any:
        return str(value) if isinstance(value, Decimal) else value
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return None if value is None else build(next(arg for arg in get_args(kind) if arg is not type(None)), value)
    if origin is tuple:
        return tuple(build(get_args(kind)[0], item) for item in value)
    if kind is Text:
        return Text(value) if isinstance(value, str) else Text(**value)
    if kind is Decimal:
        return Decimal(str(value))
    if kind is Step:
        return build_dataclass(STEP_TYPES[value["rule"]], value)
    if kind is PublicAidCap and not isinstance(value, dict):  # as versions loaded before it named its source
        return PublicAidCap(source="", rate=Decimal(str(value)))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    if hasattr(kind, "__dataclass_fields__"):
        return build_dataclass(kind, value)
    return value


def build_dataclass(kind: type, data: dict) -> Any:
    """An instance of the dataclass ``kind``.

    Raises:
        KeyError: a field without default is missing.
    """
    hints = get_type_hints(kind)
    values = {}
    for field in fields(kind):
        if field.name in data:
            values[field.name] = build(hints[field.name], data[field.name])
        elif field.default is MISSING:
            raise KeyError(field.name)
    return kind(**values)


def resolve(value: Any, parameters: dict[str, Any]) -> Any:
    """``value`` with every ``$code`` replaced by the value of that parameter.

    Raises:
        KeyError: a parameter is not declared.
    """
    if isinstance(value, dict):
        return {key: resolve(item, parameters) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, parameters) for item in value]
    if isinstance(value, str) and value.startswith("$"):
        return parameters[value[1:]]
    return value


def _whole_computation(rules: ProgrammeRules) -> AidRule:
    """The rule of the aid with what the file says once for all of it: the policy of its floors, the cap on public aid."""

    def said(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        policy = rules.aid.floor_policy
        return tuple(replace(step, below=step.below or policy) if isinstance(step, Floor) else step for step in steps)

    overall = rules.aid.overall
    if rules.public_aid_cap and not any(isinstance(step, PublicAidCap) for step in overall):
        overall = (rules.public_aid_cap, *overall)
    axes = tuple(replace(axis, steps=said(axis.steps)) for axis in rules.aid.axes)
    # A version loaded before the two had to agree may ask for an amount and say that it is computed: it asked.
    typed = rules.question_for("requested_amount") or rules.question_of_kind(QuestionKind.TRANCHES)
    requested = "typed" if typed else rules.aid.requested
    return replace(rules.aid, axes=axes, overall=said(overall), requested=requested)


_PARSED: dict[str, ProgrammeRules] = {}


def parse_programme(definition: dict, *, key: str = "") -> ProgrammeRules:
    """The typed rules of a valid definition; ``key`` (its SHA-256) keeps the result for the life of the process."""
    if key and key in _PARSED:
        return _PARSED[key]
    parameters = {item["code"]: item["value"] for item in definition.get("parameters", [])}
    rules = build_dataclass(ProgrammeRules, resolve(definition, parameters))
    rules = replace(rules, aid=_whole_computation(rules))
    if key:
        _PARSED[key] = rules
    return rules
