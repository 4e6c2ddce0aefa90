"""All that rating needs to know of a set of subscriptions, in a handful of queries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from apim.catalog.models import Plan
from apim.core import clock
from apim.core.clock import Period
from apim.keys.models import Subscription
from billing.models import (
    BillingTerms,
    Discount,
    Meter,
    PriceComponent,
    SubscriptionAddOn,
    Tenure,
)
from billing.rating.amounts import ZERO, share_of
from billing.rating.discounts import Discount as RatedDiscount
from billing.rating.engine import HeldAddOn
from billing.rating.periods import Schedule
from billing.selectors.versions import published_by_plan, version_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from billing.models import PlanVersion


@dataclass(frozen=True, slots=True)
class Stay:
    """A tenure as plain values; `ended_at` None goes on."""

    plan_id: int
    started_at: datetime
    ended_at: datetime | None

    def overlap(self, period: Period) -> tuple[datetime, datetime] | None:
        start = max(self.started_at, period.start)
        end = period.end if self.ended_at is None else min(self.ended_at, period.end)
        return (start, end) if start < end else None


@dataclass(slots=True)
class Book:
    """What was agreed with each subscription; `stays` in the order of time."""

    subscriptions: Mapping[int, Subscription]
    terms: Mapping[int, BillingTerms]
    stays: Mapping[int, Sequence[Stay]]
    versions: dict[int, Sequence[PlanVersion]]
    plans: dict[int, Plan]
    discounts: Mapping[int, Sequence[Discount]]
    add_ons: Mapping[int, Sequence[SubscriptionAddOn]]
    meters: dict[str, Meter] = field(default_factory=dict)

    @property
    def meter_kinds(self) -> frozenset[str]:
        return frozenset(meter.kind for meter in self.meters.values())

    def learn(self, plan_ids: Iterable[int]) -> None:
        """Take in plans that it does not know yet."""
        unknown = set(plan_ids) - self.plans.keys()
        if unknown:
            versions = published_by_plan(unknown)
            self.plans |= Plan.objects.in_bulk(unknown)
            self.versions |= versions
            self.meters |= _meters(versions.values())

    def schedule(self, subscription: Subscription) -> Schedule:
        """How the subscription's time is cut into periods; calendar months without terms."""
        zone = subscription.organization.time_zone
        terms = self.terms.get(subscription.pk)
        return terms.schedule(zone) if terms else Schedule(zone)

    def trial_end(self, subscription: Subscription) -> datetime | None:
        terms = self.terms.get(subscription.pk)
        return terms.trial_ends_at if terms else None

    def stays_of(self, subscription: Subscription) -> Sequence[Stay]:
        """Its tenures; one that has none recorded counts from its activation on its present plan."""
        found = self.stays.get(subscription.pk)
        if found:
            return found
        if subscription.activated_at is None and subscription.state != Subscription.State.ACTIVE:
            return ()
        started_at = subscription.activated_at or subscription.created_at
        return (Stay(subscription.plan_id, started_at, subscription.ended_at),)

    def joined_at(self, subscription: Subscription, plan_id: int, period: Period) -> datetime:
        """Since when it was on the plan when it first was in the period, pauses included."""
        joined: datetime | None = None
        previous: int | None = None
        for stay in self.stays_of(subscription):
            if stay.plan_id == plan_id:
                if joined is None or previous != plan_id:
                    joined = stay.started_at
                if stay.overlap(period):
                    return joined
            previous = stay.plan_id
        return joined or subscription.created_at

    def version(
        self, subscription: Subscription, plan_id: int, period: Period
    ) -> PlanVersion | None:
        """The plan version that the subscription pays in the period."""
        return version_for(
            self.versions.get(plan_id, ()),
            organization_id=subscription.organization_id,
            joined_at=self.joined_at(subscription, plan_id, period),
            period=period,
        )

    def currency(self, subscription: Subscription, version: PlanVersion) -> str:
        """The agreed currency where the version has prices in it, else the version's own."""
        terms = self.terms.get(subscription.pk)
        if terms is not None and terms.currency in version.currencies:
            return terms.currency
        return version.currency

    def discounts_of(self, subscription: Subscription, period: Period) -> list[Discount]:
        return [
            discount
            for discount in self.discounts.get(subscription.organization_id, ())
            if discount.subscription_id in {None, subscription.pk}
            and discount.starts_at < period.end
            and (discount.ends_at is None or discount.ends_at >= period.end)
        ]

    def held_add_ons(
        self,
        subscription: Subscription,
        period: Period,
        used: Mapping[int, Decimal] | None = None,
    ) -> dict[str, list[HeldAddOn]]:
        """What it holds of add-ons in the period, by currency; `used`: units by row, if metered."""
        held: dict[str, list[HeldAddOn]] = defaultdict(list)
        for add_on in self.add_ons.get(subscription.pk, ()):
            meter = add_on.add_on.meter
            if meter is not None and counted_span(add_on, period):
                units = (used or {}).get(add_on.pk, ZERO)
                held[add_on.currency].append(
                    HeldAddOn(add_on.public_id, add_on.amount, meter=meter.slug, used=units)
                )
            share = share_of(period, (add_on.started_at, add_on.ended_at or period.end))
            if meter is None and share.part:
                held[add_on.currency].append(
                    HeldAddOn(add_on.public_id, add_on.amount, add_on.quantity, share)
                )
        return held


