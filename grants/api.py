"""The REST interface of programmes, calls and applications. The same scope as the screens."""

from django.db.models import Max, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.routers import BaseRouter

from core.rest import EssorViewSet
from grants.models import Application, Call, Piece, Programme
from grants.serializers import (
    SHOWN_TO_APPLICANT,
    ApplicationDetailSerializer,
    ApplicationSerializer,
    CallSerializer,
    ProgrammeSerializer,
)
from grants.states import ApplicationState


@extend_schema_view(
    list=extend_schema(summary=_("Programmes of the catalogue"), auth=[]),
    retrieve=extend_schema(summary=_("One programme"), auth=[]),
)
class ProgrammeViewSet(EssorViewSet):
    """Public: what the Region's catalogue shows."""

    queryset = Programme.objects.none()
    serializer_class = ProgrammeSerializer
    permission_classes = (AllowAny,)
    lookup_field = "code"
    lookup_value_regex = r"[\w-]+"

    def get_queryset(self) -> QuerySet[Programme]:
        now = timezone.now()
        opened = Call.objects.published().filter(
            programme_version__programme=OuterRef("pk"), opens_at__lte=now, closes_at__gt=now, is_locked=False
        )
        # The rules of the open call are those that count, not the newest ones.
        applied = Subquery(opened.order_by("closes_at").values("programme_version__number")[:1])
        version = Coalesce(applied, Max("versions__number"))
        return Programme.objects.in_catalogue().annotate(version_number=version).order_by("code")


class CallFilter(filters.FilterSet):
    programme = filters.CharFilter(field_name="programme_version__programme__code", label=_("Code of the programme"))
    is_open = filters.BooleanFilter(method="filter_open", label=_("Applications can be filed now"))

    class Meta:
        model = Call
        fields: list[str] = []

    def filter_open(self, queryset: QuerySet[Call], name: str, value: bool) -> QuerySet[Call]:
        now = timezone.now()
        is_open = Q(opens_at__lte=now, closes_at__gt=now, is_locked=False)
        return queryset.filter(is_open if value else ~is_open)


@extend_schema_view(
    list=extend_schema(summary=_("Published calls"), auth=[]),
    retrieve=extend_schema(summary=_("One call"), auth=[]),
)
class CallViewSet(EssorViewSet):
    """Public: published calls, past ones included."""

    queryset = Call.objects.none()
    serializer_class = CallSerializer
    permission_classes = (AllowAny,)
    filterset_class = CallFilter
    lookup_field = "code"
    lookup_value_regex = r"[\w.-]+"

    def get_queryset(self) -> QuerySet[Call]:
        calls = Call.objects.published().filter(programme_version__programme__is_active=True)
        return calls.select_related("programme_version__programme").order_by("-closes_at", "code")


class ApplicationFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=ApplicationState.choices, method="filter_state", label=_("State"))
    programme = filters.CharFilter(field_name="programme_version__programme__code", label=_("Code of the programme"))
    call = filters.CharFilter(field_name="call__code", label=_("Code of the call"))
    submitted_after = filters.IsoDateTimeFilter(field_name="submitted_at", lookup_expr="gte", label=_("Filed from"))
    submitted_before = filters.IsoDateTimeFilter(field_name="submitted_at", lookup_expr="lt", label=_("Filed before"))

    class Meta:
        model = Application
        fields: list[str] = []

    def filter_state(self, queryset: QuerySet[Application], name: str, value: str) -> QuerySet[Application]:
        """By the state that the reader is shown."""
        if self.request.user.is_staff_member:
            return queryset.filter(state=value)
        if value in SHOWN_TO_APPLICANT:
            return queryset.none()
        return queryset.filter(state__in=[value, *(key for key, shown in SHOWN_TO_APPLICANT.items() if shown == value)])


@extend_schema_view(
    list=extend_schema(summary=_("Your applications, or those of your programmes")),
    retrieve=extend_schema(summary=_("One application, with its answers and pieces")),
)
class ApplicationViewSet(EssorViewSet):
    """The cases that the signed-in person sees on the screens; any other one does not exist here."""

    queryset = Application.objects.none()
    serializer_class = ApplicationSerializer
    detail_serializer_class = ApplicationDetailSerializer
    permission_classes = (IsAuthenticated,)
    filterset_class = ApplicationFilter
    lookup_field = "public_id"
    lookup_value_regex = r"[0-9a-f-]{36}"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Application]:
        applications = Application.objects.for_user(self.request.user).select_related(
            "applicant", "call", "programme_version__programme"
        )
        if self.action == "retrieve":
            pieces = Piece.objects.current().select_related("document__file")
            return applications.prefetch_related(Prefetch("pieces", pieces, to_attr="current_pieces"))
        return applications.defer("answers", "answer_versions", "programme_version__definition").order_by(
            "-created_at", "-pk"
        )


def register(router: BaseRouter) -> None:
    router.register("programmes", ProgrammeViewSet, basename="api-programme")
    router.register("calls", CallViewSet, basename="api-call")
    router.register("applications", ApplicationViewSet, basename="api-application")
