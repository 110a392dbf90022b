"""Several processes that live the demonstration at once.

Each begins from nothing: a copy (fork) of a process that has drawn a paper waits for ever for the threads that drew it,
which are not copied.
"""

import os
from multiprocessing import get_context
from multiprocessing.pool import Pool

import django


def pool() -> Pool:
    """One process a core; what it is given to do is a function of a module, and found by its name."""
    return get_context("spawn").Pool(os.cpu_count(), initializer=_begin)


def _begin() -> None:
    """Nothing of Essor is imported before: what the process is given to do is."""
    django.setup()
