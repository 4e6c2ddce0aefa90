"""A month of ten thousand customers: rated from the rollups, closed and invoiced; the engine alone."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from benchmarks.frame import Result

if TYPE_CHECKING:
    from benchmarks.stage import Stage

ORDER = 50

CUSTOMERS = 10_000
PROMISED_SECONDS = 60
ENGINE_BILLS = 20_000
ZONES = ("UTC", "UTC", "Europe/Berlin", "America/New_York")
# Two operations, two statuses: four rollup rows per customer and day.
OPERATIONS = (1, 2)
STATUSES = (200, 404)

DAYS = """
    INSERT INTO analytics_usage_day (attribution_id, bucket, status, organization_id, calls,
        billable, denied, duration_us, request_bytes, response_bytes, last_at, latency)
    SELECT a.id, day, status, a.organization_id, n, n, 0, n * 9000, n * 300, n * 2000, day, '{}'
    FROM analytics_attribution a
    CROSS JOIN generate_series(%(start)s::timestamptz, %(end)s::timestamptz, '1 day') AS day
    CROSS JOIN unnest(%(statuses)s::int[]) AS status
    CROSS JOIN LATERAL (SELECT (a.id * 7919 + extract(day FROM day)::bigint * 31) %% 900 + 1 AS n) AS c
    WHERE a.subscription_id = ANY(%(ids)s)
"""
HOURS = """
    INSERT INTO analytics_usage_hour (attribution_id, bucket, status, organization_id, calls,
        billable, denied, duration_us, request_bytes, response_bytes, last_at, latency)
    SELECT attribution_id, bucket + make_interval(hours => hour), status, organization_id,
           calls / 24, billable / 24, 0, 0, 0, 0, bucket, '{}'
    FROM analytics_usage_day CROSS JOIN generate_series(0, 23) AS hour
    WHERE bucket = ANY(%(edges)s) AND attribution_id IN (
        SELECT id FROM analytics_attribution WHERE subscription_id = ANY(%(ids)s))
