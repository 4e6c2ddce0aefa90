"""Closing billing periods: wait for late usage, freeze, and make invoices of what was frozen.

All that is decided happens here, in one transaction per organization; Stripe hears of it from the
rows (billing.stripe.invoicing). So a process may die at any point and another may start again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Sum

from analytics.rollups import rebuild_rollups, waiting_days
from apim.accounts.models import Organization
from apim.audit.actors import SYSTEM
from apim.audit.services import record
from apim.core import clock
from apim.core.locks import LockId, try_advisory_lock
from apim.keys.models import Subscription
from billing.models import BillingPeriod, Invoice, InvoicePeriod
from billing.selectors.book import load_book
from billing.selectors.corrections import closed_since, corrections_to
from billing.selectors.rated import rate_periods
from billing.services.credits import pay_by_credit
from billing.services.freezing import freeze_period

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

    from apim.core.clock import Period
    from billing.selectors.book import Book
    from billing.selectors.corrections import Correction

logger = logging.getLogger(__name__)

ONE_DAY = timedelta(days=1)
# Usage is taken in for 35 days, so a period is looked at again this long after its end.
LATE = timedelta(days=45)
CHECKED_SECONDS = 20 * 3600


@dataclass(frozen=True, slots=True)
class Closing:
    """What a run did, and why it left periods open."""

    closed: int
    invoices: int
    waiting: tuple[str, ...] = ()


def close_periods() -> Closing:
    """Close what is due, organization by organization; running it again changes nothing."""
    with try_advisory_lock(LockId.CLOSE_PERIODS) as held:
        if not held:
            return Closing(0, 0, ("another run is closing periods",))
        ids = Subscription.objects.order_by().values_list("organization", flat=True).distinct()
        results = [_close_one(pk) for pk in sorted(ids)]
    return Closing(
        closed=sum(result.closed for result in results),
        invoices=sum(result.invoices for result in results),
        waiting=tuple(sorted({reason for result in results for reason in result.waiting})),
    )


def _close_one(organization_id: int) -> Closing:
    """One organization's failure leaves the others alone, and is said."""
    try:
        return close_organization(organization_id=organization_id)
    except Exception as error:
        logger.exception("the periods of organization %s stay open", organization_id)
        return Closing(0, 0, (f"{type(error).__name__} in organization {organization_id}",))


@transaction.atomic
def close_organization(*, organization_id: int) -> Closing:
    """Close the organization's due periods, oldest first, and make its invoices."""
    Organization.objects.select_for_update().get(pk=organization_id)
    rows = Subscription.objects.filter(organization=organization_id)
    book = load_book(rows.select_related("organization", "application", "product"))
    closed, reasons = 0, set[str]()
    while turn := _next_turn(book):
        held = {pk: problem for pk, period in turn.items() if (problem := not_ready(period))}
        reasons |= set(held.values())
        ready = {pk: period for pk, period in turn.items() if pk not in held}
        closed += _close(book, ready)
        if held or not ready:
            break
    _close_aftermath(book)
    return Closing(closed, _make_invoices(organization_id), tuple(reasons))


def due_periods(book: Book, subscription: Subscription) -> Iterator[Period]:
    """Its periods that have ended and waited for late usage, oldest first, closed ones too."""
    stays = book.stays_of(subscription)
    if not stays:
        return
    last = stays[-1].ended_at
    schedule = book.schedule(subscription)
    period = schedule.period_at(stays[0].started_at)
    over = clock.now() - timedelta(hours=settings.BILLING_CLOSE_DELAY_HOURS)
    while period.end <= over and (last is None or period.start < last):
        yield period
        period = schedule.following(period)


def not_ready(period: Period) -> str:
    """Why the period cannot be closed yet, or an empty text."""
    days = list(_days(period))
    if waiting := waiting_days(days):
        return f"{waiting} deliveries of usage are not rolled up yet"
    for day in days:
        key = f"billing:rollups-equal:{day}"
        if cache.get(key):
            continue
        try:
            is_equal = rebuild_rollups(day, check_only=True).is_equal
        except ValueError:  # its calls are no longer kept, or there were none
            continue
        if not is_equal:
            return f"the rollups of {day} differ from its calls: run rebuild_rollups --day {day}"
        cache.set(key, 1, CHECKED_SECONDS)
    return ""


def _days(period: Period) -> Iterator[date]:
    day = period.start.astimezone(UTC).date()
    last = (period.end - timedelta(microseconds=1)).astimezone(UTC).date()
    while day <= last:
        yield day
        day += ONE_DAY