def counted_span(add_on: SubscriptionAddOn, period: Period) -> Period | None:
    """The whole hours of the period that a metered add-on counts: from the next one, to the next.

    So one that is ended and added again counts no hour twice and none not at all.
    """
    start = max(period.start, _next_hour(add_on.started_at))
    end = min(period.end, _next_hour(add_on.ended_at)) if add_on.ended_at else period.end
    return Period(start, end) if start < end else None


def _next_hour(instant: datetime) -> datetime:
    hour = instant.replace(minute=0, second=0, microsecond=0)
    return hour if hour == instant else hour + timedelta(hours=1)


def rated_discounts(discounts: Iterable[Discount], currency: str) -> list[RatedDiscount]:
    """The engine's form of those that count for bills in the currency."""
    found = []
    for discount in discounts:
        if discount.percent is not None:
            found.append(RatedDiscount(discount.public_id, percent=discount.percent))
        elif discount.amount is not None and discount.currency == currency:
            found.append(RatedDiscount(discount.public_id, amount=discount.amount))
    return found


def agreed_prices(subscriptions: Iterable[Subscription]) -> dict[int, PlanVersion]:
    """What each pays in its present period, by its primary key; those that are free are absent.

    Not what a new subscriber would pay: a changed price leaves them the former one.
    """
    found = {subscription.pk: subscription for subscription in subscriptions}
    book = Book(
        subscriptions=found,
        terms=_terms(found),
        stays=_stays(found),
        versions={**published_by_plan({s.plan_id for s in found.values()})},
        plans={},
        discounts={},
        add_ons={},
    )
    now = clock.now()
    versions = {
        pk: book.version(s, s.plan_id, book.schedule(s).period_at(now)) for pk, s in found.items()
    }
    return {pk: version for pk, version in versions.items() if version is not None}


def load_book(subscriptions: Iterable[Subscription], plan_ids: Iterable[int] = ()) -> Book:
    """The book of these subscriptions (with their organization, application and product loaded).

    `plan_ids`: further plans that usage was attributed to.
    """
    found = {subscription.pk: subscription for subscription in subscriptions}
    stays = _stays(found)
    plans = {subscription.plan_id for subscription in found.values()} | set(plan_ids)
    plans |= {stay.plan_id for of_one in stays.values() for stay in of_one}
    book = Book(
        subscriptions=found,
        terms=_terms(found),
        stays=stays,
        versions={},
        plans={},
        discounts=_discounts({s.organization_id for s in found.values()}),
        add_ons=_add_ons(found),
    )
    book.learn(plans)
    metered = (held.add_on.meter for of_one in book.add_ons.values() for held in of_one)
    book.meters |= {meter.slug: meter for meter in metered if meter is not None}
    return book


def _terms(found: Mapping[int, Subscription]) -> dict[int, BillingTerms]:
    return {t.subscription_id: t for t in BillingTerms.objects.filter(subscription__in=found)}


def _stays(found: Mapping[int, Subscription]) -> dict[int, list[Stay]]:
    stays: dict[int, list[Stay]] = defaultdict(list)
    rows = Tenure.objects.filter(subscription__in=found).order_by("started_at", "id")
    columns = rows.values_list("subscription_id", "plan_id", "started_at", "ended_at")
    for pk, plan_id, started_at, ended_at in columns:
        stays[pk].append(Stay(plan_id, started_at, ended_at))
    return stays


def _discounts(organizations: set[int]) -> dict[int, list[Discount]]:
    found: dict[int, list[Discount]] = defaultdict(list)
    for discount in Discount.objects.filter(organization__in=organizations):
        found[discount.organization_id].append(discount)
    return found


def _add_ons(found: Mapping[int, Subscription]) -> dict[int, list[SubscriptionAddOn]]:
    held: dict[int, list[SubscriptionAddOn]] = defaultdict(list)
    rows = SubscriptionAddOn.objects.filter(subscription__in=found)
    for add_on in rows.select_related("add_on__meter"):
        held[add_on.subscription_id].append(add_on)
    return held


def _meters(versions: Iterable[Sequence[PlanVersion]]) -> dict[str, Meter]:
    """By slug, those that a price of the versions asks."""
    meters: dict[str, Meter] = {}
    for of_plan in versions:
        for version in of_plan:
            for component in version.components.all():
                if component.kind == PriceComponent.Kind.USAGE and component.meter is not None:
                    meters[component.meter.slug] = component.meter
    return meters
