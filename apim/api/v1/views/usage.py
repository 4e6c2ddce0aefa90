"""Usage: a series, its totals, its table, and how much of a subscription's limits is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from analytics.selectors import best_bucket, usage_by, usage_series, usage_totals
from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.serializers.usage import (
    ByQuery,
    LimitUsagesSerializer,
    SeriesQuery,
    UsageBySerializer,
    UsageQuery,
    UsageSeriesSerializer,
    UsageTotalsSerializer,
)
from apim.core import clock
from apim.gateway.counters import limit_standings
from apim.keys import selectors as keys

if TYPE_CHECKING:
    from rest_framework.request import Request

# Limits per key are told for the newest so many keys.
KEYS_TOLD = 100


class _Usage(Endpoint):
    """A member's token reads its organization's usage only, whatever it names."""

    scopes = {"GET": "usage:read"}


class Series(_Usage):
    @operation(
        "get_usage_series",
        "Usage over time",
        UsageSeriesSerializer,
        parameters=[SeriesQuery],
        description="Instants are UTC; the period is widened to whole buckets.",
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(SeriesQuery)
        asked.setdefault("bucket", best_bucket(asked["period"]))
        return Response(UsageSeriesSerializer(usage_series(self.organization, **asked)).data)


class Totals(_Usage):
    @operation(
        "get_usage_totals",
        "Usage added up",
        UsageTotalsSerializer,
        parameters=[UsageQuery],
    )
    def get(self, request: Request) -> Response:
        totals = usage_totals(self.organization, **self.asked(UsageQuery))
        return Response(UsageTotalsSerializer(totals).data)


class By(_Usage):
    @operation(
        "get_usage_by",
        "Usage by one dimension, the largest first",
        UsageBySerializer,
        parameters=[ByQuery],
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(ByQuery)
        rows = usage_by(self.organization, **asked)
        shown = {"dimension": asked["dimension"], "rows": rows}
        return Response(UsageBySerializer(shown).data)


class SubscriptionLimits(Endpoint):
    scopes = {"GET": "usage:read"}

    @operation(
        "get_subscription_limits",
        "How much of a subscription's limits is used now",
        LimitUsagesSerializer,
    )
    def get(self, request: Request, public_id: str) -> Response:
        subscription = keys.get_subscription(self.organization, public_id)
        active = keys.api_keys(self.organization).filter(application=subscription.application)
        usable = active.usable(clock.now()).prefetch_related("limits")[:KEYS_TOLD]
        standings = limit_standings(subscription, list(usable))
        return Response(LimitUsagesSerializer({"limits": standings}).data)
