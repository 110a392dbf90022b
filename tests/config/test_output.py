"""A command whose reader goes away ends in silence, with its own exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PRINTS = "from config.output import outlive_the_reader; outlive_the_reader()\nprint('x' * 100_000); raise SystemExit(3)"


@pytest.mark.parametrize(("command", "code"), [(("manage.py", "help"), 0), (("-c", PRINTS), 3)])
def test_nobody_reads_on(command, code):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, *command], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (code, b"")
