"""Every open case stands in the work list of a person who can do something about it."""

from collections.abc import Collection, Iterator

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.figures.invariants import Broken, Invariant, Severity, Unit, register
from core.roles import Role
from core.text import listed
from grants.models import Application
from grants.who_is_there import ALL_STAY, INSTRUCTS, Without, somebody

NAMED = 3
# By state, the roles of those whose list shows the case (``grants.work``), who is expected first. A case that waits for its
# applicant is among them: it comes back.
WHO = {
    **dict.fromkeys(["submitted", "incomplete", "admissible", "in_instruction", "approved"], INSTRUCTS),
    "instructed": (Role.HEAD_OF_SERVICE,),
    **dict.fromkeys(["ready_for_committee", "scheduled"], (Role.COMMITTEE_SECRETARY,)),
}


def nobodys(without: Without = ALL_STAY) -> Iterator[Broken]:
    """The open cases that stand in nobody's list, or would without some people; one query."""
    unseen = Q(pk__in=[])
    for roles in sorted(set(WHO.values())):
        states = [state for state, who in WHO.items() if who == roles]
        unseen |= Q(state__in=states) & ~somebody(roles, without=without)
    cases = Application.objects.filter(unseen).order_by("pk").values_list("pk", "number", "state", "instructor__email")
    for pk, number, state, instructor in cases.iterator():
        yield Broken(pk, number, WHO[state][0], instructor)


def told(numbers: Collection[str], words: str) -> list[str]:
    """One sentence about rows that would be nobody's, such as ``words`` say it; [] without any."""
    if not numbers:
        return []
    shown = listed([*numbers][:NAMED] + (["…"] if len(numbers) > NAMED else []))
    return [words % {"count": len(numbers), "numbers": shown}]


def stranded_cases(without: Without) -> list[str]:
    """The numbers of the open cases that would stand in nobody's list any more without these people in these roles."""
    before = {broken.pk for broken in nobodys()}
    return [broken.label for broken in nobodys(without) if broken.pk not in before]


def stranded_without(people: Collection[int], lost: Collection[str], programme: int | None = None) -> list[str]:
    """For :func:`core.users.last_person.register_stranded`."""
    cases = stranded_cases(Without(people, lost, programme))
    return told(cases, _("cases that would be in nobody's list (%(count)s): %(numbers)s"))


register(
    Invariant(
        code="grants.open-case-is-somebodys",
        name=gettext_lazy("Cases in a work list"),
        sentence=gettext_lazy(
            "Every open case stands in the work list of an active person of its programme: its instructor, "
            "or whoever has the role that its state waits for."
        ),
        source=gettext_lazy(
            "Code of relations between the public and the administration, Article L231-4: silence has effects."
        ),
        subject=Application,
        rows=nobodys,
        unit=Unit.TEXT,
        words=dict(Role.choices),
        severity=Severity.FOLLOW_UP,
    )
)
