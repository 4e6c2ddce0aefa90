"""One subscription as its payer sees it: what it pays, what it will come to, what is planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apim.core import clock
from apim.core.errors import NotFound
from billing.models import ScheduledChange
from billing.period_words import period_days
from billing.price_words import PriceRow, WorkedBill, explained, price_rows
from billing.selectors.book import load_book
from billing.selectors.forecast import forecasts
from billing.selectors.preview import preview_change

if TYPE_CHECKING:
    from datetime import datetime

    from apim.catalog.models import Plan
    from apim.core.clock import Period
    from apim.core.money import Money
    from apim.keys.models import Subscription
    from billing.models import PlanVersion
    from billing.selectors.preview import ChangePreview


@dataclass(frozen=True, slots=True)
class Outlook:
    """The running period of a subscription, in its own time zone `zone`.

    `bills` are those of the period by now, `expected` what they come to if usage goes on as it did.
    """

    period: Period
    zone: str
    version: PlanVersion | None
    currency: str
    prices: tuple[PriceRow, ...]
    trial_ends_at: datetime | None
    planned: ScheduledChange | None
    bills: tuple[WorkedBill, ...]
    expected: tuple[Money, ...]

    @property
    def days(self) -> str:
        """The running period in words, as days of its zone."""
        return period_days(self.period, self.zone)


@dataclass(frozen=True, slots=True)
class ExplainedChange:
    """A preview with its bills in words; see billing.selectors.preview.ChangePreview.

    `taxes`: what Stripe Tax adds to the changed bills, by currency; None where it is not known.
    """

    preview: ChangePreview
    is_now: bool
    unchanged: tuple[WorkedBill, ...]
    changed: tuple[WorkedBill, ...]
    taxes: tuple[Money, ...] | None = None

    @property
    def days(self) -> str:
        """The running period in words, as days of its zone."""
        return period_days(self.preview.period, self.preview.zone)


def outlook(subscription: Subscription) -> Outlook:
    """What the subscription pays now; of one that is not active what it was last on."""
    book = load_book([subscription])
    now = clock.now()
    schedule = book.schedule(subscription)
    period = schedule.period_at(now)
    version = book.version(subscription, subscription.plan_id, period)
    currency = book.currency(subscription, version) if version else ""
    (forecast,) = forecasts(book)
    trial_ends_at = book.trial_end(subscription)
    return Outlook(
        period=period,
        zone=schedule.zone,
        version=version,
        currency=currency,
        prices=price_rows(version, currency) if version else (),
        trial_ends_at=trial_ends_at if trial_ends_at and trial_ends_at > now else None,
        planned=planned_change(subscription),
        bills=tuple(explained(bill) for bill in forecast.now.bills),
        expected=forecast.expected,
    )


def planned_change(subscription: Subscription) -> ScheduledChange | None:
    """The change that waits for its day."""
    waiting = ScheduledChange.objects.waiting().filter(subscription=subscription)
    return waiting.select_related("plan", "subscription").first()


def get_planned_change(subscription: Subscription) -> ScheduledChange:
    """Raises NotFound when nothing is planned."""
    planned = planned_change(subscription)
    if planned is None:
        raise NotFound
    return planned


def explained_change(
    subscription: Subscription, kind: str, *, plan: Plan | None = None, is_now: bool = True
) -> ExplainedChange:
    """What a change would cost, line by line. Stores nothing."""
    preview = preview_change(subscription, kind, plan=plan, is_now=is_now)
    return ExplainedChange(
        preview=preview,
        is_now=is_now,
        unchanged=tuple(explained(bill) for bill in preview.unchanged),
        changed=tuple(explained(bill) for bill in preview.changed),
    )