def _next_turn(book: Book) -> dict[int, Period]:
    """The oldest due and open period of all, of each subscription that has it.

    Subscriptions of one application share an allowance, so a period is rated with all of them.
    """
    closed = _closed_starts(book.subscriptions)
    turn = {}
    for pk, subscription in book.subscriptions.items():
        due = (p for p in due_periods(book, subscription) if (pk, p.start) not in closed)
        if (period := next(due, None)) is not None:
            turn[pk] = period
    first = min((period.start for period in turn.values()), default=None)
    return {pk: period for pk, period in turn.items() if period.start == first}


def _closed_starts(subscription_ids: Iterable[int]) -> set[tuple[int, datetime]]:
    rows = BillingPeriod.objects.closed().filter(subscription__in=list(subscription_ids))
    return set(rows.order_by().values_list("subscription_id", "starts_at"))


def _close(book: Book, periods: dict[int, Period]) -> int:
    late = _corrections(book, periods)
    for rated in rate_periods(book, periods):
        freeze_period(actor=SYSTEM, rated=rated, corrections=late.get(rated.subscription.pk, ()))
    return len(periods)


def _close_aftermath(book: Book) -> None:
    """Late usage of a subscription that has ended goes to a period after its end."""
    over = clock.now() - timedelta(hours=settings.BILLING_CLOSE_DELAY_HOURS)
    closed = _closed_starts(book.subscriptions)
    following: dict[int, Period] = {}
    for pk, subscription in book.subscriptions.items():
        stays = book.stays_of(subscription)
        starts = [start for owner, start in closed if owner == pk]
        if not starts or not stays or stays[-1].ended_at is None:
            continue
        schedule = book.schedule(subscription)
        period = schedule.following(schedule.period_at(max(starts)))
        if stays[-1].ended_at <= period.start and period.end <= over:
            following[pk] = period
    late = _corrections(book, following)
    _close(book, {pk: period for pk, period in following.items() if late.get(pk)})


def _corrections(book: Book, periods: dict[int, Period]) -> dict[int, list[Correction]]:
    """What the periods have to make up for, by subscription."""
    found: dict[int, list[Correction]] = {}
    if not periods:
        return found
    past = closed_since(periods, clock.now() - LATE)
    # One period of each subscription at a time: that is what rating takes.
    rounds: list[dict[int, Period]] = []
    for pk, start in past:
        if start >= periods[pk].start:
            continue
        turn = next((one for one in rounds if pk not in one), None)
        if turn is None:
            rounds.append(turn := {})
        turn[pk] = past[pk, start][0].period
    for turn in rounds:
        for rated in rate_periods(book, turn):
            pk = rated.subscription.pk
            lines = corrections_to(past[pk, rated.period.start], rated)
            found.setdefault(pk, []).extend(lines)
    return found


def _make_invoices(organization_id: int) -> int:
    """One invoice for the closed periods that end together, in each currency."""
    rows = BillingPeriod.objects.closed().filter(
        organization=organization_id, invoiced__isnull=True
    )
    groups: dict[tuple[str, datetime], list[BillingPeriod]] = {}
    for row in rows.exclude(total_minor=0).order_by("ends_at", "id"):
        groups.setdefault((row.currency, row.ends_at), []).append(row)
    for (currency, ends_at), periods in groups.items():
        _make_invoice(organization_id, currency, ends_at, periods)
    return len(groups)


def _make_invoice(
    organization_id: int, currency: str, ends_at: datetime, periods: list[BillingPeriod]
) -> Invoice:
    invoice = Invoice.objects.create(
        organization_id=organization_id,
        currency=currency,
        ends_at=ends_at,
        rated_minor=sum(period.total_minor for period in periods),
        due_at=clock.now(),
    )
    for period in periods:
        due = max(period.total_minor, 0)
        paid = pay_by_credit(actor=SYSTEM, period=period, due_minor=due) if due else 0
        InvoicePeriod.objects.create(
            organization_id=organization_id, invoice=invoice, period=period, credit_minor=paid
        )
    credit = invoice.periods.aggregate(total=Sum("credit_minor"))["total"] or 0
    Invoice.objects.filter(pk=invoice.pk).update(credit_minor=credit)
    after = {"rated_minor": invoice.rated_minor, "credit_minor": credit, "currency": currency}
    record(SYSTEM, "invoice.made", invoice, after=after)
    return invoice
