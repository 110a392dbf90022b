"""``manage.py demo``: a Region at work. Plays more than a year through the workflows, then writes the workbooks."""

import time

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.db.models import Count
from django.urls import reverse

from core.management.base import EssorCommand, Problems
from core.models import OutboxMessage, User
from demo.cases import CASES
from demo.people import DOMAIN, PASSWORD, STAFF
from demo.progress import Progress
from demo.scale import file_many
from demo.scenario import Scenario
from demo.workbooks import REPORTS, Written, write_all
from grants.models import Application, Call

ADDRESS = "http://127.0.0.1:8000"


class Command(EssorCommand):
    help = (
        "Builds a Region with its people, programmes and calls, takes applications through their whole life with "
        "the code of the screens, runs a worker and writes the ESF+/ERDF workbooks. Safe to run again: what is there "
        "stays, the workbooks are written anew."
    )
    requires_migrations_checks = False  # it migrates by itself

    def add_arguments(self, parser):
        parser.add_argument(
            "--scale",
            type=int,
            default=0,
            metavar="N",
            help="file more applications until there are N in all (5000 for the benchmark of pages)",
        )

    def handle(self, *args, scale, **options):
        began = time.monotonic()
        self.stdout.write("Preparing the database…")
        call_command("migrate", verbosity=0, interactive=False)
        call_command("load_programmes", verbosity=0)
        if User.objects.filter(email=f"{STAFF[0].name}@{DOMAIN}").exists():
            self.stdout.write("The Region is already there: its cases stay as they are.")
        elif Call.objects.exists() or Application.objects.exists():
            raise Problems(
                [
                    "This database holds real calls or applications: the demonstration is not mixed with them. "
                    "Use another database (DATABASE_URL, or ESSOR_EMBEDDED_DATABASE=demo)."
                ]
            )
        else:
            self._play()
        if scale:
            with Progress("Applications", max(scale - Application.objects.count(), 0)) as progress:
                file_many(scale, progress.step)
        self.stdout.write("A worker writes the workbooks and sends the mails…")
        with Progress("Workbooks", len(REPORTS)) as progress:
            written = write_all(User.objects.get(email=f"administration@{DOMAIN}"), progress)
        self._tell(written, time.monotonic() - began)

    def _play(self) -> None:
        """The whole story in one transaction: interrupted, it leaves nothing half done."""
        self.stdout.write("Fifteen months of a Region, case by case…")
        scenario = Scenario()
        with Progress("Steps", scenario.steps) as progress, transaction.atomic():
            scenario.play(progress.step)

    def _tell(self, written: list[Written], seconds: float) -> None:
        states = Application.objects.values("state").annotate(count=Count("pk")).order_by("state")
        told = ", ".join(f"{row['count']} {row['state']}" for row in states)
        lines = [
            "",
            f"{Application.objects.count()} applications ({len(CASES)} of the story): {told}.",
            "",
            "Workbooks:",
            *(f"  {item.path} ({item.rows} rows)" for item in written),
            "",
            "Totals by fund:",
            *(f"  {fund}: {totals}" for fund, totals in written[0].totals.items()),
            "",
            f"Next: make run, then {ADDRESS}{reverse('core:login')} with the password {PASSWORD} as",
            *(f"  {person.email:34} {person.role.label}" for person in STAFF),
            *(f"  {email:34} {name}" for email, name in self._applicants()),
            f"Staff: {ADDRESS}/admin/ · portal: {ADDRESS}/ · API: {ADDRESS}{reverse('api-docs')}",
            f"Mails that were sent: {settings.EMAIL_FILE_PATH} ({self._waiting()} wait for the next make run)",
            f"Done in {seconds:.0f} s.",
        ]
        self.stdout.write("\n".join(lines))

    def _waiting(self) -> int:
        return OutboxMessage.objects.filter(state="pending").count()

    def _applicants(self) -> list[tuple[str, str]]:
        """A few applicants worth a look: one with something to do, one being paid, one with a draft."""
        chosen = {}
        for state in ("incomplete", "contracted", "draft"):
            case = (
                Application.objects.filter(state=state).select_related("created_by", "applicant").order_by("pk").first()
            )
            if case is not None:
                chosen.setdefault(
                    case.created_by.email, f"{case.applicant.display_name} ({case.state_label('applicant')})"
                )
        return list(chosen.items())
