"""A customer of the demo whose month is about to end, to see a billing period turn with one's own eyes.

Only how it came to be is told (see `simulator`). From then on it is all real: Stripe's month turns at
the next full hour, webhooks arrive, the worker closes, sends and finalizes, and calls go through Envoy.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import transaction

from analytics.intake import receive
from analytics.rollups import roll_up
from apim.accounts.models import Organization, User
from apim.accounts.services import create_organization
from apim.audit.actors import SYSTEM
from apim.catalog.models import ApiVersion, Plan
from apim.core import clock
from apim.core.periods import Period
from apim.keys import services as keys
from apim.keys.models import Application, Subscription
from apim.runtime.demo import world
from apim.runtime.demo.history import BATCH, Caller, call_of
from apim.runtime.demo.money import CLOSES, DRAFTED, LEARNS
from apim.runtime.demo.seed import make_person
from apim.runtime.demo.simulator import EMPTY, WORKING, of_the_past
from billing.models import BillingTerms, PlanVersion
from billing.rating.periods import Cadence, Schedule
from billing.rating.prices import Fee, Graduated, Terms, Tier, UsagePrice
from billing.services import draft_version, note_subscription, publish_version
from billing.services.closing import close_organizations
from billing.stripe.invoicing import send_invoices
from billing.stripe.metered import sync_metered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from apim.gateway.models import Gateway
    from apim.runtime.demo.simulator import Simulator

PLAN = ("Sun", "Pro")
CALLS_PER_DAY = 250
# The oldest call of it: a month that ended thirty days ago.
KEPT = timedelta(days=65)
# It is midnight somewhere at every full hour: a zone without summer time for each offset of UTC.
ZONES = {
    -11: "Pacific/Pago_Pago",
    -10: "Pacific/Honolulu",
    -9: "Pacific/Gambier",
    -8: "Pacific/Pitcairn",
    -7: "America/Phoenix",
    -6: "America/Costa_Rica",
    -5: "America/Bogota",
    -4: "America/La_Paz",
    -3: "America/Sao_Paulo",
    -2: "America/Noronha",
    -1: "Atlantic/Cape_Verde",
    0: "Atlantic/Reykjavik",
    1: "Africa/Lagos",
    2: "Africa/Maputo",
    3: "Africa/Nairobi",
    4: "Asia/Dubai",
    5: "Asia/Karachi",
    6: "Asia/Dhaka",
    7: "Asia/Bangkok",
    8: "Asia/Singapore",
    9: "Asia/Tokyo",
    10: "Australia/Brisbane",
    11: "Pacific/Guadalcanal",
    12: "Pacific/Tarawa",
}


@dataclass(frozen=True, slots=True)
class Turning:
    """The customer that was made. `secret`: of its API key; `period`: the month that turns."""

    organization: Organization
    owner: User
    secret: str
    period: Period
    zone: str


def zone_of_midnight(instant: datetime) -> str:
    """A zone in which the full hour is midnight."""
    hour = instant.astimezone(UTC).hour
    return ZONES[-hour if hour < 12 else 24 - hour]


def begin_period(
    *, gateway: Gateway, password: str, hours_ago: int = 0, is_declined: bool = False
) -> Turning:
    """Make a customer whose month ends at the next full hour, or `hours_ago` hours before that.

    Two hours and more: it is told how it was closed and sent. `is_declined`: its card never pays.
    """
    hour = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    ends_at = hour - timedelta(hours=hours_ago)
    zone = zone_of_midnight(ends_at)
    day = ends_at.astimezone(ZoneInfo(zone)).date()
    schedule = Schedule(zone, Cadence.ANNIVERSARY, 1, day)
    period = Period(schedule.period_at(ends_at - timedelta(hours=1)).start, ends_at)
    with of_the_past() as stripe:
        with stripe.at(period.start), transaction.atomic():
            subscription, turning = _subscribe(password, period, zone)
        with stripe.at(period.start):
            stripe.give_card(turning.organization, EMPTY if is_declined else WORKING)
            sync_metered(stripe.payments, organization_id=turning.organization.pk)
        _call(gateway, subscription, Period(period.start, min(ends_at, clock.now())))
        if hours_ago > 1:
            _end(stripe, turning)
    return turning


def _subscribe(password: str, period: Period, zone: str) -> tuple[Subscription, Turning]:
    number = Organization.objects.filter(name__startswith="Hourglass").count() + 1
    owner = make_person(world.Person(f"Hugo{number} Hourglass"), password)
    organization = create_organization(
        actor=SYSTEM, name=f"Hourglass {number}", owner=owner, time_zone=zone
    )
    product, name = PLAN
    plan = Plan.objects.get(product__name=product, name=name)
    _private_price(plan, organization)
    application = keys.create_application(
        actor=SYSTEM, organization=organization, name="Sand timer"
    )
    subscription = keys.subscribe(actor=SYSTEM, application=application, plan=plan)
    issued = keys.issue_key(actor=SYSTEM, application=application, name="Production")
    keys.issue_key(actor=SYSTEM, application=application, name="Staging", environment="test")
    for rows in (
        Organization.objects.filter(pk=organization.pk),
        Application.objects.filter(pk=application.pk),
        application.api_keys.all(),
    ):
        rows.update(created_at=period.start)
    Subscription.objects.filter(pk=subscription.pk).update(
        created_at=period.start, activated_at=period.start
    )
    note_subscription(subscription_id=subscription.pk)
    # Counted from the day of the end: the 31st has no counterpart in the month before.
    ends_on = period.end.astimezone(ZoneInfo(zone)).date()
    BillingTerms.objects.filter(subscription=subscription).update(anchor_on=ends_on)
    subscription.refresh_from_db()
    return subscription, Turning(organization, owner, issued.secret, period, zone)


def _private_price(plan: Plan, organization: Organization) -> None:
    """By anniversary, with a fee, included calls and two tiers, so that there is something to see."""
    tiers = (
        Tier(Decimal(0), Decimal(5_000), Decimal("0.004")),
        Tier(Decimal(5_000), None, Decimal("0.002")),
    )
    usage = UsagePrice("calls", "calls", Graduated(tiers), included=Decimal(500))
    version = draft_version(
        actor=SYSTEM,
        plan=plan,
        sheets=[Terms("", "EUR", usage=(usage,), fees=(Fee("fee", Decimal(9)),))],
        names={"fee": "Base fee"},
        organization=organization,
        cadence=PlanVersion.CadenceChoice.ANNIVERSARY,
    )
    published = publish_version(actor=SYSTEM, version=version)
    PlanVersion.objects.filter(pk=published.pk).update(created_at=clock.now())


def _call(gateway: Gateway, subscription: Subscription, period: Period) -> None:
    """Its calls of the month, through the intake of gateways' logs."""
    lines = list(_lines(subscription, period))
    for start in range(0, len(lines), BATCH):
        body = "\n".join(json.dumps(line) for line in lines[start : start + BATCH]).encode()
        receive(gateway=gateway, body=body, max_age=KEPT)
        while roll_up():
            pass


