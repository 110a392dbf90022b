"""What other apps add to the applicant's page of a case (an agreement, a payment). They register; grants knows none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Provider = Callable[[object, object], Iterable["CaseLink"]]
_providers: list[Provider] = []


@dataclass(frozen=True)
class CaseLink:
    """A link of the page of a case. ``task`` puts it under "what you have to do" with this sentence."""

    label: str
    url: str
    note: str = ""
    task: str = ""


def register_case_links(provider: Provider) -> None:
    """``provider(application, user)`` gives the links that this person may follow; at most a few queries."""
    if provider not in _providers:
        _providers.append(provider)


def links_of(application, user) -> list[CaseLink]:
    """All that the other apps have to say about this case to this person."""
    return [link for provider in _providers for link in provider(application, user)]
