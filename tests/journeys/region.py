"""The Region before a journey begins: its staff, an envelope, an open call and a session to come. Nothing else."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from core.acting import acting_as
from core.models import User
from core.roles import Role
from grants.committee import add_member, create_session
from grants.models import Call, CommitteeSession, PaymentCredit
from tests.factories.grants import open_call
from tests.factories.instruction import EnvelopeFactory, programme_of, staff

TITLES = {
    "PROGRESS1": "PROGRESS, expérimentations territoriales 2026",
    "CAPITAL-SCOP": "Capital SCOP, création et reprise 2026",
    "CPO": "Conventions pluriannuelles avec les réseaux 2026",
}
PEOPLE = {
    "instructor": (Role.INSTRUCTOR, "Claire", "Fontaine"),
    "head": (Role.HEAD_OF_SERVICE, "Anne", "Delorme"),
    "secretary": (Role.COMMITTEE_SECRETARY, "Bruno", "Leroy"),
    "finance": (Role.FINANCE_OFFICER, "Catherine", "Prévost"),
    "second_finance": (Role.FINANCE_OFFICER, "Youssef", "Naciri"),
    "controller": (Role.EU_CONTROLLER, "Elena", "Rossi"),
    "administrator": (Role.ADMINISTRATOR, "Gaëlle", "Riou"),
}
MEMBERS = [
    ("Hélène Perret", "vice-présidente à l’économie sociale et solidaire", True),
    ("Marc Lacombe", "conseiller régional", True),
    ("Samia Haddou", "conseillère régionale", True),
    ("Odile Voisin", "conseillère régionale, voix consultative", False),
]
QUORUM = 2
VOTED = Decimal("480000.00")


@dataclass(frozen=True)
class Region:
    """Who works on the case, on what it is filed, and where it is decided."""

    call: Call
    session: CommitteeSession
    instructor: User
    head: User
    secretary: User
    finance: User
    second_finance: User
    controller: User
    administrator: User


def region_of(code: str) -> Region:
    """The Region of one programme. The session sits today, so that what it decides can be signed today."""
    with acting_as(label="test"):
        people = {
            name: staff(role, code, first_name=first, last_name=last, email=f"{name}@region.example")
            for name, (role, first, last) in PEOPLE.items()
        }
        call = open_call(code)
        call.title = TITLES[code]
        call.envelope = _envelope(code)
        call.save()
        session = create_session(
            actor=people["secretary"],
            held_at=timezone.localtime().replace(hour=23, minute=59),
            programmes=[programme_of(code)],
            place="Hôtel de Région, salle des séances",
            quorum=QUORUM,
        )
        for name, capacity, is_voting in MEMBERS:
            add_member(session, name, capacity=capacity, is_voting=is_voting, actor=people["secretary"])
    return Region(call=call, session=session, **people)


def _envelope(code: str):
    year = timezone.localdate().year
    envelope = EnvelopeFactory(
        code=f"{code}-{year}",
        label=TITLES[code],
        programme=programme_of(code),
        year=year,
        budget_account="65748",
        voted_amount=VOTED,
    )
    for credit_year in range(year, year + 5):
        PaymentCredit.objects.create(envelope=envelope, year=credit_year, voted_amount=VOTED)
    return envelope
