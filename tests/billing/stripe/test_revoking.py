"""Usage that was told wrongly is cancelled at Stripe and said anew, while Stripe allows it."""

from datetime import timedelta

import pytest
import stripe

from analytics.models import UsageEvent
from analytics.rollups import rebuild_rollups
from apim.core.clock import month_of
from billing.models import MeterEvent, StripeObject
from billing.stripe.metering import collect_usage, send_usage
from billing.stripe.reconciliation import usage_drift
from billing.stripe.revoking import move_usage
from tests.billing.conftest import NOW
from tests.billing.prices import make_price
from tests.billing.stripe.test_metered import december, tiered
from tests.billing.stripe.test_metering import at_stripe

__all__ = ["december", "tiered"]
pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
ADJUST = "POST /v1/billing/meter_event_adjustments"


@pytest.fixture
def told(world, subscription, call, gateway):
    """Three calls of two hours ago, which Stripe was told."""
    make_price(world.plan, "0.01", months_ago=3)
    call(3, at=NOW - 2 * HOUR)
    call(1, at=NOW - 2 * HOUR, status=500)  # which is not charged
    collect_usage()
    assert send_usage(gateway) == 1
    return subscription


def forget(number):
    """Calls that turn out to be none: a gateway had reported them by mistake."""
    charged = UsageEvent.objects.filter(is_billable=True)
    gone = charged.order_by("pk").values_list("pk", flat=True)[:number]
    assert UsageEvent.objects.filter(pk__in=list(gone)).delete()[0] == number
    rebuild_rollups((NOW - 2 * HOUR).date())


def states():
    return [(e.state, e.value) for e in MeterEvent.objects.order_by("revision")]


def total(gateway, world):
    return at_stripe(gateway, world, NOW - 24 * HOUR, NOW)


@pytest.mark.parametrize(
    ("fewer", "rows"),
    [(2, [("revoked", 3), ("sent", 1)]), (3, [("revoked", 3), ("sent", 0)])],
)
def test_fewer_calls_after_a_rebuild_cancel_the_event_and_say_the_rest(
    told, gateway, world, fewer, rows
):
    forget(fewer)
    assert collect_usage() == 1
    assert send_usage(gateway) == 1
    assert states() == rows
    assert total(gateway, world) == 3 - fewer
    assert collect_usage() == 0


def test_a_day_later_a_negative_event_says_the_difference(told, gateway, world, noon):
    noon.shift(timedelta(hours=24))
    forget(2)
    collect_usage()
    send_usage(gateway)
    assert states() == [("sent", 3), ("sent", -2)]
    assert total(gateway, world) == 1


@pytest.mark.parametrize("after", [True, False])
def test_a_cancelling_that_breaks_off_is_done_once(told, gateway, world, sim, noon, after):
    forget(2)
    collect_usage()
    sim.order("fail_requests", match=ADJUST, times=3, status=500, after=after)
    assert send_usage(gateway) == 0
    assert states() == [("revoking", 3), ("waiting", 1)]
    noon.shift(timedelta(minutes=10))
    assert send_usage(gateway) == 1
    assert states() == [("revoked", 3), ("sent", 1)]
    assert total(gateway, world) == 1


@pytest.mark.parametrize(
    ("after", "rows"),
    [
        (True, [("revoked", 3), ("sent", 1)]),
        (False, [("sent", 3), ("sent", -2)]),
    ],
)
def test_one_in_doubt_for_two_days_is_looked_for_in_stripes_sums(
    told, gateway, world, sim, noon, after, rows
):
    """Stripe has forgotten the key, and cancels nothing any more."""
    forget(2)
    collect_usage()
    sim.order("fail_requests", match=ADJUST, times=3, status=500, after=after)
    send_usage(gateway)
    noon.shift(timedelta(days=2))
    assert send_usage(gateway) == 1
    assert states() == rows
    assert total(gateway, world) == 1


def test_usage_that_went_to_no_lane_moves_to_the_one_that_bills_it(december, call, noon, gateway):
    start = NOW.replace(month=12, day=1, hour=0)
    noon.move_to(start + 5 * HOUR)
    call(4, at=start + 3 * HOUR)
    collect_usage()
    item = december.metered_items.get()
    type(item).objects.filter(pk=item.pk).update(ends_at=start + HOUR)  # about to end
    send_usage(gateway)
    assert list(MeterEvent.objects.filter(hour__gte=start).values_list("lane", flat=True)) == [0]
    assert move_usage() == 0
    type(item).objects.filter(pk=item.pk).update(ends_at=None)  # it goes on after all
    assert move_usage() == 1
    assert move_usage() == 0
    assert send_usage(gateway) == 1
    rows = MeterEvent.objects.filter(hour__gte=start).order_by("revision")
    assert [(e.state, e.value, e.lane) for e in rows] == [("revoked", 4, 0), ("sent", 4, 1)]
    assert collect_usage() == 0
    month = month_of(start)
    found = usage_drift(gateway, organization_id=december.organization_id, period=month)
    assert list(found) == []


def test_stripe_cancels_what_it_knows_and_only_once(told, sim, noon):
    adjust = sim.client.v1.billing.meter_event_adjustments.create
    event = MeterEvent.objects.get()
    name = f"apim_{StripeObject.objects.get(kind='meter', key=event.meter.public_id).key}"
    wanted = {"event_name": name, "type": "cancel", "cancel": {"identifier": event.identifier}}
    for wrong in ({"event_name": "another"}, {"cancel": {"identifier": "another"}}):
        with pytest.raises(stripe.InvalidRequestError):
            adjust(wanted | wrong)
    assert adjust(wanted).status == "complete"
    with pytest.raises(stripe.InvalidRequestError, match="already"):
        adjust(wanted)
    noon.shift(timedelta(hours=25))
    with pytest.raises(stripe.InvalidRequestError, match="24 hours"):
        adjust(wanted)
