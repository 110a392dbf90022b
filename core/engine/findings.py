"""What a check of the proof found."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from typing import Any


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
        return (
            f"{self.table} id={self.id} field={self.field}: {self.sentence % self.words if self.words else self.sentence} "
            f"before={_shown(self.before)} after={_shown(self.after)} when={when or '?'}"
        )


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"{text[:117]}…" if len(text) > 120 else text
