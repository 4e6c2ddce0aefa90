"""Workers die at random while periods are closed and invoices go to Stripe: does a cent drift?

Real processes with real database connections, ended by SIGKILL; the simulator is a process of its
own and lives on, as Stripe does. What was rated before anything was closed is what has to be rated,
sent and invoiced in the end.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from benchmarks.frame import Result
from benchmarks.stage import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.stage import Stage

# Before the ten thousand customers of the rating row, whose invoices it would have to send too.
ORDER = 45

KILLS = int(os.environ.get("BENCH_BILLS_KILLS", "200"))
CUSTOMERS = int(os.environ.get("BENCH_BILLS_CUSTOMERS", "200"))
SEED = int(os.environ.get("BENCH_BILLS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
CALLS_EACH = 6
# A first period that has ended, and began so short ago that Stripe still takes all of its usage.
BEGAN = timedelta(days=33)
ALIVE_SECONDS = (0.02, 0.6)
# Small transactions, so that kills fall between as well as into them.
TOGETHER = 3
END_SECONDS = 120


def run(stage: Stage) -> list[Result]:
    simulator(stage)
    start = _customers(stage)
    rated = _rated()
    started = time.monotonic()
    killed = _kill_all()
    seconds = time.monotonic() - started
    from django.db import connections  # noqa: PLC0415

    connections.close_all()
    _finish()
    invoiced, drift = _outcome(start)
    hours = _hours_sent()
    if drift or invoiced != rated or not hours:
        found = (
            f"rated {rated}, invoiced {invoiced}, {hours} hours sent, drift {drift}, "
            f"waiting {_waiting()}"
        )
        raise RuntimeError(f"{found}; seed {SEED}")
    note = (
        f"{sum(killed.values())} kill -9 in {seconds:.0f} s ("
        + ", ".join(f"{name} {number}" for name, number in sorted(killed.items()))
        + f"); {CUSTOMERS} customers, {len(rated)} currencies, {hours:,} hours of usage; lines, "
        "invoices, Stripe's invoices, usage and Stripe's meters compared with each other and with "
        f"what was rated before; against the simulator; seed {SEED}"
    )
    return [
        Result(
            name="Drift between rated, sent and invoiced",
            measured=f"{len(drift)} differences",
            anchor="0 promised",
            ratio=1.0,
            note=note,
        )
    ]


def simulator(stage: Stage) -> None:
    """Start a Stripe simulator for this and the following benchmarks; it knows their customers."""
    from django.conf import settings  # noqa: PLC0415 - Django is set up by the stage

    if settings.APIM_STRIPE_SIMULATOR_URL:
        return

    from apim.runtime import processes  # noqa: PLC0415
    from apim.runtime.embedded import free_port  # noqa: PLC0415

    port, key = free_port(), "sk_test_simulator_of_a_benchmark"
    command = processes.stripe_simulator_command(host="127.0.0.1", port=port)
    stage.module(
        "stripe",
        command,
        {
            "APIM_STRIPE_SIMULATOR_KEY": key,
            "STRIPE_WEBHOOK_SECRET": "whsec_benchmark",
            "APIM_STRIPE_SIMULATOR_WEBHOOK_URL": f"{stage.web_url}/webhooks/stripe/",
        },
    )
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/readyz")
    settings.STRIPE_SECRET_KEY = ""
    settings.STRIPE_WEBHOOK_SECRET = "whsec_benchmark"
    settings.APIM_STRIPE_SIMULATOR_URL, settings.APIM_STRIPE_SIMULATOR_KEY = url, key
    settings.BILLING_CLOSE_DELAY_HOURS = 0


def _customers(stage: Stage) -> Any:
    """Customers whose first period has ended, with real calls taken in; returns its beginning."""
    from analytics.intake import receive  # noqa: PLC0415
    from analytics.rollups import roll_up  # noqa: PLC0415
    from apim.core import clock  # noqa: PLC0415
    from apim.gateway.models import Gateway  # noqa: PLC0415
    from apim.keys.models import Subscription  # noqa: PLC0415
    from benchmarks.rows import paying_customers, usage_lines  # noqa: PLC0415
    from billing.services import note_subscription  # noqa: PLC0415

    start = clock.now() - BEGAN
    plans = [_plan(stage, number) for number in range(2)]
    keys = paying_customers(plans, number=CUSTOMERS, since=start)
    for pk in Subscription.objects.filter(plan__in=plans).values_list("pk", flat=True):
        note_subscription(subscription_id=pk)
    rng = random.Random(SEED)
    hours = [start + timedelta(hours=rng.randrange(1, 24 * 27)) for _ in range(4)]
    body = usage_lines(
        stage.world["version"],
        [(key, rng.choice(hours)) for key in keys for _ in range(rng.randrange(CALLS_EACH))],
    )
    receive(gateway=Gateway.objects.get(), body=body)
    while roll_up():
        pass
    return start


def _plan(stage: Stage, number: int) -> Any:
    from apim.audit.actors import SYSTEM  # noqa: PLC0415
    from apim.catalog.models import Plan  # noqa: PLC0415
    from apim.core import clock  # noqa: PLC0415
    from billing.models import PlanVersion  # noqa: PLC0415
    from billing.rating.prices import (  # noqa: PLC0415
        Fee,
        Graduated,
        Terms,
        Tier,
        UsagePrice,
    )
    from billing.services import draft_version  # noqa: PLC0415

    tiers = (
        Tier(Decimal(0), Decimal(2), Decimal("0.335")),
        Tier(Decimal(2), None, Decimal("0.111"), Decimal(1)),
    )
    currency = ("EUR", "USD")[number]
    usage = (UsagePrice("calls", "calls", Graduated(tiers), Decimal(1)),)
    terms = Terms("", currency, fees=(Fee("base", Decimal("9.90")),), usage=usage)
    plan = Plan.objects.create(
        product=stage.world["product"], slug=f"billed-{number}", name=f"Billed {number}"
    )
    version = draft_version(actor=SYSTEM, plan=plan, sheets=[terms], cadence="anniversary")
    PlanVersion.objects.filter(pk=version.pk).update(starts_at=clock.now() - 3 * BEGAN)
    return plan


def _rated() -> dict[str, int]:
    """What the ended periods come to by currency, before anything is closed."""
    from apim.keys.models import Subscription  # noqa: PLC0415
    from billing.models import BillingTerms  # noqa: PLC0415
    from billing.selectors.book import load_book  # noqa: PLC0415
    from billing.selectors.rated import rate_periods  # noqa: PLC0415

    ids = BillingTerms.objects.values_list("subscription", flat=True)
    rows = Subscription.objects.filter(pk__in=ids, plan__slug__startswith="billed-")
    book = load_book(rows.select_related("organization", "application", "product"))
    periods = {
        pk: book.schedule(row).period_at(book.stays_of(row)[0].started_at)
        for pk, row in book.subscriptions.items()
    }
    sums: Counter[str] = Counter()
    for rated in rate_periods(book, periods):
        for bill in rated.bills:
            sums[bill.currency] += bill.total_minor
    return dict(sums)


def _jobs() -> dict[str, Callable[[], object]]:
    from billing.services import closing  # noqa: PLC0415
    from billing.stripe.adapter import connect  # noqa: PLC0415
    from billing.stripe.events import handle_events  # noqa: PLC0415
    from billing.stripe.invoicing import send_invoices  # noqa: PLC0415
    from billing.stripe.metering import SENDABLE, collect_usage, send_usage  # noqa: PLC0415

    closing.TOGETHER = TOGETHER
    return {
        "close": closing.close_periods,
        "usage": lambda: (collect_usage(back=SENDABLE), send_usage(connect())),
        "invoices": lambda: (_due_now(), send_invoices(connect()), handle_events(connect())),
    }


def _due_now() -> None:
    """Those who were interrupted wait for their back-off; the benchmark does not.

    Locked in one order: a dead worker's statement may still be at it, in the order of other times.
    """
    from django.db import transaction  # noqa: PLC0415

    from apim.core import clock  # noqa: PLC0415
    from billing.models import Invoice, MeterEvent  # noqa: PLC0415

    for rows in (Invoice.objects.to_send(), MeterEvent.objects.waiting()):
        with transaction.atomic():
            locked = rows.select_for_update(of=("self",)).order_by("pk")
            ids = list(locked.values_list("pk", flat=True))
            rows.filter(pk__in=ids).update(due_at=clock.now())


def _kill_all() -> Counter[str]:
    """All three jobs at once, each in a process that lives for a moment."""
    rng = random.Random(SEED)
    jobs = _jobs()
    killed: Counter[str] = Counter()
    running = {name: (_fork(job), 0.0) for name, job in jobs.items()}
    while killed.total() < KILLS:
        name = rng.choice(list(jobs))
        time.sleep(rng.uniform(*ALIVE_SECONDS) / len(jobs))
        pid, _since = running[name]
        if os.waitpid(pid, os.WNOHANG)[0] == 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            killed[name] += 1
        elif _is_done():
            break
        running[name] = (_fork(jobs[name]), time.monotonic())
    for pid, _since in running.values():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return killed


def _fork(job: Callable[[], object]) -> int:
    """A worker in a process of its own that does the job once; returns its id."""
    from django.db import connections  # noqa: PLC0415

    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    try:
        job()
    except Exception as error:  # noqa: BLE001 - as a worker, it is logged and goes on
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(0)


def _is_done() -> bool:
    from billing.models import Invoice  # noqa: PLC0415

    return Invoice.objects.count() >= CUSTOMERS and not Invoice.objects.to_send().exists()


def _finish() -> None:
    """The jobs once more, undisturbed, until nothing is left; two of them wait out dead backends."""
    give_up_at = time.monotonic() + END_SECONDS
    jobs = _jobs()
    while not _is_done() and time.monotonic() < give_up_at:
        for job in jobs.values():
            job()


def _waiting() -> list[tuple[str, str]]:
    """What did not get to Stripe, and what was said to it."""
    from billing.models import Invoice, MeterEvent  # noqa: PLC0415

    usage = MeterEvent.objects.waiting().values_list("identifier", "last_error")
    invoices = Invoice.objects.to_send().values_list("public_id", "last_error")
    return [*usage, *invoices]


def _hours_sent() -> int:
    from billing.models import MeterEvent  # noqa: PLC0415

    return MeterEvent.objects.filter(state=MeterEvent.State.SENT).count()


def _outcome(start: Any) -> tuple[dict[str, int], list[Any]]:
    """What Stripe was asked for, by currency, and every difference that is found."""
    from django.db.models import Sum  # noqa: PLC0415

    from apim.core import clock  # noqa: PLC0415
    from apim.core.clock import Period  # noqa: PLC0415
    from billing.models import BillingPeriod, Invoice, StripeCustomer  # noqa: PLC0415
    from billing.stripe.adapter import connect  # noqa: PLC0415
    from billing.stripe.reconciliation import (  # noqa: PLC0415
        invoice_drift,
        rating_drift,
        usage_drift,
    )

    gateway = connect()
    drift = list(invoice_drift(gateway, since=start))
    for period in BillingPeriod.objects.closed():
        drift += rating_drift(period)
    hour = {"minute": 0, "second": 0, "microsecond": 0}
    window = Period(start.replace(**hour), clock.now().replace(**hour))
    for organization_id in StripeCustomer.objects.values_list("organization", flat=True):
        drift += usage_drift(gateway, organization_id=organization_id, period=window)
    sums = Invoice.objects.order_by().values_list("currency").annotate(total=Sum("subtotal_minor"))
    return {currency: int(total) for currency, total in sums}, drift
