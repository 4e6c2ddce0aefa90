"""Each meter counts what it says, between the very hours at which a customer's months begin."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from analytics.metering import has_exact_edges, usage_between
from apim.audit.actors import SYSTEM
from apim.core.clock import Period, month_of
from apim.core.errors import InvalidInput
from billing.rating.prices import PerUnit, Terms, UsagePrice
from billing.selectors import running_charges
from billing.services import create_meter, rename_meter
from tests.analytics.lines import make_key
from tests.billing.conftest import NOW
from tests.billing.prices import make_price, make_version

pytestmark = pytest.mark.django_db
D = Decimal


def meter(kind, **values):
    return create_meter(actor=SYSTEM, name=kind, kind=kind, **({"unit_name": "unit"} | values))


def quantity(world, made):
    """What the meter has counted of Acme this month."""
    usage = (UsagePrice("it", made.slug, PerUnit(D(1))),)
    make_version(world.plan, Terms("", "EUR", usage=usage))
    (charge,) = running_charges(world.customer.organization).charges
    (line,) = charge.lines
    assert line.meter == made.slug
    return line.quantity


def test_calls_count_what_is_billable(world, call):
    call(3)
    call(2, status=404)
    call(4, status=503)
    call(5, status=429, decision="denied:quota_exceeded", upstream_ms=None)
    assert quantity(world, meter("calls")) == 5


def test_statuses_narrow_calls_to_classes_and_codes(world, call):
    for status in (200, 201, 404, 418, 500):
        call(1, status=status)
    assert quantity(world, meter("calls", statuses=["2xx", "404"])) == 3


def test_a_meter_may_count_failures_but_never_refusals(world, call):
    call(3, status=500)
    call(2, status=429, decision="denied:quota_exceeded", upstream_ms=None)
    assert quantity(world, meter("calls", statuses=["4xx", "5xx"])) == 3


def test_units_come_from_the_api_with_six_decimals(world, call):
    call(2, units="1.25")
    call(1, units="0.000001")
    call(1, units="7", status=503)
    assert quantity(world, meter("units")) == D("2.500001")


def test_bytes_are_those_of_requests_and_responses(world, call):
    call(2, request_bytes=400, response_bytes=600)
    assert quantity(world, meter("bytes", unit_name="kB", unit_size=1000)) == D(2)


def test_keys_are_counted_once_each(world, call):
    call(3)
    second = make_key(world.customer.application)
    call(2, key=second.public_id)
    assert quantity(world, meter("keys")) == 2


def test_the_peak_is_the_busiest_hour(world, call):
    call(3, at=NOW - timedelta(days=3))
    call(4, at=NOW - timedelta(days=3, hours=2))
    call(2)
    assert quantity(world, meter("peak")) == 4


def test_overage_counts_as_calls_only_where_the_plan_charges_it(world, call):
    call(3)
    call(2, overage="month")
    made = meter("overage")
    assert quantity(world, made) == 2
    make_price(world.other_plan, "1")
    type(world.plan).objects.filter(pk=world.plan.pk).update(charges_overage=False)
    world.customer.subscription.plan = world.other_plan
    world.customer.subscription.save()
    call(3, plan=world.other_plan.public_id)
    call(2, plan=world.other_plan.public_id, overage="month")

    def charged():
        lines = [
            line
            for charge in running_charges(world.customer.organization).charges
            for line in charge.lines
            if line.meter == "calls"
        ]
        return sum(line.quantity for line in lines)

    assert charged() == 3
    type(world.plan).objects.filter(pk=world.other_plan.pk).update(charges_overage=True)
    assert charged() == 5


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("Europe/Berlin", datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 10, 31, 19, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 10, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_month_begins_and_ends_at_the_customers_midnight(world, call, zone, first):
    make_price(world.plan, "1", months_ago=3)
    organization = world.customer.organization
    organization.time_zone = zone
    organization.save()
    call(1, at=first - timedelta(seconds=1))
    call(2, at=first)
    call(4, at=first + timedelta(days=9, hours=3))
    october, november = (
        sum(c.calls for c in running_charges(organization, month_of(at)).charges)
        for at in (NOW - timedelta(days=30), NOW)
    )
    assert (october, november) == (1, 6)


def test_hours_and_days_add_up_to_every_call_once(world, call):
    starts = [NOW - timedelta(hours=hours) for hours in (5, 17, 29, 41, 63, 90)]
    for at in starts:
        call(1, at=at)
    ids = [world.customer.subscription.pk]
    for cut in range(0, 96, 7):
        at = (NOW - timedelta(hours=cut)).replace(minute=0)
        parts = [
            Period(NOW - timedelta(days=5), at),
            Period(at, NOW + timedelta(hours=1)),
        ]
        counts = [sum(row.billable for row in usage_between(part, ids)) for part in parts]
        assert counts[1] == sum(start >= at for start in starts)
        assert sum(counts) == len(starts)


def test_edges_older_than_the_hours_are_said_to_be_inexact(world):
    old = month_of(NOW - timedelta(days=120), "Europe/Berlin")
    assert not has_exact_edges(old)
    assert has_exact_edges(month_of(NOW - timedelta(days=120)))
    assert has_exact_edges(month_of(NOW, "Europe/Berlin"))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("kind", {"kind": "wishes"}),
        ("unit_size", {"kind": "bytes", "unit_size": 1024}),
        ("statuses", {"kind": "calls", "statuses": ["6xx"]}),
        ("unit_name", {"kind": "calls", "unit_name": " "}),
        ("name", {"kind": "calls", "name": ""}),
    ],
)
def test_a_meter_that_makes_no_sense_is_refused_by_field(world, field, values):
    with pytest.raises(InvalidInput) as refusal:
        create_meter(actor=SYSTEM, **({"name": "M", "unit_name": "unit"} | values))
    assert list(refusal.value.fields) == [field]


def test_a_meter_may_be_renamed(world):
    assert rename_meter(actor=SYSTEM, meter=meter("calls"), name="Requests").name == "Requests"
