"""Stripe's metered billing of what our subscriptions use: subscriptions and items at Stripe.

What a metered price can say, Stripe bills by its own meters, metered prices and subscriptions; the
rest goes on the same invoice as items (billing.stripe.invoicing). docs/adr/0030 says what is which.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q

from apim.core import clock
from apim.core.locks import LockId, try_advisory_lock
from apim.keys.models import Subscription
from billing.models import (
    Meter,
    MeteredItem,
    PlanVersion,
    PriceComponent,
    StripeObject,
    StripeSubscription,
)
from billing.selectors.book import load_book
from billing.stripe.catalogue import metered_price_id, price_params, sync_meters, sync_product
from billing.stripe.customers import ensure_customer
from billing.stripe.cycles import Cycle
from billing.stripe.ports import StripeRefused, StripeUnavailable
from billing.stripe.together import together

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.core.clock import Period
    from billing.models import MeterEvent
    from billing.selectors.book import Book, Stay
    from billing.stripe.ports import PaymentGateway

logger = logging.getLogger(__name__)

# Usage of an hour may be told as of a moment within the next: a month turns at Stripe at the same
# instant of UTC all year, ours at midnight of the customer's zone.
SHIFT = timedelta(hours=1)
# A last period has become a draft at Stripe by then.
TURNED = timedelta(hours=2)
# docs.stripe.com/api/subscriptions: what one takes.
MAX_ITEMS = 20
METADATA = "apim_metered_item"
OF_ROW = "apim_stripe_subscription"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A usage price that Stripe shall bill, since when, and by which month."""

    subscription: Subscription
    component: PriceComponent
    starts_at: datetime
    cycle: Cycle


def sync_metered(gateway: PaymentGateway, *, organization_id: int | None = None) -> int:
    """Bring items at Stripe to what is subscribed now; returns how many came, left or went on.

    `organization_id`: of one organization only.
    """
    with try_advisory_lock(LockId.STRIPE_SUBSCRIPTIONS) as held:
        if not held:
            return 0
        sync_meters(gateway)
        _note(_wanted(organization_id), organization_id)
        by_customer: dict[int, list[StripeSubscription]] = {}
        for row in _with_changes(organization_id):
            by_customer.setdefault(row.organization_id, []).append(row)
        return together(lambda rows: _bring_some(gateway, rows), by_customer.values())


def _bring_some(gateway: PaymentGateway, rows: Iterable[StripeSubscription]) -> int:
    """A customer's, one after the other. Without them the invoice says everything by our items."""
    changed = 0
    for row in rows:
        try:
            changed += _bring(gateway, row)
        except (StripeUnavailable, StripeRefused) as error:
            logger.warning("metered billing of %s has to wait: %s", row.organization, error)
    return changed


def _with_changes(organization_id: int | None) -> list[StripeSubscription]:
    """Those that Stripe has to hear of; most have nothing new."""
    now = clock.now()
    coming = Q(items__stripe_id=None) | Q(items__leaves_at__lte=now)
    rows = StripeSubscription.objects.filter(Q(items__left_at=None) & coming | Q(stripe_id=None))
    if organization_id is not None:
        rows = rows.filter(organization=organization_id)
    return list(rows.filter(ended_at=None).select_related("organization").distinct())


def _wanted(organization_id: int | None) -> dict[tuple[int, int], Wanted]:
    """By subscription and price component, what is active now."""
    rows = Subscription.objects.filter(state=Subscription.State.ACTIVE)
    if organization_id is not None:
        rows = rows.filter(organization=organization_id)
    book = load_book(rows.select_related("organization", "application", "product", "plan"))
    found = (one for subscription in book.subscriptions.values() for one in _of(book, subscription))
    return {(one.subscription.pk, one.component.pk): one for one in found}


def _of(book: Book, subscription: Subscription) -> Iterable[Wanted]:
    stays = book.stays_of(subscription)
    now = clock.now()
    if not stays or stays[-1].ended_at is not None:
        return
    period = book.schedule(subscription).period_at(now)
    version = book.version(subscription, stays[-1].plan_id, period)
    if version is None or version.months != PlanVersion.Months.MONTH:
        return
    trial_end = book.trial_end(subscription)
    if trial_end is not None and trial_end > period.start:
        return  # from the first period on that is paid as a whole
    cycle = Cycle.of(book.schedule(subscription), period, within=SHIFT)
    if cycle is None:
        return
    currency = book.currency(subscription, version)
    starts_at = _joined(stays, period)
    for component in version.components.all():
        is_usage = component.kind == PriceComponent.Kind.USAGE
        if is_usage and component.currency == currency and price_params(component) is not None:
            yield Wanted(subscription, component, starts_at, cycle)


def _joined(stays: Iterable[Stay], period: Period) -> datetime:
    """Since when in the period it has been on its present plan."""
    return max(list(stays)[-1].started_at, period.start)


