"""What a check of the proof found."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Finding:
    """One broken link: where, what was expected and what is there, and when that was last right (or written).

    ``sentence`` says what is wrong, with the names of ``words`` in it: what is told in one sentence is one kind.
    """

    table: str
    id: Any
    field: str
    before: Any
    after: Any
    when: datetime | str | None
    sentence: str
    words: Mapping[str, Any] = dataclass_field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What is wrong, whatever the row."""
        return re.sub(r"%\(\w+\)[sd]", "…", self.sentence)

    def __str__(self) -> str:
        when = self.when.isoformat(sep=" ", timespec="seconds") if isinstance(self.when, datetime) else self.when
        place = {"table": _named(self.table), "id": self.id, "field": self.field}
        where = _("%(table)s id=%(id)s: ") if self.field == "*" else _("%(table)s id=%(id)s field=%(field)s: ")
        sentence = self.sentence % self.words if self.words else self.sentence
        values = {"before": _shown(self.before), "after": _shown(self.after), "when": when or "?"}
        if self.before is None and self.after is None:
            said = _(" when=%(when)s")
        else:
            said = _(" before=%(before)s after=%(after)s when=%(when)s")
        return f"{where % place}{sentence}{said % values}"


def of_the_catalogue(table: str, name: Any, sentence: str, before: Any = None, after: Any = None) -> Finding:
    """What is wrong with a guard or a right: something that the database has beside rows, known by its name."""
    return Finding(table, name, "*", before, after, None, sentence)


def _named(table: str) -> str:
    """The table; in another language than that of the code, what its rows are called comes first."""
    models = (model for model in apps.get_models(include_auto_created=True) if not model._meta.auto_created)
    found = next((model for model in models if model._meta.db_table == table), None)
    if found is None or (get_language() or "en").startswith("en"):
        return table
    return f"{capfirst(str(found._meta.verbose_name))} ({table})"


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"{text[:117]}…" if len(text) > 120 else text
