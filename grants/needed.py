"""For what the people of a case are still needed: the case is instructed, decided and paid first."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applicants.models import Applicant
from core.engine.needs import register_need
from core.models.user import User
from core.text import listed
from grants.models import Application, CommitteeMember, Opinion, Partner, PersonLine, SessionState, Snapshot
from grants.states import FINAL

SHOWN = 5


def open_cases(cases: Any) -> list[str]:
    """The numbers of those of these cases that have not ended, the first of them."""
    found = cases.exclude(state__in=FINAL).order_by("pk").distinct()[: SHOWN + 1]
    numbers = [case.number or str(case.pk) for case in found]
    return [*numbers[:SHOWN], "…"] if len(numbers) > SHOWN else numbers


def _told(name: Any, numbers: list[str]) -> Iterator[str]:
    if numbers:
        yield ngettext(
            "“%(name)s” is needed in a case that has not ended: %(cases)s. Take it to its end first.",
            "“%(name)s” is needed in cases that have not ended: %(cases)s. Take them to their end first.",
            len(numbers),
        ) % {"name": name, "cases": listed(numbers)}


def _case(case: Application) -> Iterator[str]:
    return _told(case, open_cases(Application.objects.filter(pk=case.pk)))


def _of_a_case(row: Partner | PersonLine | Snapshot) -> Iterator[str]:
    return _told(row, open_cases(Application.objects.filter(pk=row.application_id)))


def _opinion(opinion: Opinion) -> Iterator[str]:
    if not opinion.result:
        yield from _told(opinion.body, open_cases(Application.objects.filter(pk=opinion.application_id)))


def _applicant(applicant: Applicant) -> Iterator[str]:
    of_it = Q(applicant=applicant) | Q(partners__applicant=applicant) | Q(persons__applicant=applicant)
    return _told(applicant.display_name, open_cases(Application.objects.filter(of_it)))


def _person(user: User) -> Iterator[str]:
    """A person alone for a body: nobody else could answer for its cases. An officer: the cases have another first."""
    alone = [
        membership.applicant_id
        for membership in user.memberships.all()
        if not membership.applicant.memberships.filter(user__is_active=True).exclude(user=user).exists()
    ]
    yield from _told(user, open_cases(Application.objects.filter(Q(instructor=user) | Q(applicant__in=alone))))


def _member(member: CommitteeMember) -> Iterator[str]:
    if member.session.state != SessionState.CLOSED:
        yield _("“%(name)s” sits in a session that is not closed: %(session)s. Close it first, or take the person off it.") % {
            "name": member.name, "session": member.session
        }  # fmt: skip


def register() -> None:
    """Called once, when the app is ready."""
    register_need(Application, _case)
    for model in (Partner, PersonLine, Snapshot):
        register_need(model, _of_a_case)
    register_need(Opinion, _opinion)
    register_need(Applicant, _applicant)
    register_need(User, _person)
    register_need(CommitteeMember, _member)
