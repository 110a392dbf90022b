"""Random legal moves of several people, from draft to paid, over the three programmes: every figure holds after each.

After each sequence the history is whole too. The moves come from a seed that never changes, so that what is found once
is found again: 20 sequences with the other tests, 500 by ``make proofs``.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from io import StringIO

import pytest
from django.conf import settings as settings_of_django
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from agreements.models import PaymentClaim, PaymentOrder, Settlement
from core.acting import acting_as
from core.engine.seals import seal_all
from core.models import OutboxMessage
from demo import papers
from grants.models import AgendaItem, Programme
from tests.invariants.moves import Sequence, Told
from tests.invariants.world import Choices, World, quick_paper, undone

pytestmark = pytest.mark.django_db
SEED = 20261128
STEPS = 7
SEQUENCES = 20
PROOFS = int(os.environ.get("ESSOR_PROOFS", "500"))
PARTS = 10  # of the proofs: each with a seed of its own, so that several processes may share them


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    """A Region before its first case, in a transaction that is undone after the last sequence."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(papers, "_paper", quick_paper)
        outer = transaction.atomic()
        outer.__enter__()
        try:
            call_command("load_programmes", verbosity=0)
            yield World()
        finally:
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)
            connection.close()


class Played:
    """What all the sequences did, and how far they came."""

    def __init__(self) -> None:
        self.sequences = 0
        self.told: list[Told] = []
        self.reached: Counter[str] = Counter()

    @property
    def done(self) -> list[Told]:
        return [told for told in self.told if not told.refused]

    def count(self) -> None:
        """Look how far the cases of a sequence came, before it is undone."""
        self.reached.update(
            {f"paid in {claim.agreement.programme.code}" for claim in PaymentClaim.objects.filter(state="paid")}
        )
        self.reached["settlements"] += Settlement.objects.count()
        self.reached["deferred"] += AgendaItem.objects.filter(decision="deferred").count()
        self.reached["orders cancelled"] += PaymentOrder.objects.filter(state="cancelled").count()


def play(world: World, choices: Choices, played: Played) -> None:
    """One sequence; every figure after each move, the whole history at its end."""

    def look() -> None:
        OutboxMessage.objects.filter(state="pending").update(state="sent", sent_at=timezone.now())  # no worker here
        assert world.looker.broken() == [], "\n".join(map(str, sequence.told))

    with undone():
        sequence = Sequence(world, choices, look)
        for _number in range(STEPS):
            sequence.step()
        with acting_as(label="tests"):
            seal_all()
            call_command("verify_history", stdout=StringIO())  # raises when a link is broken
        played.count()
    played.told += sequence.told


def sequences(count: int, world: World, start: int = SEED, played: Played | None = None) -> Played:
    """So many sequences from a seed; what they did stands in ``played``, also where one of them failed."""
    played = played or Played()

    @seed(start)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(number=st.integers(0, 2**64 - 1))
    def run_one(number: int) -> None:
        play(world, Choices(number), played)
        played.sequences += 1

    run_one()
    return played


@pytest.mark.long
def test_random_moves_of_several_people_break_no_figure(world):
    played = sequences(SEQUENCES, world)
    assert len(played.done) > len(played.told) // 2
    wanted = [f"paid in {programme.code}" for programme in Programme.objects.all()]
    missing = [what for what in (*wanted, "settlements", "deferred", "orders cancelled") if not played.reached[what]]
    assert missing == [], "\n".join(map(str, played.told))


@pytest.mark.proofs
@pytest.mark.parametrize("part", range(PARTS))
def test_many_more_random_moves_break_no_figure(world, part):
    """What was reached, or that a sequence failed, is a line of ``var/proofs.log``: ``make proofs`` keeps it with the seed."""
    played, whole = Played(), False
    try:
        sequences(PROOFS // PARTS, world, SEED + part, played)
        whole = True
    finally:
        done = len(played.done)
        kept = {
            "day": f"{timezone.localdate():%Y-%m-%d}", "seed": SEED + part, "sequences": played.sequences, "steps": STEPS, "done": done,
            "refused": len(played.told) - done, "reached": dict(sorted(played.reached.items())), "whole": whole,
        }  # fmt: skip
        with (settings_of_django.VAR_DIR / "proofs.log").open("a") as log:
            log.write(json.dumps(kept) + "\n")
    assert played.sequences == PROOFS // PARTS