"""


def run(stage: Stage) -> list[Result]:
    month = _customers(stage)
    seconds, charges, calls = _rated(month)
    before, _closed_before = _closed(month.start)
    closing, closed = _closed(month.end)
    looking, _nothing = _closed(month.end)
    bills = _engine()
    return [
        Result(
            name=f"Month of {CUSTOMERS:,} customers rated",
            measured=f"{seconds:.1f} s",
            anchor=f"{PROMISED_SECONDS} s promised",
            ratio=PROMISED_SECONDS / seconds,
            note=f"{charges:,} charges of {calls:,} calls in 120 rollup rows each: read, measured, "
            "rated by graduated, volume, package and flat plans with minimums, totalled; half of "
            "the customers in other time zones; one process",
        ),
        Result(
            name=f"Month of {CUSTOMERS:,} customers closed",
            measured=f"{closing:.1f} s",
            anchor=f"{PROMISED_SECONDS} s promised with the rating",
            ratio=PROMISED_SECONDS / (closing + seconds),
            note=f"{closed.closed:,} periods rated again, the month before too for late usage, "
            f"lines frozen, {closed.invoices:,} invoices and the audit log written, a hundred "
            f"customers a transaction; the two months before took {before:.1f} s, a run that finds "
            f"nothing due {looking:.1f} s; one process, beside PostgreSQL; Stripe hears later",
        ),
        Result(
            name="Rating engine alone",
            measured=f"{bills:,.0f} bills/s",
            note="a fee, graduated usage with included units, packages, a minimum and a discount",
        ),
    ]


def _rated(month: Any) -> tuple[float, int, int]:
    from billing.selectors import charges_overview  # noqa: PLC0415 - Django is set up by the stage

    started = time.perf_counter()
    overview = charges_overview(month)
    seconds = time.perf_counter() - started
    if len(overview.charges) < CUSTOMERS:
        raise RuntimeError(f"only {len(overview.charges)} of {CUSTOMERS} customers were rated")
    return seconds, len(overview.charges), sum(charge.calls for charge in overview.charges)


def _closed(until: Any) -> tuple[float, Any]:
    """Seconds and outcome of closing all periods that end by `until`."""
    from django.test import override_settings  # noqa: PLC0415

    from apim.core import clock  # noqa: PLC0415
    from billing.services.closing import close_periods  # noqa: PLC0415

    hours = (clock.now() - until).total_seconds() / 3600 - 24  # also that of the western zones
    started = time.perf_counter()
    with override_settings(BILLING_CLOSE_DELAY_HOURS=hours):
        done = close_periods()
    return time.perf_counter() - started, done


def _customers(stage: Stage) -> Any:
    """Customers with two months of usage; returns the later month."""
    from django.db import connection  # noqa: PLC0415

    from analytics.models import Attribution  # noqa: PLC0415
    from apim.accounts.models import Organization  # noqa: PLC0415
    from apim.core import clock  # noqa: PLC0415
    from apim.keys.models import Application, Subscription  # noqa: PLC0415

    month = clock.month_of(clock.month_of(clock.now()).start - clock.ONE_DAY)
    plans = _plans(stage, month)
    organizations = Organization.objects.bulk_create(
        Organization(name=f"Customer {n}", time_zone=ZONES[n % len(ZONES)])
        for n in range(CUSTOMERS)
    )
    applications = Application.objects.bulk_create(
        Application(organization=organization, name="App") for organization in organizations
    )
    subscriptions = Subscription.objects.bulk_create(
        Subscription(
            organization=application.organization,
            application=application,
            plan=plans[n % len(plans)],
            product_id=plans[0].product_id,
            state="active",
            activated_at=month.start - timedelta(days=45),
        )
        for n, application in enumerate(applications)
    )
    Attribution.objects.bulk_create(
        Attribution(
            gateway_id=1,
            environment="live",
            organization_id=row.organization_id,
            application_id=row.application_id,
            subscription_id=row.pk,
            plan_id=row.plan_id,
            product_id=row.product_id,
            operation_id=operation,
        )
        for row in subscriptions
        for operation in OPERATIONS
    )
    ids = [row.pk for row in subscriptions]
    before = clock.month_of(month.start - clock.ONE_DAY)
    start, end = before.start - clock.ONE_DAY, month.end
    starts = (before.start, month.start, month.end)
    edges = [day for first in starts for day in (first - clock.ONE_DAY, first)]
    with connection.cursor() as cursor:
        cursor.execute(DAYS, {"start": start, "end": end, "statuses": list(STATUSES), "ids": ids})
        cursor.execute(HOURS, {"edges": edges, "ids": ids})
        cursor.execute("ANALYZE analytics_usage_day, analytics_usage_hour, analytics_attribution")
    return month


def _plans(stage: Stage, month: Any) -> list[Any]:
    from apim.audit.actors import SYSTEM  # noqa: PLC0415
    from apim.catalog.models import Plan  # noqa: PLC0415
    from billing.models import PlanVersion  # noqa: PLC0415
    from billing.services import draft_version  # noqa: PLC0415

    plans = []
    for number, terms in enumerate(_price_lists()):
        plan = Plan.objects.create(
            product=stage.world["product"], slug=f"rated-{number}", name=f"Rated {number}"
        )
        version = draft_version(actor=SYSTEM, plan=plan, sheets=[terms])
        PlanVersion.objects.filter(pk=version.pk).update(starts_at=month.start - timedelta(days=90))
        plans.append(plan)
    return plans


def _price_lists() -> list[Any]:
    from billing.rating.prices import (  # noqa: PLC0415
        Fee,
        Graduated,
        Package,
        Terms,
        Tier,
        UsagePrice,
        Volume,
        per_unit,
    )

    tiers = (
        Tier(Decimal(0), Decimal(1000), Decimal("0.01")),
        Tier(Decimal(1000), Decimal(20_000), Decimal("0.004"), Decimal(5)),
        Tier(Decimal(20_000), None, Decimal("0.001")),
    )
    fee = (Fee("base", Decimal("9.90")),)
    pack = UsagePrice("packs", "calls", Package(Decimal(500), Decimal(2)))
    graduated = UsagePrice("calls", "calls", Graduated(tiers), Decimal(250))
    volume = UsagePrice("calls", "calls", Volume(tiers))
    unit = per_unit(Decimal("0.0004"), included=Decimal(1000))
    return [
        Terms("", "EUR", usage=(unit,)),
        Terms("", "EUR", usage=(graduated, pack), fees=fee, minimum=Decimal(25)),
        Terms("", "EUR", usage=(volume,), fees=fee),
        Terms("", "USD", usage=(pack,), minimum=Decimal(10)),
    ]


def _engine() -> float:
    """Bills per second without any database."""
    from billing.rating.discounts import Discount  # noqa: PLC0415
    from billing.rating.engine import Segment, rate  # noqa: PLC0415

    terms = _price_lists()[1]
    discounts = [Discount("deal", percent=Decimal("7.5"))]
    rng = random.Random(1)
    quantities = [Decimal(rng.randrange(100_000)) for _ in range(ENGINE_BILLS)]
    started = time.perf_counter()
    for quantity in quantities:
        rate([Segment(terms, usage={"calls": quantity})], currency="EUR", discounts=discounts)
    return ENGINE_BILLS / (time.perf_counter() - started)