def _note(wanted: dict[tuple[int, int], Wanted], organization_id: int | None) -> None:
    """Rows for what comes and goes; nothing is said to Stripe yet."""
    now = clock.now()
    every = MeteredItem.objects.all()
    if organization_id is not None:
        every = every.filter(organization=organization_id)
    open_rows = every.filter(left_at=None).select_related("subscription__organization")
    there = {(row.subscription_id, row.component_id): row for row in open_rows}
    for key, row in there.items():
        if key not in wanted and row.ends_at is None:
            _end(row)
        elif key in wanted and row.leaves_at is not None and wanted[key].starts_at < row.leaves_at:
            MeteredItem.objects.filter(pk=row.pk).update(ends_at=None, leaves_at=None)
    late = every.filter(stripe_id=None, left_at=None, starts_at__lt=now - SHIFT)
    late.update(left_at=now)  # too late to count its first hours: the next period, then
    for key, one in wanted.items():
        if key not in there and one.starts_at >= now - SHIFT:
            _begin(one)


def _end(row: MeteredItem) -> None:
    """It counts until the subscription left the plan, and stays to the end of that period."""
    book = load_book(
        Subscription.objects.filter(pk=row.subscription_id).select_related(
            "organization", "application", "product", "plan"
        )
    )
    subscription = book.subscriptions[row.subscription_id]
    schedule = book.schedule(subscription)
    plan_id = row.component.version.plan_id
    stays = [stay for stay in book.stays_of(subscription) if stay.plan_id == plan_id]
    ended = stays[-1].ended_at if stays else None
    # On the same plan still: its price changed where the period turned.
    ends_at = ended or schedule.period_at(clock.now()).start
    turn = schedule.period_at(ends_at - timedelta(microseconds=1)).end
    MeteredItem.objects.filter(pk=row.pk).update(ends_at=ends_at, leaves_at=turn + TURNED)


def _begin(one: Wanted) -> None:
    organization_id = one.subscription.organization_id
    row, _made = StripeSubscription.objects.get_or_create(
        organization_id=organization_id,
        currency=one.component.currency,
        day=one.cycle.day,
        hour=one.cycle.hour,
        ended_at=None,
    )
    if row.items.filter(left_at=None).count() >= MAX_ITEMS:
        return
    MeteredItem.objects.create(
        organization_id=organization_id,
        stripe_subscription=row,
        subscription=one.subscription,
        component=one.component,
        lane=_free_lane(organization_id, one),
        starts_at=one.starts_at,
    )


def _free_lane(organization_id: int, one: Wanted) -> int:
    """The subscription's own lane of the meter on this plan version, else the lowest free one."""
    rows = MeteredItem.objects.filter(
        organization=organization_id, component__meter=one.component.meter
    )
    shared = rows.filter(
        subscription=one.subscription, component__version=one.component.version, left_at=None
    ).first()
    if shared is not None:
        return shared.lane
    recent = Q(left_at=None) | Q(left_at__gt=clock.now() - timedelta(days=40))
    taken = set(rows.filter(recent).values_list("lane", flat=True))
    return next(lane for lane in range(1, len(taken) + 2) if lane not in taken)


def _bring(gateway: PaymentGateway, row: StripeSubscription) -> int:
    """Say to Stripe what is not said yet."""
    now = clock.now()
    coming = list(_related(row).filter(stripe_id=None, left_at=None))
    leaving = list(_related(row).filter(stripe_id__isnull=False, left_at=None, leaves_at__lte=now))
    staying = row.items.filter(stripe_id__isnull=False, left_at=None).count() - len(leaving)
    if leaving and not staying and not coming:
        gateway.cancel_subscription(str(row.stripe_id))
        StripeSubscription.objects.filter(pk=row.pk).update(ended_at=now)
        row.items.filter(pk__in=[item.pk for item in leaving]).update(left_at=now)
        return len(leaving)
    for item in coming:
        _add(gateway, row, item)
    for item in leaving:
        _remove(gateway, item)
    if row.stripe_id is None and not coming and not row.items.filter(left_at=None).exists():
        StripeSubscription.objects.filter(pk=row.pk).update(ended_at=now)
    return len(coming) + len(leaving)


def _related(row: StripeSubscription) -> Any:
    return row.items.select_related(
        "component__version__plan__product", "component__meter", "subscription"
    )


def _add(gateway: PaymentGateway, row: StripeSubscription, item: MeteredItem) -> None:
    sync_product(gateway, item.component.version.plan.product)
    price = metered_price_id(gateway, item.component, item.lane)
    if price is None:
        MeteredItem.objects.filter(pk=item.pk).update(left_at=clock.now())
        return
    wanted = {"price": price, "metadata": {METADATA: str(item.pk)}}
    if row.stripe_id is None and not _is_found(gateway, row):
        made = _subscribe(gateway, row, wanted)
    else:
        made = _find(gateway, row, item) or gateway.create(
            "subscription_items",
            {"subscription": row.stripe_id, "proration_behavior": "none", **wanted},
        )
    MeteredItem.objects.filter(pk=item.pk).update(
        stripe_id=made["id"], made_at=datetime.fromtimestamp(made["created"], UTC)
    )