def _lines(subscription: Subscription, period: Period) -> Iterator[dict[str, Any]]:
    by_environment = {key.environment: key for key in subscription.application.api_keys.all()}
    sun = ApiVersion.objects.get(api__slug="sun", name=world.VERSION)
    caller = Caller(
        live=by_environment["live"],
        test=by_environment["test"],
        subscription=subscription,
        versions={"sun": sun.public_id},
        old_version=None,
        calls_per_day=CALLS_PER_DAY,
    )
    rng = random.Random(subscription.public_id)  # noqa: S311
    seconds = int((period.end - period.start).total_seconds())
    for number in range(CALLS_PER_DAY * seconds // 86_400):
        at = period.start + timedelta(seconds=rng.uniform(0, seconds))
        yield call_of(rng, caller, at, f"hourglass-{subscription.public_id}-{number}")


def _end(stripe: Simulator, turning: Turning) -> None:
    """The period turned days ago: Stripe drafted, we closed and sent, and its card was charged."""
    ends_at = turning.period.end
    with stripe.at(ends_at + DRAFTED):
        stripe.learn()
    with stripe.at(min(ends_at + CLOSES, clock.now())):
        close_organizations(organization_ids=[turning.organization.pk])
        send_invoices(stripe.payments)
    with stripe.at(min(ends_at + CLOSES + LEARNS, clock.now())):
        stripe.learn()
    with stripe.at(clock.now()):
        stripe.learn()
