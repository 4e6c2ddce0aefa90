"""Rating many subscriptions at once: usage from the rollups, prices from the book, lines out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import localcontext
from typing import TYPE_CHECKING

from analytics.metering import has_exact_edges
from apim.core.clock import Period
from billing.rating.amounts import EXACT, ZERO, share_of
from billing.rating.engine import Segment, rate, segment_lines
from billing.rating.lines import Bill, LineKind
from billing.selectors.book import counted_span, rated_discounts
from billing.selectors.quantities import PlanUsage, measure, quantity
from billing.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime
    from decimal import Decimal

    from apim.catalog.models import Plan
    from apim.keys.models import Subscription
    from billing.models import PlanVersion, SubscriptionAddOn
    from billing.rating.lines import Line
    from billing.rating.prices import Terms
    from billing.selectors.book import Book
    from billing.selectors.quantities import Usage

    # Plan, version and currency -> terms to charge by; None charges nothing.
    TermsFor = Callable[[int, PlanVersion | None, str], Terms | None]

# What a plan without a price is shown in; it charges nothing.
DEFAULT_CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class UsageOrigin:
    """What a line was computed from: the rollups (and raw calls while kept) of these facts."""

    subscription_id: str
    plan_id: str
    period: Period
    environment: str = "live"


@dataclass(frozen=True, slots=True)
class RatedSegment:
    """A subscription's time and calls on one plan. Without a version nothing is charged."""

    plan: Plan
    version: PlanVersion | None
    currency: str
    calls: int
    lines: tuple[Line, ...]
    origin: UsageOrigin

    @property
    def amount_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)

    @property
    def usage_line(self) -> Line | None:
        """The first line of usage, of which plain plans have one."""
        return next((line for line in self.lines if line.kind is LineKind.USAGE), None)


@dataclass(frozen=True, slots=True)
class RatedSubscription:
    """One subscription's period: a segment per plan, then add-ons and discounts.

    `bills`: one per currency, hence one unless its plans have none in common. `is_exact` is False
    when the period's edges were taken from whole UTC days because their hours are no longer kept.
    """

    subscription: Subscription
    period: Period
    segments: tuple[RatedSegment, ...]
    bills: tuple[Bill, ...]
    is_exact: bool = True

    @property
    def extras(self) -> tuple[Line, ...]:
        """Add-ons, discounts and corrections, which belong to no plan of the period."""
        kinds = {LineKind.ADD_ON, LineKind.DISCOUNT, LineKind.CORRECTION}
        return tuple(line for bill in self.bills for line in bill.lines if line.kind in kinds)


@dataclass(frozen=True, slots=True)
class Measured:
    """Usage of the paid time of each subscription's period, of its trial, and of add-ons held.

    `add_ons`: usage by plan, by the row of what is held.
    """

    periods: Mapping[int, Period]
    paid: Usage
    trial: Usage
    add_ons: Usage


def measure_periods(book: Book, periods: Mapping[int, Period]) -> Measured:
    """Usage by subscription in its own period; one round of queries per different period.

    The book learns plans that usage was attributed to and that it did not know.
    """
    paid_spans: dict[Period, list[int]] = defaultdict(list)
    trial_spans: dict[Period, list[int]] = defaultdict(list)
    for pk, period in periods.items():
        ends = book.trial_end(book.subscriptions[pk])
        split = min(max(ends, period.start), period.end) if ends else period.start
        if split > period.start:
            trial_spans[Period(period.start, split)].append(pk)
        if split < period.end:
            paid_spans[Period(split, period.end)].append(pk)
    paid, trial = _measure(book, paid_spans), _measure(book, trial_spans)
    kinds = book.meter_kinds
    book.learn({plan for of_one in (*paid.values(), *trial.values()) for plan in of_one})
    if book.meter_kinds - kinds:  # their prices ask for more than was measured
        paid, trial = _measure(book, paid_spans), _measure(book, trial_spans)
    return Measured(periods, paid, trial, _measure_add_ons(book, periods))


