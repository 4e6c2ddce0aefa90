"""What usage is worth: running charges, and those of past months."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext as _

from analytics.metering import called_between
from apim.core import clock
from apim.core.clock import Period
from apim.core.errors import InvalidInput
from apim.core.money import Money
from apim.keys.models import Subscription
from billing.charges import (
    ChargesOverview,
    OrganizationCharges,
    SubscriptionCharge,
    grouped,
    totals,
)
from billing.rating.engine import effective_unit_amount
from billing.rating.prices import PerUnit
from billing.selectors.book import load_book
from billing.selectors.forecast import expected_totals, forecasts
from billing.selectors.frozen import with_frozen
from billing.selectors.rated import Rater, measure_periods, rate_periods
from billing.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from apim.accounts.models import Organization
    from billing.models import PlanVersion
    from billing.rating.lines import Line
    from billing.selectors.book import Book
    from billing.selectors.rated import RatedSegment, RatedSubscription

# The first local day of a month begins at most so long before or after it does in UTC.
ZONES_REACH = clock.ONE_DAY
CSV_HEADER = (
    "month",
    "organization_id",
    "organization",
    "application",
    "product",
    "plan",
    "subscription_id",
    "billable_calls",
    "included_calls",
    "charged_calls",
    "unit_amount",
    "amount",
    "currency",
)


def running_charges(
    organization: Organization, period: Period | None = None
) -> OrganizationCharges:
    """The organization's charges of a month; the present one unless given.

    `period` names a calendar month (UTC); the month is the organization's own, in its time zone.
    It shows each subscription's billing period that begins in it; the present month shows the
    period that is running. A closed period shows what was charged, any other is rated anew. Every
    open subscription has a line, also without calls; one that ended has a line if it was called or
    owes something. Raises InvalidInput when the period is no
    calendar month.
    """
    month = _month(period)
    subscriptions = _named(Subscription.objects.filter(organization=organization))
    return _of_organization(organization, month, _rated(subscriptions, month))


def _of_organization(
    organization: Organization, month: Period, found: Iterable[RatedSubscription]
) -> OrganizationCharges:
    charges = tuple(charge for rated in found for charge in _charges(rated, keep_open=True))
    own = clock.month_of(_middle(month), organization.time_zone)
    return OrganizationCharges(own, charges, totals(charges))


# An average is for people to read: amounts are never computed from it.
AVERAGE_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class OrganizationMonth:
    """Charges of a month; `expected`: what they come to at their periods' ends, empty once over."""

    charges: OrganizationCharges
    expected: tuple[Money, ...]


def organization_month(
    organization: Organization, period: Period | None = None
) -> OrganizationMonth:
    """`running_charges` with the forecast, from one reading of the book and the usage."""
    month = _month(period)
    book, periods = _book(_named(Subscription.objects.filter(organization=organization)), month)
    measured = measure_periods(book, periods)
    charges = _of_organization(organization, month, with_frozen(Rater(book, measured).rate()))
    if clock.now() not in charges.period:
        return OrganizationMonth(charges, ())
    found = (one for one in forecasts(book, measured) if one.is_active)
    return OrganizationMonth(charges, expected_totals(found))


def charges_overview(period: Period | None = None) -> ChargesOverview:
    """Every organization's charges of a month, each in its own time zone, for finance.

    `period` names a calendar month (UTC); see `running_charges` for which billing periods it shows.
    Only what was called or owes something has a line. Raises InvalidInput when the period is no
    calendar month.
    """
    month = _month(period)
    around = Period(month.start - ZONES_REACH, month.end + ZONES_REACH)
    lasted = Q(ended_at__isnull=True) | Q(ended_at__gt=around.start)
    subscriptions = Subscription.objects.filter(lasted | Q(pk__in=called_between(around)))
    charges = tuple(
        charge
        for rated in _rated(_named(subscriptions), month)
        for charge in _charges(rated, keep_open=False)
    )
    return ChargesOverview(
        period=month,
        charges=charges,
        by_product=grouped(charges, lambda c: (c.product_id, c.product_name)),
        by_organization=grouped(charges, lambda c: (c.organization_id, c.organization_name)),
        totals=totals(charges),
    )


def charge_rows(period: Period, charges: Iterable[SubscriptionCharge]) -> Iterator[tuple[str, ...]]:
    """The header and one row per charge of the month, for CSV.

    Amounts are in major units, with a point for decimals, and empty where the plan has no price.
    """
    yield CSV_HEADER
    month = f"{period.start:%Y-%m}"
    for charge in charges:
        is_priced = charge.is_priced
        yield (
            month,
            charge.organization_id,
            charge.organization_name,
            charge.application_name,
            charge.product_name,
            charge.plan_name,
            charge.subscription_id,
            str(charge.calls),
            str(charge.included_calls),
            str(charge.charged_calls),
            f"{charge.unit_amount.normalize():f}" if is_priced else "",
            str(charge.amount.amount) if is_priced else "",
            charge.currency,
        )


