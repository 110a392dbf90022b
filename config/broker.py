"""Messages as files, for one machine without a broker server: each is whole before a worker can see it.

Kombu's own transport opens a message under its final name and then writes it: a worker that looks at that instant reads
an empty message, and ends.
"""

import logging
import os
import uuid
from pathlib import Path
from queue import Empty
from time import monotonic_ns
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

log = logging.getLogger(__name__)

UNFINISHED = "writing"
"""What the name of a message ends with while it is written: no queue has such a name."""


class Channel(filesystem.Channel):
    """Kombu's, but a message appears when it is whole, and one that cannot be read costs itself alone."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        """Write ``payload`` beside the queue, then give it its name there, which is one act of the file system."""
        message = Path(self.data_folder_out) / f"{monotonic_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg"
        unfinished = message.with_name(f"{message.name}.{UNFINISHED}")
        try:
            unfinished.write_text(dumps(payload), encoding="utf-8")
            os.replace(unfinished, message)
        except OSError as error:
            raise ChannelError(f"The message could not be written to {message.parent}.") from error

    def _get(self, queue: str) -> Any:
        """The next message. What was asked by one that cannot be read stands in the rows of jobs and mails: the sweeps
        take it up again."""
        try:
            return super()._get(queue)
        except ValueError:  # neither JSON nor text
            log.exception("A message of the queue %s cannot be read and is left out.", queue)
            raise Empty from None


class Transport(filesystem.Transport):
    """Kombu's file transport with these channels."""

    Channel = Channel
