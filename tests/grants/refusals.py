"""A transition that must be refused, and what it says."""

import pytest

from core.transitions import TransitionRefused, perform


def refused(case, name, actor, **kwargs) -> TransitionRefused:
    with pytest.raises(TransitionRefused) as caught:
        perform(case, name, actor=actor, **kwargs)
    return caught.value
