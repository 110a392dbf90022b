"""Notes the end of the chain of seals outside of the database, in a small signed file."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from core.engine.anchors import (
    AnchorError,
    is_stamped_unverified,
    make_anchor,
    text_of,
    unverified_stamp,
    write_anchor,
)
from core.engine.seals import seal_all
from core.management.base import EssorCommand, Problems


class Command(EssorCommand):
    help = (
        "Seals what is new, then writes an anchor: position and hash of the last seal, signed, with a time-stamp where "
        "ESSOR_TIMESTAMP_URL is set. Keep it where the administrators of the database cannot reach it; "
        "`verify_history --anchor FILE` compares with it later. Without --folder it is printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, help="where to put the file")

    def handle(self, *args: Any, folder: Path | None = None, **options: Any) -> None:
        seal_all()
        try:
            content = make_anchor()
            if is_stamped_unverified(content):
                self.stderr.write(unverified_stamp())
            if folder is None:
                self.stdout.write(text_of(content), ending="")
                return
            path = write_anchor(content, folder)
        except AnchorError as error:
            raise Problems([str(error)]) from error
        except OSError as error:
            raise Problems(
                [
                    _("The anchor cannot be written in %(folder)s: %(error)s.")
                    % {"folder": folder, "error": error.strerror}
                ]
            ) from error
        self.stdout.write(
            _("Anchor at position %(position)d: %(path)s") % {"position": content["position"], "path": path}
        )
