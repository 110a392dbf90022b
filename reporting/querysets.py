"""Figures that several screens show beside rows."""

from django.db.models import DecimalField, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from core.money import MAX_DIGITS, ZERO
from reporting.models import ExpenditureItem


def with_sums(declarations: QuerySet) -> QuerySet:
    """Annotate declarations with the sums of their items: declared, retained, rejected, parked."""
    money = DecimalField(max_digits=MAX_DIGITS, decimal_places=2)

    def summed(field: str) -> Coalesce:
        items = ExpenditureItem.objects.filter(declaration=OuterRef("pk")).order_by().values("declaration")
        return Coalesce(Subquery(items.annotate(total=Sum(field)).values("total")), Value(ZERO), output_field=money)

    return declarations.annotate(
        declared=summed("declared_amount"),
        retained=summed("retained_amount"),
        rejected=summed("rejected_amount"),
        parked=summed("parked_amount"),
    )
