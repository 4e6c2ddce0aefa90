"""What running periods will come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from apim.core import clock
from apim.core.clock import Period
from apim.core.money import Money
from apim.keys.models import Subscription
from billing.models import Meter
from billing.rating.forecast import RECENT_SECONDS, Pace, at_period_end
from billing.selectors.book import load_book
from billing.selectors.quantities import PlanUsage, measure, quantity
from billing.selectors.rated import Rater, measure_periods

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

    from apim.accounts.models import Organization
    from billing.selectors.book import Book
    from billing.selectors.quantities import Usage
    from billing.selectors.rated import Measured, RatedSubscription

RECENT = timedelta(seconds=RECENT_SECONDS)
# They do not add up over time: what they show now is what they will show.
STEADY = frozenset({Meter.Kind.KEYS, Meter.Kind.PEAK})


@dataclass(frozen=True, slots=True)
class Forecast:
    """One running period: what it costs by now, and at its end if usage goes on as it did.

    Flat fees and minimums are in `so_far` with what the subscription will owe for the whole
    period if nothing is changed.
    """

    now: RatedSubscription
    at_end: RatedSubscription

    @property
    def is_active(self) -> bool:
        return bool(self.now.subscription.state == Subscription.State.ACTIVE)

    @property
    def so_far(self) -> tuple[Money, ...]:
        return tuple(Money(bill.total_minor, bill.currency) for bill in self.now.bills)

    @property
    def expected(self) -> tuple[Money, ...]:
        return tuple(Money(bill.total_minor, bill.currency) for bill in self.at_end.bills)


def forecast(organization: Organization) -> tuple[Forecast, ...]:
    """The running periods of the organization's active subscriptions.

    Usage goes on at the pace of the last seven days (of the days since the period's first call
    where it is younger), counted in whole hours; only what the present plan meters grows.
    """
    subscriptions = Subscription.objects.active().filter(organization=organization)
    named = subscriptions.select_related("organization", "application", "product")
    return forecasts(load_book(named.order_by("application__name", "id")))


def forecasts(book: Book, measured: Measured | None = None) -> tuple[Forecast, ...]:
    """One per subscription of the book, in its order.

    `measured`: usage of their running periods where it was read before.
    """
    now = clock.now()
    if measured is None:
        running = {pk: book.schedule(s).period_at(now) for pk, s in book.subscriptions.items()}
        measured = measure_periods(book, running)
    periods = measured.periods
    spans = {pk: _recent(book, pk, now) for pk in periods}
    recent = _measure_recent(book, spans)

    def projected(pk: int, plan_id: int, slug: str, used: Decimal) -> Decimal:
        meter = book.meters.get(slug)
        if meter is None or meter.kind in STEADY or plan_id != book.subscriptions[pk].plan_id:
            return used
        seconds = int((spans[pk].end - spans[pk].start).total_seconds())
        charges_overage = book.plans[plan_id].charges_overage
        usage = recent.get(pk, {}).get(plan_id, PlanUsage())
        pace = Pace(quantity(meter, usage, charges_overage=charges_overage), seconds)
        return at_period_end(used, pace, now=now, period=periods[pk])

    present = Rater(book, measured).rate()
    future = Rater(book, measured, adjust=projected).rate()
    return tuple(Forecast(now=a, at_end=b) for a, b in zip(present, future, strict=True))


def _recent(book: Book, pk: int, now: datetime) -> Period:
    """The last seven days, or since the subscription joined; whole hours, the running one too."""
    subscription = book.subscriptions[pk]
    stays = book.stays_of(subscription)
    joined = stays[-1].started_at if stays else subscription.created_at
    end = now
    start = max(now - RECENT, min(joined, now - timedelta(hours=1)))
    return Period(start.replace(minute=0, second=0, microsecond=0), end)


def _measure_recent(book: Book, spans: dict[int, Period]) -> Usage:
    by_span: dict[Period, list[int]] = {}
    for pk, span in spans.items():
        by_span.setdefault(span, []).append(pk)
    usage: Usage = {}
    for span, ids in by_span.items():
        usage |= measure(span, ids, book.meter_kinds - STEADY)
    return usage


def expected_totals(found: Iterable[Forecast]) -> tuple[Money, ...]:
    """The sum of expected amounts per currency, by currency code."""
    sums: dict[str, int] = {}
    for one in found:
        for money in one.expected:
            sums[money.currency] = sums.get(money.currency, 0) + money.amount_minor
    return tuple(Money(amount, currency) for currency, amount in sorted(sums.items()))
