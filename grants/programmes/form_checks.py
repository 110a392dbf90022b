"""A programme's form that would ask in vain, ask twice, or not ask what the rest of the file reads."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from grants.programmes.kinds import KINDS
from grants.programmes.structure import Found, unknown_name
from grants.rules.automatic_checks import CER, RENEWAL
from grants.rules.schema import TABLE_KINDS, ProgrammeRules, Question, QuestionKind, Section

TITLE_LENGTH = 200  # the column of Application
OPTIONS = ("minimum", "maximum", "max_length", "max_months", "min_rows", "max_rows", "rows_within", "choices")
TARGET_KINDS = {
    "title": (QuestionKind.TEXT,),
    "project_period": (QuestionKind.PERIOD,),
    "early_start_reason": (QuestionKind.TEXT, QuestionKind.LONG_TEXT),
    "requested_amount": (QuestionKind.MONEY,),
}
ALWAYS_ASKED = ("title", "project_period")
TEXT_LIMITS = {"name": 200, "summary": 300}  # the columns of Programme

Placed = tuple[list, Section, Question]


def form_problems(rules: ProgrammeRules, data: dict) -> Iterator[Found]:
    """Everything wrong with the form, each with its place in the file."""
    placed = [
        (["sections", rank, "questions", place], section, question)
        for rank, section in enumerate(rules.sections)
        for place, question in enumerate(section.questions)
    ]
    for path, _section, question in placed:
        written = data["sections"][path[1]]["questions"][path[3]]
        yield from _option_problems(path, question, written)
        yield from _choice_problems(path, question)
    yield from _target_problems(placed)
    yield from _ceiling_problems(rules, placed)
    yield from _single_tables(placed)
    yield from _piece_problems(rules, placed)
    yield from _tranche_problems(rules, placed)
    yield from _automatic_problems(rules)
    yield from _long_texts(data)


def _option_problems(path: list, question: Question, written: dict) -> Iterator[Found]:
    allowed = KINDS[question.kind].options
    for option in OPTIONS:
        if option in written and option not in allowed:
            yield (
                [*path, option],
                _("“%(option)s” means nothing for a question of type “%(kind)s”: remove it.")
                % {"option": option, "kind": question.kind.value},
            )
    for low, high in (("minimum", "maximum"), ("min_rows", "max_rows")):
        least, most = getattr(question, low), getattr(question, high)
        if least is not None and most is not None and least > most:
            yield (
                [*path, low],
                _("“%(low)s” (%(least)s) is above “%(high)s” (%(most)s).")
                % {"low": low, "least": least, "high": high, "most": most},
            )
    if question.target == "title" and question.max_length and question.max_length > TITLE_LENGTH:
        yield [*path, "max_length"], _("a title has %(limit)d characters at most.") % {"limit": TITLE_LENGTH}


def _choice_problems(path: list, question: Question) -> Iterator[Found]:
    if "choices" in KINDS[question.kind].options and not question.choices:
        yield path, _("question “%(code)s”: add “choices:” with at least one choice.") % {"code": question.code}
    values = [choice.value for choice in question.choices]
    for rank, value in enumerate(values):
        if value in values[:rank]:
            yield (
                [*path, "choices", rank, "value"],
                _("“%(code)s” is used twice: each code is unique.") % {"code": value},
            )


def _target_problems(placed: list[Placed]) -> Iterator[Found]:
    seen: set[str] = set()
    for path, section, question in placed:
        target = question.target
        if not target:
            continue
        kinds = TARGET_KINDS[target]
        if question.kind not in kinds:
            yield (
                [*path, "kind"],
                _("question “%(code)s”: the target %(target)s needs the type %(kinds)s.")
                % {"code": question.code, "target": target, "kinds": ", ".join(kind.value for kind in kinds)},
            )
        if target in seen:
            yield [*path, "target"], _("another question has the target “%(target)s” already.") % {"target": target}
        seen.add(target)
        if target in ALWAYS_ASKED:
            yield from _asked_always(path, section, question)
            if not question.required:
                yield [*path, "required"], _("question “%(code)s” must be compulsory.") % {"code": question.code}
    for target in ALWAYS_ASKED:
        if target not in seen:
            yield (
                ["sections"],
                _("no question has “target: %(target)s”: every case needs one (type %(kind)s).")
                % {"target": target, "kind": TARGET_KINDS[target][0].value},
            )


def _ceiling_problems(rules: ProgrammeRules, placed: list[Placed]) -> Iterator[Found]:
    """The amount that a table is compared with is one that whoever fills in the table has to give."""
    for path, section, question in placed:
        code, place = question.rows_within, [*path, "rows_within"]
        if not code or "rows_within" not in KINDS[question.kind].options:
            continue
        other = rules.questions.get(code)
        if other is None:
            yield place, unknown_name(code, [item.code for item in rules.questions.values() if _is_amount(item)])
        elif not _is_amount(other):
            yield (
                place,
                _("question “%(code)s” is of type “%(kind)s”: the rows are compared with an amount (type money).")
                % {"code": code, "kind": other.kind.value},
            )
        elif not other.required:
            yield place, _("question “%(code)s” must be compulsory.") % {"code": code}
        else:
            conditions = [item for item in (other.show_if, rules.section_of(code).show_if) if item]
            if any(condition not in (question.show_if, section.show_if) for condition in conditions):
                yield (
                    place,
                    _("question “%(code)s” is not asked of all who fill in this table: give both the same condition.")
                    % {"code": code},
                )


def _is_amount(question: Question) -> bool:
    return question.kind == QuestionKind.MONEY


def _asked_always(path: list, section: Section, question: Question) -> Iterator[Found]:
    for place, condition in (
        ([*path, "show_if"], question.show_if),
        (["sections", path[1], "show_if"], section.show_if),
    ):
        if condition:
            yield (
                place,
                _("question “%(code)s” must be asked of everybody: remove the condition.") % {"code": question.code},
            )


def _single_tables(placed: list[Placed]) -> Iterator[Found]:
    seen: set[QuestionKind] = set()
    for path, _section, question in placed:
        if question.kind in (*TABLE_KINDS, QuestionKind.PIECES, QuestionKind.ATTESTATIONS):
            if question.kind in seen:
                yield [*path, "kind"], _("a form has at most one “%(kind)s”.") % {"kind": question.kind.value}
            seen.add(question.kind)


def _piece_problems(rules: ProgrammeRules, placed: list[Placed]) -> Iterator[Found]:
    asked = [(path, section, question) for path, section, question in placed if question.kind == QuestionKind.PIECES]
    if rules.pieces and not asked:
        yield (
            ["pieces"],
            _("these pieces are never asked: add a question of type “pieces” to the form."),
        )
    for path, section, question in asked:
        if not rules.pieces:
            yield [*path, "kind"], _("this question asks for pieces, and the file has none: add them under “pieces”.")
        if any(piece.required for piece in rules.pieces):
            yield from _asked_always(path, section, question)


def _tranche_problems(rules: ProgrammeRules, placed: list[Placed]) -> Iterator[Found]:
    asked = next((path for path, _section, question in placed if question.kind == QuestionKind.TRANCHES), None)
    if asked and rules.tranches is None:
        yield [*asked, "kind"], _("a table of years needs the block “tranches: {count: …, released_on: …, source: …}”.")
    if rules.tranches is not None and asked is None:
        yield ["tranches"], _("the tranches need a question of type “tranches” in the form, which asks for each year.")


def _automatic_problems(rules: ProgrammeRules) -> Iterator[Found]:
    """A check that the product answers needs what it looks at."""
    attestations = rules.question_of_kind(QuestionKind.ATTESTATIONS)
    renewal = rules.questions.get(RENEWAL)
    lacking = {
        "pieces": None if rules.pieces else _("pieces"),
        "cer": None
        if attestations and any(choice.value == CER for choice in attestations.choices)
        else _("a statement “%(code)s” among the attestations") % {"code": CER},
        "renewal": None
        if renewal and renewal.kind == QuestionKind.YES_NO
        else _("a question “%(code)s” of type yes_no") % {"code": RENEWAL},
        "persons": None if rules.question_of_kind(QuestionKind.PERSONS) else _("a question of type persons"),
        "de_minimis": None if rules.de_minimis else _("“de_minimis:” with the regime of the aid"),
    }
    for rank, check in enumerate(rules.checks):
        if lacking.get(check.automatic):
            yield (
                ["checks", rank, "automatic"],
                _("the automatic check “%(name)s” needs %(what)s.")
                % {"name": check.automatic, "what": lacking[check.automatic]},
            )


def _long_texts(data: dict) -> Iterator[Found]:
    """Texts that are kept in a column of the database."""
    limits = {(name,): limit for name, limit in TEXT_LIMITS.items()}
    limits |= {("opinions", rank, "body"): 200 for rank in range(len(data.get("opinions") or []))}
    limits |= {("instalments", rank, "trigger"): 300 for rank in range(len(data.get("instalments") or []))}
    for path, limit in limits.items():
        value = data
        for step in path:
            value = value[step]
        for text in value.values() if isinstance(value, dict) else [value]:
            if len(text) > limit:
                yield (
                    list(path),
                    _("%(length)d characters: write %(limit)d at most.") % {"length": len(text), "limit": limit},
                )
