"""Compiled translations. They are not committed, and no machine needs GNU gettext to have them."""

import os
from pathlib import Path

import polib

BASE_DIR = Path(__file__).resolve().parent.parent


def compile_catalogues(base: Path = BASE_DIR) -> list[Path]:
    """Compile each ``.po`` that is newer than its ``.mo``; return what was written."""
    written = []
    # locale/packages: French for packages that come without it; kept by hand, so apart from the collected texts.
    patterns = ("locale/*/LC_MESSAGES/*.po", "locale/packages/*/LC_MESSAGES/*.po", "*/locale/*/LC_MESSAGES/*.po")
    for source in sorted(path for pattern in patterns for path in base.glob(pattern)):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        polib.pofile(str(source)).save_as_mofile(str(draft))
        draft.replace(target)  # another process sees the old or the new one, never half of it
        written.append(target)
    return written
