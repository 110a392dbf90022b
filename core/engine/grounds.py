"""What an answer rests on: figures and facts of other rows that its page showed, and that change without an event of
the row that it is about.

A form that asks such a question says them in ``grounds`` (words by label, as the page shows them). They stand in the
token of the page (``core.engine.versions``); an answer is taken only while they are what was read.
"""

import json
from collections.abc import Mapping

from django.forms import BaseForm

GROUNDS = "+grounds"
"""The name, among the values of a token, of what the page said that its question rests on."""


def of(form: BaseForm | None) -> Mapping[str, str] | None:
    """What the question of a form rests on, by label; None for a form that rests on nothing."""
    return getattr(form, "grounds", None)


def written(grounds: Mapping[str, str] | None) -> dict[str, str]:
    """The grounds of a page, for its token: also that there are none yet, where there may be some."""
    return {} if grounds is None else {GROUNDS: json.dumps(list(grounds.items()), ensure_ascii=False)}


def read(values: Mapping[str, str]) -> dict[str, str] | None:
    """The grounds that a token carries; None when its page rested on nothing."""
    return dict(json.loads(values[GROUNDS])) if GROUNDS in values else None


def changed(then: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The grounds that differ: (label, then, now); "–" where there is none."""
    labels = list(dict.fromkeys([*now, *then]))
    told = [(label, then.get(label, "–"), now.get(label, "–")) for label in labels]
    return [item for item in told if item[1] != item[2]]
