"""What the selectors answer with. Instants are UTC; a day is a UTC day."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from apim.core.clock import Period

Bucket = Literal["minute", "hour", "day"]
Dimension = Literal[
    "api",
    "version",
    "operation",
    "application",
    "key",
    "subscription",
    "product",
    "plan",
    "organization",
    "gateway",
    "environment",
    "status",
    "status_code",
    "method",
    "country",
    "client",
]
# A primary key or a public id.
Ref = int | str


@dataclass(frozen=True, slots=True)
class UsageFilters:
    """Narrows usage; None does not. An id that does not exist matches nothing."""

    api: Ref | None = None
    version: Ref | None = None
    operation: Ref | None = None
    product: Ref | None = None
    plan: Ref | None = None
    application: Ref | None = None
    key: Ref | None = None
    subscription: Ref | None = None
    organization: Ref | None = None
    gateway: Ref | None = None
    environment: str | None = None
    # "2xx" or 2.
    status_class: Ref | None = None
    method: str | None = None
    # One of these two at a time; usage by one is not narrowed by the other.
    country: str | None = None
    client: str | None = None


NO_FILTERS = UsageFilters()


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: a number per bucket. `key` is a public id, a status, "" or "other"."""

    key: str
    label: str
    calls: tuple[int, ...]
    errors: tuple[int, ...]
    billable: tuple[int, ...]
    denied: tuple[int, ...]
    overage: tuple[int, ...] = ()
    units: tuple[Decimal, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.calls)


@dataclass(frozen=True, slots=True)
class UsageSeries:
    """`is_last_open`: the last bucket is not over yet, so its numbers will grow."""

    period: Period
    bucket: Bucket
    buckets: tuple[datetime, ...]
    series: tuple[Series, ...]
    is_last_open: bool


@dataclass(frozen=True, slots=True)
class LatencySeries:
    """Percentiles per bucket in milliseconds; None where nothing was called."""

    period: Period
    bucket: Bucket
    buckets: tuple[datetime, ...]
    p50_ms: tuple[float | None, ...]
    p95_ms: tuple[float | None, ...]
    p99_ms: tuple[float | None, ...]
    is_last_open: bool
    p90_ms: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of one timer in milliseconds, each off by at most 1.5 %; None without calls."""

    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class UsageTotals:
    calls: int
    errors_4xx: int
    errors_5xx: int
    denied: int
    billable: int
    request_bytes: int
    response_bytes: int
    mean_ms: float | None
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    # Of the calls whose upstream time is known: the upstream's part, and what the gateway adds.
    upstream: Latency = Latency()
    gateway: Latency = Latency()
    units: Decimal = Decimal(0)
    # Calls weighted by what they count in limits, and calls beyond a soft limit.
    cost: int = 0
    overage: int = 0
    unique_keys: int = 0

    @property
    def errors(self) -> int:
        return self.errors_4xx + self.errors_5xx

    @property
    def error_rate(self) -> float:
        """Share of calls answered with 4xx or 5xx, 0 without calls."""
        return self.errors / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One row of the table behind a chart; `within` is what the object of the row belongs to."""

    key: str
    label: str
    calls: int
    errors: int
    denied: int
    billable: int
    request_bytes: int
    response_bytes: int
    p95_ms: float | None
    last_at: datetime
    units: Decimal = Decimal(0)
    cost: int = 0
    overage: int = 0
    unique_keys: int = 0
    within: str = ""

    @property
    def error_rate(self) -> float:
        return self.errors / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class DailyCalls:
    """Calls and errors per UTC day, oldest first, today last."""

    calls: tuple[int, ...]
    errors: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.calls)

    @property
    def total_errors(self) -> int:
        return sum(self.errors)


@dataclass(frozen=True, slots=True)
class IntakeHealth:
    """Whether usage arrives and is counted. `unattributed` and `late` are of today."""

    waiting_batches: int
    oldest_waiting_at: datetime | None
    quarantined: int
    unattributed: int
    late: int
    last_received_at: datetime | None
