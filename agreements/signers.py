"""Who signs for the Region: as ``may_put_in_force``, somebody else than who instructs the case or wrote the act."""

from django.db.models import OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from core.roles import Role
from grants.who_is_there import ALL_STAY, Without, there


def did_not_prepare(user) -> Q:
    """The condition of the agreements that this person did not prepare."""
    return ~Q(drafted_by=user) & ~Q(application__instructor=user)


def who_may_sign(role: Role, without: Without = ALL_STAY) -> QuerySet:
    """Those with this role who are there for an outer agreement, and did not prepare it."""
    instructor = Coalesce(OuterRef("application__instructor"), Value(0))
    return there([role], "application__", without).exclude(user=OuterRef("drafted_by")).exclude(user=instructor)
