"""Many applications, for the benchmark of pages: filed through the same functions as everybody's."""

from collections.abc import Callable
from functools import cache

from django.db import connection

from core.acting import acting_as
from core.models import User
from demo import applicant_side, papers, staff_side
from demo.all_cores import pool
from demo.cases import Case, Stage, progress
from demo.clock import Clock
from demo.organisations import Organisation
from demo.people import DOMAIN, STAFF
from grants.models import Application, Call

FIRST_NUMBER = 1000
CASES_EACH = 5  # applications of one organisation
CITIES = [("Reims", "51100"), ("Troyes", "10000"), ("Charleville-Mézières", "08000"), ("Chaumont", "52000")]
THEMES = ["Ressourcerie", "Tiers-lieu", "Jardin partagé", "Atelier vélo", "Épicerie solidaire", "Garage solidaire"]
# How far the cases go, turn by turn.
STAGES = [Stage.SUBMITTED, Stage.ADMISSIBLE, Stage.IN_INSTRUCTION, Stage.SUBMITTED, Stage.INCOMPLETE]


def file_many(wanted: int, step: Callable[[str], None]) -> None:
    """File applications under the open PROGRESS call until there are ``wanted`` in all, on all the cores."""
    there = Application.objects.count()
    shares = [range(first, min(first + CASES_EACH, wanted)) for first in range(there, wanted, CASES_EACH)]
    with pool() as processes:
        for name, count in processes.imap_unordered(_file_share, shares):
            for _each in range(count):
                step(name)


@cache
def _prepare() -> None:
    """What each process does once: a paper is made once, and a crash may lose the last of these cases."""
    papers.piece = cache(papers.piece)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")


def _file_share(ranks: range) -> tuple[str, int]:
    """Sign one organisation up and file its applications; its name and their number."""
    _prepare()
    clock = Clock()
    call = Call.objects.filter(code__startswith="PROGRESS1").order_by("-closes_at").first()
    staff = {person.name: User.objects.get(email=f"{person.name}@{DOMAIN}") for person in STAFF}
    number = FIRST_NUMBER + ranks.start
    city, postcode = CITIES[ranks.start // CASES_EACH % len(CITIES)]
    organisation = Organisation(
        f"structure-{number}", f"{THEMES[number % len(THEMES)]} n° {number}", "association", city, postcode,
        f"Personne {number}",
    )  # fmt: skip
    member = None
    for rank in ranks:
        with clock.at(-30 + rank % 20, 9 + rank % 9, rank % 60):
            if member is None:
                with acting_as(label="command demo"):
                    member = applicant_side.sign_up(organisation, number)
            _live(rank, call, member, staff)
    return organisation.name, len(ranks)


def _live(rank: int, call: Call, member, staff: dict[str, User]) -> None:
    case = progress(
        f"scale-{rank}", member.organisation.key, f"{THEMES[rank % len(THEMES)]} à {member.organisation.city}", 3,
        STAGES[rank % len(STAGES)], training=f"{9000 + rank % 20000}.00", communication="2500.00",
    )  # fmt: skip
    with acting_as(member.user):
        application = applicant_side.fill_in(case, member, call)
        applicant_side.file(application, member)
    actor = staff["instruction"]
    with acting_as(actor):
        _examine(case, application, actor)


def _examine(case: Case, application: Application, actor: User) -> None:
    if case.stage == Stage.INCOMPLETE:
        staff_side.ask_for_pieces(application, actor)
    elif case.stage >= Stage.ADMISSIBLE:
        staff_side.admit(application, actor)
        if case.stage >= Stage.IN_INSTRUCTION:
            staff_side.start(application, actor)
