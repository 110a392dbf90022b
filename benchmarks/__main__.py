"""``python -m benchmarks [name …]``: measures what the documentation claims; each figure beside a named baseline."""

import os
import runpy
import sys
from pathlib import Path

import django

from config.memory import keep_what_is_loaded

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def main(wanted: list[str]) -> int:
    """Run the benchmarks named, or all of them. Exit code 2 when a name is unknown."""
    if unknown := [name for name in wanted if name not in NAMES]:
        print(f"Unknown benchmark: {', '.join(unknown)}. Known: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    django.setup()
    keep_what_is_loaded()  # as served
    for name in wanted or NAMES:
        print(f"\n== {name}", flush=True)
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