def billing_period(book: Book, subscription: Subscription, year: int, month: int) -> Period | None:
    """The subscription's period that a month of its organization's calendar shows, if any."""
    schedule = book.schedule(subscription)
    now = clock.now()
    zone = ZoneInfo(schedule.zone)
    local = now.astimezone(zone)
    if (local.year, local.month) == (year, month):
        return schedule.period_at(now)
    period = schedule.period_starting_in(year, month)
    first = period.start.astimezone(zone)
    return period if (first.year, first.month) == (year, month) else None


def _rated(subscriptions: QuerySet[Subscription], month: Period) -> list[RatedSubscription]:
    return with_frozen(rate_periods(*_book(subscriptions, month)))


def _book(subscriptions: QuerySet[Subscription], month: Period) -> tuple[Book, dict[int, Period]]:
    """What is known of the subscriptions, and the period of each that the month shows."""
    book = load_book(subscriptions)
    periods = {
        pk: period
        for pk, subscription in book.subscriptions.items()
        if (period := billing_period(book, subscription, month.start.year, month.start.month))
    }
    return book, periods


def _month(period: Period | None) -> Period:
    period = period or clock.month_of(clock.now())
    if clock.month_of(period.start) != period:
        raise InvalidInput(_("Charges are computed for whole calendar months (UTC)."))
    return period


def _middle(period: Period) -> datetime:
    return period.start + (period.end - period.start) / 2


def _named(subscriptions: QuerySet[Subscription]) -> QuerySet[Subscription]:
    return subscriptions.select_related("organization", "application", "product").order_by(
        "organization__name", "organization_id", "application__name", "id"
    )


def _charges(rated: RatedSubscription, *, keep_open: bool) -> Iterator[SubscriptionCharge]:
    """One per plan that was called or owes something, and with `keep_open` the present plan's.

    Add-ons and discounts stand with the subscription's last plan in their currency.
    """
    last = {segment.currency: index for index, segment in enumerate(rated.segments)}
    is_active = rated.subscription.state == Subscription.State.ACTIVE
    for index, segment in enumerate(rated.segments):
        is_last = last[segment.currency] == index
        extras = [x for x in rated.extras if is_last and x.currency == segment.currency]
        charge = _charge(rated, segment, (*segment.lines, *extras))
        is_present = keep_open and is_active and segment.plan.pk == rated.subscription.plan_id
        if segment.calls or charge.amount.amount_minor or is_present:
            yield charge
    for currency in sorted({line.currency for line in rated.extras} - last.keys()):
        lines = tuple(line for line in rated.extras if line.currency == currency)
        yield _charge(rated, None, lines)


def _charge(
    rated: RatedSubscription, segment: RatedSegment | None, lines: tuple[Line, ...]
) -> SubscriptionCharge:
    """Of a plan; of None where add-ons are in a currency that no plan is charged in."""
    subscription = rated.subscription
    currency = segment.currency if segment else lines[0].currency
    usage = segment.usage_line if segment else None
    version = segment.version if segment else None
    return SubscriptionCharge(
        subscription_id=subscription.public_id,
        organization_id=subscription.organization.public_id,
        organization_name=subscription.organization.name,
        application_name=subscription.application.name,
        product_id=subscription.product.public_id,
        product_name=subscription.product.name,
        plan_id=segment.plan.public_id if segment else "",
        plan_name=segment.plan.name if segment else _("Add-ons"),
        currency=currency,
        calls=segment.calls if segment else 0,
        included_calls=int(usage.included) if usage else 0,
        charged_calls=int(usage.charged) if usage else 0,
        unit_amount=_unit_amount(version, usage, currency),
        unit_name=_unit_name(version, usage, currency),
        is_average=_is_average(version, usage, currency),
        amount=Money(sum(line.amount_minor for line in lines), currency),
        is_priced=version is not None or segment is None or bool(lines),
        period=rated.period,
        version_id=version.public_id if version else "",
        lines=lines,
    )


def _unit_name(version: PlanVersion | None, usage: Line | None, currency: str) -> str:
    """What the first price of usage is per."""
    if version is None or usage is None:
        return ""
    key = terms_of(version, currency).usage[0].key
    component = next(c for c in version.components.all() if c.key == key)
    return component.meter.shown_unit if component.meter else ""


def _is_average(version: PlanVersion | None, usage: Line | None, currency: str) -> bool:
    if version is None or usage is None or not usage.charged:
        return False  # nothing to take an average of: the first unit's price is said
    return not isinstance(terms_of(version, currency).usage[0].pricing, PerUnit)


def _unit_amount(version: PlanVersion | None, usage: Line | None, currency: str) -> Decimal:
    if version is None or usage is None:
        return Decimal(0)
    match terms_of(version, currency).usage[0].pricing:
        case PerUnit(unit_amount):
            return unit_amount
        case _:
            average = effective_unit_amount(usage)
            return round(average, AVERAGE_DECIMALS) if average else version.unit_amount
