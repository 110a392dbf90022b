"""The wordings of acts that a programme may name. The app that writes acts registers them; grants knows none."""

from collections.abc import Callable, Iterable

Provider = Callable[[], Iterable[str]]
_providers: list[Provider] = []


def register_act_templates(provider: Provider) -> None:
    """``provider()`` gives the names that ``convention_template`` may have."""
    if provider not in _providers:
        _providers.append(provider)


def act_templates() -> list[str]:
    """Every name that a programme's file may write, in alphabetical order."""
    return sorted({name for provider in _providers for name in provider()})
