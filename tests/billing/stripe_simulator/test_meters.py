"""Section 3 of the fact sheet: meters and meter events, rule by rule."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tests.billing.stripe_simulator.shop import at
from tests.deadline import eventually

NOW = at("2026-05-20 12:00")


@pytest.fixture
def counted(sim, shop):
    """A shop whose time stands still, with a meter and a customer; the customer."""
    sim.clock(frozen_at=NOW)
    shop.meter_id = shop.meter()
    return shop.customer()


def _sum(shop, customer, start, end, **more):
    window = {"customer": customer.id, "start_time": at(start), "end_time": at(end), **more}
    return shop.v1.billing.meters.event_summaries.list(shop.meter_id, window).data


def _reports(sim):
    return list(sim.client.v2.core.events.list().data)


def test_an_event_name_belongs_to_one_meter(shop, counted):
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        shop.meter("calls")


def test_only_the_display_name_of_a_meter_can_change(shop, counted):
    changed = shop.v1.billing.meters.update(shop.meter_id, {"display_name": "API calls"})
    assert changed.display_name == "API calls"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.billing.meters.update(shop.meter_id, {"event_name": "other"})
    assert refused.value.code == "parameter_unknown"


def test_a_meter_is_switched_off_and_on(shop, counted):
    meters = shop.v1.billing.meters
    assert meters.deactivate(shop.meter_id).status == "inactive"
    assert [m.id for m in meters.list({"status": "active"}).data] == []
    assert meters.reactivate(shop.meter_id).status == "active"


def test_events_add_up_in_summaries_by_hour_and_day(shop, counted):
    for hour, value in (("10:05", 5), ("10:55", 7), ("11:30", 1)):
        shop.use(counted, value, f"2026-05-20 {hour}")
    whole = _sum(shop, counted, "2026-05-20", "2026-05-21")
    assert [s.aggregated_value for s in whole] == [13]
    hours = _sum(shop, counted, "2026-05-20", "2026-05-21", value_grouping_window="hour")
    assert {(s.start_time, s.aggregated_value) for s in hours} == {
        (at("2026-05-20 10:00"), 12),
        (at("2026-05-20 11:00"), 1),
    }


@pytest.mark.parametrize(
    ("window", "start", "fits"),
    [
        (None, "2026-05-20 10:01", True),
        (None, "2026-05-20 10:00:30", False),
        ("hour", "2026-05-20 10:00", True),
        ("hour", "2026-05-20 10:30", False),
        ("day", "2026-05-19", True),
        ("day", "2026-05-19 10:00", False),
    ],
)
def test_summaries_are_aligned_to_minute_hour_or_utc_day(shop, counted, window, start, fits):
    more = {"value_grouping_window": window} if window else {}
    if fits:
        assert _sum(shop, counted, start, "2026-05-21", **more) == []
        return
    with pytest.raises(stripe.InvalidRequestError, match="aligned"):
        _sum(shop, counted, start, "2026-05-21", **more)


def test_summaries_lag_behind_when_ordered(sim, shop, counted):
    sim.order("settings", summary_lag_seconds=60)
    shop.use(counted, 5, NOW)
    assert _sum(shop, counted, "2026-05-20", "2026-05-21") == []
    sim.clock(advance_seconds=61)
    assert _sum(shop, counted, "2026-05-20", "2026-05-21")[0].aggregated_value == 5


@pytest.mark.parametrize(
    ("formula", "total"), [("sum", 12), ("count", 2), ("last", 7)], ids=["sum", "count", "last"]
)
def test_each_formula_aggregates_in_its_way(shop, sim, formula, total):
    sim.clock(frozen_at=NOW)
    customer = shop.customer()
    shop.meter_id = shop.meter("things", formula)
    shop.use(customer, 7, "2026-05-20 11:00", "things")
    shop.use(customer, 5, "2026-05-20 10:00", "things")
    assert _sum(shop, customer, "2026-05-20", "2026-05-21")[0].aggregated_value == total


def test_an_event_may_be_35_days_old_and_5_minutes_ahead_and_no_more(shop, counted):
    day = 86_400
    shop.use(counted, 1, NOW - 35 * day)
    shop.use(counted, 1, NOW + 300)
    for moment, code in (
        (NOW - 35 * day - 1, "timestamp_too_far_in_past"),
        (NOW + 301, "timestamp_in_future"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.use(counted, 1, moment)
        assert refused.value.code == code


def test_an_identifier_counts_once_within_a_day(sim, shop, counted):
    shop.use(counted, 5, NOW, identifier="m:1")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.use(counted, 5, NOW, identifier="m:1")
    assert refused.value.param == "identifier"
    assert _sum(shop, counted, "2026-05-20", "2026-05-21")[0].aggregated_value == 5
    sim.clock(advance_seconds=86_401)
    shop.use(counted, 5, NOW, identifier="m:1")


def test_an_identifier_has_at_most_100_characters(shop, counted):
    shop.use(counted, 1, NOW, identifier="x" * 100)
    with pytest.raises(stripe.InvalidRequestError, match="100 characters"):
        shop.use(counted, 1, NOW, identifier="x" * 101)


def test_an_identifier_is_made_up_when_none_is_given(shop, counted):
    assert shop.use(counted, 1, NOW).identifier


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"value": "1.5"}, "meter_event_invalid_value"),
        ({"value": "many"}, "meter_event_invalid_value"),
        ({"value": "1" * 16}, "meter_event_value_too_many_digits"),
        ({"value": "1", "stripe_customer_id": "cus_none"}, "meter_event_customer_not_found"),
        ({"value": "1", "stripe_customer_id": ""}, "meter_event_no_customer_defined"),
    ],
)
def test_what_is_wrong_with_an_event_is_reported_later_by_a_thin_event(
    sim, shop, counted, payload, code
):
    payload = {"stripe_customer_id": counted.id, **payload}
    event = {"event_name": "calls", "payload": payload, "identifier": "m:bad", "timestamp": NOW}
    assert shop.v1.billing.meter_events.create(event).identifier == "m:bad"
    sim.settle()
    (report,) = _reports(sim)
    assert report.type == "v1.billing.meter.error_report_triggered"
    assert report.related_object.id == shop.meter_id
    (kind,) = report.data.reason.error_types
    assert (kind.code, kind.error_count) == (code, 1)
    assert kind.sample_errors[0].request.identifier == "m:bad"
    assert _sum(shop, counted, "2026-05-20", "2026-05-21") == []


def test_events_of_an_archived_meter_and_of_none_are_reported(sim, shop, counted):
    shop.v1.billing.meters.deactivate(shop.meter_id)
    shop.use(counted, 1, NOW)
    shop.use(counted, 1, NOW, event_name="no_such")
    sim.settle()
    assert {event.type for event in _reports(sim)} == {
        "v1.billing.meter.error_report_triggered",
        "v1.billing.meter.no_meter_found",
    }


def test_a_deleted_customer_fails_only_asynchronously(sim, shop, counted):
    shop.v1.customers.delete(counted.id)
    shop.use(counted, 1, NOW)
    sim.settle()
    assert _reports(sim)[0].data.reason.error_types[0].code == "meter_event_customer_not_found"


def test_errors_of_one_meter_go_out_in_one_report(sim, shop, counted):
    sim.order("settings", meter_error_report_seconds=5)
    for value in ("a", "b", "1.5"):
        shop.use(counted, value, NOW)
    sim.clock(advance_seconds=6)
    sim.settle()
    (report,) = _reports(sim)
    assert report.data.reason.error_count == 3
    assert report.data.developer_message_summary == "3 invalid events"


def test_v2_events_are_validated_at_once(sim, shop, counted):
    events = sim.client.v2.billing.meter_events
    good = {"stripe_customer_id": counted.id, "value": "3"}
    stamp = "2026-05-20T11:59:00Z"
    made = events.create({"event_name": "calls", "payload": good, "timestamp": stamp})
    assert made.timestamp == "2026-05-20T11:59:00.000Z"
    with pytest.raises(stripe.StripeError) as refused:
        events.create({"event_name": "calls", "payload": {**good, "value": "1.5"}})
    assert refused.value.http_status == 400
    assert _sum(shop, counted, "2026-05-20", "2026-05-21")[0].aggregated_value == 3


def test_the_stream_takes_a_hundred_events_and_reports_all_errors_later(sim, shop, counted):
    session = sim.client.v2.billing.meter_event_session.create()
    stream = sim.client_of(session.authentication_token).v2.billing.meter_event_stream

    def event(value):
        return {
            "event_name": "calls",
            "payload": {"stripe_customer_id": counted.id, "value": value},
        }

    stream.create({"events": [event("1")] * 99 + [event("x")]})
    assert _sum(shop, counted, "2026-05-20", "2026-05-21")[0].aggregated_value == 99
    with pytest.raises(stripe.StripeError, match="At most 100"):
        stream.create({"events": [event("1")] * 101})
    sim.settle()
    assert _reports(sim)[0].data.reason.error_types[0].code == "meter_event_invalid_value"
    sim.clock(advance_seconds=901)
    with pytest.raises(stripe.AuthenticationError):
        stream.create({"events": [event("1")]})


def test_one_call_at_a_time_per_customer_and_meter(sim, shop, counted):
    other = shop.customer()
    sim.order("settings", meter_event_seconds=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shop.use, counted, 1, NOW)
        eventually(lambda: sim.simulator.api.in_flight, every=0.002)
        sim.order("settings", meter_event_seconds=0)
        with pytest.raises(stripe.RateLimitError) as refused:
            shop.use(counted, 1, NOW)
        assert refused.value.error.code == "lock_timeout"
        shop.use(other, 1, NOW)
        assert not first.done()
        first.result()
    shop.use(counted, 1, NOW)


def test_an_event_is_cancelled_within_a_day_of_its_receipt(sim, shop, counted):
    adjust = shop.v1.billing.meter_event_adjustments.create
    for name in ("m:1", "m:2"):
        shop.use(counted, 5, NOW - 86_400 * 30, identifier=name)
    cancel = {"event_name": "calls", "type": "cancel"}
    assert adjust({**cancel, "cancel": {"identifier": "m:1"}}).status == "complete"
    assert _sum(shop, counted, "2026-04-01", "2026-05-21")[0].aggregated_value == 5
    with pytest.raises(stripe.InvalidRequestError, match="No event"):
        adjust({**cancel, "cancel": {"identifier": "m:none"}})
    sim.clock(advance_seconds=86_401)
    with pytest.raises(stripe.InvalidRequestError, match="24 hours"):
        adjust({**cancel, "cancel": {"identifier": "m:2"}})


def test_a_negative_event_takes_usage_back(shop, counted):
    shop.use(counted, 5, NOW)
    shop.use(counted, -2, NOW)
    assert _sum(shop, counted, "2026-05-20", "2026-05-21")[0].aggregated_value == 3
