"""The usage explorer's URL, read into typed values: a link shows a colleague the same view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from analytics.reports import Dimension, UsageFilters
from apim.accounts.models import Organization
from apim.catalog.models import Api, ApiVersion, Operation, Plan, Product
from apim.core import clock
from apim.gateway.models import Gateway
from apim.keys.models import ApiKey, Application

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest, QueryDict

    from apim.core.clock import Period

Bucket = Literal["minute", "hour", "day"]

PRESET_HOURS = {"1h": 1, "24h": 24}
PRESET_DAYS = {"7d": 7, "30d": 30, "90d": 90}
PRESETS = (*PRESET_HOURS, *PRESET_DAYS)
DEFAULT_PRESET = "7d"
CUSTOM = "custom"
# The longest span that is read at once.
LONGEST = timedelta(days=400)
GROUPS: dict[str, Dimension] = {
    "api": "api",
    "version": "version",
    "operation": "operation",
    "product": "product",
    "plan": "plan",
    "organization": "organization",
    "application": "application",
    "key": "key",
    "status": "status",
    "gateway": "gateway",
    "method": "method",
    "country": "country",
    "client": "client",
}
# Query parameter -> model whose public id it holds.
_OBJECTS: dict[str, type[Model]] = {
    "api": Api,
    "version": ApiVersion,
    "operation": Operation,
    "product": Product,
    "plan": Plan,
    "organization": Organization,
    "application": Application,
    "key": ApiKey,
    "gateway": Gateway,
}
STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
# Filters that are a word, with its length. Of a country and a client one can be asked at a time.
_WORDS = {"method": 16, "country": 2, "client": 40}
_OTHER_FACET = {"country": "client", "client": "country"}
FILTERS = frozenset({*_OBJECTS, "status", *_WORDS})


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Period, bucket, grouping and filters of one view of usage."""

    preset: str
    period: Period
    bucket: Bucket
    dimension: Dimension
    group_by: Dimension
    filters: UsageFilters
    chosen: dict[str, Model]
    status: str
    words: dict[str, str]

    @classmethod
    def from_request(cls, request: HttpRequest) -> UsageQuery:
        """Unknown values fall back to the default rather than fail: a link may be old."""
        params = request.GET
        preset, period = _period(params)
        chosen = _chosen(params)
        environment = params.get("environment", "")
        status = params.get("status", "")
        status = status if status in STATUS_CLASSES else ""
        words = _words(params)
        return cls(
            preset=preset,
            period=period,
            bucket=_bucket(period),
            dimension=_dimension(params.get("by", ""), words) or "api",
            group_by=_dimension(params.get("group", ""), words) or "status",
            filters=UsageFilters(
                **{name: obj.pk for name, obj in chosen.items()},
                environment=environment if environment in ApiKey.Environment.values else None,
                status_class=status or None,
                **words,
            ),
            chosen=chosen,
            status=status,
            words=words,
        )


def _words(params: QueryDict) -> dict[str, str]:
    found = {name: str(params.get(name, ""))[:length].strip() for name, length in _WORDS.items()}
    found["method"], found["country"] = found["method"].upper(), found["country"].upper()
    if found["country"]:
        found["client"] = ""
    return {name: word for name, word in found.items() if word}


def _dimension(asked: str, words: dict[str, str]) -> Dimension | None:
    """None for what cannot be split by: clients of one country are not counted, nor the reverse."""
    if _OTHER_FACET.get(asked) in words:
        return None
    return GROUPS.get(asked)


def _period(params: QueryDict) -> tuple[str, Period]:
    preset = params.get("range", "")
    custom = _custom_period(params) if preset not in PRESETS else None
    if custom is not None:
        return CUSTOM, custom
    if preset == CUSTOM:  # chosen a moment ago: the days are asked for next
        return CUSTOM, clock.last_days(PRESET_DAYS[DEFAULT_PRESET])
    if preset in PRESET_HOURS:
        end = clock.now()
        return preset, clock.Period(end - timedelta(hours=PRESET_HOURS[preset]), end)
    preset = preset if preset in PRESET_DAYS else DEFAULT_PRESET
    return preset, clock.last_days(PRESET_DAYS[preset])


def _custom_period(params: QueryDict) -> Period | None:
    try:
        first = date.fromisoformat(params.get("from", ""))
        last = date.fromisoformat(params.get("to", ""))
    except ValueError:
        return None
    if not (clock.is_plausible(first) and clock.is_plausible(last)):
        return None
    if last < first:
        first, last = last, first
    first = max(first, last - LONGEST)
    return clock.Period(clock.start_of_day(first), clock.start_of_day(last + timedelta(days=1)))


def _bucket(period: Period) -> Bucket:
    length = period.end - period.start
    if length <= timedelta(hours=6):
        return "minute"
    return "hour" if length <= timedelta(days=3) else "day"


def _chosen(params: QueryDict) -> dict[str, Model]:
    """The objects that filters name; an id nobody has is ignored."""
    found: dict[str, Model] = {}
    for name, model in _OBJECTS.items():
        public_id = params.get(name)
        if public_id:
            obj = model._default_manager.filter(public_id=public_id).first()  # noqa: SLF001
            if obj is not None:
                found[name] = obj
    return found
