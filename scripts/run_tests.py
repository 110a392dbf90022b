#!/usr/bin/env python3
"""``make test``: everything that CI checks, on a machine with Python and nothing else. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
BIN = BASE_DIR / ".venv" / "bin"
PYTHON = BIN / "python"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

Result = tuple[str, str, float]  # step, "ok" / "FAILED" / "not run", seconds


def say(text: str) -> None:
    print(f"\n[essor] {text}", flush=True)


def run(name: str, *command: str | Path, **environment: str) -> Result:
    say(name)
    started = time.monotonic()
    done = subprocess.run([str(part) for part in command], cwd=BASE_DIR, env=os.environ | environment)
    return name, "ok" if done.returncode == 0 else "FAILED", time.monotonic() - started


def quietly(*command: str | Path) -> bool:
    try:
        return subprocess.run([str(part) for part in command], cwd=BASE_DIR).returncode == 0
    except FileNotFoundError:
        return False


def browser_of_the_machine() -> bool:
    return any(map(shutil.which, BROWSERS))


def browser_of_playwright() -> bool:
    """Playwright's own Chromium, if it starts: a download alone lacks the libraries of a bare machine."""
    look = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: p.chromium.launch(args=['--no-sandbox', '--disable-gpu']).close()"
    )
    return subprocess.run([PYTHON, "-c", look], capture_output=True).returncode == 0


def get_browser() -> bool:
    """A Chromium: the machine's, else Debian's package when that is ours to install, else Playwright's."""
    if browser_of_the_machine() or browser_of_playwright():
        return True
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("Installing Debian's Chromium for the browser journeys")
        os.environ.setdefault("DEBIAN_FRONTEND", "noninteractive")
        quietly("apt-get", "update", "-qq")
        quietly("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core")
        if browser_of_the_machine():
            return True
    say("Asking Playwright for its Chromium")
    return quietly(PYTHON, "-m", "playwright", "install", "chromium") and browser_of_playwright()


def summary(results: list[Result]) -> None:
    say("Summary")
    for name, outcome, seconds in results:
        print(f"  {outcome:8} {seconds:7.1f} s  {name}", flush=True)


def main() -> int:
    # What one process compiles, the next ones read: the workers, and dozens of commands that tests start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    bootstrap = run("Set-up", sys.executable, BASE_DIR / "scripts" / "bootstrap.py", "--dev")
    if bootstrap[1] != "ok":
        return 1
    manage = (PYTHON, "manage.py")
    results = [
        bootstrap,
        run("Style: ruff check", BIN / "ruff", "check", "."),
        run("Style: ruff format", BIN / "ruff", "format", "--check", "."),
        run("The line of imports", BIN / "lint-imports", "--no-cache"),
        run("Migrations are complete", *manage, "makemigrations", "--check", "--dry-run"),
        run("Django's checks", *manage, "check"),
    ]
    has_browser = get_browser()
    # Reading, building and photographing take turns badly: the browsers have the machine to themselves, and come last.
    pytest = (PYTHON, "-m", "pytest", *sys.argv[1:])
    results.append(run("Tests", *pytest, "-n", "2", "--dist", "worksteal", "-m", "not browser and not proofs"))
    if not has_browser:
        results.append(("Browser journeys", "not run", 0.0))
        summary(results)
        print(
            "The browser journeys did not run: no Chromium could be found or installed.\n"
            "Install Chromium (Debian, Ubuntu: apt install chromium) and run `make test` again.",
            flush=True,
        )
        return 1
    early = [name for name, outcome, _ in results if outcome != "ok"]
    summary(results)
    journeys = run("Browser journeys", *pytest, "-n", "4", "--dist", "worksteal", "-m", "browser")
    failed = early + ([journeys[0]] if journeys[1] != "ok" else [])
    if failed:
        say(f"FAILED: {', '.join(failed)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
