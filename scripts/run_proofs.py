#!/usr/bin/env python3
"""``make proofs``: hundreds of random sequences of moves; seed, day, version and result are kept in docs/proofs.md."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
PYTHON = BASE_DIR / ".venv" / "bin" / "python"
LOG = BASE_DIR / "var" / "proofs.log"
KEPT = BASE_DIR / "docs" / "proofs.md"


def main() -> int:
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("")
    command = [PYTHON, "-m", "pytest", "-q", "-n", "2", "-m", "proofs", "tests/invariants", *sys.argv[1:]]
    code = subprocess.run(command, cwd=BASE_DIR).returncode
    parts = [json.loads(line) for line in LOG.read_text().splitlines()]
    if not parts:
        print("No sequence was played: nothing is kept.", file=sys.stderr)
        return code or 1
    with KEPT.open("a") as kept:
        kept.write(row(parts, version(), passed=code == 0))
    print(f"Kept in {KEPT.relative_to(BASE_DIR)}: commit it.")
    return code


def version() -> str:
    """The commit that was tried, with a sign where files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"], cwd=BASE_DIR, capture_output=True, text=True
    )
    return told.stdout.strip() or "no commit"


def row(parts: list[dict], tried: str, *, passed: bool) -> str:
    """The line of a run in the table of docs/proofs.md."""
    seeds = [part["seed"] for part in parts]
    reached: Counter[str] = Counter()
    for part in parts:
        reached.update(part["reached"])
    counted = {name: sum(part[name] for part in parts) for name in ("sequences", "done", "refused")}
    failed = [str(part["seed"]) for part in parts if not part["whole"]]
    result = "every figure and the history whole" if passed else f"FAILED ({', '.join(failed) or 'see the output'})"
    cells = (
        parts[-1]["day"], tried, f"{min(seeds)}–{max(seeds)}", f"{counted['sequences']:,}",
        f"{counted['done']:,} ({counted['refused']:,} refused)",
        ", ".join(f"{what} {count:,}" for what, count in sorted(reached.items())), result,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.exit(main())
