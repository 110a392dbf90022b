"""Filters of the lists after the vote. They stay in the address; each costs at most one query."""

from collections.abc import Callable

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from agreements import work
from grants.permissions import programmes_of


class QueueFilter(admin.SimpleListFilter):
    """The named queues of the menu: the list shows what the badge counts."""

    title = _("queue")
    parameter_name = "queue"
    queues: dict[str, tuple[object, Callable[..., QuerySet]]] = {}

    def lookups(self, request, model_admin):
        return [(name, label) for name, (label, _queue) in self.queues.items()]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        if self.value() in self.queues:
            return queryset.filter(pk__in=self.queues[self.value()][1](request.user).values("pk"))
        return queryset


class AgreementQueueFilter(QueueFilter):
    """The queues of acts."""

    queues = {
        "send": (_("to send"), work.agreements_to_send),
        "waiting": (_("the beneficiary's turn"), work.agreements_waiting),
        "sign": (_("to sign for the Region"), work.agreements_to_sign),
        "end": (_("to end"), work.agreements_to_end),
    }


class ClaimQueueFilter(QueueFilter):
    """The queues of claims."""

    queues = {
        "review": (_("to check"), work.claims_to_review),
        "order": (_("to order"), work.claims_to_order),
        "ready": (_("to order now"), work.claims_ready_to_order),
        "account": (_("waiting for a bank account"), work.claims_waiting_for_account),
        "again": (_("to certify again"), work.claims_to_certify_again),
        "above": (_("to take out of a batch"), work.claims_to_take_out),
        "suspended": (_("suspended"), work.claims_suspended),
        "unanswered": (_("not answered by the beneficiary"), work.claims_unanswered),
        "overpaid": (_("paid above what is due"), work.claims_overpaid),
    }


class BatchQueueFilter(QueueFilter):
    """The queues of batches."""

    queues = {
        "open": (_("in preparation"), work.batches_to_close),
        "sent": (_("to be confirmed"), work.batches_to_confirm),
        "replaced": (_("account replaced since"), work.batches_on_replaced_account),
    }


class OrderQueueFilter(QueueFilter):
    """The queue of orders."""

    queues = {"replaced": (_("account replaced since"), work.orders_on_replaced_account)}


class ReportQueueFilter(QueueFilter):
    """The queue of reports."""

    queues = {"read": (_("to read"), work.reports_to_read)}


class ProgrammeFilter(admin.SimpleListFilter):
    """The programmes that this person works for; ``path`` leads from the row to the application."""

    title = _("programme")
    parameter_name = "programme"
    path = ""

    def lookups(self, request, model_admin):
        return [(programme.code, programme.name) for programme in programmes_of(request.user)]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        if self.value():
            return queryset.filter(**{f"{self.path}application__programme_version__programme__code": self.value()})
        return queryset


class ClaimProgrammeFilter(ProgrammeFilter):
    """The programme of a claim."""

    path = "agreement__"


class ReportProgrammeFilter(ProgrammeFilter):
    """The programme of a report."""

    path = "tranche__agreement__"
