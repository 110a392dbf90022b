"""What stops when the last active person of a role leaves it: work that its state keeps for a role that nobody holds.

A row waits for the moves that lead it on from its state (``tone`` "primary"); each move names its roles. A move that may
be taken again (its target is among its sources) is waited for in the first state alone. Apps add what they know of the
work of one person by :func:`register_stranded`.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache

from django.apps import apps
from django.db import connection, models
from django.utils.translation import gettext as _

from core.models.user import User
from core.roles import Role
from core.transitions import TransitionSpec, state_field_of, transitions_of, workflow_models


@dataclass(frozen=True)
class OpenWork:
    """Rows of a model that wait for one move: how many, the first of them, whose roles may take it."""

    model: type[models.Model]
    spec: TransitionSpec
    count: int
    first: int

    @property
    def words(self) -> str:
        """Such as: payment claims (3): certify."""
        words = {"rows": self.model._meta.verbose_name_plural, "count": self.count, "move": self.spec.label}
        return _("%(rows)s (%(count)s): %(move)s") % words


# (ids of people, the roles that they leave, of one programme or of all) -> sentences about work that nobody else could do
Stranded = Callable[[Collection[int], Collection[str], int | None], Collection[str]]
_stranded: list[Stranded] = []


def register_stranded(provider: Stranded) -> None:
    """Let an app say what its work loses with one person, beside the roles."""
    if provider not in _stranded:
        _stranded.append(provider)


def stranded(people: Collection[int], lost: Collection[str], programme: int | None = None) -> list[str]:
    """What would stand in nobody's work list any more once these people leave these roles, in words, app by app."""
    return [sentence for provider in _stranded for sentence in provider(people, lost, programme)]


@cache
def _moves() -> dict[tuple[type[models.Model], str], dict[str, list[TransitionSpec]]]:
    """By model and column of its state: the moves of the staff that each state waits for."""
    found: dict[tuple[type[models.Model], str], dict[str, list[TransitionSpec]]] = {}
    for model in workflow_models(apps.get_models()):
        for spec in transitions_of(model):
            field = state_field_of(model, spec)
            if spec.audience != "staff" or spec.tone != "primary" or field.model is not model:
                continue
            sources = {str(field.get_default())} & {*spec.sources} if spec.target in spec.sources else spec.sources
            for state in sources:
                found.setdefault((model, field.column), {}).setdefault(state, []).append(spec)
    return found


def open_work() -> Iterator[OpenWork]:
    """All that waits for a member of the staff, by model and move; one statement."""
    quote, parts, values = connection.ops.quote_name, [], []
    columns = sorted(_moves(), key=lambda entry: (entry[0]._meta.db_table, entry[1]))
    for place, (model, column) in enumerate(columns):
        table, pk = quote(model._meta.db_table), quote(model._meta.pk.column)
        parts.append(
            f"SELECT %s AS place, {quote(column)} AS state, count(*) AS rows, min({pk}) AS first FROM {table}"  # noqa: S608
            f" WHERE {quote(column)} = ANY(%s) GROUP BY {quote(column)}"
        )
        values += [place, list(_moves()[model, column])]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts) + " ORDER BY place, state", values)
        lines = cursor.fetchall()
    for place, state, count, first in lines:
        model, column = columns[place]
        for spec in _moves()[model, column][state]:
            yield OpenWork(model, spec, count, first)


def roles_held(without: User | None = None) -> frozenset[str]:
    """The roles that an active person has, one person left out."""
    people = User.objects.filter(is_active=True, groups__name__in=Role.values)
    if without is not None:
        people = people.exclude(pk=without.pk)
    return frozenset(people.values_list("groups__name", flat=True).distinct())


def waiting_for_nobody() -> list[OpenWork]:
    """The open work whose move nobody active may take."""
    held = roles_held()
    return [work for work in open_work() if not held & {str(role) for role in work.spec.roles}]


def stops_without(user: User, lost: Collection[str]) -> list[str]:
    """What nobody else could do once this active person leaves these roles, in words; [] when the work goes on."""
    lost = {str(role) for role in lost}
    if not lost:
        return []
    kept = roles_held(without=user) | (user.role_set - lost)
    found = [
        work.words
        for work in open_work()
        if (roles := {str(role) for role in work.spec.roles}) & lost and not roles & kept
    ]
    return found + stranded([user.pk], lost)
