"""A customer of the demo whose month ends now, or ended and was not paid, is told by real services."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from apim.core import clock
from apim.runtime.demo import period as demo_period
from apim.runtime.demo import seed
from apim.runtime.demo.period import begin_period, zone_of_midnight
from billing.models import Invoice, MeteredItem, MeteredLine
from billing.services.closing import close_periods
from billing.services.unpaid import review_all_unpaid
from billing.stripe.adapter import connect
from billing.stripe.invoicing import send_invoices
from tests.analytics.lines import make_gateway
from tests.billing.stripe_simulator.running import KEY, running

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 19, 16, 30, tzinfo=UTC)


@pytest.fixture
def noon():
    with time_machine.travel(NOW, tick=False) as travel:
        yield travel


@pytest.fixture
def gateway(noon, settings, tmp_path, monkeypatch):
    settings.APIM_HOME = str(tmp_path)
    settings.STRIPE_SECRET_KEY = ""
    monkeypatch.setattr(demo_period, "CALLS_PER_DAY", 30)
    with running(webhook_url="http://127.0.0.1:9/", webhook_secret="whsec_demo") as sim:
        settings.APIM_STRIPE_SIMULATOR_URL = sim.url
        settings.APIM_STRIPE_SIMULATOR_KEY = KEY
        gateway = make_gateway("Envoy")
        seed.seed(password="a demo's password")
        yield gateway


@pytest.mark.parametrize("hour", range(24))
def test_it_is_midnight_somewhere_at_every_full_hour(hour):
    at = datetime(2026, 7, 1, hour, tzinfo=UTC)
    assert at.astimezone(ZoneInfo(zone_of_midnight(at))).hour == 0


def test_a_month_that_ends_at_the_next_hour_is_billed_by_stripes_meters(gateway, noon, settings):
    settings.BILLING_CLOSE_DELAY_HOURS = 1
    made = begin_period(gateway=gateway, password="a demo's password")
    assert made.period.end == datetime(2026, 11, 19, 17, tzinfo=UTC)
    item = MeteredItem.objects.get(organization=made.organization)
    assert (item.starts_at, item.stripe_id is not None) == (made.period.start, True)
    assert not Invoice.objects.exists()
    noon.move_to(made.period.end + timedelta(hours=2))
    assert close_periods().invoices >= 1
    assert Invoice.objects.get(organization=made.organization).rated_minor > 900


def test_what_is_not_paid_within_the_grace_is_suspended_until_it_is_paid(gateway, noon):
    made = begin_period(
        gateway=gateway, password="a demo's password", hours_ago=400, is_declined=True
    )
    invoice = Invoice.objects.get(organization=made.organization)
    assert (invoice.status, invoice.is_past_grace) == ("open", True)
    [line] = MeteredLine.objects.filter(invoice=invoice)
    assert abs(line.difference_minor) <= 1  # half a cent
    subscription = made.organization.subscriptions.get()
    assert (subscription.state, subscription.holds) == ("suspended", ["unpaid"])
    assert invoice.suspends_at < clock.now()
    Invoice.objects.filter(pk=invoice.pk).update(status="paid", unpaid_since=None)
    review_all_unpaid()
    subscription.refresh_from_db()
    assert subscription.state == "active"
    assert send_invoices(connect()) == 0
