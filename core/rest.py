"""What every page of the REST interface shares: read-only, deny by default, and clear answers to wrong questions."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer, DecimalField
from rest_framework.viewsets import ReadOnlyModelViewSet


class Pages(PageNumberPagination):
    """50 rows a page; ``page_size`` asks for up to 200."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"


class StrictFilterBackend(filters.DjangoFilterBackend):
    """Refuses a parameter that nobody knows: a misspelt filter would otherwise give every row."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        filterset = self.get_filterset(request, queryset, view)
        known = list(filterset.filters) if filterset is not None else []
        self._refuse_unknown(request, [*known, *view.page_parameters()])
        return super().filter_queryset(request, queryset, view)

    @staticmethod
    def _refuse_unknown(request: Request, known: Iterable[str]) -> None:
        errors = {
            name: [_("Unknown filter. Those of this list: %(known)s.") % {"known": ", ".join(sorted(known))}]
            for name in request.query_params
            if name not in known
        }
        if errors:
            raise ValidationError(errors)


class EssorViewSet(ReadOnlyModelViewSet):
    """A list and its rows. Subclasses give ``get_queryset`` the same scope as the screens."""

    pagination_class = Pages
    filter_backends = (StrictFilterBackend,)
    detail_serializer_class: type[BaseSerializer] | None = None

    def get_serializer_class(self) -> type[BaseSerializer]:
        if self.action == "retrieve" and self.detail_serializer_class:
            return self.detail_serializer_class
        return super().get_serializer_class()

    def get_object(self) -> Any:
        """The row of the address. Raises NotFound in the reader's language: Django's own sentence is English."""
        try:
            return super().get_object()
        except Http404 as error:
            raise NotFound(_("There is no such row among those that you may see.")) from error

    @staticmethod
    def page_parameters() -> tuple[str, ...]:
        return ("page", "page_size", "format")


class EuroField(DecimalField):
    """An amount in euros: text with two digits after the point ("1234.50"), never a float."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"max_digits": 17, "decimal_places": 2, "read_only": True} | kwargs)
