#!/usr/bin/env python3
"""Set up ``.venv`` with the pinned dependencies. Standard library only; does nothing when nothing changed."""

from __future__ import annotations  # an older Python must get as far as the sentence that refuses it

import argparse
import hashlib
import subprocess
import sys
import time
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
VENV = BASE_DIR / ".venv"
PYTHON = VENV / "bin" / "python"


def say(text: str) -> None:
    print(f"[essor] {text}", flush=True)


def fail(text: str) -> None:
    sys.exit(f"[essor] {text}")


def check_python() -> None:
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:2]))
        fail(f"Essor needs Python 3.11 or later, and this is Python {found}: run it with a newer one.")
    try:
        import ensurepip
        import venv
    except ImportError:
        fail("This Python cannot make virtual environments: install the Debian package python3-venv and try again.")


def create_environment() -> None:
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", "import pip"], capture_output=True).returncode == 0:
        return
    say(f"Creating {VENV.name} with Python {'.'.join(map(str, sys.version_info[:3]))}")
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV])
    if done.returncode:
        fail(f"{VENV.name} could not be created (see above): is the Debian package python3-venv installed?")


def install(files: list[Path], stamp: Path) -> None:
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        say(f"{', '.join(path.name for path in files)}: up to date")
        return
    say(f"Installing {', '.join(path.name for path in files)} (hashes checked); the first time takes a minute")
    started = time.monotonic()
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--use-pep517", "--require-hashes"]
    for path in files:
        command += ["-r", path]
    if subprocess.run(command).returncode:
        fail("The dependencies could not be installed (see above): check the connection to the package index.")
    stamp.write_text(wanted)
    say(f"Installed in {time.monotonic() - started:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also install what the tests need")
    options = parser.parse_args()
    check_python()
    create_environment()
    install([BASE_DIR / "requirements.txt"], VENV / "essor-runtime.stamp")
    if options.dev:
        files = [BASE_DIR / "requirements.txt", BASE_DIR / "requirements-dev.txt"]
        install(files, VENV / "essor-dev.stamp")


if __name__ == "__main__":
    main()
