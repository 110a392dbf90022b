"""The REST interface of operations: the public list."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.routers import BaseRouter

from core.rest import EssorViewSet
from core.text import nothing_to_search
from reporting.models import Fund, Operation
from reporting.serializers import OperationSerializer


class OperationFilter(filters.FilterSet):
    fund = filters.ModelChoiceFilter(
        field_name="current__fund", queryset=Fund.objects.all(), to_field_name="code", label=_("Code of the fund")
    )
    programme = filters.CharFilter(field_name="programme__code", label=_("Code of the EU programme"))
    start_after = filters.DateFilter(field_name="current__start_date", lookup_expr="gte", label=_("Started from"))
    start_before = filters.DateFilter(field_name="current__start_date", lookup_expr="lt", label=_("Started before"))
    search = filters.CharFilter(method="filter_search", label=_("Words of the name or of the beneficiary"))

    class Meta:
        model = Operation
        fields: list[str] = []

    def filter_search(self, queryset: QuerySet[Operation], name: str, value: str) -> QuerySet[Operation]:
        if reason := nothing_to_search(value):
            raise ValidationError({name: [reason]})
        return queryset.search(value)


@extend_schema_view(
    list=extend_schema(summary=_("Public list of operations"), auth=[]),
    retrieve=extend_schema(summary=_("One operation of the public list"), auth=[]),
)
class OperationViewSet(EssorViewSet):
    """Everyone reads the operations that were published; EU staff also those of their screens."""

    queryset = Operation.objects.none()
    serializer_class = OperationSerializer
    permission_classes = (AllowAny,)
    filterset_class = OperationFilter
    lookup_field = "code"
    lookup_value_regex = r"[\w-]+"

    def get_queryset(self) -> QuerySet[Operation]:
        mine = Operation.objects.for_user(self.request.user).values("pk")
        operations = Operation.objects.filter(Q(first_published_on__isnull=False) | Q(pk__in=mine))
        return (
            operations.filter(current__isnull=False)
            .select_related(
                "current__operation__agreement",
                "current__beneficiary",
                "current__fund",
                "current__specific_objective",
                "current__intervention_field",
            )
            .order_by("code")
        )


def register(router: BaseRouter) -> None:
    router.register("operations", OperationViewSet, basename="api-operation")
