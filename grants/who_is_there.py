"""Who of the staff is there for a case: one question for the work lists, for the figures that look whether each row stands
in one, and for what an account that is closed would leave behind.

Somebody is there with an active account, the role and the programme; no auditor is, who changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import BooleanField, Count, F, Func, OuterRef, Q, QuerySet

from core.roles import Role
from grants.models import ProgrammeAssignment

# Whose work a case is until the vote, and after it.
INSTRUCTS = (Role.INSTRUCTOR, Role.HEAD_OF_SERVICE)
FOLLOWS_UP = (Role.INSTRUCTOR,)
PROGRAMME = "programme_version__programme"


@dataclass(frozen=True)
class Without:
    """People (ids) thought away from roles, in one programme or (None) in all: what would then be nobody's?"""

    people: Collection[int] = ()
    roles: Collection[str] = ()
    programme: int | None = None


ALL_STAY = Without()


def _people(roles: Collection[str], without: Without) -> QuerySet:
    """Who is there with one of these roles, as assignments to programmes."""
    away = Q(user__in=list(without.people))
    if without.programme is not None:
        away &= Q(programme=without.programme)
    kept = {str(role) for role in roles} - {str(role) for role in without.roles}
    has_role = Q(user__groups__name__in=[str(role) for role in roles])
    if without.people:
        has_role = has_role & ~away | Q(user__groups__name__in=kept)
    people = ProgrammeAssignment.objects.filter(has_role, user__is_active=True)
    return people.exclude(user__groups__name=Role.AUDITOR).order_by()


def there(roles: Collection[str], case: str = "", without: Without = ALL_STAY) -> QuerySet:
    """Who is there with one of these roles, as assignments to the programme of an outer row; ``case`` leads from that row
    to its case ("agreement__application__")."""
    return _people(roles, without).filter(programme=OuterRef(f"{case}{PROGRAMME}"))


def somebody(roles: Collection[str], case: str = "", without: Without = ALL_STAY) -> Q:
    """Somebody is there with one of these roles: asked once for all rows, by programme."""
    return Q(**{f"{case}{PROGRAMME}__in": _people(roles, without).values("programme")})


def several(roles: Collection[str], case: str = "", without: Without = ALL_STAY, more_than: int = 1) -> Q:
    """More than so many are there with one of these roles: where some of them may not act, another one can."""
    people = _people(roles, without).values("programme").annotate(people=Count("user", distinct=True))
    return Q(**{f"{case}{PROGRAMME}__in": people.filter(people__gt=more_than).values("programme")})


def nobody_instructs(case: str = "", roles: Collection[str] = INSTRUCTS) -> Q:
    """Without an instructor who is still there: none was named, or their account was closed, their role or their programme
    taken away. It would wait in a list that nobody opens, and stands in that of each of their colleagues."""
    return Q(_NobodyInstructs(f"{case}instructor_id", f"{case}{PROGRAMME}_id", roles=roles))


_HELD = "EXISTS (SELECT 1 FROM core_user_groups held JOIN auth_group role ON role.id = held.group_id WHERE held.user_id = person.id"
_NOBODY = f"""NOT EXISTS (
    SELECT 1 FROM grants_programmeassignment given JOIN core_user person ON person.id = given.user_id AND person.is_active
     WHERE (given.user_id, given.programme_id) = (%(expressions)s)
       AND {_HELD} AND role.name IN ({{roles}})) AND NOT {_HELD} AND role.name = '{Role.AUDITOR}'))"""  # noqa: S608 - names of roles


class _NobodyInstructs(Func):
    """No instructor (first expression) is there for a programme (second one), as ``there`` says it: in SQL, for it stands in
    each query of the work lists, which Django would compile for longer than PostgreSQL answers them."""

    output_field = BooleanField()

    def __init__(self, instructor: str, programme: str, *, roles: Collection[str]):
        one_of = ", ".join(f"'{Role(role)}'" for role in roles)
        super().__init__(F(instructor), F(programme), template=_NOBODY.format(roles=one_of))
