"""What other apps add to the applicant's page of a case (an agreement, a payment). They register; grants knows none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q

Provider = Callable[[object, object], Iterable["CaseLink"]]
_providers: list[Provider] = []
#: The condition, on applications, that their applicant has something to do besides the application itself.
Duties = Callable[[], Q]
_duties: list[Duties] = []


@dataclass(frozen=True)
class CaseLink:
    """A link of the page of a case. ``task`` puts it under "what you have to do" with this sentence, and there alone."""

    label: str
    url: str
    note: str = ""
    task: str = ""
    step: str = ""
    """Where the act of the grant stands, for the timeline; empty: what the case itself says."""


def register_case_links(provider: Provider) -> None:
    """``provider(application, user)`` gives the links that this person may follow; at most a few queries."""
    if provider not in _providers:
        _providers.append(provider)


def register_duties(condition: Duties) -> None:
    """``condition()`` keeps, among applications, those that wait for their applicant; evaluated in their own query."""
    if condition not in _duties:
        _duties.append(condition)


def with_duties() -> Q:
    """The condition, on applications, that one of the other apps waits for the applicant."""
    return reduce(or_, (condition() for condition in _duties), Q(pk__in=[]))


def links_of(application, user) -> list[CaseLink]:
    """All that the other apps have to say about this case to this person."""
    return [link for provider in _providers for link in provider(application, user)]
