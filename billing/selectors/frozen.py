"""Closed periods in the place of re-rated ones: what was charged is what is shown."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from apim.core import clock
from billing.models import BillingPeriod
from billing.rating.lines import Bill, LineKind
from billing.selectors.lines import frozen_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from billing.rating.lines import Line
    from billing.selectors.rated import RatedSubscription


def with_frozen(rated: Iterable[RatedSubscription]) -> list[RatedSubscription]:
    """The same, but closed periods with their frozen lines; no query while none has ended.

    Calls are those known by now, so that late ones show; amounts are those of the close.
    """
    rated = list(rated)
    now = clock.now()
    ended = [one for one in rated if one.period.end <= now]
    if not ended:
        return rated
    frozen = _lines(ended)
    return [_replaced(one, frozen[key]) if (key := _key(one)) in frozen else one for one in rated]


def _key(rated: RatedSubscription) -> tuple[int, datetime]:
    return rated.subscription.pk, rated.period.start


def _lines(ended: Sequence[RatedSubscription]) -> dict[tuple[int, datetime], list[Line]]:
    """The frozen lines of the periods that are closed."""
    periods = (
        BillingPeriod.objects.closed()
        .filter(
            subscription__in={one.subscription.pk for one in ended},
            starts_at__in={one.period.start for one in ended},
        )
        .prefetch_related("lines__version", "lines__meter")
    )
    found: dict[tuple[int, datetime], list[Line]] = defaultdict(list)
    for period in periods:
        lines = found[period.subscription_id, period.starts_at]
        lines += (frozen_line(row) for row in period.lines.all())
    return found


def _replaced(rated: RatedSubscription, lines: Sequence[Line]) -> RatedSubscription:
    """Lines go to the segment of their plan version; the rest is add-ons, discounts, corrections."""
    segments = []
    for segment in rated.segments:
        version = segment.version.public_id if segment.version else None
        own = tuple(
            line
            for line in lines
            if line.version and line.version == version and line.kind is not LineKind.CORRECTION
        )
        currency = own[0].currency if own else segment.currency
        segments.append(replace(segment, currency=currency, lines=own))
    currencies = sorted({line.currency for line in lines})
    bills = tuple(
        Bill(currency, tuple(line for line in lines if line.currency == currency))
        for currency in currencies
    )
    return replace(rated, segments=tuple(segments), bills=bills)
