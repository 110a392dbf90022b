"""Random legal moves of several people, from draft to paid, over the three programmes: every figure holds after each.

After each sequence the history is whole too. ``make proofs`` plays 20 sequences, then 500, from a seed that never
changes, so that what is found once is found again.
"""

import os
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from core.acting import acting_as
from core.figures.checking import look
from core.models import OutboxMessage
from tests.invariants.moves import Sequence, World, undone

pytestmark = pytest.mark.django_db
SEED = 20261128
STEPS = 8
SEQUENCES = 20
PROOFS = int(os.environ.get("ESSOR_PROOFS", "500"))


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    """A Region before its first case, in a transaction that is undone after the last sequence."""
    with django_db_blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
        try:
            call_command("load_programmes", verbosity=0)
            yield World()
        finally:
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)
            connection.close()


def play(world: World, data: st.DataObject) -> list[str]:
    """One sequence; the steps that were made, for who reads a failure."""
    with undone():
        sequence = Sequence(world, data.draw)
        for _number in range(STEPS):
            sequence.step()
            OutboxMessage.objects.filter(state="pending").update(state="sent", sent_at=timezone.now())  # no worker here
            broken = [(result.invariant.code, result.rows, result.error) for result in look() if not result.holds]
            assert broken == [], "\n".join(sequence.told)
        with acting_as(label="tests"):
            call_command("verify_history", stdout=StringIO())
    return sequence.told


def sequences(count: int, world: World) -> list[str]:
    told: list[str] = []

    @seed(SEED)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        told.extend(play(world, data))

    run()
    return told


@pytest.mark.proofs
def test_random_moves_of_several_people_break_no_figure(world):
    told = sequences(SEQUENCES, world)
    done = [line for line in told if line.endswith(": done")]
    assert len(told) >= SEQUENCES * STEPS and len(done) > len(told) // 2
    assert any("goes on from contracted" in line for line in done), "\n".join(told)


@pytest.mark.proofs
def test_many_more_random_moves_break_no_figure(world, capsys):
    told = sequences(PROOFS, world)
    done = sum(line.endswith(": done") for line in told)
    with capsys.disabled():
        print(
            f"\nseed {SEED}: {PROOFS} sequences of {STEPS} steps, {done} moves done, {len(told) - done} refused, 0 figures broken"
        )
