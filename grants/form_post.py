"""From a posted form to ``{question code: value}`` and the versions that the page showed.

Names: ``q-<code>`` (``-start`` and ``-end`` for a period, ``-<row>-<column>`` for a table), ``v-<code>`` for the
version, ``p-<code>`` to say that the question was on the page (an unticked box sends nothing).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from core.site.resumed import ASKED, DOES, KEY, TYPED_BY
from core.text import is_number
from grants.programmes.kinds import KINDS, Shape
from grants.rules.schema import ProgrammeRules, Question, QuestionKind
from grants.rules.tables import COLUMNS

MAX_ROW = 300
OF_THE_PAGE = {"csrfmiddlewaretoken", "action", KEY, TYPED_BY, ASKED, DOES}
"""What a page of the form sends beside its answers."""


NOTHING_TICKED = ("choices", "yes_no")
"""The templates of which an answer that nobody gave sends nothing."""


def read_post(rules: ProgrammeRules, post: QueryDict) -> tuple[dict[str, Any], dict[str, int]]:
    """The answers of the questions that were on the page, as typed, and the versions shown."""
    typed: dict[str, Any] = {}
    versions: dict[str, int] = {}
    for code, question in rules.questions.items():
        if f"p-{code}" not in post or question.kind == QuestionKind.PIECES:
            continue
        typed[code] = _typed(question, post)
        if question.kind == QuestionKind.TRANCHES and not typed[code]:
            del typed[code]  # a project without its days has no years yet: nothing was typed in none of them
            continue
        shown = post.get(f"v-{code}", "")
        versions[code] = int(shown) if is_number(shown) else 0
    return typed, versions


def unread_of(rules: ProgrammeRules, post: QueryDict) -> str:
    """Why a sending that is to be saved holds nothing that can be: no question of the form, or one of another form.

    Empty for what a page of this form sends.
    """
    named = {key.removeprefix("p-") for key in post if key.startswith("p-")}
    known = {code for code, question in rules.questions.items() if question.kind != QuestionKind.PIECES}
    if not named:
        return _("Nothing was saved: no answer of the form could be read in what was sent. Open the page again.")
    if unknown := sorted(named - known):
        return _("Nothing was saved: the form has no question “%(question)s”. Open the page again.") % {
            "question": unknown[0][:60]
        }
    return unknown_of(rules, post)


def unknown_of(rules: ProgrammeRules, post: QueryDict) -> str:
    """Why a sending holds an answer that no page of this form can give: of no question, or of a row that is none.

    What is not read is not saved, so it is not told to be. Empty for what a page of this form sends.
    """
    for name in post:
        if name not in OF_THE_PAGE and not _is_known(rules, name):
            return _("Nothing was saved: the form has no field “%(field)s”. Open the page again.") % {
                "field": name[:60]
            }
    return ""


def no_answer_of(rules: ProgrammeRules, post: QueryDict, files: Iterable[str]) -> str:
    """Why a sending holds no answer to a question that it says it answers: a file, nothing at all, or none of the choices.

    It would be kept as an empty answer in the place of the one that stands. Empty for what a page of this form sends.
    """
    for name in files:
        return _("Nothing was saved: the form takes no file in “%(field)s”. Open the page again.") % {
            "field": name[:60]
        }
    for code, question in rules.questions.items():
        if f"p-{code}" not in post or question.kind == QuestionKind.PIECES:
            continue
        label = {"question": question.label}
        if not _arrived(question, post):
            return _("Nothing was saved: the answer to “%(question)s” did not arrive. Open the page again.") % label
        if not _is_choice(question, post):
            return _("Nothing was saved: “%(question)s” has no such answer. Open the page again.") % label
    return ""


def _arrived(question: Question, post: QueryDict) -> bool:
    name, kind = f"q-{question.code}", KINDS[question.kind]
    if kind.shape == Shape.LINE:
        return name in post or kind.template in NOTHING_TICKED
    if kind.shape == Shape.PERIOD:
        return f"{name}-start" in post and f"{name}-end" in post
    if kind.shape == Shape.TABLE and question.kind != QuestionKind.TRANCHES:
        return any(sent.startswith(f"{name}-") for sent in post)
    return True


def _is_choice(question: Question, post: QueryDict) -> bool:
    if KINDS[question.kind].template not in NOTHING_TICKED and KINDS[question.kind].shape != Shape.LIST:
        return True
    known = {"yes", "no"} if question.kind == QuestionKind.YES_NO else {choice.value for choice in question.choices}
    return {*post.getlist(f"q-{question.code}")} <= known | {""}


def _is_known(rules: ProgrammeRules, name: str) -> bool:
    kind, rest = name[:2], name[2:]
    if kind not in ("q-", "v-", "p-"):
        return False
    if rest in rules.questions:
        return kind != "q-" or KINDS[rules.questions[rest].kind].shape in (Shape.LINE, Shape.LIST)
    if kind != "q-":
        return False
    code = next((code for code in rules.questions if rest.startswith(f"{code}-") and _is_part(rules, code, rest)), None)
    return code is not None


def _is_part(rules: ProgrammeRules, code: str, rest: str) -> bool:
    """Whether a name is that of a side of the period, or of a cell of the table, of this question."""
    question, part = rules.questions[code], rest.removeprefix(f"{code}-")
    shape = KINDS[question.kind].shape
    if shape == Shape.PERIOD:
        return part in ("start", "end")
    number, _dash, column = part.partition("-")
    is_row = is_number(number) and int(number) < MAX_ROW
    return shape == Shape.TABLE and is_row and column in COLUMNS[question.kind]


def _typed(question: Question, post: QueryDict) -> Any:
    return READERS[KINDS[question.kind].shape](question, post)


def _line(question: Question, post: QueryDict) -> str:
    return post.get(f"q-{question.code}", "")


def _list(question: Question, post: QueryDict) -> list[str]:
    return post.getlist(f"q-{question.code}")


def _period(question: Question, post: QueryDict) -> dict[str, str]:
    return {side: post.get(f"q-{question.code}-{side}", "") for side in ("start", "end")}


def _rows(question: Question, post: Mapping[str, str]) -> list[dict[str, str]]:
    """Rows in the order of their numbers; a table of years keeps its empty rows, for their rank is the year."""
    prefix = f"q-{question.code}-"
    numbers = set()
    for key in post:
        if key.startswith(prefix):
            number = key.removeprefix(prefix).partition("-")[0]
            if is_number(number) and int(number) < MAX_ROW:
                numbers.add(int(number))
    columns = COLUMNS[question.kind]
    return [{name: post.get(f"{prefix}{number}-{name}", "") for name in columns} for number in sorted(numbers)]


READERS = {Shape.LINE: _line, Shape.LIST: _list, Shape.PERIOD: _period, Shape.TABLE: _rows}
