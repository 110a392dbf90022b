"""The small Region in which several people make random moves: its staff, calls, envelopes and members."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from django.db import transaction
from django.utils import timezone

from agreements.models import Agreement, PaymentClaim
from core.acting import acting_as
from core.models import User
from demo import applicant_side, europe, staff_side
from demo.applicant_side import Member
from demo.cases import CASES, Case
from demo.clock import Clock
from demo.organisations import ORGANISATIONS
from demo.people import ensure_staff
from grants.models import Application, Call, Envelope, PaymentCredit, Programme
from tests.factories.applicants import pdf
from tests.invariants.looking import Looker

# Days are counted from a day that has passed everywhere, so that the same seed makes the same moves for ever.
TODAY = date(2025, 6, 2)
FIRST_DAY = -1200
# Small enough that envelopes run out now and then.
VOTED = {"PROGRESS1": Decimal("90000.00"), "CAPITAL-SCOP": Decimal("30000.00"), "CPO": Decimal("400000.00")}
# How many cases of a programme there are, of different bodies.
CASES_OF = {"PROGRESS1": 3, "CAPITAL-SCOP": 2, "CPO": 2}
SHARES = [Decimal(1), Decimal("0.95"), Decimal("0.60"), Decimal("0.05")]


@dataclass(frozen=True)
class Told:
    """What one move was and what came of it: ``refused`` is empty when it was done."""

    day: int
    programme: str
    what: str
    refused: str = ""

    def __str__(self) -> str:
        return f"day {self.day}: {self.what}: {f'refused: {self.refused}' if self.refused else 'done'}"[:200]


@dataclass
class Play:
    """One case under way."""

    case: Case
    member: Member
    application: Application

    def refreshed(self) -> Application:
        self.application = Application.objects.get(pk=self.application.pk)
        return self.application

    @property
    def agreement(self) -> Agreement | None:
        return Agreement.objects.filter(application=self.application).first()

    @property
    def claims(self):
        return PaymentClaim.objects.filter(agreement__application=self.application).order_by("pk")


class Choices:
    """The choices of one sequence, all from one number: what may be chosen depends on what the database holds."""

    def __init__(self, number: int) -> None:
        self._random = Random(number)

    def one(self, among: Sequence[Any]) -> Any:
        return self._random.choice(among)

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)


@dataclass
class Turn:
    """Who is about to act on which case; ``draw`` makes the choices."""

    world: "World"
    draw: Choices
    play: Play

    def draw_one(self, among: list) -> Any:
        return self.draw.one(among)

    @property
    def staff(self) -> dict[str, User]:
        return self.world.staff

    @property
    def instructor(self) -> User:
        return staff_side.instructor_of(self.play.case, self.staff)


class World:
    """Staff, calls, envelopes and members, before the first case; built once, its cases undone after each sequence."""

    def __init__(self) -> None:
        self.clock, self.looker = Clock(), Looker()
        self.clock.today = TODAY
        self.members: dict[str, Member] = {}
        with self.clock.at(FIRST_DAY), acting_as(label="tests"):
            self.staff: dict[str, User] = ensure_staff()
            self.calls = {programme.code: self._call(programme) for programme in Programme.objects.all()}
            self.eu_programme = europe.build_programme(self.staff["finances"])
            self.cases = self._chosen()
            for number, organisation in enumerate(ORGANISATIONS, start=1):
                if organisation.key in {case.organisation for case in self.cases}:
                    self.members[organisation.key] = applicant_side.sign_up(organisation, number)

    def _call(self, programme: Programme) -> Call:
        year = timezone.localdate().year
        envelope = Envelope.objects.create(
            code=f"{programme.code}-essai", label=programme.name, programme=programme, kind="AE", year=year,
            voted_amount=VOTED[programme.code],
        )  # fmt: skip
        for credit_year in range(year, year + 6):
            PaymentCredit.objects.create(envelope=envelope, year=credit_year, voted_amount=VOTED[programme.code])
        return Call.objects.create(
            programme_version=programme.current_version, code=f"essai-{programme.code}", title=programme.name,
            opens_at=self.clock.moment(FIRST_DAY - 1), closes_at=self.clock.moment(30), envelope=envelope, is_published=True,
        )  # fmt: skip

    @staticmethod
    def _chosen() -> list[Case]:
        chosen: list[Case] = []
        for code, wanted in CASES_OF.items():
            of_programme = [case for case in CASES if case.programme == code]
            bodies = {case.organisation: case for case in of_programme}
            chosen += list(bodies.values())[:wanted]
        return chosen


def quick_paper(**data: object) -> bytes:
    """A very small paper with the same words, where nobody looks at it."""
    return pdf(" ".join(str(data).split()))


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside is taken back."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)
