"""From sums of usage to the quantities that meters measure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.metering import keys_between, peak_between, usage_between
from billing.models import Meter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from analytics.metering import UsageSum
    from apim.core.clock import Period

Kind = Meter.Kind
MICRO_EXPONENT = 6


@dataclass(slots=True)
class PlanUsage:
    """One subscription's usage on one plan in a span of time."""

    sums: list[UsageSum] = field(default_factory=list)
    keys: int = 0
    peak: int = 0

    @property
    def billable(self) -> int:
        """Billable calls, whatever the meters count."""
        return sum(row.billable for row in self.sums)


# Subscription -> plan -> usage.
Usage = dict[int, dict[int, PlanUsage]]


def measure(
    period: Period, subscription_ids: Collection[int] | None, kinds: Collection[str]
) -> Usage:
    """Usage of the subscriptions (None: all) in the period; `kinds` of meters that will be asked."""
    usage: Usage = defaultdict(lambda: defaultdict(PlanUsage))
    for row in usage_between(period, subscription_ids):
        usage[row.subscription_id][row.plan_id].sums.append(row)
    if Kind.KEYS in kinds:
        for (subscription, plan), count in keys_between(period, subscription_ids).items():
            usage[subscription][plan].keys = count
    if Kind.PEAK in kinds:
        for (subscription, plan), count in peak_between(period, subscription_ids).items():
            usage[subscription][plan].peak = count
    return usage


def quantity(meter: Meter, usage: PlanUsage, *, charges_overage: bool) -> Decimal:
    """How many priced units the meter counts; exact.

    Calls beyond a soft limit count as calls only on a plan that charges overage.
    """
    counted, exponent = _counted(meter, usage, charges_overage=charges_overage)
    return Decimal(counted).scaleb(-exponent - (len(str(meter.unit_size)) - 1))


def _counted(meter: Meter, usage: PlanUsage, *, charges_overage: bool) -> tuple[int, int]:
    """The count, and by which power of ten it is too large."""
    match meter.kind:
        case Kind.KEYS:
            return usage.keys, 0
        case Kind.PEAK:
            return usage.peak, 0
        case Kind.OVERAGE:
            return sum(row.overage for row in usage.sums), 0
    rows = list(_matching(usage.sums, meter.statuses))
    if meter.kind == Kind.UNITS:
        return sum(row.units_micro for row in rows), MICRO_EXPONENT
    if meter.kind == Kind.BYTES:
        return sum(row.size_bytes for row in rows), 0
    calls = 0
    for row in rows:
        count = row.calls - row.denied if meter.statuses else row.billable
        calls += count if charges_overage else count - min(count, row.overage)
    return calls, 0


def _matching(sums: Iterable[UsageSum], statuses: list[str]) -> Iterable[UsageSum]:
    """The sums with one of the statuses; without statuses those with billable calls."""
    if not statuses:
        return (row for row in sums if row.billable)
    return (
        row for row in sums if str(row.status) in statuses or f"{row.status // 100}xx" in statuses
    )
