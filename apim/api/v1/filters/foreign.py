"""Query parameters of foreign mappings and quarantined records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_filters import BooleanFilter, CharFilter, ChoiceFilter, FilterSet

from analytics.models import ForeignMapping
from apim.gateway.models import Gateway

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from analytics.models import QuarantinedRecord


class ForeignMappingFilter(FilterSet):
    gateway = CharFilter("gateway__public_id", label="Public id")
    kind = ChoiceFilter(choices=ForeignMapping.Kind.choices)
    value = CharFilter("value")


class QuarantinedRecordFilter(FilterSet):
    gateway = CharFilter(method="of_gateway", label="Public id")
    code = CharFilter("code")
    waiting = BooleanFilter("replayed_at", lookup_expr="isnull")

    def of_gateway(
        self, rows: QuerySet[QuarantinedRecord], name: str, value: str
    ) -> QuerySet[QuarantinedRecord]:
        del name
        return rows.filter(gateway_id__in=Gateway.objects.filter(public_id=value).values("pk"))
