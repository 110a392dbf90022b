"""Filters of the lists of cases. They stay in the address; each costs at most one query."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.text import is_number
from grants.models import Application, Call
from grants.permissions import programmes_of
from grants.staff_forms import instructors_of_programmes
from grants.states import ApplicationState
from grants.who_is_there import nobody_instructs
from grants.work import overdue_requests, queue


class QueueFilter(admin.SimpleListFilter):
    """The named queues of the menu."""

    title = _("queue")
    parameter_name = "queue"

    def lookups(self, request, model_admin):
        return [
            ("todo", _("to do")),
            ("waiting", _("the applicant's turn")),
            ("unread", _("message not read")),
            ("unassigned", _("without instructor")),
        ]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        if self.value() in {"todo", "waiting", "unread", "unassigned"}:
            return queryset.filter(pk__in=queue(request.user, self.value()).values("pk"))
        return queryset


class ProgrammeFilter(admin.SimpleListFilter):
    """The programmes that this person works for."""

    title = _("programme")
    parameter_name = "programme"

    def lookups(self, request, model_admin):
        return [(programme.code, programme.name) for programme in programmes_of(request.user)]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        if self.value():
            return queryset.filter(programme_version__programme__code=self.value())
        return queryset


class CallFilter(admin.SimpleListFilter):
    """The calls of the programmes that this person works for, of the chosen programme when there is one."""

    title = _("call")
    parameter_name = "call"

    def lookups(self, request, model_admin):
        calls = Call.objects.filter(programme_version__programme__in=programmes_of(request.user))
        if programme := request.GET.get("programme"):
            calls = calls.filter(programme_version__programme__code=programme)
        return list(calls.values_list("code", "title"))

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        return queryset.filter(call__code=self.value()) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    """The state, in the words of the staff."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [(state.value, state.label) for state in ApplicationState if state != ApplicationState.DRAFT]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        return queryset.filter(state=self.value()) if self.value() else queryset


class InstructorFilter(admin.SimpleListFilter):
    """Who instructs."""

    title = _("instructor")
    parameter_name = "instructor"

    def lookups(self, request, model_admin):
        people = instructors_of_programmes(programmes_of(request.user))
        return [("me", _("me")), ("none", _("nobody")), *((str(person.pk), str(person)) for person in people)]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if value == "me":
            return queryset.filter(instructor=request.user)
        if value == "none":
            return queryset.filter(nobody_instructs())
        return queryset.filter(instructor_id=int(value)) if is_number(value) else queryset


class DeadlineFilter(admin.SimpleListFilter):
    """When silence becomes a refusal."""

    title = _("deadline")
    parameter_name = "due"

    def lookups(self, request, model_admin):
        return [
            ("late", _("past")),
            ("week", _("within 7 days")),
            ("month", _("within 30 days")),
            ("pieces", _("pieces overdue")),
        ]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        today = timezone.localdate()
        undecided = queryset.filter(state__in=Application.UNDECIDED)
        match self.value():
            case "late":
                return undecided.filter(decision_due_on__lt=today)
            case "week":
                return undecided.filter(decision_due_on__range=(today, today + timedelta(days=7)))
            case "month":
                return undecided.filter(decision_due_on__range=(today, today + timedelta(days=30)))
            case "pieces":
                return queryset.filter(pk__in=overdue_requests())
        return queryset
