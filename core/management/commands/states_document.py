"""Writes docs/states.md from the declared transitions."""

from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandParser

from core.management.base import EssorCommand, Problems
from core.states_document import render
from core.transitions import workflow_models

DEFAULT = Path("docs") / "states.md"


class Command(EssorCommand):
    help = "Writes the page of all states and transitions, or with --check says whether the written one is stale."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when the page is stale")
        parser.add_argument("--out", type=Path, default=settings.BASE_DIR / DEFAULT, help="the page (docs/states.md)")

    def handle(self, *args: Any, check: bool, out: Path, **options: Any) -> None:
        tests = settings.BASE_DIR / "tests"
        models = [
            model
            for model in workflow_models(apps.get_models())
            if not Path(model._meta.app_config.path).is_relative_to(tests)
        ]
        page = render(models)
        if check:
            if not out.exists() or out.read_text(encoding="utf-8") != page:
                raise Problems([f"{out} is stale: run manage.py states_document."])
            self.stdout.write(f"{out} is up to date ({len(models)} models).")
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
        self.stdout.write(f"{out}: {len(models)} models.")
