"""What core declares when Django is ready: its invariants, the nightly look, who reads what it found."""

from core.figures import (
    as_told,
    files,
    jobs,
    kept,
    numbers,
    one_parent,
    parameters,
    people,
    proof,
    second_persons,
    states,
    waiting,
)

DECLARED = (states, files, proof, waiting, people, second_persons, numbers, parameters, one_parent, as_told, kept)


def register() -> None:
    """Importing the files declares the invariants and the kind of job."""
    assert DECLARED and jobs  # noqa: S101
