"""What a change of a subscription would cost, stated before it is confirmed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apim.core import clock
from apim.core.money import Money
from billing.models import ScheduledChange
from billing.rating.engine import Segment, rate
from billing.selectors.book import Stay, load_book
from billing.selectors.rated import DEFAULT_CURRENCY, Rater, measure_periods
from billing.selectors.versions import offered_version
from billing.terms import terms_of

if TYPE_CHECKING:
    from datetime import datetime

    from apim.catalog.models import Plan
    from apim.core.clock import Period
    from apim.keys.models import Subscription
    from billing.models import PlanVersion
    from billing.rating.lines import Bill
    from billing.selectors.book import Book

Kind = ScheduledChange.Kind


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """The running period with and without the change, both with the usage known by now.

    `unchanged` and `changed` are the period's bills: fees and minimums by the second, so a change
    in the middle shows a part of each plan. `fixed_after` is what every whole period costs from
    then on without any usage (fees or the minimum; add-ons that stay due in a pause); `setup` what
    is due once.
    """

    kind: str
    effective_at: datetime
    period: Period
    zone: str
    unchanged: tuple[Bill, ...]
    changed: tuple[Bill, ...]
    fixed_before: Money
    fixed_after: Money
    setup: Money
    version: PlanVersion | None

    @property
    def differences(self) -> tuple[Money, ...]:
        """What the running period costs more (or less) because of the change, by currency."""
        sums: dict[str, int] = {}
        for sign, bills in ((-1, self.unchanged), (1, self.changed)):
            for bill in bills:
                sums[bill.currency] = sums.get(bill.currency, 0) + sign * bill.total_minor
        return tuple(Money(amount, currency) for currency, amount in sorted(sums.items()))


def preview_change(
    subscription: Subscription, kind: str, *, plan: Plan | None = None, is_now: bool = True
) -> ChangePreview:
    """What `change_now` or `plan_change` (at the period's end) would do to the bill. Stores nothing."""
    book = load_book([subscription], [plan.pk] if plan else [])
    now = clock.now()
    period = book.schedule(subscription).period_at(now)
    effective_at = now if is_now else period.end
    unchanged = _bills(book, subscription, period)
    with_change = replace(
        book,
        stays={subscription.pk: _changed_stays(book, subscription, kind, plan, effective_at)},
    )
    before = book.version(subscription, subscription.plan_id, period)
    after = offered_version(plan.pk, subscription.organization_id) if plan else before
    priced = after or before
    currency = book.currency(subscription, priced) if priced else ""
    stops = kind in {Kind.CANCEL, Kind.PAUSE}
    return ChangePreview(
        kind=kind,
        effective_at=effective_at,
        period=period,
        zone=book.schedule(subscription).zone,
        unchanged=unchanged,
        changed=_bills(with_change, subscription, period),
        fixed_before=_fixed(before, currency),
        fixed_after=_held(book, subscription, period, currency)
        if kind == Kind.PAUSE
        else _fixed(None if stops else after, currency),
        setup=_setup(after, currency)
        if kind == Kind.PLAN
        else Money(0, currency or DEFAULT_CURRENCY),
        version=after,
    )


def _bills(book: Book, subscription: Subscription, period: Period) -> tuple[Bill, ...]:
    (rated,) = Rater(book, measure_periods(book, {subscription.pk: period})).rate()
    return rated.bills


def _changed_stays(
    book: Book, subscription: Subscription, kind: str, plan: Plan | None, at: datetime
) -> list[Stay]:
    """Its time on plans as it would be; what is open ends at the change."""
    stays = [
        replace(stay, ended_at=max(at, stay.started_at)) if stay.ended_at is None else stay
        for stay in book.stays_of(subscription)
    ]
    if kind == Kind.PLAN and plan is not None:
        stays.append(Stay(plan.pk, at, None))
    elif kind == Kind.RESUME:
        stays.append(Stay(subscription.plan_id, at, None))
    return stays


def _fixed(version: PlanVersion | None, currency: str) -> Money:
    """Fees and minimum of a whole period without usage."""
    if version is None:
        return Money(0, currency or DEFAULT_CURRENCY)
    bill = rate([Segment(terms_of(version, currency))], currency=currency)
    return Money(bill.total_minor, currency)


def _held(book: Book, subscription: Subscription, period: Period, currency: str) -> Money:
    """What the add-ons that it keeps cost in the next whole period."""
    later = book.schedule(subscription).period_at(period.end)
    held = book.held_add_ons(subscription, later).get(currency, ())
    bill = rate([], currency=currency or DEFAULT_CURRENCY, add_ons=held)
    return Money(bill.total_minor, bill.currency)


def _setup(version: PlanVersion | None, currency: str) -> Money:
    if version is None:
        return Money(0, currency or DEFAULT_CURRENCY)
    terms = terms_of(version, currency)
    whole = rate([Segment(terms, is_setup_due=True)], currency=currency).total_minor
    return Money(whole - _fixed(version, currency).amount_minor, currency)
