"""Usage reaches Stripe exactly once, in whole units, with its own hour, whatever fails."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apim.audit.actors import SYSTEM
from apim.core.clock import month_of
from billing.models import Meter, MeterEvent, StripeObject
from billing.rating.prices import PerUnit, Terms, UsagePrice, per_unit
from billing.services import create_meter
from billing.stripe.catalogue import sync_catalogue
from billing.stripe.customers import ensure_customer
from billing.stripe.metering import (
    collect_of_period,
    collect_usage,
    note_refused,
    send_again,
    send_usage,
)
from tests.billing.conftest import NOW
from tests.billing.prices import make_price, make_version

pytestmark = pytest.mark.django_db
D = Decimal
HOUR = timedelta(hours=1)


@pytest.fixture
def priced(world, subscription):
    make_price(world.plan, "0.01", months_ago=3)
    return subscription


def at_stripe(gateway, world, start, end, slug="calls"):
    meter = StripeObject.objects.get(kind="meter", key=Meter.objects.get(slug=slug).public_id)
    customer = ensure_customer(gateway, world.customer.organization)
    return gateway.meter_total(
        meter.stripe_id,
        customer.stripe_id,
        start=int(start.timestamp()),
        end=int(end.timestamp()),
    )


def test_each_hour_is_sent_once_with_its_own_time(priced, call, gateway, world):
    call(3, at=NOW - 5 * HOUR + timedelta(minutes=7))
    call(2, at=NOW - 2 * HOUR)
    assert collect_usage() == 2
    assert collect_usage() == 0
    assert send_usage(gateway) == 2
    assert send_usage(gateway) == 0
    assert at_stripe(gateway, world, NOW - 5 * HOUR, NOW - 4 * HOUR) == 3
    assert at_stripe(gateway, world, NOW - 2 * HOUR, NOW - HOUR) == 2
    assert at_stripe(gateway, world, NOW - 24 * HOUR, NOW) == 5


def test_the_hour_that_runs_waits_and_late_calls_are_another_revision(
    priced, call, gateway, world, noon
):
    call(4, at=NOW + timedelta(minutes=10) - timedelta(minutes=10))
    assert collect_usage() == 0
    noon.shift(HOUR)
    assert collect_usage() == 1
    send_usage(gateway)
    call(6, at=NOW)
    assert collect_usage() == 1
    send_usage(gateway)
    assert [(e.revision, e.value) for e in MeterEvent.objects.all()] == [(0, 4), (1, 6)]
    assert at_stripe(gateway, world, NOW, NOW + HOUR) == 10


@pytest.mark.parametrize("after", [True, False])
def test_a_send_that_breaks_off_counts_once(priced, call, gateway, world, sim, noon, after):
    call(3)
    collect_usage()
    sim.order("fail_requests", match="POST /v1/billing/meter_events", times=3, after=after)
    assert send_usage(gateway) == 0
    row = MeterEvent.objects.get()
    assert (row.state, row.attempts) == ("waiting", 1)
    assert send_usage(gateway) == 0  # not yet due
    noon.shift(timedelta(minutes=10))
    assert send_usage(gateway) == 1
    assert at_stripe(gateway, world, NOW - 24 * HOUR, NOW) == 3


def test_a_send_that_was_lost_for_two_days_counts_once(priced, call, gateway, world, sim, noon):
    """Stripe has forgotten the identifier by then."""
    call(3)
    collect_usage()
    sim.order("fail_requests", match="POST /v1/billing/meter_events", times=3, after=True)
    assert send_usage(gateway) == 0
    noon.shift(timedelta(days=2))
    assert send_usage(gateway) == 1
    assert at_stripe(gateway, world, NOW - 24 * HOUR, NOW) == 3


def test_what_stripe_takes_no_more_is_kept_and_shown(priced, call, gateway, noon):
    call(3)
    collect_usage()
    noon.shift(timedelta(days=36))
    assert send_usage(gateway) == 1
    row = MeterEvent.objects.get()
    assert (row.state, row.sent_at) == ("too_late", None)
    assert "35 days" in row.last_error


def test_units_and_bytes_are_whole_as_counted(world, subscription, call, gateway):
    create_meter(
        actor=SYSTEM,
        slug="traffic",
        name="Traffic",
        kind="bytes",
        unit_size=10**9,
        unit_name="GB",
    )
    usage = (per_unit(D("0.01")), UsagePrice("traffic", "traffic", PerUnit(D(1))))
    make_version(world.plan, Terms("", "EUR", usage=usage), months_ago=3)
    call(2, request_bytes=100, response_bytes=400)
    assert collect_usage() == 2
    send_usage(gateway)
    assert at_stripe(gateway, world, NOW - 24 * HOUR, NOW, "traffic") == 1000


def test_different_keys_are_told_for_the_whole_period(world, subscription, call, gateway, noon):
    create_meter(actor=SYSTEM, slug="keys", name="Keys", kind="keys", unit_name="key")
    make_version(
        world.plan,
        Terms("", "EUR", usage=(UsagePrice("keys", "keys", PerUnit(D(1))),)),
        months_ago=3,
    )
    call(2)
    assert collect_usage() == 0
    month = month_of(NOW)
    noon.move_to(month.end + HOUR)
    assert collect_of_period(month, subscription.pk) == 1
    assert collect_of_period(month, subscription.pk) == 0
    assert collect_usage(back=timedelta(days=20)) == 0
    send_usage(gateway)
    assert at_stripe(gateway, world, month.end - HOUR, month.end, "keys") == 1


def test_what_stripe_reports_later_is_marked_and_can_be_sent_again(priced, call, gateway, world):
    call(3)
    collect_usage()
    sync_catalogue(gateway)
    send_usage(gateway)
    row = MeterEvent.objects.get()
    assert note_refused([(row.identifier, "not a whole number"), ("somebody's", "x")]) == 1
    assert MeterEvent.objects.get().state == "refused"
    assert send_again(organization_id=world.customer.organization.pk) == 1
    assert send_usage(gateway) == 1
    assert MeterEvent.objects.get().identifier != row.identifier
