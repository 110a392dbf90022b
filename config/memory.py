"""The memory of a process that serves pages."""

import gc

from django.urls import get_resolver

ALLOCATIONS_BEFORE_A_SEARCH = (50_000, 20, 50)
"""Of the three generations of Python's collector: a page makes thousands of objects, nearly none of them in cycles."""


def keep_what_is_loaded() -> None:
    """Never search again, page after page, what is loaded once and stays: models, addresses, templates' libraries.

    Python's collector goes through all that lives to find what can be thrown away; nine tenths of it are code. Called
    once a process, when the applications are set up.
    """
    list(get_resolver().url_patterns)  # imports every view
    gc.collect()
    gc.freeze()
    gc.set_threshold(*ALLOCATIONS_BEFORE_A_SEARCH)
