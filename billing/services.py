"""Setting prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.models import Plan
from apim.core import clock
from apim.core.errors import InvalidInput
from billing.errors import UnknownCurrency
from billing.models import Price

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from apim.audit.actors import Actor

CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY")
MAX_DECIMALS = 12
MAX_UNIT_AMOUNT = 10**8
MAX_INCLUDED_CALLS = 10**15


@transaction.atomic
def set_price(
    *, actor: Actor, plan: Plan, currency: str, unit_amount: Decimal, included_calls: int = 0
) -> Price:
    """Give the plan a price, in major units per call.

    A plan that nobody has subscribed to is priced from this month on. Otherwise the present month
    keeps what was agreed, and the new price starts with the next calendar month (UTC).
    Raises UnknownCurrency, InvalidInput.
    """
    _check(currency, unit_amount, included_calls)
    Plan.objects.select_for_update().get(pk=plan.pk)  # one price change per plan at a time
    month = clock.month_of(clock.now())
    starts_at = month.end if plan.subscriptions.exists() else month.start
    before = _end_open_price(plan, starts_at)
    price = Price.objects.create(
        plan=plan,
        currency=currency,
        unit_amount=unit_amount,
        included_calls=included_calls,
        starts_at=starts_at,
    )
    record(
        actor,
        "price.set",
        price,
        before=_facts(before) if before else {},
        after={**_facts(price), "plan": plan.public_id, "starts_at": starts_at.isoformat()},
    )
    return price


def _check(currency: str, unit_amount: Decimal, included_calls: int) -> None:
    if currency not in CURRENCIES:
        raise UnknownCurrency(fields={"currency": [_("Choose one of %s.") % ", ".join(CURRENCIES)]})
    if not unit_amount.is_finite() or unit_amount < 0:
        raise InvalidInput(fields={"unit_amount": [_("A price cannot be negative.")]})
    if unit_amount >= MAX_UNIT_AMOUNT:
        raise InvalidInput(fields={"unit_amount": [_("Less than 100 million.")]})
    if -int(unit_amount.normalize().as_tuple().exponent) > MAX_DECIMALS:
        raise InvalidInput(fields={"unit_amount": [_("At most 12 decimals.")]})
    if not 0 <= included_calls <= MAX_INCLUDED_CALLS:
        raise InvalidInput(fields={"included_calls": [_("At least 0, at most 10^15.")]})


def _end_open_price(plan: Plan, at: datetime) -> Price | None:
    """End the plan's open price; one that would only have started then never comes into force."""
    price = Price.objects.filter(plan=plan, ended_at__isnull=True).first()
    if price is not None:
        Price.objects.filter(pk=price.pk).update(ended_at=max(at, price.starts_at))
    return price


def _facts(price: Price) -> dict[str, str | int]:
    return {
        "currency": price.currency,
        "unit_amount": f"{price.unit_amount.normalize():f}",
        "included_calls": price.included_calls,
    }
