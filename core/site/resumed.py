"""What the forms of a page say of themselves, so that a post that arrives after the session ended can be taken up.

Who typed: nobody else takes it up. What was asked: the fields that the person saw, by their labels.
"""

import json
import re
from collections.abc import Container, Iterator
from typing import Any

from django.forms import BoundField, FileField, HiddenInput, PasswordInput
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.crypto import constant_time_compare, salted_hmac

from core.engine.questions import Question, choices_of

TYPED_BY = "typed-by"
"""The account that was signed in when the page was made, as a mark that says nothing else."""
KEY = "key"
"""What is made with each page: a form that adds something is taken once (``core.engine.once``)."""
LEFT = "essor-left"
"""The cookie that holds the mark of the account that signed out last: it did not lose its session by waiting."""
ASKED = "asked"
"""One visible field of the form: its name, its label and its choices."""
DOES = "does"
"""What one button of the form does, in its own words: its address, and its name and value where it has some."""
_MARK = 24


def mark_of(user: Any) -> str:
    """The mark of an account; empty for nobody."""
    if user is None or not user.is_authenticated:
        return ""
    return salted_hmac("essor.typed-by", str(user.pk)).hexdigest()[:_MARK]


def is_back(request: HttpRequest, response: HttpResponse, user: Any) -> HttpResponse:
    """The answer to a sign-in: whoever signed out before is there again, and may lose the next session by waiting."""
    if request.COOKIES.get(LEFT) == mark_of(user):
        response.delete_cookie(LEFT, samesite="Lax")
    return response


def is_of_another(mark: str, user: Any) -> bool:
    """Whether somebody else than this account typed. A page that nobody was signed in on is anybody's."""
    return bool(mark) and not constant_time_compare(mark, mark_of(user))


def asked(bound: BoundField, label: str = "") -> str:
    """What a page carries of one of its fields; empty where no page repeats what is typed (files, passwords)."""
    field = bound.field
    if isinstance(field, FileField) or isinstance(field.widget, HiddenInput | PasswordInput):
        return ""
    return carried(bound.html_name, label or bound.label, choices_of(field))


def carried(name: str, label: Any, choices: tuple[tuple[str, str], ...] = ()) -> str:
    """The same for a field that a template writes itself."""
    return json.dumps([name, str(label), choices], ensure_ascii=False)


def carried_rows(name: str, label: Any, choices: tuple[tuple[str, str], ...] = ()) -> str:
    """The same for a table, whose cells are named ``name-<row>-<column>``: its rows are told one by one."""
    return json.dumps([name, str(label), choices, True], ensure_ascii=False)


def does(label: Any, address: str = "", name: str = "", value: str = "") -> str:
    """What a page carries of one of its buttons."""
    return json.dumps([str(label), address, name, value], ensure_ascii=False)


def act_of(values: QueryDict, address: str) -> str:
    """What the button that was pressed does, in its words; empty where the page did not say."""
    here, plain = address.partition("?")[0], ""
    for carrier in values.getlist(DOES):
        try:
            label, goes_to, name, value = json.loads(carrier)
        except (ValueError, TypeError):
            continue
        if goes_to and goes_to != here:
            continue
        if name and value in values.getlist(name):
            return str(label)
        if not name:
            plain = plain or str(label)
    return plain


def label_of(values: QueryDict, name: str) -> str:
    """What the page says that a field is for; empty where it did not."""
    for value in reversed(values.getlist(ASKED)):
        try:
            found, label, *_more = json.loads(value)
        except (ValueError, TypeError):
            continue
        if found == name:
            return str(label)
    return ""


def _rows_in_words(question: Question, values: QueryDict) -> str:
    """The cells of a table by row, in the order of the page, one row a line."""
    cell = re.compile(rf"{re.escape(question.name)}-([0-9]+)-[a-z_]+")
    rows: dict[str, list[str]] = {}
    for name in values:
        if (found := cell.fullmatch(name)) and (words := question.words(values.getlist(name))):
            rows.setdefault(found[1], []).append(words)
    return "\n".join(" · ".join(cells) for cells in rows.values())


def asks(values: QueryDict, name: str) -> bool:
    """Whether the page says by which label it asked this field."""
    return any(question.name == name for question, _is_table in _questions(values))


def questions(values: QueryDict) -> list[Question]:
    """What a page asked, field by field."""
    return [question for question, is_table in _questions(values) if not is_table]


def _questions(values: QueryDict) -> Iterator[tuple[Question, bool]]:
    """The questions that a page carries, in its order, each with whether it is a table. What cannot be read is left out."""
    for value in values.getlist(ASKED):
        try:
            name, label, choices, *is_table = json.loads(value)
            asked = Question(str(name), str(label), tuple((str(key), str(words)) for key, words in choices))
        except (ValueError, TypeError):
            continue
        yield asked, bool(is_table)


def answers(values: QueryDict, besides: Container[str] = ()) -> list[tuple[str, str]]:
    """What was typed and chosen, by label, in the order of the page. What cannot be read is left out, and the fields
    that are told already (``besides``)."""
    found = {}
    for question, is_table in _questions(values):
        if question.name in besides:
            continue
        words = _rows_in_words(question, values) if is_table else question.words(values.getlist(question.name))
        if words:
            found[question.name] = (question.label, words)
    return list(found.values())
