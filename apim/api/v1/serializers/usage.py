"""What is asked of usage, and the figures that answer it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from django.utils.translation import gettext as _
from rest_framework import serializers

from analytics.reports import Bucket, Dimension, UsageFilters
from apim.api.v1.serializers.base import Body
from apim.catalog.models import Limit
from apim.core import clock
from apim.core.clock import Period
from apim.keys.models import ApiKey

DEFAULT_SPAN = timedelta(days=7)
LONGEST_SPAN = timedelta(days=1100)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
DIMENSIONS = list(get_args(Dimension))
NOUNS = (
    "api",
    "version",
    "operation",
    "product",
    "plan",
    "application",
    "key",
    "subscription",
    "organization",
    "gateway",
)


class UsageQuery(Body):
    """A period and what to narrow it to; every id is a public id."""

    since = serializers.DateTimeField(required=False, help_text="By default 7 days before until.")
    until = serializers.DateTimeField(required=False, help_text="By default now.")
    api = serializers.CharField(required=False)
    version = serializers.CharField(required=False)
    operation = serializers.CharField(required=False)
    product = serializers.CharField(required=False)
    plan = serializers.CharField(required=False)
    application = serializers.CharField(required=False)
    key = serializers.CharField(required=False)
    subscription = serializers.CharField(required=False)
    organization = serializers.CharField(required=False)
    gateway = serializers.CharField(required=False)
    environment = serializers.ChoiceField(choices=ApiKey.Environment.choices, required=False)
    status_class = serializers.ChoiceField(
        choices=["1xx", "2xx", "3xx", "4xx", "5xx"], required=False
    )
    method = serializers.CharField(required=False, help_text="GET, POST …, or OTHER.")
    country = serializers.CharField(
        required=False, help_text="ISO 3166-1 alpha-2. Not together with client."
    )
    client = serializers.CharField(
        required=False, help_text="The calling program's family, like curl. Not with country."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until = attrs.pop("until", None) or clock.now()
        if not EARLIEST < until <= LATEST:
            raise serializers.ValidationError({"until": [_("Too far away.")]}, code="period")
        since = attrs.pop("since", None) or until - DEFAULT_SPAN
        if not EARLIEST <= since < until or until - since > LONGEST_SPAN:
            message = _("since lies before until, by at most %(days)d days.")
            raise serializers.ValidationError(
                {"since": [message % {"days": LONGEST_SPAN.days}]}, code="period"
            )
        names = (*NOUNS, "environment", "status_class", "method", "country", "client")
        filters = UsageFilters(**{name: attrs.pop(name) for name in names if name in attrs})
        return {**attrs, "period": Period(since, until), "filters": filters}


class SeriesQuery(UsageQuery):
    bucket = serializers.ChoiceField(
        choices=list(get_args(Bucket)),
        required=False,
        help_text="By default what suits the period.",
    )
    group_by = serializers.ChoiceField(choices=DIMENSIONS, required=False)
    top = serializers.IntegerField(
        min_value=1, max_value=50, default=5, help_text="Groups beyond are one: other."
    )


class ByQuery(UsageQuery):
    dimension = serializers.ChoiceField(choices=DIMENSIONS)
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=100)


def _units() -> serializers.DecimalField:
    """Measured units: a decimal as text, to lose nothing."""
    return serializers.DecimalField(max_digits=30, decimal_places=6)


class PeriodSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


class SeriesSerializer(serializers.Serializer[Any]):
    """Numbers parallel to `buckets`."""

    key = serializers.CharField(allow_blank=True)
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]  # a field's name
    calls = serializers.ListField(child=serializers.IntegerField())
    errors = serializers.ListField(child=serializers.IntegerField())  # type: ignore[assignment]
    billable = serializers.ListField(child=serializers.IntegerField())
    denied = serializers.ListField(child=serializers.IntegerField())
    overage = serializers.ListField(child=serializers.IntegerField())
    units = serializers.ListField(child=_units())


class UsageSeriesSerializer(serializers.Serializer[Any]):
    period = PeriodSerializer()
    bucket = serializers.ChoiceField(choices=list(get_args(Bucket)))
    buckets = serializers.ListField(child=serializers.DateTimeField())
    series = SeriesSerializer(many=True)
    is_last_open = serializers.BooleanField(help_text="Whether the last bucket still fills.")


class LatencySerializer(serializers.Serializer[Any]):
    """Percentiles in milliseconds, each off by at most 1.5 %."""

    p50_ms = serializers.FloatField(allow_null=True)
    p90_ms = serializers.FloatField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True)
    p99_ms = serializers.FloatField(allow_null=True)


class UsageTotalsSerializer(serializers.Serializer[Any]):
    calls = serializers.IntegerField()
    errors_4xx = serializers.IntegerField()
    errors_5xx = serializers.IntegerField()
    denied = serializers.IntegerField(help_text="Refused by the gateway's check.")
    billable = serializers.IntegerField()
    request_bytes = serializers.IntegerField()
    response_bytes = serializers.IntegerField()
    mean_ms = serializers.FloatField(allow_null=True)
    p50_ms = serializers.FloatField(allow_null=True)
    p90_ms = serializers.FloatField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True)
    p99_ms = serializers.FloatField(allow_null=True)
    upstream = LatencySerializer(help_text="The upstream's part of the time.")
    gateway = LatencySerializer(help_text="What the gateway adds to the upstream's time.")
    units = _units()
    cost = serializers.IntegerField(help_text="Calls weighted by what they count in limits.")
    overage = serializers.IntegerField(help_text="Calls beyond a soft limit.")
    unique_keys = serializers.IntegerField()


class UsageRowSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(allow_blank=True)
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    calls = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]
    denied = serializers.IntegerField()
    billable = serializers.IntegerField()
    request_bytes = serializers.IntegerField()
    response_bytes = serializers.IntegerField()
    p95_ms = serializers.FloatField(allow_null=True)
    last_at = serializers.DateTimeField()
    units = _units()
    cost = serializers.IntegerField()
    overage = serializers.IntegerField()
    unique_keys = serializers.IntegerField()


class UsageBySerializer(serializers.Serializer[Any]):
    dimension = serializers.ChoiceField(choices=DIMENSIONS)
    rows = UsageRowSerializer(many=True)


class LimitUsageSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="As in RateLimit headers and refusals.")
    words = serializers.CharField(help_text="What the limit says.")
    kind = serializers.ChoiceField(choices=Limit.Kind.choices)
    window = serializers.ChoiceField(choices=Limit.Window.choices, allow_blank=True)
    every = serializers.IntegerField()
    per = serializers.ChoiceField(choices=Limit.Per.choices)
    key = serializers.CharField(
        source="key.public_id",
        allow_null=True,
        default=None,
        help_text="The API key that a limit per key counts for.",
    )
    group = serializers.CharField(allow_blank=True)
    is_soft = serializers.BooleanField()
    quota = serializers.IntegerField()
    used = serializers.IntegerField()
    remaining = serializers.IntegerField()
    overage = serializers.IntegerField(help_text="Calls beyond a soft limit in this window.")
    resets_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the window ends; of a sliding one, when its oldest calls leave it.",
    )
    exhausts_at = serializers.DateTimeField(
        allow_null=True, help_text="When the quota is used up at the pace of this window."
    )


class LimitUsagesSerializer(serializers.Serializer[Any]):
    limits = LimitUsageSerializer(many=True)
