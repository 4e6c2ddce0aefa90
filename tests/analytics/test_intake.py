"""What becomes of a delivery: stored, attributed, quarantined, never lost and never twice."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from analytics.events import Flag
from analytics.intake import Receipt, receive
from analytics.models import Attribution, QuarantinedRecord, UsageBatch, UsageEvent
from analytics.services import replay_quarantined
from tests.analytics.lines import make_gateway, make_key, ndjson

pytestmark = pytest.mark.django_db


def attribution_of(event: UsageEvent) -> Attribution:
    return Attribution.objects.get(pk=event.attribution_id)


def test_a_call_is_stored_with_everything_it_belongs_to(world):
    line = world.line(path="/tides/v1/tides/hamburg?units=m", duration_ms=12.5)
    assert receive(gateway=world.gateway, body=ndjson([line])) == Receipt(accepted=1)

    event = UsageEvent.objects.get()
    assert (event.event_id, event.path, event.status) == (
        line["id"],
        "/tides/v1/tides/hamburg",
        200,
    )
    assert (event.duration_us, event.upstream_us) == (12_500, 10_000)
    assert (event.is_billable, event.is_denied, event.flags) == (True, False, 0)
    assert event.user_agent == "curl"
    attribution = attribution_of(event)
    customer = world.customer
    assert attribution.organization_id == event.organization_id == customer.organization.pk
    assert attribution.application_id == customer.application.pk
    assert attribution.key_id == customer.key.pk
    assert attribution.subscription_id == customer.subscription.pk
    assert (attribution.plan_id, attribution.product_id) == (world.plan.pk, world.product.pk)
    assert (attribution.version_id, attribution.api_id) == (world.version.pk, world.version.api_id)
    assert attribution.operation_id == world.get_tide.pk
    assert attribution.environment == "live"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "write",
    [
        lambda lines: json.dumps(lines).encode(),
        ndjson,
        lambda lines: ndjson(lines).replace(b"\n", b"\r\n\n") + b"\n",
    ],
    ids=["array", "lines", "blank lines"],
)
def test_every_way_to_write_a_delivery_is_read(world, write, pack):
    assert receive(gateway=world.gateway, body=pack(write(world.lines(3)))).accepted == 3


def test_gzip_members_one_after_another_are_one_delivery(world):
    body = b"".join(gzip.compress(ndjson([line]) + b"\n") for line in world.lines(3))
    assert receive(gateway=world.gateway, body=body).accepted == 3


def test_one_object_over_several_lines_is_one_record(world):
    body = json.dumps(world.line(), indent=2).encode()
    assert receive(gateway=world.gateway, body=body) == Receipt(accepted=1)


def test_rows_of_a_request_that_still_runs_are_no_calls(world):
    line = world.line()
    lines = [
        line | {"type": "DownstreamStart", "status": 0},
        line | {"type": "DownstreamPeriodic", "status": 0},
        line,
    ]
    assert receive(gateway=world.gateway, body=ndjson(lines)) == Receipt(accepted=1, ignored=2)


def test_the_same_call_counts_once_however_often_it_is_sent(world):
    line = world.line()
    assert receive(gateway=world.gateway, body=ndjson([line, line])) == Receipt(1, duplicates=1)
    again = [line, world.line()]
    assert receive(gateway=world.gateway, body=ndjson(again)) == Receipt(1, duplicates=1)
    assert receive(gateway=world.gateway, body=ndjson(again)) == Receipt(0, duplicates=2)
    assert UsageEvent.objects.count() == 2


def test_a_call_of_last_week_counts_once_too(world):
    line = world.line(at=datetime.now(UTC) - timedelta(days=7))
    assert receive(gateway=world.gateway, body=ndjson([line])).accepted == 1
    assert receive(gateway=world.gateway, body=ndjson([line, world.line()])) == Receipt(1, 1)
    assert UsageEvent.objects.filter(flags=Flag.LATE).count() == 1


def test_two_gateways_may_use_the_same_id(world):
    line = world.line()
    receive(gateway=world.gateway, body=ndjson([line]))
    assert receive(gateway=make_gateway("Second"), body=ndjson([line])).accepted == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": ""}, "missing_id"),
        ({"id": None}, "missing_id"),
        ({"id": "x" * 129}, "invalid_id"),
        ({"id": "a\tb"}, "invalid_id"),
        ({"ts": None}, "missing_time"),
        ({"ts": "2026-09-21T14:13:20"}, "invalid_time"),
        ({"ts": "yesterday"}, "invalid_field"),
        ({"ts": "2001-01-01T00:00:00Z"}, "too_old"),
        ({"ts": "2199-01-01T00:00:00Z"}, "in_the_future"),
        ({"status": 4711}, "invalid_status"),
        ({"status": -5}, "invalid_status"),
        ({"duration_ms": 1e18}, "invalid_duration"),
        ({"duration_ms": "nan"}, "invalid_duration"),
        ({"response_bytes": 2**70}, "invalid_size"),
        ({"method": 7}, "invalid_field"),
    ],
)
def test_a_record_that_cannot_count_is_kept_with_the_reason_and_fails_nobody_else(
    world, change, code
):
    body = ndjson([world.line(), world.line() | change, world.line()])
    assert receive(gateway=world.gateway, body=body) == Receipt(accepted=2, quarantined=1)
    record = QuarantinedRecord.objects.get()
    assert (record.code, record.index) == (code, 1)
    assert record.message
    assert UsageBatch.objects.get().quarantined == 1


@pytest.mark.parametrize("wrapped", [b"%s", b"[%s]"])
def test_a_record_nested_without_end_fails_no_delivery(world, wrapped):
    bottomless = b'{"id": "a", "note": ' + b"[" * 50_000
    body = ndjson([world.line()]) + b"\n" + bottomless if wrapped == b"%s" else wrapped % bottomless
    receipt = receive(gateway=world.gateway, body=body)
    assert (receipt.accepted, receipt.quarantined) == (int(wrapped == b"%s"), 1)
    assert QuarantinedRecord.objects.get().code == "not_json"


def test_a_broken_delivery_is_kept_once_however_often_it_is_sent(world):
    for _ in range(3):
        receipt = receive(gateway=world.gateway, body=b'[{"id": "a", "ts": 17')
        assert receipt == Receipt(quarantined=1)
    assert QuarantinedRecord.objects.get().code == "not_json"


def test_a_quarantined_call_can_be_counted_once_its_cause_is_mended(world):
    line = world.line(at=datetime.now(UTC) - timedelta(days=50))
    assert receive(gateway=world.gateway, body=ndjson([line])) == Receipt(quarantined=1)
    record = QuarantinedRecord.objects.get()

    assert replay_quarantined(record=record) == Receipt(quarantined=1)
    record.refresh_from_db()
    assert record.replayed_at is None

    assert replay_quarantined(record=record, max_age=timedelta(days=60)).accepted == 1
    assert replay_quarantined(record=record, max_age=timedelta(days=60)).duplicates == 1
    assert not QuarantinedRecord.objects.waiting().exists()


SECRET = "ak_live_" + "Zz19" * 9


def test_secrets_never_reach_the_database(world):
    good = world.line(path=f"/tides/v1/{SECRET}/x?api_key={SECRET}", user_agent=f"{SECRET}/1.0")
    bad = world.line(path=f"/x?apikey={SECRET}", host=f"Bearer {SECRET}") | {"ts": None}
    bad["authorization"] = "Basic dXNlcjpwYXNzd29yZA=="
    bad["token"] = "opaque-credential-4711"
    bad["note"] = "apim_pat_" + "Aa19" * 6 + " gwt_" + "Bb28" * 6
    receive(gateway=world.gateway, body=ndjson([good, bad]))
    event, record = UsageEvent.objects.get(), QuarantinedRecord.objects.get()
    stored = f"{event.path} {event.user_agent} {record.raw} {record.message}"
    for secret in (SECRET, "dXNlcjpwYXNzd29yZA", "opaque-credential-4711", "Aa19Aa", "Bb28Bb"):
        assert secret not in stored
    assert event.path == "/tides/v1/ak_live_[removed]/x"


def test_text_that_would_break_the_copy_is_stored_as_it_is(world):
    line = world.line(path="/a\\tb\\N\\.\t\n\x00/ü/\u2028")
    line["id"] = "back\\slash"
    assert receive(gateway=world.gateway, body=ndjson([line])).accepted == 1
    event = UsageEvent.objects.get()
    assert event.event_id == "back\\slash"
    assert event.path == "/a\\tb\\N\\.\ufffd\ufffd\ufffd/ü/\u2028"


def test_bytes_that_are_no_text_do_not_lose_the_call(world):
    body = ndjson([world.line(path="/tides/v1/PLACE")]).replace(b"PLACE", b"\xff\xfe")
    assert receive(gateway=world.gateway, body=body).accepted == 1


@pytest.mark.parametrize(
    ("change", "billable"),
    [
        ({}, True),
        ({"status": 404}, True),
        ({"status": 503}, False),
        ({"status": 0}, False),
        ({"upstream_ms": None}, False),
        ({"decision": "denied:quota", "status": 429, "upstream_ms": None}, False),
        ({"decision": "none"}, False),
        ({"decision": None}, True),
        ({"decision": None, "upstream_ms": None}, False),
    ],
)
def test_billable_is_what_passed_reached_the_upstream_and_was_answered_below_500(
    world, change, billable
):
    receive(gateway=world.gateway, body=ndjson([world.line() | change]))
    event = UsageEvent.objects.get()
    assert event.is_billable is billable
    assert event.is_denied is (change.get("decision") == "denied:quota")


def test_a_call_with_an_unknown_key_is_kept_but_belongs_to_nobody(world):
    line = world.line() | {"key": "key_never_issued"}
    receive(gateway=world.gateway, body=ndjson([line]))
    event = UsageEvent.objects.get()
    assert event.flags == Flag.UNATTRIBUTED
    attribution = attribution_of(event)
    assert attribution.organization_id is attribution.subscription_id is None
    assert attribution.version_id == world.version.pk


def test_the_keys_own_owner_wins_over_what_the_record_claims(world, charlie):
    line = world.line() | {
        "application": charlie.application.public_id,
        "subscription": charlie.subscription.public_id,
        "environment": "test",
    }
    receive(gateway=world.gateway, body=ndjson([line]))
    event = UsageEvent.objects.get()
    attribution = attribution_of(event)
    assert attribution.organization_id == world.customer.organization.pk
    assert attribution.application_id == world.customer.application.pk
    assert attribution.environment == "live"
    assert attribution.subscription_id is None
    assert event.flags == Flag.CONTRADICTED


def test_a_key_issued_a_moment_ago_is_known(world):
    receive(gateway=world.gateway, body=ndjson([world.line() | {"key": "key_unknown"}]))
    key = make_key(world.customer.application)
    receive(gateway=world.gateway, body=ndjson([world.line(key=key.public_id)]))
    assert Attribution.objects.filter(key_id=key.pk).exists()


def test_the_plan_that_the_gateway_applied_wins_if_it_is_one_of_the_product(world):
    receive(gateway=world.gateway, body=ndjson([world.line(plan=world.other_plan.public_id)]))
    assert attribution_of(UsageEvent.objects.get()).plan_id == world.other_plan.pk


def test_a_clock_a_little_ahead_is_accepted_and_noted(world):
    line = world.line(at=datetime.now(UTC) + timedelta(minutes=2))
    assert receive(gateway=world.gateway, body=ndjson([line])).accepted == 1
    assert UsageEvent.objects.get().flags == Flag.SKEWED


def test_a_thousand_calls_of_known_callers_take_a_handful_of_queries(
    world, django_assert_max_num_queries
):
    receive(gateway=world.gateway, body=ndjson(world.lines(10)))
    with django_assert_max_num_queries(12):
        assert receive(gateway=world.gateway, body=ndjson(world.lines(1000))).accepted == 1000


def test_usage_is_noted_on_the_gateway(world):
    receive(gateway=world.gateway, body=ndjson([world.line()]))
    world.gateway.refresh_from_db()
    assert world.gateway.last_usage_at is not None


def test_what_callers_make_long_is_cut(world):
    line = world.line(path="/tides/v1/" + "ü" * 5000, user_agent="a" * 5000) | {
        "method": "ß" * 50,
        "decision": "denied:" + "x" * 500,
        "version": "v" * 500,
    }
    receive(gateway=world.gateway, body=ndjson([line]))
    event = UsageEvent.objects.get()
    assert (len(event.path), len(event.method), len(event.decision)) == (500, 16, 40)
    assert len(event.user_agent) <= 40
    assert attribution_of(event).version_id is None
