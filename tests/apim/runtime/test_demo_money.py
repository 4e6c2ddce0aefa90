"""The demo tells ninety days of money by the real services, against the Stripe simulator."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine

from apim.core import clock
from apim.runtime.demo import history, seed, world
from apim.runtime.demo.money import write_money
from billing.models import (
    CreditEntry,
    Invoice,
    MeteredLine,
    MeterEvent,
    MoneyBack,
    RatedLine,
    StripeEvent,
)
from billing.stripe.adapter import connect
from billing.stripe.reconciliation import invoice_drift
from tests.analytics.lines import make_gateway
from tests.billing.stripe_simulator.running import KEY, running

pytestmark = pytest.mark.django_db
# Two hours of the day: what takes its time is the usage of every hour on its way to Stripe.
SHORT_DAY = tuple(int(hour in {9, 15}) for hour in range(24))


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(datetime(2026, 11, 19, 16, 30, tzinfo=UTC)):
        yield


@pytest.fixture(autouse=True)
def _fewer_calls(monkeypatch):
    """A tenth of the calls, and none of them free."""
    organizations = [
        replace(
            one,
            applications=tuple(
                replace(app, calls_per_day=app.calls_per_day // 10) for app in one.applications
            ),
        )
        for one in world.ORGANIZATIONS
    ]
    products = [
        replace(one, plans=tuple(replace(plan, included_calls=0) for plan in one.plans))
        for one in world.PRODUCTS
    ]
    monkeypatch.setattr(world, "ORGANIZATIONS", organizations)
    monkeypatch.setattr(world, "PRODUCTS", products)
    monkeypatch.setattr(history, "HOURS", SHORT_DAY)


@pytest.fixture
def simulator(settings, tmp_path):
    settings.APIM_HOME = str(tmp_path)
    settings.STRIPE_SECRET_KEY = ""
    with running(webhook_url="http://127.0.0.1:9/", webhook_secret="whsec_demo") as sim:
        settings.APIM_STRIPE_SIMULATOR_URL = sim.url
        settings.APIM_STRIPE_SIMULATOR_KEY = KEY
        yield sim


@pytest.fixture
def gateway(simulator):
    gateway = make_gateway("Envoy")
    seed.seed(password="a demo's password")
    history.write_history(gateway=gateway)
    return gateway


def figures():
    return (
        Invoice.objects.count(),
        MoneyBack.objects.count(),
        CreditEntry.objects.count(),
        list(RatedLine.objects.order_by("id").values_list("amount_minor", flat=True)),
    )


def test_every_kind_of_money_is_told_once_and_adds_up(gateway, simulator):
    since = clock.now() - seed.SINCE
    assert write_money(gateway=gateway, since=since) == Invoice.objects.count() >= 7
    assert not Invoice.objects.exclude(status="paid").exists()
    assert (
        Invoice.objects.get(
            organization__name=world.FAILING, ends_at__month=10, ends_at__day=1
        ).payment_attempts
        > 1
    )
    assert set(MoneyBack.objects.values_list("kind", flat=True)) >= {"credit_note"}
    assert CreditEntry.objects.filter(kind="use").exists()
    kinds = set(RatedLine.objects.values_list("kind", flat=True))
    assert kinds >= {"usage", "discount", "add_on", "correction"}
    late = RatedLine.objects.filter(kind="correction").first()
    assert late.origin.ends_at == late.period.starts_at
    assert not MeterEvent.objects.exclude(state="sent").exists()
    assert not StripeEvent.objects.unprocessed().exists()
    assert list(invoice_drift(connect(), since=since)) == []
    metered = MeteredLine.objects.all()
    assert set(metered.values_list("invoice", flat=True)) >= set(
        Invoice.objects.filter(ends_at__month__in=[10, 11]).values_list("id", flat=True)
    )
    # Of half a cent we make an even one, Stripe the next; an item of ours says the difference.
    assert {abs(line.difference_minor) for line in metered} <= {0, 1}
    months = {invoice.finalized_at.month for invoice in Invoice.objects.all()}
    assert months == {9, 10, 11}  # when they were due, not today
    assert abs(simulator.order("state", "GET")["now"] - clock.now().timestamp()) < 60
    before = figures()
    write_money(gateway=gateway, since=since)
    assert figures() == before


def test_nothing_is_told_to_the_real_stripe(gateway, settings):
    settings.STRIPE_SECRET_KEY = "sk_live_x"
    assert write_money(gateway=gateway, since=clock.now() - seed.SINCE) == 0
    assert not Invoice.objects.exists()
