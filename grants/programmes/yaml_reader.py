"""YAML as people of the field write it: exact decimals, no key twice, no number that is read otherwise than it looks.

YAML 1.1 reads ``010`` as 8, ``1:30`` as 90 and ``2026-02-31`` as an error without a place: here they are texts, and
the check of the field says what to write. What the library says in English is told in the language of the reader.
"""

import re
from decimal import Decimal
from typing import Any

import yaml
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

WINDOWS = "cp1252"


class Unreadable(Exception):
    """A text that is no YAML: ``message`` says what to do, ``line`` where (None: nowhere in particular)."""

    def __init__(self, message: str, line: int | None):
        self.message, self.line = message, line
        super().__init__(message)


class _Loader(yaml.SafeLoader):
    """SafeLoader with the numbers of everyday and without a key written twice."""


_PLAIN = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _PLAIN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_SIGNS = list("-+0123456789")
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9_]*)$"), _SIGNS)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?(0|[1-9][0-9_]*)\.[0-9]+$"), _SIGNS)


def _decimal(loader: yaml.Loader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node).replace("_", ""))


def _mapping(loader: yaml.Loader, node: yaml.MappingNode) -> dict:
    seen: set[Any] = set()
    for key_node, _value in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, list | dict):
            raise Unreadable(_("a key is one word: check the brackets of this line."), _line_of(key_node))
        if key in seen:
            raise Unreadable(_("“%(key)s” is written twice: keep one.") % {"key": key}, _line_of(key_node))
        seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _line_of(node: yaml.Node) -> int:
    return node.start_mark.line + 1


# What the library says, by the beginning of its sentence, and what a person can do about it.
SENTENCES = (
    ("found character '\\t'", gettext_lazy("a tabulation: YAML is indented with spaces only.")),
    ("mapping values are not allowed", gettext_lazy("a second “:” in this line: put the text between quotes.")),
    ("could not find expected ':'", gettext_lazy("“:” is missing after the key, on this line or on the one before.")),
    ("expected <block end>", gettext_lazy("this line is not aligned with its block, or a quotation mark is open above: check both.")),
    ("did not find expected", gettext_lazy("this line is not aligned with its block, or a quotation mark is open above: check both.")),
    ("expected ',' or", gettext_lazy("a list or a block between brackets is not closed, or lacks a comma.")),
    ("expected the node content", gettext_lazy("something is missing between the brackets or after the “:”.")),
    ("found unexpected end of stream", gettext_lazy("a quotation mark or a bracket is opened and never closed.")),
    ("found unknown escape", gettext_lazy("a “\\” between double quotes: use single quotes.")),
    ("found undefined alias", gettext_lazy("“*” names something that “&” did not define: put the text between quotes.")),
    ("found duplicate anchor", gettext_lazy("“&” defines the same name twice.")),
    ("could not determine a constructor", gettext_lazy("“!” begins a type that is not known: put the text between quotes.")),
    ("found character", gettext_lazy("this sign cannot begin a text: put the text between quotes.")),
)  # fmt: skip


def decoded(content: bytes) -> str:
    """The text of a file.

    Raises:
        Unreadable: it is not UTF-8; the line is that of the first sign that is not.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        sign = content[error.start : error.start + 1].decode(WINDOWS, errors="replace")
        message = _("the file is not in UTF-8 (“%(sign)s” is written as Windows does): save it again as UTF-8.")
        raise Unreadable(message % {"sign": sign}, content[: error.start].count(b"\n") + 1) from error


def read_yaml(text: str) -> tuple[yaml.Node | None, Any]:
    """The tree (for the lines) and the data of a text, read once. Raises Unreadable."""
    try:
        loader = _Loader(text)
        tree = loader.get_single_node()
        return tree, None if tree is None else loader.construct_document(tree)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1 if isinstance(error.position, int) else None
        raise Unreadable(_("a sign that cannot be read: remove it."), line) from error
    except (ValueError, ArithmeticError) as error:  # a type forced by "!!" on what is not of that type
        raise Unreadable(_("this line cannot be read: check indentation, quotes and “:”."), None) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = str(error.problem)
        sentence = next((words for beginning, words in SENTENCES if said.startswith(beginning)), None)
        message = str(sentence) if sentence else _("this line cannot be read: check indentation, quotes and “:”.")
        raise Unreadable(message, mark.line + 1 if mark else None) from error


def line_at(tree: yaml.Node | None, path: list) -> int | None:
    """The line of what stands at ``path`` (keys and ranks), or of the last thing on the way that exists."""
    if not path or tree is None:
        return None
    node, line = tree, _line_of(tree)
    for step in path:
        if isinstance(node, yaml.MappingNode):
            # What "<<" brought in stands before what is written here.
            pairs = reversed(node.value)
            pair = next(((key, value) for key, value in pairs if str(key.value) == str(step)), None)
            if pair is None:
                break
            line, node = _line_of(pair[0]), pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = _line_of(node)
        else:
            break
    return line
