"""What the REST interface says of operations: the columns of the public list."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.engine.past import Present
from core.rest import EuroField
from reporting.models import Operation
from reporting.workbooks.operations_list import listed


class OperationSerializer(serializers.Serializer):
    """The 18 columns of Article 49(3) of Regulation (EU) 2021/1060, under their published names."""

    operation_code = serializers.CharField()
    beneficiary_name = serializers.CharField(help_text=_("Legal entities only."))
    contractor_name = serializers.CharField()
    beneficiary_first_name = serializers.CharField(help_text=_("Natural persons, for two years after publication."))
    beneficiary_surname = serializers.CharField(help_text=_("Natural persons, for two years after publication."))
    vessel_cfr_number = serializers.CharField()
    operation_name = serializers.CharField()
    purpose_and_achievements = serializers.CharField()
    start_date = serializers.DateField()
    completion_date = serializers.DateField()
    total_cost = EuroField(
        help_text=_("Euros; the total eligible expenditure where the list of 2014-2020 says no more.")
    )
    fund = serializers.CharField()
    specific_objective = serializers.CharField()
    eu_cofinancing_rate = serializers.SerializerMethodField(help_text=_("Percent; null without eligible cost."))
    location_indicator = serializers.CharField()
    country = serializers.CharField()
    beneficiary_location = serializers.CharField()
    type_of_intervention = serializers.CharField()

    def to_representation(self, instance: Operation) -> dict[str, Any]:
        return super().to_representation(listed(instance.current, Present(), timezone.localdate()))

    def get_eu_cofinancing_rate(self, row: dict[str, Any]) -> str | None:
        rate = row["eu_cofinancing_rate"]
        return None if rate is None else f"{rate * 100:.2f}"
