"""What other apps add to the applicant's page of a case (an agreement, a payment). They register; grants knows none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

Provider = Callable[[object, object], Iterable["CaseLink"]]
_providers: list[Provider] = []
#: ``cases(applications)``: those of them on which the applicant has something to do besides the application itself.
Duties = Callable[[QuerySet], QuerySet]
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


def register_duties(cases: Duties) -> None:
    """``cases(applications)`` keeps those of a queryset of applications that wait for their applicant."""
    if cases not in _duties:
        _duties.append(cases)


def with_duties(applications: QuerySet) -> Q:
    """The condition, on applications, that one of the other apps waits for the applicant."""
    return reduce(or_, (Q(pk__in=cases(applications).values("pk")) for cases in _duties), Q(pk__in=[]))


def links_of(application, user) -> list[CaseLink]:
    """All that the other apps have to say about this case to this person."""
    return [link for provider in _providers for link in provider(application, user)]
