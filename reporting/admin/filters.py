"""Filters of the lists of reporting: few choices each, one query at most."""

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from reporting.models import EUProgramme, Fund, OperationFlag


class EUProgrammeFilter(admin.SimpleListFilter):
    """One EU programme. ``path`` leads from the listed model to the operation."""

    title = _("EU programme")
    parameter_name = "eu_programme"
    path = ""

    def lookups(self, request, model_admin):
        return list(EUProgramme.objects.order_by("-period", "code").values_list("code", "code"))

    def queryset(self, request, queryset):
        return queryset.filter(**{f"{self.path}programme__code": self.value()}) if self.value() else queryset


class FundFilter(admin.SimpleListFilter):
    """One fund, or the operations whose fund is unknown."""

    title = _("fund")
    parameter_name = "fund"
    path = ""

    def lookups(self, request, model_admin):
        return [*((fund.code, fund.label) for fund in Fund.objects.all()), ("unknown", _("not stated"))]

    def queryset(self, request, queryset):
        if not self.value():
            return queryset
        condition = {"isnull": True} if self.value() == "unknown" else {"code": self.value()}
        (lookup, value), *_rest = condition.items()
        return queryset.filter(**{f"{self.path}current__fund__{lookup}": value})


class DoubtFilter(admin.SimpleListFilter):
    """Operations with an open doubt, or without."""

    title = _("doubt")
    parameter_name = "doubt"

    def lookups(self, request, model_admin):
        return [("open", _("to be answered")), ("none", _("none"))]

    def queryset(self, request, queryset):
        doubt = Exists(OperationFlag.objects.open().filter(operation=OuterRef("pk")))
        return queryset.filter(doubt if self.value() == "open" else ~doubt) if self.value() else queryset


class OriginFilter(admin.SimpleListFilter):
    """Operations of the Region's agreements, or from an official list."""

    title = _("origin")
    parameter_name = "origin"

    def lookups(self, request, model_admin):
        return [("agreement", _("agreement of the Region")), ("list", _("official list"))]

    def queryset(self, request, queryset):
        if not self.value():
            return queryset
        return queryset.filter(Q(agreement__isnull=self.value() == "list"))


class OfOperationProgrammeFilter(EUProgrammeFilter):
    path = "operation__"


class OfOperationFundFilter(FundFilter):
    path = "operation__"
