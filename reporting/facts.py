"""What was known at the end of a day: the only way in which reports read the tables.

Everything that a report states is a row that never changes and bears the instant at which it was recorded. A report
with the same cut-off date states the same figures whenever it is made: versions of operations recorded, declarations
submitted, controls ended, certificates issued and payment applications closed by then. What may still change (a draft
declaration, an open payment application, a control under way) states no figure. Names and labels are those of that
day too (``Selection.past``): a programme that was renamed since keeps in the report the name that it had.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from django.db.models import Case, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.dates import end_of_day
from core.engine.past import Past
from core.money import ZERO
from reporting.models import (
    Certificate,
    CertificateAllocation,
    EUProgramme,
    ExpenditureItem,
    FinancingLine,
    Fund,
    Operation,
    OperationFlag,
    OperationVersion,
    PaymentApplicationEntry,
    PaymentApplicationLine,
)

# An operation of a list has its programme from the start; that of an agreement comes with its priority, and one that
# got it since had none at the cut-off.
LISTED_PROGRAMME = Case(When(operation__agreement=None, then=F("operation__programme_id")))


@dataclass(frozen=True)
class ItemSums:
    """What was declared of an operation and what became of it, in euros."""

    declared: Decimal = ZERO
    retained: Decimal = ZERO
    rejected: Decimal = ZERO
    parked: Decimal = ZERO


@dataclass(frozen=True)
class Selection:
    """What a report is about: everything, one programme, one fund; up to the end of ``cut_off``.

    ``user`` limits it to the operations that this person may see; None (a command) is no limit. ``format_version``
    asks for the columns of an earlier format of the report; None for those of today.
    """

    cut_off: date
    programme: EUProgramme | None = None
    fund: Fund | None = None
    user: object = None
    format_version: int | None = None

    @cached_property
    def limit(self) -> datetime:
        """The last instant that counts."""
        return end_of_day(self.cut_off)

    @cached_property
    def past(self) -> Past:
        """Names and labels as they were at the cut-off."""
        return Past(self.limit)

    @property
    def is_final(self) -> bool:
        """Whether the day is over, so that nothing can be added to it."""
        return self.cut_off < timezone.localdate()

    @cached_property
    def versions(self) -> QuerySet[OperationVersion]:
        """The version of each operation that was the latest at the cut-off."""
        latest = (
            OperationVersion.objects.filter(recorded_at__lte=self.limit)
            .order_by("operation_id", "-number")
            .distinct("operation_id")
            .values("pk")
        )
        found = OperationVersion.objects.filter(pk__in=latest).annotate(
            eu_programme_id=Coalesce("priority__programme_id", LISTED_PROGRAMME)
        )
        if self.programme:
            found = found.filter(eu_programme_id=self.programme.pk)
        if self.fund:
            found = found.filter(fund=self.fund)
        if self.user is not None:
            found = found.filter(operation__in=Operation.objects.for_user(self.user).values("pk"))
        return found

    @property
    def operation_ids(self):
        return self.versions.values("operation_id")

    # --- expenditure ------------------------------------------------------------------------------------------------

    @property
    def items(self) -> QuerySet[ExpenditureItem]:
        """The items declared by then."""
        return ExpenditureItem.objects.filter(
            declaration__submitted_at__lte=self.limit, declaration__operation__in=self.operation_ids
        )

    def item_sums(self) -> dict[int, ItemSums]:
        """Return what was declared and decided, by operation."""
        controlled = Q(declaration__controlled_at__lte=self.limit)
        rows = self.items.values("declaration__operation_id").annotate(
            declared=Sum("declared_amount"),
            retained=Sum("retained_amount", filter=controlled),
            rejected=Sum("rejected_amount", filter=controlled),
            parked=Sum("parked_amount", filter=controlled),
        )
        return {
            row["declaration__operation_id"]: ItemSums(
                row["declared"], row["retained"] or ZERO, row["rejected"] or ZERO, row["parked"] or ZERO
            )
            for row in rows.order_by()
        }

    @property
    def certificates(self) -> QuerySet[Certificate]:
        return Certificate.objects.filter(issued_at__lte=self.limit, operation__in=self.operation_ids)

    @property
    def allocations(self) -> QuerySet[CertificateAllocation]:
        return CertificateAllocation.objects.filter(certificate__in=self.certificates.values("pk"))

    def certified_by_source(self) -> dict[int, dict[tuple[str, str], Decimal]]:
        """Return the certified euros by operation and by (kind, name) of the source."""
        rows = (
            self.allocations.values("certificate__operation_id", "kind", name=Coalesce("source__label", Value("")))
            .annotate(amount=Sum("amount"))
            .order_by()
        )
        found: dict[int, dict[tuple[str, str], Decimal]] = defaultdict(dict)
        for row in rows:
            found[row["certificate__operation_id"]][row["kind"], row["name"]] = row["amount"]
        return found

    # --- financing --------------------------------------------------------------------------------------------------

    @property
    def financing(self) -> QuerySet[FinancingLine]:
        return FinancingLine.objects.filter(version__in=self.versions.values("pk"))

    # --- payment applications -----------------------------------------------------------------------------------------

    @property
    def entries(self) -> QuerySet[PaymentApplicationEntry]:
        """The entries of payment applications closed by then, and not withdrawn by then."""
        return PaymentApplicationEntry.objects.filter(
            self._stood("line__application__"), certificate__operation__in=self.operation_ids
        )

    def _stood(self, path: str) -> Q:
        """The condition of an application closed by then, and not withdrawn by then; ``path`` leads to it."""
        withdrawn = Q(**{f"{path}withdrawn_at__lte": self.limit})
        return Q(**{f"{path}closed_at__lte": self.limit}) & ~withdrawn

    def applied(self) -> dict[int, tuple[Decimal, Decimal]]:
        """Return (eligible, Union contribution) asked from the Commission, by operation."""
        rows = self.entries.values("certificate__operation_id").annotate(
            eligible=Sum("eligible_amount"), union=Sum("union_amount")
        )
        return {row["certificate__operation_id"]: (row["eligible"], row["union"]) for row in rows.order_by()}

    @property
    def application_lines(self) -> QuerySet[PaymentApplicationLine]:
        lines = PaymentApplicationLine.objects.filter(self._stood("application__"))
        if self.user is not None:
            lines = lines.for_user(self.user)
        if self.programme:
            lines = lines.filter(application__programme=self.programme)
        if self.fund:
            lines = lines.filter(application__fund=self.fund)
        return lines

    # --- doubts -------------------------------------------------------------------------------------------------------

    def open_flags(self) -> dict[int, int]:
        """Return how many doubts were open, by operation."""
        rows = (
            OperationFlag.objects.filter(raised_at__lte=self.limit, operation__in=self.operation_ids)
            .filter(Q(answered_at__isnull=True) | Q(answered_at__gt=self.limit))
            .values("operation_id")
            .annotate(count=Count("pk"))
        )
        return {row["operation_id"]: row["count"] for row in rows.order_by()}

    def totals(self) -> dict[str, Decimal]:
        """Return the totals as the database adds them up: what the workbook's own totals are checked against."""
        versions = self.versions.aggregate(eligible=Sum("eligible_cost"), eu=Sum("eu_amount"))
        items = self.items.aggregate(declared=Sum("declared_amount"))
        certified = self.certificates.aggregate(certified=Sum("total"))
        return {key: value or ZERO for key, value in (versions | items | certified).items()}


def in_chunks(queryset: QuerySet, size: int = 2_000) -> Iterator:
    """Iterate over a queryset without keeping it: prefetches go chunk by chunk."""
    return queryset.iterator(chunk_size=size)
