"""What usage is worth, read from rollups and prices."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from analytics.selectors import daily_billable
from apim.catalog.models import Plan
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.keys.models import Subscription
from billing.charges import (
    ChargesOverview,
    OrganizationCharges,
    SubscriptionCharge,
    grouped,
    rate,
    totals,
)
from billing.models import Price

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from analytics.reports import BillableDay
    from apim.accounts.models import Organization
    from apim.core.clock import Period

# What a plan without a price is shown in; it charges nothing.
DEFAULT_CURRENCY = "EUR"
CSV_HEADER = (
    "month",
    "organization_id",
    "organization",
    "application",
    "product",
    "plan",
    "subscription_id",
    "billable_calls",
    "included_calls",
    "charged_calls",
    "unit_amount",
    "amount",
    "currency",
)


def current_price(plan: Plan) -> Price | None:
    """The price in force; None while the plan is free of charge."""
    return current_prices([plan.pk]).get(plan.pk)


def current_prices(plan_ids: Iterable[int]) -> dict[int, Price]:
    """The prices in force by plan; plans without one are absent."""
    prices = Price.objects.in_force(clock.now()).filter(plan_id__in=list(plan_ids))
    return {price.plan_id: price for price in prices}


def upcoming_price(plan: Plan) -> Price | None:
    """The price that takes over with the next calendar month."""
    upcoming = Price.objects.filter(plan=plan, starts_at__gt=clock.now(), ended_at__isnull=True)
    return upcoming.first()


def running_charges(
    organization: Organization, period: Period | None = None
) -> OrganizationCharges:
    """The organization's charges of the calendar month (UTC); the present one unless given.

    Every open subscription has a line, also without calls; one that ended has a line if it was
    called in the month. Raises InvalidInput when the period is no calendar month.
    """
    period = _month(period)
    subscriptions = Subscription.objects.filter(organization=organization)
    found = {subscription.pk: subscription for subscription in _named(subscriptions)}
    active = [s for s in found.values() if s.state == Subscription.State.ACTIVE]
    charges = tuple(_charges(found, active, daily_billable(found, period), period))
    return OrganizationCharges(period, charges, totals(charges))


def charges_overview(period: Period | None = None) -> ChargesOverview:
    """Every organization's charges of the calendar month (UTC), for finance.

    Only what was called has a line. Raises InvalidInput when the period is no calendar month.
    """
    period = _month(period)
    days = daily_billable(None, period)
    called = Subscription.objects.filter(pk__in={day.subscription_id for day in days})
    found = {subscription.pk: subscription for subscription in _named(called)}
    charges = tuple(_charges(found, [], days, period))
    return ChargesOverview(
        period=period,
        charges=charges,
        by_product=grouped(charges, lambda c: (c.product_id, c.product_name)),
        by_organization=grouped(charges, lambda c: (c.organization_id, c.organization_name)),
        totals=totals(charges),
    )


def charge_rows(overview: ChargesOverview) -> Iterator[tuple[str, ...]]:
    """The header and one row per charge, for CSV; amounts in major units, a point for decimals."""
    yield CSV_HEADER
    month = f"{overview.period.start:%Y-%m}"
    for charge in overview.charges:
        yield (
            month,
            charge.organization_id,
            charge.organization_name,
            charge.application_name,
            charge.product_name,
            charge.plan_name,
            charge.subscription_id,
            str(charge.calls),
            str(charge.included_calls),
            str(charge.charged_calls),
            f"{charge.unit_amount.normalize():f}",
            str(charge.amount.amount),
            charge.currency,
        )


def _month(period: Period | None) -> Period:
    """The period, the present month for None: a price and its free calls hold for a month."""
    period = period or clock.month_of(clock.now())
    if clock.month_of(period.start) != period:
        raise InvalidInput(_("Charges are computed for whole calendar months (UTC)."))
    return period


def _named(subscriptions: QuerySet[Subscription]) -> QuerySet[Subscription]:
    return subscriptions.select_related("organization", "application", "product").order_by(
        "organization__name", "organization_id", "application__name", "id"
    )


def _charges(
    found: dict[int, Subscription],
    active: Iterable[Subscription],
    days: Iterable[BillableDay],
    period: Period,
) -> Iterator[SubscriptionCharge]:
    """One line per subscription and plan that was called on it, and per active subscription."""
    calls: dict[tuple[int, int], int] = defaultdict(int)
    for subscription in active:
        calls[subscription.pk, subscription.plan_id] = 0
    for day in days:
        calls[day.subscription_id, day.plan_id] += day.calls
    plans = Plan.objects.in_bulk({plan_id for _, plan_id in calls})
    prices = {
        price.plan_id: price
        for price in Price.objects.in_force(period.start).filter(plan_id__in=plans)
    }
    place = {pk: index for index, pk in enumerate(found)}
    # An application that leaves a plan and comes back in the same month has one allowance.
    earlier: dict[tuple[int, int], int] = defaultdict(int)
    for (subscription_id, plan_id), count in sorted(
        calls.items(), key=lambda item: (place[item[0][0]], item[0][1])
    ):
        subscription = found[subscription_id]
        before = earlier[subscription.application_id, plan_id]
        earlier[subscription.application_id, plan_id] += count
        yield _charge(subscription, plans[plan_id], prices.get(plan_id), count, before)


def _charge(
    subscription: Subscription, plan: Plan, price: Price | None, calls: int, earlier_calls: int
) -> SubscriptionCharge:
    currency = price.currency if price else DEFAULT_CURRENCY
    included = max(0, price.included_calls - earlier_calls) if price else 0
    unit_amount = price.unit_amount if price else Decimal(0)
    charged, amount = rate(calls, included, unit_amount, currency)
    return SubscriptionCharge(
        subscription_id=subscription.public_id,
        organization_id=subscription.organization.public_id,
        organization_name=subscription.organization.name,
        application_name=subscription.application.name,
        product_id=subscription.product.public_id,
        product_name=subscription.product.name,
        plan_id=plan.public_id,
        plan_name=plan.name,
        currency=currency,
        calls=calls,
        included_calls=included,
        charged_calls=charged if price else 0,
        unit_amount=unit_amount,
        amount=amount,
        is_priced=price is not None,
    )
