"""Closing billing periods: wait for late usage, freeze, and make invoices of what was frozen.

All that is decided happens here, a transaction for some organizations at a time; Stripe hears of it
from the rows (billing.stripe.invoicing). So a process may die at any point and another may start
again: an organization's periods are closed and invoiced together, or neither.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from analytics.rollups import rebuild_rollups, waiting_days
from apim.accounts.models import Organization
from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.core.locks import LockId, try_advisory_lock
from apim.keys.models import Subscription
from billing.models import BillingPeriod
from billing.selectors.book import load_book
from billing.selectors.corrections import closed_since, corrections_to
from billing.selectors.due import organizations_to_close
from billing.selectors.rated import rate_periods
from billing.services.freezing import freeze_periods
from billing.services.invoices import make_invoices

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from apim.core.clock import Period
    from billing.selectors.book import Book
    from billing.selectors.corrections import Correction

    # Subscription and period start of what is closed.
    Starts = set[tuple[int, datetime]]

logger = logging.getLogger(__name__)

ONE_DAY = timedelta(days=1)
# Usage is taken in for 35 days, so a period is looked at again this long after its end.
LATE = timedelta(days=45)
CHECKED_SECONDS = 20 * 3600
# Organizations whose periods are closed in one transaction; they are locked for its time.
TOGETHER = 100


@dataclass(frozen=True, slots=True)
class Closing:
    """What a run did, and why it left periods open."""

    closed: int
    invoices: int
    waiting: tuple[str, ...] = ()


def close_periods() -> Closing:
    """Close what is due, some organizations at a time; running it again changes nothing."""
    with try_advisory_lock(LockId.CLOSE_PERIODS) as held:
        if not held:
            return Closing(0, 0, ("another run is closing periods",))
        before = clock.now() - timedelta(hours=settings.BILLING_CLOSE_DELAY_HOURS)
        ids = organizations_to_close(before, corrected_since=clock.now() - LATE)
        starts = range(0, len(ids), TOGETHER)
        return _sum(_close_some(ids[start : start + TOGETHER]) for start in starts)


def _close_some(organization_ids: Sequence[int]) -> Closing:
    """One organization's failure leaves the others alone, and is said."""
    try:
        return close_organizations(organization_ids=organization_ids)
    except Exception as error:
        if len(organization_ids) > 1:
            return _sum(_close_some([pk]) for pk in organization_ids)
        [pk] = organization_ids
        logger.exception("the periods of organization %s stay open", pk)
        return Closing(0, 0, (f"{type(error).__name__} in organization {pk}",))


def _sum(results: Iterable[Closing]) -> Closing:
    results = list(results)
    return Closing(
        closed=sum(result.closed for result in results),
        invoices=sum(result.invoices for result in results),
        waiting=tuple(sorted({reason for result in results for reason in result.waiting})),
    )


@transaction.atomic
def close_organizations(*, organization_ids: Sequence[int]) -> Closing:
    """Close the organizations' due periods, oldest first, and make their invoices."""
    ids = sorted(organization_ids)
    list(Organization.objects.select_for_update().order_by("id").filter(pk__in=ids).values("pk"))
    rows = Subscription.objects.filter(organization__in=ids)
    book = load_book(rows.select_related("organization", "application", "product", "plan"))
    done = _closed_starts(book.subscriptions)
    readiness: dict[Period, str] = {}
    closed = 0
    going = set(ids)
    while turn := _next_turn(book, done, going):
        for period in set(turn.values()) - readiness.keys():
            readiness[period] = not_ready(period)
        ready = {pk: period for pk, period in turn.items() if not readiness[period]}
        going -= {book.subscriptions[pk].organization_id for pk in turn.keys() - ready.keys()}
        closed += _close(book, ready, _corrections(book, ready))
        done |= {(pk, period.start) for pk, period in ready.items()}
    _close_aftermath(book, done)
    reasons = {reason for reason in readiness.values() if reason}
    return Closing(closed, make_invoices(organization_ids=ids), tuple(reasons))


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


def _next_turn(book: Book, done: Starts, going: Collection[int]) -> dict[int, Period]:
    """Each organization's oldest due and open period, of each subscription that has it.

    Subscriptions of one application share an allowance, so a period is rated with all of them.
    """
    found: dict[int, dict[int, Period]] = defaultdict(dict)
    for pk, subscription in book.subscriptions.items():
        if subscription.organization_id not in going:
            continue
        due = (p for p in due_periods(book, subscription) if (pk, p.start) not in done)
        if (period := next(due, None)) is not None:
            found[subscription.organization_id][pk] = period
    turn: dict[int, Period] = {}
    for of_one in found.values():
        first = min(period.start for period in of_one.values())
        turn |= {pk: period for pk, period in of_one.items() if period.start == first}
    return turn


def _closed_starts(subscription_ids: Iterable[int]) -> Starts:
    rows = BillingPeriod.objects.closed().filter(subscription__in=list(subscription_ids))
    return set(rows.order_by().values_list("subscription_id", "starts_at"))


def _close(
    book: Book, periods: Mapping[int, Period], late: Mapping[int, Sequence[Correction]]
) -> int:
    if periods:
        freeze_periods(actor=SYSTEM, rated=rate_periods(book, periods), corrections=late)
    return len(periods)


def _close_aftermath(book: Book, done: Starts) -> None:
    """Late usage of a subscription that has ended goes to a period after its end."""
    over = clock.now() - timedelta(hours=settings.BILLING_CLOSE_DELAY_HOURS)
    last: dict[int, datetime] = {}
    for pk, start in done:
        last[pk] = max(start, last.get(pk, start))
    following: dict[int, Period] = {}
    for pk, start in last.items():
        stays = book.stays_of(book.subscriptions[pk])
        if not stays or stays[-1].ended_at is None:
            continue
        schedule = book.schedule(book.subscriptions[pk])
        period = schedule.following(schedule.period_at(start))
        if stays[-1].ended_at <= period.start and period.end <= over:
            following[pk] = period
    late = _corrections(book, following)
    _close(book, {pk: period for pk, period in following.items() if late.get(pk)}, late)


def _corrections(book: Book, periods: Mapping[int, Period]) -> dict[int, list[Correction]]:
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
