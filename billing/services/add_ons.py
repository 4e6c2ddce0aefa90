"""Add-ons: offered with a product, held by subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.naming import checked_name
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.keys.models import Subscription
from billing.errors import AddOnHeld, AddOnNotOffered, NotInCurrency, UnknownCurrency
from billing.models import AddOn, AddOnPrice, BillingTerms, SubscriptionAddOn
from billing.rating.prices import MAX_AMOUNT
from billing.selectors.add_ons import is_offered
from billing.services.prices import CURRENCIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from apim.accounts.models import Organization
    from apim.audit.actors import Actor
    from apim.catalog.models import Plan, Product
    from billing.models import Meter

MAX_QUANTITY = 1_000_000


@transaction.atomic
def create_add_on(
    *,
    actor: Actor,
    product: Product,
    name: str,
    amounts: Mapping[str, Decimal],
    plan: Plan | None = None,
    organization: Organization | None = None,
    meter: Meter | None = None,
) -> AddOn:
    """Offer an extra; `amounts` by currency, in major units, per piece and period or per unit.

    `meter`: each unit that it counts while the add-on is held is charged. `plan` and `organization`
    narrow who may hold it. Raises InvalidInput, UnknownCurrency.
    """
    if plan is not None and plan.product_id != product.pk:
        message = _("The plan is one of another product.")
        raise InvalidInput(message, fields={"plan": [message]})
    add_on = AddOn(
        product=product,
        plan=plan,
        organization=organization,
        meter=meter,
        name=checked_name(name, max_length=80),
    )
    _check(amounts)
    add_on.save()
    _write(add_on, amounts)
    after = {
        "prices": _plain(amounts),
        "plan": plan.public_id if plan else None,
        "meter": meter.slug if meter else None,
    }
    record(
        actor,
        "add_on.created",
        add_on,
        after=after,
        organization_id=organization.pk if organization else None,
    )
    return add_on


@transaction.atomic
def reprice_add_on(*, actor: Actor, add_on: AddOn, amounts: Mapping[str, Decimal]) -> AddOn:
    """New amounts for those who add it from now on. Raises InvalidInput, UnknownCurrency."""
    _check(amounts)
    AddOn.objects.select_for_update().get(pk=add_on.pk)
    before = {price.currency: price.amount for price in add_on.prices.all()}
    add_on.prices.all().delete()
    _write(add_on, amounts)
    record(
        actor,
        "add_on.repriced",
        add_on,
        before={"prices": _plain(before)},
        after={"prices": _plain(amounts)},
    )
    return add_on


@transaction.atomic
def withdraw_add_on(*, actor: Actor, add_on: AddOn) -> AddOn:
    """Offer it no longer; who holds it goes on. Raises AddOnNotOffered when it was withdrawn."""
    now = clock.now()
    if AddOn.objects.filter(pk=add_on.pk, withdrawn_at__isnull=True).update(withdrawn_at=now) != 1:
        raise AddOnNotOffered
    add_on.refresh_from_db()
    record(actor, "add_on.withdrawn", add_on, after={"withdrawn_at": now.isoformat()})
    return add_on


@transaction.atomic
def add_to_subscription(
    *, actor: Actor, subscription: Subscription, add_on: AddOn, quantity: int = 1
) -> SubscriptionAddOn:
    """Hold so many pieces from now on, charged by the second of the running period.

    One with a meter counts from the next whole hour on. Raises AddOnNotOffered, NotInCurrency,
    AddOnHeld, InvalidInput.
    """
    if not 1 <= quantity <= MAX_QUANTITY:
        raise InvalidInput(fields={"quantity": [_("Between 1 and a million.")]})
    if add_on.meter_id is not None and quantity != 1:
        message = _("It is charged by what is counted: there is only one of it.")
        raise InvalidInput(message, fields={"quantity": [message]})
    if not is_offered(add_on, subscription) or subscription.state != Subscription.State.ACTIVE:
        raise AddOnNotOffered
    terms = BillingTerms.objects.filter(subscription=subscription).first()
    currency = terms.currency if terms else CURRENCIES[0]
    price = add_on.prices.filter(currency=currency).first()
    if price is None:
        raise NotInCurrency
    try:
        with transaction.atomic():
            held = SubscriptionAddOn.objects.create(
                subscription=subscription,
                organization_id=subscription.organization_id,
                add_on=add_on,
                quantity=quantity,
                currency=currency,
                amount=price.amount,
                started_at=clock.now(),
            )
    except IntegrityError as error:  # the database allows one open row of an add-on
        raise AddOnHeld from error
    record(
        actor,
        "subscription.add_on_added",
        held,
        after={"add_on": add_on.public_id, "quantity": quantity, "amount": str(price.amount)},
    )
    return held


@transaction.atomic
def end_add_on(*, actor: Actor, held: SubscriptionAddOn) -> SubscriptionAddOn:
    """Hold it no longer, from now on. Raises AddOnNotOffered when it has ended."""
    now = clock.now()
    rows = SubscriptionAddOn.objects.filter(pk=held.pk, ended_at__isnull=True)
    if rows.update(ended_at=now) != 1:
        raise AddOnNotOffered
    held.refresh_from_db()
    record(actor, "subscription.add_on_ended", held, after={"ended_at": now.isoformat()})
    return held


def _check(amounts: Mapping[str, Decimal]) -> None:
    if not amounts or set(amounts) - set(CURRENCIES):
        choices = ", ".join(CURRENCIES)
        raise UnknownCurrency(fields={"currency": [_("Choose one of %s.") % choices]})
    for amount in amounts.values():
        if not amount.is_finite() or not 0 <= amount < MAX_AMOUNT:
            raise InvalidInput(fields={"amount": [_("A price cannot be negative.")]})


def _write(add_on: AddOn, amounts: Mapping[str, Decimal]) -> None:
    AddOnPrice.objects.bulk_create(
        AddOnPrice(add_on=add_on, currency=currency, amount=amount)
        for currency, amount in amounts.items()
    )


def _plain(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: f"{amount.normalize():f}" for currency, amount in amounts.items()}