def _measure_add_ons(book: Book, periods: Mapping[int, Period]) -> Usage:
    """What metered add-ons count, over the hours in which they were held; most have none."""
    spans: dict[Period, list[SubscriptionAddOn]] = defaultdict(list)
    for pk, period in periods.items():
        for held in book.add_ons.get(pk, ()):
            span = counted_span(held, period) if held.add_on.meter else None
            if span:
                spans[span].append(held)
    usage: Usage = {}
    for span, rows in spans.items():
        found = measure(span, {held.subscription_id for held in rows}, book.meter_kinds)
        usage |= {held.pk: found.get(held.subscription_id, {}) for held in rows}
    return usage


def _measure(book: Book, spans: Mapping[Period, Collection[int]]) -> Usage:
    usage: Usage = {}
    for span, ids in spans.items():
        usage |= measure(span, ids, book.meter_kinds)
    return usage


class Rater:
    """Rates the subscriptions of a book.

    `terms_for` gives the terms of a plan version; the simulator puts a draft in its place.
    `adjust` may change measured quantities; the forecast projects them to the period's end.
    """

    def __init__(
        self,
        book: Book,
        measured: Measured,
        *,
        terms_for: TermsFor | None = None,
        adjust: Callable[[int, int, str, Decimal], Decimal] | None = None,
    ) -> None:
        self._book = book
        self._measured = measured
        self._terms_for = terms_for or self._own_terms
        self._adjust = adjust
        self._known: dict[tuple[str, str], Terms] = {}
        # What earlier lines of the same allowance have used: an application has one per plan,
        # meter and period, also when it left the plan and came back.
        self._before: dict[tuple[int, int, str, Period], Decimal] = defaultdict(lambda: ZERO)

    def rate(self) -> list[RatedSubscription]:
        """One per subscription that has a period, in the book's order."""
        with localcontext(EXACT):
            return [
                self._subscription(subscription, self._measured.periods[pk])
                for pk, subscription in self._book.subscriptions.items()
                if pk in self._measured.periods
            ]

    def _own_terms(self, _plan_id: int, version: PlanVersion | None, currency: str) -> Terms | None:
        if version is None:
            return None
        key = (version.public_id, currency)
        if key not in self._known:
            self._known[key] = terms_of(version, currency)
        return self._known[key]

    def _subscription(self, subscription: Subscription, period: Period) -> RatedSubscription:
        used = self._measured.paid.get(subscription.pk, {})
        tried = self._measured.trial.get(subscription.pk, {})
        stays = self._book.stays_of(subscription)
        staying = [stay.plan_id for stay in stays if stay.overlap(period)]
        plans = sorted({*staying, *used, *tried})
        rated = [self._segment(subscription, plan_id, period) for plan_id in plans]
        bills = self._bills(subscription, period, rated)
        return RatedSubscription(subscription, period, tuple(rated), bills, has_exact_edges(period))

    def _segment(self, subscription: Subscription, plan_id: int, period: Period) -> RatedSegment:
        version = self._book.version(subscription, plan_id, period)
        currency = self._book.currency(subscription, version) if version else DEFAULT_CURRENCY
        terms = self._terms_for(plan_id, version, currency)
        used = self._measured.paid.get(subscription.pk, {}).get(plan_id, PlanUsage())
        tried = self._measured.trial.get(subscription.pk, {}).get(plan_id, PlanUsage())
        lines: tuple[Line, ...] = ()
        if terms is not None:
            currency = terms.currency
            segment = self._engine_segment(subscription, plan_id, period, terms, used, tried)
            lines = tuple(segment_lines(segment))
        plan = self._book.plans[plan_id]
        return RatedSegment(
            plan=plan,
            version=version,
            currency=currency,
            calls=used.billable + tried.billable,
            lines=lines,
            origin=UsageOrigin(subscription.public_id, plan.public_id, period),
        )

    def _engine_segment(
        self,
        subscription: Subscription,
        plan_id: int,
        period: Period,
        terms: Terms,
        used: PlanUsage,
        tried: PlanUsage,
    ) -> Segment:
        usage: dict[str, Decimal] = {}
        before: dict[str, Decimal] = {}
        for slug in terms.meters:
            amount = self._quantity(slug, plan_id, used)
            if self._adjust is not None:
                amount = self._adjust(subscription.pk, plan_id, slug, amount)
            allowance = (subscription.application_id, plan_id, slug, period)
            usage[slug], before[slug] = amount, self._before[allowance]
            self._before[allowance] += amount
        spans = self._paid_spans(subscription, plan_id, period)
        return Segment(
            terms,
            share=share_of(period, *spans),
            usage=usage,
            trial_usage={slug: self._quantity(slug, plan_id, tried) for slug in terms.meters},
            before=before,
            is_setup_due=self._is_setup_due(subscription, plan_id, period),
        )

    def _quantity(self, slug: str, plan_id: int, usage: PlanUsage) -> Decimal:
        meter = self._book.meters.get(slug)
        if meter is None:
            return ZERO
        charges_overage = self._book.plans[plan_id].charges_overage
        return quantity(meter, usage, charges_overage=charges_overage)

    def _paid_spans(
        self, subscription: Subscription, plan_id: int, period: Period
    ) -> list[tuple[datetime, datetime]]:
        """Its time on the plan inside the period, after the trial."""
        trial_end = self._book.trial_end(subscription)
        spans = []
        for stay in self._book.stays_of(subscription):
            found = stay.overlap(period) if stay.plan_id == plan_id else None
            if found and trial_end:
                found = (max(found[0], trial_end), found[1])
            if found and found[0] < found[1]:
                spans.append(found)
        return spans

    def _is_setup_due(self, subscription: Subscription, plan_id: int, period: Period) -> bool:
        """In the period in which the subscription's first paid time on the plan begins."""
        starts = [s.started_at for s in self._book.stays_of(subscription) if s.plan_id == plan_id]
        trial_end = self._book.trial_end(subscription)
        return bool(starts) and max(starts[0], trial_end or starts[0]) in period

    def _bills(
        self, subscription: Subscription, period: Period, rated: Iterable[RatedSegment]
    ) -> tuple[Bill, ...]:
        lines: dict[str, list[Line]] = defaultdict(list)
        for segment in rated:
            if segment.lines:
                lines[segment.currency] += segment.lines
        used = self._add_on_units(subscription)
        held = self._book.held_add_ons(subscription, period, used)
        discounts = self._book.discounts_of(subscription, period)
        return tuple(
            rate(
                [],
                currency=currency,
                rated=lines[currency],
                add_ons=held.get(currency, ()),
                discounts=rated_discounts(discounts, currency),
            )
            for currency in sorted({*lines, *held})
        )

    def _add_on_units(self, subscription: Subscription) -> dict[int, Decimal]:
        """Units that the subscription's metered add-ons have counted, on whatever plan."""
        found: dict[int, Decimal] = {}
        for held in self._book.add_ons.get(subscription.pk, ()):
            meter = held.add_on.meter
            if meter is None:
                continue
            units = ZERO
            for plan_id, usage in self._measured.add_ons.get(held.pk, {}).items():
                on_plan = self._quantity(meter.slug, plan_id, usage)
                if self._adjust is not None:
                    on_plan = self._adjust(subscription.pk, plan_id, meter.slug, on_plan)
                units += on_plan
            found[held.pk] = units
        return found


def rate_periods(book: Book, periods: Mapping[int, Period]) -> list[RatedSubscription]:
    """Each subscription's period (by primary key), rated from usage as it is known now."""
    return Rater(book, measure_periods(book, periods)).rate()
