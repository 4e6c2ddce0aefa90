"""What a month's usage is worth: plain values, and the arithmetic between them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apim.core.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from apim.core.clock import Period
    from billing.rating.lines import Line


@dataclass(frozen=True, slots=True)
class SubscriptionCharge:
    """One subscription on one plan in one billing period.

    `calls` are billable calls in the live environment. `included_calls` and `charged_calls` are
    those of the first price of usage; `unit_amount` is its price per `unit_name`, or with
    `is_average` what a charged unit came to on average, where it has tiers or packages; without a
    price of usage there is no `unit_name`. `amount` is the sum of `lines`: fees, all
    usage, minimum, and on a subscription's last plan its add-ons and discounts too.
    A plan without a price (`is_priced` false) charges nothing.
    """

    subscription_id: str
    organization_id: str
    organization_name: str
    application_name: str
    product_id: str
    product_name: str
    plan_id: str
    plan_name: str
    currency: str
    calls: int
    included_calls: int
    charged_calls: int
    unit_amount: Decimal
    amount: Money
    is_priced: bool
    period: Period
    version_id: str = ""
    lines: tuple[Line, ...] = ()
    unit_name: str = ""
    is_average: bool = False


@dataclass(frozen=True, slots=True)
class ChargeGroup:
    """Charges of one currency added up by product or organization."""

    key: str
    label: str
    currency: str
    calls: int
    charged_calls: int
    amount: Money


@dataclass(frozen=True, slots=True)
class OrganizationCharges:
    period: Period
    charges: tuple[SubscriptionCharge, ...]
    totals: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class ChargesOverview:
    """Every organization's charges; the groups and totals are sums of `charges`."""

    period: Period
    charges: tuple[SubscriptionCharge, ...]
    by_product: tuple[ChargeGroup, ...]
    by_organization: tuple[ChargeGroup, ...]
    totals: tuple[Money, ...]


def totals(charges: Iterable[SubscriptionCharge]) -> tuple[Money, ...]:
    """The sum per currency, by currency code."""
    sums: dict[str, int] = defaultdict(int)
    for charge in charges:
        if charge.is_priced:
            sums[charge.currency] += charge.amount.amount_minor
    return tuple(Money(amount, currency) for currency, amount in sorted(sums.items()))


def grouped(
    charges: Iterable[SubscriptionCharge], by: Callable[[SubscriptionCharge], tuple[str, str]]
) -> tuple[ChargeGroup, ...]:
    """Charges added up by `by` (key and label) and currency, the largest amount first."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for charge in charges:
        total = sums[*by(charge), charge.currency]
        total[0] += charge.calls
        total[1] += charge.charged_calls
        total[2] += charge.amount.amount_minor
    groups = (
        ChargeGroup(key, label, currency, calls, charged, Money(minor, currency))
        for (key, label, currency), (calls, charged, minor) in sums.items()
    )
    return tuple(sorted(groups, key=lambda group: (-group.amount.amount, group.label)))
