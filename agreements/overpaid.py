"""What was paid on several agreements and is to be asked back, read at once for a list."""

from collections.abc import Iterable
from decimal import Decimal

from django.db.models import Case, OuterRef, Subquery, Sum, When
from django.db.models.functions import Coalesce

from agreements.models import Agreement, PaymentClaim
from core.money import ZERO


def overpaid_among(agreements: Iterable[int]) -> dict[int, Decimal]:
    """Euros by agreement (its id) of which something is to be asked back: ``settlements.services.overpaid_of``; one query."""
    claims = PaymentClaim.objects.filter(agreement=OuterRef("pk")).order_by().values("agreement")
    closed = Coalesce(Subquery(claims.annotate(total=Sum("overpaid_amount")).values("total")), ZERO)
    at_end = Case(
        When(ended_on__isnull=False, then=Coalesce("settlement__unjustified_paid_amount", ZERO)), default=ZERO
    )
    owed = Agreement.objects.filter(pk__in=agreements).annotate(owed=closed + at_end).filter(owed__gt=0)
    return dict(owed.values_list("pk", "owed"))
