"""The set-up on a bare machine: what is missing is said in one sentence, and what did not run is said at the end."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BASE_DIR / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def one_sentence(done: subprocess.CompletedProcess) -> str:
    """What a command that refuses says: one line, and no traceback."""
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    return line


# --- what is missing -------------------------------------------------------------------------------------------------


def test_a_python_that_makes_no_environment(tmp_path: Path):
    (tmp_path / "ensurepip.py").write_text("raise ImportError('Debian keeps it in python3-venv')\n")
    done = subprocess.run(
        [sys.executable, BASE_DIR / "scripts" / "bootstrap.py"],
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert "install the Debian package python3-venv" in one_sentence(done)


def test_an_old_python(monkeypatch):
    bootstrap = script("bootstrap")
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or later, and this is Python 3\.9"):
        bootstrap.check_python()


def test_the_make_file_without_a_python(tmp_path: Path):
    shutil.copy(BASE_DIR / "Makefile", tmp_path)
    for tool in ("sh", "make", "echo", "test"):
        if found := shutil.which(tool):
            (tmp_path / tool).symlink_to(found)
    done = subprocess.run(["make", "demo"], cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode
    assert "Essor needs Python 3.11 or later: install it" in done.stdout


def test_an_index_that_does_not_answer(tmp_path: Path, monkeypatch):
    bootstrap = script("bootstrap")
    (tmp_path / "requirements.txt").write_text("essor-has-no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(bootstrap, "PYTHON", sys.executable)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    stamp = tmp_path / "stamp"
    with pytest.raises(SystemExit, match="check the connection to the package index"):
        bootstrap.install([tmp_path / "requirements.txt"], stamp)
    assert not stamp.exists()


def test_what_is_installed_is_not_installed_again(tmp_path: Path, monkeypatch):
    bootstrap = script("bootstrap")
    commands = []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda command, **options: commands.append(command) or done)
    requirements, stamp = tmp_path / "requirements.txt", tmp_path / "stamp"
    for text in ("django==5.2\n", "django==5.2\n", "django==5.3\n"):
        requirements.write_text(text)
        bootstrap.install([requirements], stamp)
    assert len(commands) == 2
    assert all("--require-hashes" in command for command in commands)


def test_manage_before_the_set_up(tmp_path: Path):
    shutil.copy(BASE_DIR / "manage.py", tmp_path)
    command = [sys.executable, "-I", "-S", "manage.py", "migrate"]  # a Python without packages
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    sentence = one_sentence(done)
    assert "Essor is not set up yet" in sentence
    assert "scripts/bootstrap.py" in sentence


# --- make test -------------------------------------------------------------------------------------------------------


@pytest.fixture
def run_tests(monkeypatch) -> ModuleType:
    """``make test`` whose steps are only noted; ``failing`` names those that fail."""
    module = script("run_tests")
    module.steps, module.failing = [], set()

    def run(name, *command, **environment):
        module.steps.append((name, [str(part) for part in command]))
        return name, "FAILED" if name in module.failing else "ok", 0.1

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module.sys, "argv", ["run_tests.py"])
    monkeypatch.setattr(module, "get_browser", lambda: True)
    return module


def test_all_that_is_checked(run_tests):
    assert run_tests.main() == 0
    assert [name for name, _command in run_tests.steps][-2:] == ["Tests", "Browser journeys"]
    commands = " ".join(part for _name, command in run_tests.steps for part in command)
    for tool in ("ruff check", "ruff format", "lint-imports", "makemigrations --check", "manage.py check"):
        assert tool in commands


def test_what_is_compiled_is_kept_for_the_next_process(run_tests, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    run_tests.main()
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ


def test_without_a_browser_the_rest_runs_and_the_end_says_so(run_tests, monkeypatch, capsys):
    monkeypatch.setattr(run_tests, "get_browser", lambda: False)
    assert run_tests.main() == 1
    assert [name for name, _command in run_tests.steps][-1] == "Tests"
    last = capsys.readouterr().out.strip().splitlines()[-2:]
    assert "did not run" in last[0]
    assert "apt install chromium" in last[1]


@pytest.mark.parametrize("step", ["Style: ruff check", "Tests", "Browser journeys"])
def test_any_step_that_fails_fails_the_whole_which_goes_on(run_tests, capsys, step):
    run_tests.failing = {step}
    assert run_tests.main() == 1
    assert [name for name, _command in run_tests.steps][-1] == "Browser journeys"
    assert f"FAILED: {step}" in capsys.readouterr().out.strip().splitlines()[-1]


def test_a_set_up_that_fails_stops_at_once(run_tests):
    run_tests.failing = {"Set-up"}
    assert run_tests.main() == 1
    assert len(run_tests.steps) == 1


def test_a_run_of_the_proofs_is_kept_with_its_seeds_and_what_failed():
    row = script("run_proofs").row
    parts = [
        {
            "day": "2026-11-30",
            "seed": 7,
            "sequences": 50,
            "done": 300,
            "refused": 40,
            "reached": {"settlements": 3},
            "whole": True,
        },
        {
            "day": "2026-11-30",
            "seed": 8,
            "sequences": 12,
            "done": 70,
            "refused": 9,
            "reached": {"settlements": 1},
            "whole": False,
        },
    ]
    kept = row(parts, "abc1234", passed=False)
    assert "| 2026-11-30 | abc1234 | 7–8 | 62 | 370 (49 refused) | settlements 4 | FAILED (8) |" in kept
    assert "every figure and the history whole" in row(parts[:1], "abc1234", passed=True)
