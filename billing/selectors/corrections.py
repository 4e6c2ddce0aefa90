"""What late usage changes in periods that are closed: the difference, for a later period."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing.models import BillingPeriod
from billing.rating.amounts import ZERO
from billing.rating.lines import Line, LineKind
from billing.selectors.lines import frozen_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from billing.selectors.rated import RatedSubscription

# What depends on usage. Fees and add-ons of a closed period are what they were.
BY_USAGE = frozenset({LineKind.USAGE, LineKind.TRIAL, LineKind.MINIMUM, LineKind.DISCOUNT})
COUNTED = frozenset({LineKind.USAGE, LineKind.TRIAL})
# Currency, plan version, price key.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Correction:
    """A line for a later period; `origin` is the closed one that it belongs to."""

    line: Line
    origin: BillingPeriod


@dataclass(slots=True)
class _Sum:
    """All that was, or is to be, charged under one key."""

    amount_minor: int = 0
    quantity: Decimal = field(default=ZERO)
    meter: str = ""


def closed_since(
    subscription_ids: Iterable[int], since: datetime
) -> dict[tuple[int, datetime], list[BillingPeriod]]:
    """Closed periods that ended after `since`, by subscription and start, with lines."""
    rows = (
        BillingPeriod.objects.closed()
        .filter(subscription__in=list(subscription_ids), ends_at__gte=since)
        .prefetch_related("lines__version", "lines__meter", "corrections__version")
        .prefetch_related("corrections__meter")
        .order_by("starts_at", "id")
    )
    found: dict[tuple[int, datetime], list[BillingPeriod]] = defaultdict(list)
    for row in rows:
        found[row.subscription_id, row.starts_at].append(row)
    return found


def corrections_to(closed: Sequence[BillingPeriod], rated: RatedSubscription) -> list[Correction]:
    """The lines that make up for usage which came in since; none when none did.

    `closed`: one subscription's period, a row per currency; `rated`: the same period as it would
    be charged now. Corrections that were charged before are taken into account.
    """
    if not rated.is_exact:
        return []  # its hours are no longer kept: a difference would be one of reading, not of usage
    was = _charged(closed)
    now = _summed(line for bill in rated.bills for line in bill.lines if _is_by_usage(line))
    if all(was[key].quantity == now[key].quantity for key in {*was, *now}):
        return []
    origins = {period.currency: period for period in reversed(closed)}
    found = []
    for key in sorted({*was, *now}):
        before, after = was[key], now[key]
        if (before.amount_minor, before.quantity) == (after.amount_minor, after.quantity):
            continue
        currency, version, price = key
        line = Line(
            LineKind.CORRECTION,
            price,
            version,
            currency,
            after.amount_minor - before.amount_minor,
            meter=after.meter or before.meter,
            quantity=after.quantity - before.quantity,
        )
        found.append(Correction(line, origins.get(currency, closed[0])))
    return found


def _charged(closed: Sequence[BillingPeriod]) -> dict[Key, _Sum]:
    own = [frozen_line(row) for period in closed for row in period.lines.all()]
    late = [frozen_line(row) for period in closed for row in period.corrections.all()]
    return _summed([*(line for line in own if _is_by_usage(line)), *late])


def _is_by_usage(line: Line) -> bool:
    """Add-ons with a meter too; the others are flat."""
    return line.kind in BY_USAGE or (line.kind is LineKind.ADD_ON and bool(line.meter))


def _summed(lines: Iterable[Line]) -> dict[Key, _Sum]:
    sums: dict[Key, _Sum] = defaultdict(_Sum)
    for line in lines:
        found = sums[line.currency, line.version, line.key]
        found.amount_minor += line.amount_minor
        if line.kind in COUNTED or line.kind is LineKind.CORRECTION or line.meter:
            found.quantity += line.quantity
            found.meter = line.meter or found.meter
    return sums
