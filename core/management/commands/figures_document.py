"""Writes docs/figures.md from the declared invariants."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from core.figures.document import render
from core.figures.invariants import invariants
from core.management.base import EssorCommand, Problems

DEFAULT = Path("docs") / "figures.md"


class Command(EssorCommand):
    help = "Writes the page of all invariants of the figures, or with --check says whether the written one is stale."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when the page is stale")
        parser.add_argument("--out", type=Path, default=settings.BASE_DIR / DEFAULT, help="the page (docs/figures.md)")

    def handle(self, *args: Any, check: bool, out: Path, **options: Any) -> None:
        declared = invariants()
        page = render(declared)
        if check:
            if not out.exists() or out.read_text(encoding="utf-8") != page:
                raise Problems([f"{out} is stale: run manage.py figures_document."])
            self.stdout.write(f"{out} is up to date ({len(declared)} invariants).")
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
        self.stdout.write(f"{out}: {len(declared)} invariants.")
