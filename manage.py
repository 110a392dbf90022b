#!/usr/bin/env python3
"""Django's command line for Essor."""

import os
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent
VENV_PYTHON = BASE_DIR / ".venv" / "bin" / "python"
# Commands that never look at the database: they neither wait for it nor start it.
WITHOUT_DATABASE = {
    "--help",
    "--version",
    "-h",
    "collectstatic",
    "compilemessages",
    "findstatic",
    "help",
    "makemessages",
    "version",
}


def use_environment_of_the_checkout() -> None:
    """Run again with the checkout's own Python when this one has no Django."""
    try:
        import django
    except ImportError:
        if not VENV_PYTHON.exists():
            sys.exit(f"Essor is not set up yet: run `{Path(sys.executable).name} scripts/bootstrap.py` first.")
        if Path(sys.prefix).resolve() == VENV_PYTHON.parent.parent.resolve():
            sys.exit("The set-up of Essor is incomplete: run `python3 scripts/bootstrap.py` again.")
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), *sys.argv])


def main() -> None:
    use_environment_of_the_checkout()
    from django.core.management import execute_from_command_line

    from config.catalogues import compile_catalogues
    from config.embedded_host import EmbeddedServerError
    from config.output import outlive_the_reader

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    if not sys.argv[1:] or sys.argv[1] in WITHOUT_DATABASE or {"-h", "--help"} & set(sys.argv[2:]):
        os.environ.setdefault("ESSOR_EMBEDDED", "off")
    outlive_the_reader()
    compile_catalogues()
    try:
        execute_from_command_line(sys.argv)
    except EmbeddedServerError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
