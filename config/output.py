"""What a command prints when nobody reads on: ``manage.py check_figures --list | head``."""

import io
import os
import sys


class _Pipe(io.FileIO):
    """A pipe whose reader may go: what follows is dropped, and the command ends its work with its own exit code."""

    def write(self, data) -> int | None:
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())  # also for the programs that the command starts
            os.close(nowhere)
            return super().write(data)


def outlive_the_reader() -> None:
    """Make the two outputs of this process ones that end in silence, whatever prints on them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.isatty():
            continue
        stream.flush()
        buffered = io.BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False))
        setattr(
            sys,
            name,
            io.TextIOWrapper(
                buffered,
                encoding=stream.encoding,
                errors=stream.errors,
                line_buffering=stream.line_buffering,
                write_through=name == "stderr",
            ),
        )
