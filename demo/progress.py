"""How a command shows that it goes on: a bar on a terminal, a line now and then elsewhere (a log, CI)."""

import sys
from types import TracebackType

from tqdm import tqdm

LINES = 10  # lines written for the whole of a part, where there is no terminal


class Progress:
    """Counts steps of a part that has ``total`` of them; a context manager."""

    def __init__(self, what: str, total: int):
        self.what, self.total, self.done = what, total, 0
        self.bar = tqdm(total=total, desc=what, file=sys.stderr, unit="", disable=None, leave=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.close()

    def step(self, sentence: str = "") -> None:
        """One more step is done."""
        self.done += 1
        self.bar.set_postfix_str(sentence[:44], refresh=False)
        self.bar.update()
        if self.bar.disable and (self.done % max(self.total // LINES, 1) == 0 or self.done == self.total):
            print(f"  {self.what}: {self.done}/{self.total}", flush=True)

    def say(self, sentence: str) -> None:
        """What goes on, without a step."""
        if not self.bar.disable:
            self.bar.set_postfix_str(sentence[:60])
