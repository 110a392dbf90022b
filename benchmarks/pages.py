"""Server time and SQL queries of the pages that people wait for, beside the sign-in page of the same run.

Fill the database first: ``python manage.py demo --scale 5000``. A page is asked for ten times, in this process, by the
person it is for; the median counts. No page should need more than 300 ms on two cores, nor more than 20 queries.
"""

import statistics
import time
from dataclasses import dataclass

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agreements.models import Agreement, PaymentClaim
from core.models import User
from grants.models import Application, CommitteeSession
from reporting.models import ExpenditureDeclaration, Operation

ROUNDS = 10
LIMIT_MS = 300
LIMIT_QUERIES = 20
INSTRUCTOR, FINANCE, CONTROLLER = "instruction@region.example", "finances@region.example", "controle@region.example"


@dataclass(frozen=True)
class Page:
    """A page, and who opens it (an e-mail address; empty: anybody)."""

    name: str
    address: str
    person: str = ""


def admin(model, view: str, *args) -> str:
    """The address of a page of the staff site."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


def pages() -> list[Page]:
    """The pages to measure; those whose object is missing are left out."""
    cases = admin(Application, "changelist")
    case = Application.objects.filter(state="in_instruction").order_by("-pk").first()
    mine = Application.objects.filter(state="contracted").order_by("pk").first()
    session = CommitteeSession.objects.order_by("-pk").first()
    return [
        Page("home", reverse("core:home")),
        Page("my work", reverse("admin:index"), INSTRUCTOR),
        Page("cases", cases, INSTRUCTOR),
        Page("cases, page 40", f"{cases}?p=39", INSTRUCTOR),
        Page("cases, in instruction", f"{cases}?state__exact=in_instruction", INSTRUCTOR),
        Page("cases, search", f"{cases}?q=ressourcerie", INSTRUCTOR),
        Page("a case", admin(Application, "change", case.pk), INSTRUCTOR),
        Page("a session", session.get_absolute_url(), "seances@region.example"),
        Page("agreements", admin(Agreement, "changelist"), FINANCE),
        Page("claims", admin(PaymentClaim, "changelist"), FINANCE),
        Page("operations", admin(Operation, "changelist"), CONTROLLER),
        Page("declarations", admin(ExpenditureDeclaration, "changelist"), CONTROLLER),
        Page("the applicant's cases", reverse("grants:my_cases"), mine.created_by.email),
        Page("the applicant's case", mine.get_absolute_url(), mine.created_by.email),
    ]


def measure(page: Page) -> tuple[float, int, int]:
    """Median milliseconds, SQL queries and kilobytes of a page."""
    client = Client(HTTP_HOST="127.0.0.1")
    if page.person:
        backend = "django.contrib.auth.backends.ModelBackend"
        client.force_login(User.objects.get(email=page.person), backend=backend)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(page.address)
    queries = len(captured)  # now: the next request empties the log
    if answer.status_code != 200:
        raise SystemExit(f"{page.name}: {page.address} answers {answer.status_code}.")
    times = []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        client.get(page.address)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), queries, len(answer.content) // 1024


def main() -> None:
    """Print a table; say which pages are above the limits."""
    baseline, _queries, _size = measure(Page("sign in", reverse("core:login")))
    print(f"{Application.objects.count()} applications; baseline: the sign-in page, {baseline:.1f} ms")
    print(f"{'page':28}{'ms':>8}{'× sign-in':>12}{'queries':>9}{'kB':>6}")
    slow = []
    for page in pages():
        median, queries, size = measure(page)
        print(f"{page.name:28}{median:8.0f}{median / baseline:12.1f}{queries:9}{size:6}")
        if median > LIMIT_MS or queries > LIMIT_QUERIES:
            slow.append(page.name)
    print(f"Above {LIMIT_MS} ms or {LIMIT_QUERIES} queries: {', '.join(slow) or 'none'}.")


if __name__ == "__main__":
    main()
