"""Plans with their prices: what a developer weighs before subscribing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING

from apim.catalog.limit_terms import length_seconds
from apim.catalog.models import Plan
from apim.catalog.selectors import get_published_plan
from apim.core.money import Money
from billing.price_words import headline, price_rows
from billing.rating.lines import LineKind
from billing.selectors import current_prices, quote
from billing.services import CALLS
from billing.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apim.accounts.models import Organization
    from apim.catalog.models import ApiVersion, Limit, Product
    from billing.models import PlanVersion
    from billing.price_words import PriceRow

# The months whose cost the pricing tables work out unless the reader names a number.
EXAMPLE_CALLS = 100_000
MONTH_SECONDS = 31 * 86_400
# How often each calendar window comes in a month of 31 days.
WINDOWS_PER_MONTH = {
    "second": 31 * 86_400,
    "minute": 31 * 1_440,
    "hour": 31 * 24,
    "day": 31,
    "week": 6,
    "month": 1,
}


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """`price` is None for a plan without a price: nothing is charged."""

    plan: Plan
    price: PlanVersion | None

    @property
    def product(self) -> Product:
        return self.plan.product

    @property
    def limits(self) -> list[Limit]:
        return self.plan.limits_in_order

    @property
    def overage(self) -> str:
        """`charged` or `marked` for a plan with soft limits, else empty."""
        if not any(limit.is_soft for limit in self.limits):
            return ""
        return "charged" if self.plan.charges_overage else "marked"

    @property
    def is_free(self) -> bool:
        return self.price is None or terms_of(self.price).is_free

    @property
    def is_plain(self) -> bool:
        """Whether “so much per call after free ones” says it all."""
        return self.price is not None and self.price.is_plain and self._counts_calls

    @property
    def _counts_calls(self) -> bool:
        price = self.price.usage_price if self.price is not None else None
        return price is not None and price.meter is not None and price.meter.slug == CALLS

    @property
    def headline(self) -> tuple[str, str]:
        """The amount to read first and what it is for."""
        return headline(self.price) if self.price is not None else ("", "")

    @property
    def price_rows(self) -> tuple[PriceRow, ...]:
        return price_rows(self.price) if self.price is not None else ()

    @property
    def needs_approval(self) -> bool:
        return self.plan.approval == Plan.Approval.MANUAL

    @property
    def example_calls(self) -> int:
        """Enough to go beyond the free calls."""
        free = self.price.included_calls if self.price is not None else 0
        return max(EXAMPLE_CALLS, 2 * free)

    def allows(self, calls: int) -> bool:
        """Whether the limits leave room for so many calls in the longest month."""
        return all(_allows(limit, calls) for limit in self.limits)

    @property
    def example_cost(self) -> Money | None:
        return self.rated(self.example_calls)[1]

    def rated(self, calls: int) -> tuple[int, Money | None]:
        """(charged calls, cost) of `calls` billable calls in a month; (0, None) without a price."""
        price = self.price
        if price is None:
            return 0, None
        bill = quote(price, {CALLS: Decimal(calls)})
        usage = [line for line in bill.lines if line.kind is LineKind.USAGE and line.meter == CALLS]
        charged = int(usage[0].charged) if usage else 0
        return charged, Money(bill.total_minor, bill.currency)


@dataclass(frozen=True, slots=True)
class Example:
    """One plan's cost of the worked example."""

    offer: PlanOffer
    is_allowed: bool
    charged_calls: int
    cost: Money | None


@dataclass(frozen=True, slots=True)
class ProductOffer:
    product: Product
    offers: tuple[PlanOffer, ...]
    versions: tuple[ApiVersion, ...]


def _allows(limit: Limit, calls: int) -> bool:
    """Whether the limit leaves room for so many calls of one application in the longest month."""
    if limit.is_soft or limit.group or limit.per == limit.Per.KEY or not limit.window:
        return True
    if limit.kind == limit.Kind.CALENDAR:
        return limit.quota * WINDOWS_PER_MONTH[limit.window] >= calls
    return limit.quota * ceil(MONTH_SECONDS / length_seconds(limit)) >= calls


def offers_of(
    plans: Iterable[Plan], organization: Organization | None = None
) -> tuple[PlanOffer, ...]:
    """The plans in the same order, each with what the organization (anybody) would pay now."""
    plans = list(plans)
    prices = current_prices([plan.pk for plan in plans], organization)
    return tuple(PlanOffer(plan, prices.get(plan.pk)) for plan in plans)


def get_offer(public_id: str, organization: Organization | None = None) -> PlanOffer:
    """A published plan. Raises NotFound."""
    return offers_of([get_published_plan(public_id)], organization)[0]


def worked_example(offers: Sequence[PlanOffer], calls: int) -> tuple[Example, ...]:
    """What `calls` calls in a month cost on each plan."""
    return tuple(Example(offer, offer.allows(calls), *offer.rated(calls)) for offer in offers)
