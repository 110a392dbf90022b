"""Reports as long jobs: a real worker, its progress, one job a request, and each asker's own."""

import time
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from core.documents import open_document
from core.jobs import submit
from core.models.job import Job
from core.roles import Role
from reporting.models import Operation
from reporting.tasks import COFINANCING, IMPORT, OPERATIONS
from tests.factories.core import UserFactory
from tests.factories.instruction import staff
from tests.factories.reporting import EUProgrammeFactory, OperationFactory
from tests.reporting.listing import row, write_xlsx

WAIT = 90
MAKERS = ["eu_controller", "finance_officer", "head_of_service", "auditor", "administrator"]


def sign_in(client, user) -> None:
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")


def question(**changes) -> dict:
    return {"report": COFINANCING, "format": "xlsx", "cut_off": timezone.localdate().isoformat()} | changes


def ended(job: Job, seen: set | None = None) -> Job:
    """Wait until a worker ended the job; note the states that a person polling it sees."""
    deadline = time.monotonic() + WAIT
    while True:
        job.refresh_from_db()
        if seen is not None:
            seen.add((job.state, job.progress, job.total))
        if not job.is_active:
            return job
        assert time.monotonic() < deadline, (job.state, job.progress)
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_a_worker_writes_both_reports_and_an_import(client, worker, tmp_path):
    programme = EUProgrammeFactory(listed=True)
    OperationFactory.create_batch(220, programme=programme)
    finance = UserFactory(finance_officer=True)
    sign_in(client, finance)
    for report, rows in ((COFINANCING, 220), (OPERATIONS, 220)):
        answer = client.post(reverse("admin:reporting_reports"), question(report=report))
        assert answer.status_code == 302, answer.content.decode()[:2000]
        job = Job.objects.get(kind=report)
        assert answer.url == reverse("core:job", args=[job.pk])
        seen: set = set()
        ended(job, seen)
        assert (job.state, job.reason) == ("done", "")
        assert job.total == job.progress == rows
        assert job.requested_by == finance
        page = client.get(reverse("admin:reporting_reports")).content.decode()
        assert job.file.name in page
        download = client.get(job.file.get_absolute_url())
        assert b"".join(download.streaming_content)[:2] == b"PK"
        with open_document(job.file) as content:
            titles = load_workbook(content).sheetnames
        assert "Opérations" in titles
    path = write_xlsx(tmp_path / "liste.xlsx", [row(name=f"Projet {number}") for number in range(5)])
    with path.open("rb") as file:
        client.post(reverse("admin:reporting_import"), {"file": file, "period": "2014-2020", "mode": "all_or_nothing"})
    job = ended(Job.objects.get(kind=IMPORT))
    assert (job.state, job.result["totals"]["created"]) == ("done", 5)
    assert Operation.objects.count() == 225


@pytest.mark.django_db
def test_the_page_of_the_job_shows_how_far_it_is(client):
    finance = UserFactory(finance_officer=True)
    sign_in(client, finance)
    job = submit(COFINANCING, parameters={}, user=finance)
    under_way = {"state": "running", "claim": uuid4(), "lease_until": timezone.now() + timedelta(minutes=1)}
    Job.objects.filter(pk=job.pk).update(**under_way, progress=30, total=120, message="Lignes écrites")
    assert "25" in client.get(reverse("core:job", args=[job.pk])).content.decode()
    assert "25 %" in client.get(reverse("admin:reporting_reports")).content.decode()


@pytest.mark.django_db
def test_asking_twice_makes_one_job_and_two_people_have_each_their_own(client):
    head, finance = staff(Role.HEAD_OF_SERVICE), UserFactory(finance_officer=True)
    for user in (head, head, finance):
        sign_in(client, user)
        answer = client.post(reverse("admin:reporting_reports"), question())
        assert client.get(answer.url).status_code == 200  # the job that one is led to is one's own
    assert list(Job.objects.order_by("pk").values_list("requested_by", flat=True)) == [head.pk, finance.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("role", MAKERS)
def test_those_who_make_reports(client, role):
    sign_in(client, UserFactory(**{role: True}))
    page = client.get(reverse("admin:reporting_reports"))
    assert page.status_code == 200
    publishes = role in ("eu_controller", "finance_officer", "administrator")
    assert ('name="publish"' in page.content.decode()) is publishes


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["instructor", "committee_secretary", "applicant"])
def test_the_others_do_not(client, role):
    sign_in(client, UserFactory(**{role: True}))
    assert client.get(reverse("admin:reporting_reports")).status_code in (302, 403, 404)
    assert client.post(reverse("admin:reporting_reports"), question()).status_code in (302, 403, 404)
    assert not Job.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [({"format": "csv"}, "Excel"), ({"cut_off": "2099-01-01"}, "aujourd’hui"), ({"cut_off": "demain"}, "date")],
)
def test_a_wrong_question_keeps_what_was_typed(client, changes, field):
    sign_in(client, UserFactory(finance_officer=True))
    page = client.post(reverse("admin:reporting_reports"), question(**changes))
    assert page.status_code == 200
    assert field in page.content.decode() and not Job.objects.exists()
    assert next(iter(changes.values())) in page.content.decode()


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.django_db
@pytest.mark.parametrize(("options", "shown"), [([], True), (["--no-progress"], False)])
def test_a_terminal_sees_a_progress_bar(tmp_path, options, shown):
    OperationFactory.create_batch(3)
    terminal = Terminal()
    path = tmp_path / "x.xlsx"
    call_command("report", "cofinancing", "--out", str(path), *options, stdout=StringIO(), stderr=terminal)
    assert ("3/3" in terminal.getvalue()) is shown
    quiet = StringIO()
    call_command("report", "cofinancing", "--out", str(path), stdout=StringIO(), stderr=quiet)
    assert quiet.getvalue() == ""


@pytest.mark.django_db
def test_the_help_of_the_commands_says_it_all(capsys):
    for name, words in (
        ("report", ["--out", "--programme", "--fund", "--cut-off", "--publish", "SHA-256"]),
        ("import_operations", ["--dry-run", "--rejected", "--all-or-nothing", "--good-rows-only", "Exit code"]),
    ):
        with pytest.raises(SystemExit):
            call_command(name, "--help")
        text = capsys.readouterr().out
        assert all(word in text for word in words)
