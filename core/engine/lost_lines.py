"""Lines of the row history that were removed together with their seals: their batch in the chain still counts them."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.engine.edited_seals import SealsOfLines, lost_lines
from core.engine.findings import Finding, named
from core.engine.lines import Lines
from core.engine.verification import told_with_their_batch
from core.history import tracked_models

NAMED = 20
"""So many rows are named with a batch."""


def check_lost_lines(seals: SealsOfLines) -> Iterator[Finding]:
    """The seals of lines that a batch counts are there; where they are gone, it says of which table they were.

    Whose lines they were, the seals themselves would say. The rows that their history does not explain are named, where
    they are no more than the lines that are gone.
    """
    told = {seal.position for seal in seals.edited}
    for batch in seals.batches:
        model = next((model for model in tracked_models() if model._meta.db_table == batch["table"]), None)
        if model is None or batch["position"] in told or (batch["count"] or 0) >= batch["lines"]:
            continue
        if lost_lines(Lines.of(model)):
            yield _lost(batch, sorted(told_with_their_batch(model)))


def _lost(batch: dict[str, Any], rows: list[str]) -> Finding:
    missing = batch["lines"] - (batch["count"] or 0)
    sentence = ngettext(
        "%(missing)d sealed line of the history of %(table)s was removed with its seal (%(expected)s sealed, %(found)s there).",
        "%(missing)d sealed lines of the history of %(table)s were removed with their seals (%(expected)s sealed, "
        "%(found)s there).",
        missing,
    )
    if rows:
        sentence += " " + _("Rows that their history explains no more: %(rows)s.")
    words = {
        "missing": missing, "table": named(batch["table"]), "expected": batch["lines"], "found": batch["count"] or 0,
        "rows": ", ".join(rows[:NAMED]) + ("…" if len(rows) > NAMED else ""),
    }  # fmt: skip
    return Finding("core_eventseal", batch["position"], "*", None, None, batch["sealed_at"], sentence, words)
