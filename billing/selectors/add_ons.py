"""Add-ons: what is offered, to whom, and what subscriptions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, Q

from apim.core.errors import NotFound
from billing.models import AddOn, AddOnPrice, BillingTerms, SubscriptionAddOn
from billing.selectors.rated import DEFAULT_CURRENCY

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.accounts.models import Organization
    from apim.catalog.models import Product
    from apim.keys.models import Subscription


def add_ons(product: Product | None = None) -> QuerySet[AddOn]:
    """All of them, withdrawn and private ones too, with how many hold each; newest first."""
    rows = AddOn.objects.select_related("product", "plan", "organization", "meter")
    if product is not None:
        rows = rows.filter(product=product)
    held = Count("held", filter=Q(held__ended_at__isnull=True))
    return rows.prefetch_related("prices").annotate(holders=held).order_by("-id")


def get_add_on(public_id: str) -> AddOn:
    """Raises NotFound."""
    found = add_ons().filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


def is_offered(add_on: AddOn, subscription: Subscription) -> bool:
    """Whether the subscription may add it now."""
    return (
        add_on.withdrawn_at is None
        and add_on.product_id == subscription.product_id
        and add_on.plan_id in {None, subscription.plan_id}
        and add_on.organization_id in {None, subscription.organization_id}
    )


def offered_add_ons(subscription: Subscription) -> list[tuple[AddOn, AddOnPrice]]:
    """What the subscription may add and does not hold, with the price in its currency."""
    currency = currency_of(subscription)
    held = held_add_ons(subscription).values_list("add_on", flat=True)
    rows = AddOn.objects.filter(product=subscription.product_id).exclude(pk__in=held)
    found = []
    for row in rows.select_related("meter").prefetch_related("prices").order_by("name", "id"):
        prices = [price for price in row.prices.all() if price.currency == currency]
        if prices and is_offered(row, subscription):
            found.append((row, prices[0]))
    return found


def currency_of(subscription: Subscription) -> str:
    """What the subscription agreed to pay in."""
    terms = BillingTerms.objects.filter(subscription=subscription).first()
    return terms.currency if terms else DEFAULT_CURRENCY


def held_add_ons(subscription: Subscription) -> QuerySet[SubscriptionAddOn]:
    """What it holds now."""
    rows = SubscriptionAddOn.objects.filter(subscription=subscription, ended_at__isnull=True)
    return rows.select_related("add_on__meter", "subscription")


def all_held(organization: Organization | None) -> QuerySet[SubscriptionAddOn]:
    """What the organization's subscriptions (None: everybody's) hold and held, newest first."""
    rows = SubscriptionAddOn.objects.select_related("add_on__meter", "subscription")
    if organization is not None:
        rows = rows.filter(organization=organization)
    return rows.order_by("-id")


def get_held(organization: Organization | None, public_id: str) -> SubscriptionAddOn:
    """Raises NotFound."""
    found = all_held(organization).filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found
