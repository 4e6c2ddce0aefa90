"""Discounts of a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.naming import checked_name
from apim.core import clock
from apim.core.errors import InvalidInput
from billing.errors import DiscountEnded, UnknownCurrency
from billing.models import Discount
from billing.rating.prices import MAX_AMOUNT
from billing.services.prices import CURRENCIES

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from apim.accounts.models import Organization
    from apim.audit.actors import Actor
    from apim.keys.models import Subscription

PERCENT_DECIMALS = 4


@transaction.atomic
def give_discount(
    *,
    actor: Actor,
    organization: Organization,
    name: str,
    percent: Decimal | None = None,
    amount: Decimal | None = None,
    currency: str = "",
    subscription: Subscription | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Discount:
    """Take a percentage or an amount (major units of `currency`) off each billing period.

    Of one subscription, or each of the organization's. Counts for periods that end between
    `starts_at` (now) and `ends_at`. Raises InvalidInput by field, UnknownCurrency.
    """
    if (percent is None) == (amount is None):
        _refuse("percent", _("Either a percentage or an amount."))
    if percent is not None:
        _check_percent(percent)
        currency = ""
    if amount is not None:
        if not amount.is_finite() or not 0 < amount < MAX_AMOUNT:
            _refuse("amount", _("It has to be more than 0."))
        if currency not in CURRENCIES:
            choices = ", ".join(CURRENCIES)
            raise UnknownCurrency(fields={"currency": [_("Choose one of %s.") % choices]})
    if subscription is not None and subscription.organization_id != organization.pk:
        _refuse("subscription", _("It belongs to another organization."))
    starts_at = starts_at or clock.now()
    if ends_at is not None and ends_at <= starts_at:
        _refuse("ends_at", _("It has to end after it starts."))
    discount = Discount.objects.create(
        organization=organization,
        subscription=subscription,
        name=checked_name(name, max_length=80),
        percent=percent,
        amount=amount,
        currency=currency,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    record(
        actor,
        "discount.given",
        discount,
        after={
            "percent": str(percent) if percent is not None else None,
            "amount": str(amount) if amount is not None else None,
            "currency": currency,
            "ends_at": ends_at.isoformat() if ends_at else None,
        },
    )
    return discount


@transaction.atomic
def end_discount(*, actor: Actor, discount: Discount) -> Discount:
    """End it now: the running period no longer gets it. Raises DiscountEnded."""
    now = clock.now()
    rows = Discount.objects.filter(pk=discount.pk)
    if rows.filter(ends_at__isnull=False, ends_at__lte=now).exists():
        raise DiscountEnded
    rows.update(ends_at=max(now, discount.starts_at))
    before = discount.ends_at.isoformat() if discount.ends_at else None
    discount.refresh_from_db()
    record(
        actor,
        "discount.ended",
        discount,
        before={"ends_at": before},
        after={"ends_at": now.isoformat()},
    )
    return discount


def _check_percent(percent: Decimal) -> None:
    if not percent.is_finite() or not 0 < percent <= 100:
        _refuse("percent", _("More than 0, at most 100."))
    if -int(percent.normalize().as_tuple().exponent) > PERCENT_DECIMALS:
        _refuse("percent", _("At most %d decimals.") % PERCENT_DECIMALS)


def _refuse(field: str, message: str) -> None:
    raise InvalidInput(message, fields={field: [message]})
