"""The Region of the demonstration before the first application: envelopes, payment credits, calls, sessions."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from core.acting import acting_as
from core.events import record
from core.models import User
from demo.clock import Clock
from grants.committee import add_member, create_session
from grants.models import Call, CommitteeSession, Envelope, PaymentCredit, Programme

# Days from today: when the calls of a wave open and close, and when its session sits.
WAVES = {1: (-440, -405, -365), 2: (-215, -185, -140), 3: (-45, 21, 24)}
# Euros voted for each wave's calls.
VOTED = {"PROGRESS1": Decimal("480000.00"), "CAPITAL-SCOP": Decimal("90000.00"), "CPO": Decimal("1500000.00")}
TITLES = {
    "PROGRESS1": "PROGRESS, expérimentations territoriales",
    "CAPITAL-SCOP": "Capital SCOP, création et reprise",
    "CPO": "Conventions pluriannuelles avec les réseaux",
}
MEMBERS = [
    ("Hélène Perret", "vice-présidente à l’économie sociale et solidaire", True),
    ("Marc Lacombe", "conseiller régional", True),
    ("Samia Haddou", "conseillère régionale", True),
    ("Jean Simon", "conseiller régional", True),
    ("Odile Voisin", "conseillère régionale, voix consultative", False),
]
QUORUM = 3


@dataclass
class Region:
    """What the cases travel on, by programme and wave."""

    calls: dict[tuple[str, int], Call]
    sessions: dict[int, CommitteeSession]


def build_region(clock: Clock, staff: dict[str, User]) -> Region:
    """Envelopes with their payment credits, calls, and a session for each wave."""
    programmes = {programme.code: programme for programme in Programme.objects.all()}
    calls = {}
    for wave, (opens, closes, _held) in WAVES.items():
        for code, programme in programmes.items():
            envelope = _envelope(programme, clock.day(opens).year, wave, staff["finances"])
            calls[code, wave] = _call(
                staff["chefferie"],
                programme_version=programme.current_version,
                code=f"{code}-{wave}",
                title=f"{TITLES[code]} : session {wave}",
                opens_at=clock.moment(opens),
                closes_at=_last_minute(clock, closes),
                envelope=envelope,
                is_published=True,
            )
    sessions = {wave: _session(clock, wave, programmes.values(), staff["seances"]) for wave in WAVES}
    return Region(calls, sessions)


def _call(head: User, **values: Any) -> Call:
    with acting_as(head), transaction.atomic():
        call = Call.objects.create(**values)
        record(call, "create", actor=head)
    return call


def _envelope(programme: Programme, year: int, wave: int, finance: User) -> Envelope:
    """An envelope with its payment credits, entered as on its page."""
    with acting_as(finance), transaction.atomic():
        envelope = _voted(programme, year, wave)
        record(envelope, "create", actor=finance)
    return envelope


def _voted(programme: Programme, year: int, wave: int) -> Envelope:
    envelope = Envelope.objects.create(
        code=f"{programme.code}-{wave}",
        label=f"{TITLES[programme.code]} ({wave})",
        programme=programme,
        kind=Envelope.Kind.AE,
        year=year,
        budget_account="65748",
        voted_amount=VOTED[programme.code],
    )
    for credit_year in range(year, year + 5):
        PaymentCredit.objects.create(envelope=envelope, year=credit_year, voted_amount=VOTED[programme.code])
    return envelope


def _last_minute(clock: Clock, day: int) -> datetime:
    return clock.moment(day, 23, 59)


def _session(clock: Clock, wave: int, programmes, secretary: User) -> CommitteeSession:
    session = create_session(
        actor=secretary,
        held_at=clock.moment(WAVES[wave][2], 10),
        programmes=programmes,
        place="Hôtel de Région, salle des séances",
        quorum=QUORUM,
    )
    for name, capacity, is_voting in MEMBERS:
        add_member(session, name, capacity=capacity, is_voting=is_voting, actor=secretary)
    return session