def _find(gateway: PaymentGateway, row: StripeSubscription, item: MeteredItem) -> Any:
    """The item, when it was made before and its answer was lost."""
    there = gateway.every("subscription_items", {"subscription": row.stripe_id})
    return next((one for one in there if one["metadata"].get(METADATA) == str(item.pk)), None)


def _is_found(gateway: PaymentGateway, row: StripeSubscription) -> bool:
    """Whether the subscription was made before and its answer was lost; then it is noted.

    Looked for instead of an idempotency key: what is asked for differs from one try to the next.
    """
    customer = ensure_customer(gateway, row.organization)
    for found in gateway.every("subscriptions", {"customer": customer.stripe_id}):
        if found["metadata"].get(OF_ROW) == str(row.pk):
            _know(row, found["id"])
            return True
    return False


def _know(row: StripeSubscription, stripe_id: str) -> None:
    StripeSubscription.objects.filter(pk=row.pk).update(stripe_id=stripe_id)
    row.stripe_id = stripe_id


def _subscribe(gateway: PaymentGateway, row: StripeSubscription, item: dict[str, Any]) -> Any:
    """Subscribe the customer at Stripe, whose months turn where ours do; returns the first item."""
    customer = ensure_customer(gateway, row.organization)
    params: dict[str, Any] = {
        "customer": customer.stripe_id,
        "currency": row.currency.lower(),
        "items": [item],
        "proration_behavior": "none",
        "billing_cycle_anchor_config": {
            "day_of_month": row.day,
            "hour": row.hour,
            "minute": 0,
            "second": 0,
        },
        "metadata": {OF_ROW: str(row.pk)},
    }
    if not customer.has_payment_method:
        params["collection_method"] = "send_invoice"
        params["days_until_due"] = settings.BILLING_PAYMENT_DAYS
    if settings.STRIPE_TAX:
        params["automatic_tax"] = {"enabled": True}
    made = gateway.create("subscriptions", params)
    _know(row, str(made["id"]))
    return made["items"]["data"][0]


def note_ended(stripe_id: str) -> None:
    """Stripe has ended a subscription, for instance because nobody paid: the next period has another."""
    now = clock.now()
    rows = StripeSubscription.objects.filter(stripe_id=stripe_id, ended_at=None)
    for row in rows:
        row.items.filter(ends_at=None).update(ends_at=now)
        row.items.filter(left_at=None).update(left_at=now)
    rows.update(ended_at=now)


def _remove(gateway: PaymentGateway, item: MeteredItem) -> None:
    try:
        gateway.delete("subscription_items", str(item.stripe_id), {"proration_behavior": "none"})
    except StripeRefused as refusal:
        if refusal.reason != "resource_missing":  # removed before, and its answer was lost
            raise
    MeteredItem.objects.filter(pk=item.pk).update(left_at=clock.now())


@dataclass(frozen=True, slots=True)
class Told:
    """Which lane an hour's usage goes to, and as of when."""

    lane: int
    at: datetime


def told_as(row: MeterEvent) -> Told:
    """The lane of the item that bills the usage; 0 where Stripe bills nothing by it."""
    items = MeteredItem.objects.during(row.hour, row.hour + timedelta(hours=1)).filter(
        subscription=row.subscription_id,
        component__meter=row.meter_id,
        component__version__plan=row.plan_id,
    )
    for item in items.select_related("stripe_subscription").order_by("-starts_at"):
        at = _in_its_month(item, max(row.hour, item.made_at or row.hour), row.hour)
        if abs(at - row.hour) <= SHIFT:
            return Told(item.lane, at)
    return Told(0, row.hour)


def _in_its_month(item: MeteredItem, at: datetime, hour: datetime) -> datetime:
    cycle = Cycle(item.stripe_subscription.day, item.stripe_subscription.hour)
    if abs(cycle.nearest(hour) - hour) > TURNED:
        return at
    subscription = Subscription.objects.select_related("organization").get(pk=item.subscription_id)
    schedule = load_book([subscription]).schedule(subscription)
    return cycle.within(schedule.period_at(hour), at)


def lanes_of(organization_id: int) -> list[tuple[Meter, int, str]]:
    """Every meter and lane that the organization's usage may have gone to, with Stripe's id."""
    meters = {meter.public_id: meter for meter in Meter.objects.all()}
    used = MeteredItem.objects.filter(organization=organization_id)
    lanes = {0, *used.values_list("lane", flat=True)}
    found = []
    for known in StripeObject.objects.filter(kind=StripeObject.Kind.METER):
        public_id, _dash, lane = known.key.partition("-")
        if int(lane or 0) in lanes and public_id in meters:
            found.append((meters[public_id], int(lane or 0), known.stripe_id))
    return found
