"""``manage.py demo``: a Region at work. Plays more than a year through the workflows, then writes the workbooks."""

import time

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.acting import unstamped
from core.engine.seals import seal_all
from core.figures.looking import look_and_keep
from core.management.base import EssorCommand, Problems
from core.models import OutboxMessage, User
from demo.cases import CASES
from demo.people import DOMAIN, PASSWORD, STAFF
from demo.progress import Progress
from demo.scale import file_many
from demo.scenario import Scenario
from demo.whole import give_back, was_interrupted, whole_or_nothing
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
        began, is_new = time.monotonic(), False
        self.stdout.write(_("Preparing the database…"))
        with unstamped():
            call_command("migrate", verbosity=0, interactive=False)
        if was_interrupted():
            self.stdout.write(_("The demonstration was interrupted: what it left is undone."))
            give_back()
        call_command("load_programmes", verbosity=0)
        if User.objects.filter(email=f"{STAFF[0].name}@{DOMAIN}").exists():
            self.stdout.write(_("The Region is already there: its cases stay as they are."))
        elif Call.objects.exists() or Application.objects.exists():
            raise Problems(
                [
                    _(
                        "This database holds real calls or applications: the demonstration is not mixed with them. "
                        "Use another database (DATABASE_URL, or ESSOR_EMBEDDED_DATABASE=demo)."
                    )
                ]
            )
        else:
            self._play()
            is_new = True
        if scale:
            with Progress(_("Applications"), max(scale - Application.objects.count(), 0)) as progress:
                file_many(scale, progress.step)
        self.stdout.write(_("A worker writes the workbooks and sends the mails…"))
        with Progress(_("Workbooks"), len(REPORTS)) as progress:
            written = write_all(User.objects.get(email=f"administration@{DOMAIN}"), progress)
        if is_new:  # the page of the checks says from the first day whether they hold
            look_and_keep()
        seal_all()
        self._tell(written, time.monotonic() - began)

    def _play(self) -> None:
        """The whole story, each act in its own transaction at its own moment; interrupted, it leaves nothing."""
        self.stdout.write(_("Fifteen months of a Region, case by case…"))
        scenario = Scenario()
        with connection.cursor() as cursor:  # a crash of the machine may lose the last acts: then it is played again
            cursor.execute("SET synchronous_commit TO off")
        with whole_or_nothing(), Progress(_("Steps"), scenario.steps) as progress:
            scenario.play(progress.step)
        seal_all()  # as the worker does each minute where Essor runs

    def _tell(self, written: list[Written], seconds: float) -> None:
        """Where to look next: states, workbooks, totals by fund, addresses and logins."""
        site = {
            "login": f"{ADDRESS}{reverse('core:login')}",
            "staff": f"{ADDRESS}/admin/",
            "portal": f"{ADDRESS}/",
            "api": f"{ADDRESS}{reverse('api-docs')}",
            "password": PASSWORD,
        }
        lines = [
            "",
            self._states(),
            "",
            _("Workbooks:"),
            *(
                ngettext("  %(path)s (%(rows)d row)", "  %(path)s (%(rows)d rows)", item.rows)
                % {"path": item.path, "rows": item.rows}
                for item in written
            ),
            "",
            _("Totals by fund:"),
            *(f"  {fund}: {totals}" for fund, totals in written[0].totals.items()),
            "",
            _("Next: make run, then %(login)s with the password %(password)s as") % site,
            *(f"  {person.email:34} {person.role.label}" for person in STAFF),
            *(f"  {email:34} {name}" for email, name in self._applicants()),
            _("Staff: %(staff)s · portal: %(portal)s · API: %(api)s") % site,
            _("Mails that were sent: %(folder)s (%(count)d wait for the next make run)")
            % {"folder": settings.EMAIL_FILE_PATH, "count": self._waiting()},
            _("Done in %(seconds)d s.") % {"seconds": seconds},
        ]
        self.stdout.write("\n".join(lines))

    def _states(self) -> str:
        counted = {
            row["state"]: row["count"] for row in Application.objects.values("state").annotate(count=Count("pk"))
        }
        states = ", ".join(
            f"{counted[state]} {Application.state_label_of(state).lower()}"
            for state, _label in Application._meta.get_field("state").flatchoices
            if state in counted
        )
        return _("%(count)d applications (%(story)d of the story): %(states)s.") % {
            "count": sum(counted.values()),
            "story": len(CASES),
            "states": states,
        }

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
