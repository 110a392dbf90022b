"""The progress of a long job on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext as _
from tqdm import tqdm


@contextmanager
def progress_bar(stream, *, shown: bool | None = None) -> Iterator:
    """Give a function (done, total, message) that draws a bar on a terminal and nothing elsewhere."""
    shown = stream.isatty() if shown is None else shown
    file, unit = stream if shown else sys.stderr, " " + _("rows")
    with tqdm(total=None, disable=not shown, file=file, unit=unit, leave=False) as bar:

        def advance(done: int, total: int = 0, message: str = "") -> None:
            bar.total = total or None
            bar.set_description(str(message), refresh=False)
            bar.update(done - bar.n)
            if total and done >= total:
                bar.refresh()  # a quick part is shown too

        yield advance
