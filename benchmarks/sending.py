"""How fast a month's usage and invoices get to Stripe, within Stripe's rate limits.

The simulator keeps the limits of live keys (docs.stripe.com/rate-limits) and takes as long for an
answer as Stripe does across the internet. Half of the customers are billed by metered prices of
Stripe's, half by our items alone. All of it is told at the time at which it would happen.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.bills import simulator
from benchmarks.frame import Result

if TYPE_CHECKING:
    from datetime import datetime

    from benchmarks.stage import Stage
    from billing.stripe.ports import PaymentGateway

ORDER = 46
CUSTOMERS = int(os.environ.get("BENCH_SENDING_CUSTOMERS", "200"))
CALLS_EACH = 4
BEGAN = timedelta(days=33)
ANSWER_SECONDS = 0.2
LIVE = {
    "calls_per_second": 100,
    "calls_per_second_each": 25,
    "meter_events_per_second": 1_000,
    "answer_seconds": ANSWER_SECONDS,
    "webhooks_paused": True,
}
USUAL = dict.fromkeys(LIVE) | {"answer_seconds": 0, "webhooks_paused": False}
A_MONTH = 10_000


def run(stage: Stage) -> list[Result]:
    from apim.core import clock  # noqa: PLC0415 - Django is set up by the stage
    from billing.services.closing import close_periods  # noqa: PLC0415
    from billing.stripe.adapter import connect  # noqa: PLC0415
    from billing.stripe.metering import SENDABLE, collect_usage  # noqa: PLC0415

    simulator(stage)
    # Its first day counts whole: at midnight Stripe's items still come in time.
    start = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - BEGAN
    try:
        end = _customers(stage, start)
        with _at(end + timedelta(minutes=10)):
            _order("settings", **LIVE)
            collect_usage(back=SENDABLE)
            usage = _timed(_send_usage)
            events = _timed(_webhooks)
        with _at(end + timedelta(minutes=40)):
            close_periods()
            invoices = _timed(_send_invoices)
        _check(connect(), start, invoices.done)
    finally:
        _order("settings", **USUAL)
        _order("clock", frozen_at=None)
    return [_usage_row(usage), _invoice_row(invoices, events)]


class _Timing:
    """What was done, in which time, by how many calls of each operation."""

    def __init__(self, done: int, seconds: float, calls: dict[str, int]) -> None:
        self.done, self.seconds = done, seconds
        self.refused = sum(number for name, number in calls.items() if " " not in name)
        self.calls = {name: number for name, number in calls.items() if " " in name}

    @property
    def rate(self) -> float:
        return self.done / self.seconds

    def hours_of(self, number: int) -> float:
        return number / self.rate / 3600


def _usage_row(usage: _Timing) -> Result:
    return Result(
        name="Usage to Stripe",
        measured=f"{usage.rate:.0f} meter events/s",
        anchor="800 events/s asked at most",
        ratio=usage.rate / 800,
        note=f"{usage.done:,} hours of {CUSTOMERS} customers, answers after {ANSWER_SECONDS} s, "
        f"{usage.refused} refused for a limit; 10,000 customers' hour in "
        f"{usage.hours_of(A_MONTH) * 60:.1f} min",
    )


def _invoice_row(invoices: _Timing, events: _Timing) -> Result:
    calls = sum(invoices.calls.values())
    most = sorted(invoices.calls.items(), key=lambda one: -one[1])
    return Result(
        name="Invoices to Stripe",
        measured=f"{invoices.rate:.1f} invoices/s",
        anchor="20 invoices/s asked at most",
        ratio=invoices.rate / 20,
        note=f"{invoices.done} invoices, half of them drafts of Stripe's metered prices, by "
        f"{calls / invoices.done:.1f} calls each ("
        + ", ".join(f"{name} {number / invoices.done:.1f}" for name, number in most)
        + f"), answers after {ANSWER_SECONDS} s, {invoices.refused} refused for a limit; 10,000 "
        f"in {invoices.hours_of(A_MONTH) * 60:.0f} min, their {events.done} events of the turn "
        f"handled in {events.seconds:.0f} s",
    )


def _at(instant: datetime) -> Any:
    """Let it be `instant`, here and at the simulator."""
    from apim.core import clock  # noqa: PLC0415

    _order("clock", frozen_at=int(instant.timestamp()))
    return clock.telling(instant)


def _order(path: str, method: str = "POST", **given: Any) -> dict[str, Any]:
    from django.conf import settings  # noqa: PLC0415

    answer = httpx.request(
        method,
        f"{settings.APIM_STRIPE_SIMULATOR_URL}/_simulator/{path}",
        headers={"Authorization": f"Bearer {settings.APIM_STRIPE_SIMULATOR_KEY}"},
        json=given,
        timeout=60,
    )
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def _customers(stage: Stage, start: datetime) -> datetime:
    """Customers with calls in a period that has ended; returns its end."""
    from analytics.intake import receive  # noqa: PLC0415
    from analytics.rollups import roll_up  # noqa: PLC0415
    from apim.gateway.models import Gateway  # noqa: PLC0415
    from apim.keys.models import Subscription  # noqa: PLC0415
    from benchmarks.rows import paying_customers, usage_lines  # noqa: PLC0415
    from billing.models import BillingTerms  # noqa: PLC0415
    from billing.services import note_subscription  # noqa: PLC0415
    from billing.stripe.adapter import connect  # noqa: PLC0415
    from billing.stripe.metered import sync_metered  # noqa: PLC0415

    plans = [_plan(stage, number) for number in range(2)]
    keys = paying_customers(plans, number=CUSTOMERS, since=start)
    rows = list(Subscription.objects.filter(plan__in=plans).select_related("organization"))
    for row in rows:
        note_subscription(subscription_id=row.pk)
    with _at(start + timedelta(minutes=2)):
        sync_metered(connect())
    hours = [start + timedelta(hours=24 * day + 5) for day in range(1, 1 + CALLS_EACH)]
    body = usage_lines(stage.world["version"], [(key, hour) for key in keys for hour in hours])
    receive(gateway=Gateway.objects.get(), body=body.replace(b'"paid-', b'"sending-'))
    while roll_up():
        pass
    terms = BillingTerms.objects.get(subscription=rows[0])
    end: datetime = terms.schedule(rows[0].organization.time_zone).period_at(start).end
    return end


def _plan(stage: Stage, number: int) -> Any:
    """A fee, and so much a call; the second's packages after a free call no price of Stripe's says."""
    from apim.audit.actors import SYSTEM  # noqa: PLC0415
    from apim.catalog.models import Plan  # noqa: PLC0415
    from apim.core import clock  # noqa: PLC0415
    from billing.models import PlanVersion  # noqa: PLC0415
    from billing.rating.prices import Fee, Package, PerUnit, Terms, UsagePrice  # noqa: PLC0415
    from billing.services import draft_version  # noqa: PLC0415

    model = (PerUnit(Decimal("0.125")), Package(Decimal(10), Decimal(2)))[number]
    usage = (UsagePrice("calls", "calls", model, Decimal(number)),)
    terms = Terms("", "EUR", fees=(Fee("base", Decimal("9.90")),), usage=usage)
    plan = Plan.objects.create(
        product=stage.world["product"], slug=f"sending-{number}", name=f"Sending {number}"
    )
    version = draft_version(actor=SYSTEM, plan=plan, sheets=[terms], cadence="anniversary")
    PlanVersion.objects.filter(pk=version.pk).update(starts_at=clock.now() - 3 * BEGAN)
    return plan


def _timed(work: Any) -> _Timing:
    from django.conf import settings  # noqa: PLC0415

    from billing.stripe.adapter import gateway_of  # noqa: PLC0415
    from billing.stripe.pace import Pace  # noqa: PLC0415

    gateway = gateway_of(
        settings.APIM_STRIPE_SIMULATOR_KEY,
        settings.APIM_STRIPE_SIMULATOR_URL,
        Pace.of("sk_live_as_fast_as_that"),
    )
    before = _order("calls", method="GET")
    started = time.monotonic()
    done = work(gateway)
    seconds = time.monotonic() - started
    after = _order("calls", method="GET")
    calls = {name: number - before.get(name, 0) for name, number in after.items()}
    return _Timing(done, seconds, {name: number for name, number in calls.items() if number})


def _send_usage(gateway: PaymentGateway) -> int:
    from billing.stripe.metering import send_usage  # noqa: PLC0415

    return send_usage(gateway)


def _webhooks(gateway: PaymentGateway) -> int:
    from billing.stripe.events import handle_events  # noqa: PLC0415
    from billing.stripe.reconciliation import find_lost_events  # noqa: PLC0415

    find_lost_events(gateway, back=timedelta(hours=2))
    return handle_events(gateway)


def _send_invoices(gateway: PaymentGateway) -> int:
    from billing.stripe.invoicing import send_invoices  # noqa: PLC0415

    return send_invoices(gateway)


def _check(gateway: PaymentGateway, start: datetime, sent: int) -> None:
    """Fast and wrong is nothing: every customer has an invoice, and no figure differs."""
    from billing.models import Invoice  # noqa: PLC0415
    from billing.stripe.reconciliation import invoice_drift  # noqa: PLC0415

    drift = list(invoice_drift(gateway, since=start))
    waiting = Invoice.objects.to_send().values_list("last_error", flat=True)[:3]
    if drift or sent < CUSTOMERS:
        raise RuntimeError(f"{sent} of {CUSTOMERS} invoices sent, {drift[:3]}, {list(waiting)}")
