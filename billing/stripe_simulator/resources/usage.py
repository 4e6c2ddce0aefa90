"""Meter events, their cancelling, and their sums: /v1/billing/meter_events and the v2 forms.

Rules: docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api and
…/meters-error-codes. What v1 checks at once: the identifier, the timestamp, the payload's form.
What it reports later: meter, customer and value.
"""

import hashlib
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from billing.stripe_simulator.errors import StripeProblem, wrong
from billing.stripe_simulator.periods import boundary, rfc3339
from billing.stripe_simulator.resources.meters import meter_of
from billing.stripe_simulator.resources.reports import report
from billing.stripe_simulator.routing import Call, page, route
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

PAST_DAYS, FUTURE_SECONDS = 35, 300
IDENTIFIER_LENGTH = 100
IDENTIFIER_SECONDS = CANCEL_SECONDS = 86_400
MAX_DIGITS = 15
MINUTE, HOUR, DAY = 60, 3_600, 86_400
STREAM_EVENTS = 100


class Rejected(Exception):
    """An event that Stripe would take and then report; the code is that of the report."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@route("POST /v1/billing/meter_events", "event_name identifier payload timestamp")
def create_meter_event(world: World, call: Call) -> Obj:
    given = call.params
    frame = _frame(world, given)
    timestamp = given.get("timestamp", world.now(frame))
    _check_window(world, timestamp, frame)
    return _take(world, given, timestamp, frame, is_asynchronous=True)


@route("POST /v2/billing/meter_events", "event_name identifier payload timestamp")
def create_meter_event_v2(world: World, call: Call) -> Obj:
    """Take an event and check all of it at once."""
    given = call.params
    frame = _frame(world, given)
    timestamp = _instant(given, world.now(frame))
    _check_window(world, timestamp, frame)
    event = _take(world, given, timestamp, frame, is_asynchronous=False)
    names = ("event_name", "identifier", "payload")
    return {
        "object": "v2.billing.meter_event",
        "created": rfc3339(event["created"]),
        **{name: event[name] for name in names},
        "livemode": False,
        "timestamp": rfc3339(timestamp),
    }


@route("POST /v2/billing/meter_event_session")
def create_session(world: World, _call: Call) -> Obj:
    """Give a token for the stream, good for fifteen minutes."""
    now = world.now()
    session: Obj = {
        "id": world.new_id("mes"),
        "object": "v2.billing.meter_event_session",
        "authentication_token": world.new_id("token"),
        "created": rfc3339(now),
        "expires_at": rfc3339(now + 900),
        "_": {"expires_at": now + 900},
    }
    return world.add(session)


@route("POST /v2/billing/meter_event_stream", "events")
def stream(world: World, call: Call) -> Obj:
    """Take up to a hundred events; all that is wrong with them is reported later."""
    events = call.params["events"]
    if len(events) > STREAM_EVENTS:
        raise wrong(f"At most {STREAM_EVENTS} events per request.", "events")
    for given in events:
        frame = _frame(world, given)
        timestamp = _instant(given, world.now(frame))
        try:
            _check_window(world, timestamp, frame)
            _take(world, given, timestamp, frame, is_asynchronous=True)
        except StripeProblem as problem:
            code = str(problem.code or "meter_event_invalid_value")
            meter = meter_of(world, given["event_name"])
            report(world, meter, given, code, str(problem))
    return {}


def _frame(world: World, given: dict[str, Any]) -> str:
    meter = meter_of(world, given["event_name"])
    key = meter["customer_mapping"]["event_payload_key"] if meter else "stripe_customer_id"
    return world.frame_of(given["payload"].get(key))


def _instant(given: dict[str, Any], now: int) -> int:
    text = given.get("timestamp")
    try:
        return int(datetime.fromisoformat(text).timestamp()) if text else now
    except ValueError:
        raise wrong(f"Invalid timestamp: {text} is not RFC 3339.", "timestamp") from None


def _check_window(world: World, timestamp: int, frame: str) -> None:
    now = world.now(frame)
    if timestamp > now + FUTURE_SECONDS:
        raise StripeProblem(
            "The timestamp must be no more than 5 minutes in the future.",
            code="timestamp_in_future",
            param="timestamp",
        )
    if timestamp < boundary(now, "day", 1, -PAST_DAYS):
        raise StripeProblem(
            f"The timestamp must be within the past {PAST_DAYS} calendar days.",
            code="timestamp_too_far_in_past",
            param="timestamp",
        )


def _take(
    world: World, given: dict[str, Any], timestamp: int, frame: str, *, is_asynchronous: bool
) -> Obj:
    identifier = given.get("identifier") or world.new_id("me")
    _check_identifier(world, identifier)
    event: Obj = {
        "id": f"{identifier}@{world.new_id('mev')}",
        "object": "billing.meter_event",
        "created": world.now(frame),
        "event_name": given["event_name"],
        "identifier": identifier,
        "livemode": False,
        "payload": given["payload"],
        "timestamp": timestamp,
    }
    hidden: dict[str, Any] = {"received_at": world.now(), "clock": frame or None}
    try:
        hidden |= _counted(world, given)
    except Rejected as rejected:
        if not is_asynchronous:
            raise wrong(str(rejected), "payload", rejected.code) from None
        meter = meter_of(world, given["event_name"])
        report(world, meter, {**given, "identifier": identifier}, rejected.code, str(rejected))
    world.store.put({**event, "_": hidden})
    return {name: value for name, value in event.items() if name != "id"}


def _check_identifier(world: World, identifier: str) -> None:
    if len(identifier) > IDENTIFIER_LENGTH:
        raise wrong(f"Invalid identifier: at most {IDENTIFIER_LENGTH} characters.", "identifier")
    for event in world.store.find("billing.meter_event", identifier=identifier):
        if world.now() - event["_"]["received_at"] < IDENTIFIER_SECONDS:
            raise StripeProblem(
                f"An event already exists with identifier {identifier}.",
                code="resource_already_exists",
                param="identifier",
            )


def _counted(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """Return meter, customer and value of an event. Raises Rejected."""
    meter = meter_of(world, given["event_name"])
    if meter is None:
        raise Rejected("no_meter", f"No meter has the event name {given['event_name']}.")
    if meter["status"] != "active":
        raise Rejected("archived_meter", "The meter is deactivated.")
    key = meter["customer_mapping"]["event_payload_key"]
    customer_id = given["payload"].get(key)
    if not customer_id:
        raise Rejected("meter_event_no_customer_defined", f"The payload has no {key}.")
    customer = world.store.get("customer", customer_id)
    if customer is None or customer.get("deleted"):
        raise Rejected("meter_event_customer_not_found", f"No such customer: {customer_id}")
    value = _whole(given["payload"], meter)
    return {"meter": f"{meter['id']}/{customer_id}", "value": value}


def _whole(payload: dict[str, str], meter: Obj) -> int:
    if meter["default_aggregation"]["formula"] == "count":
        return 1
    text = payload.get(meter["value_settings"]["event_payload_key"], "")
    try:
        number = Decimal(text)
        is_whole = number == number.to_integral_value()
    except InvalidOperation:
        is_whole = False
    if not is_whole:
        raise Rejected("meter_event_invalid_value", f"{text!r} is not a whole number.")
    if len(str(abs(int(number)))) > MAX_DIGITS:
        raise Rejected("meter_event_value_too_many_digits", f"More than {MAX_DIGITS} digits.")
    return int(number)


@route("POST /v1/billing/meter_event_adjustments", "cancel event_name type")
def create_adjustment(world: World, call: Call) -> Obj:
    """Cancel one event, within a day of its receipt."""
    given = call.params
    identifier = given.get("cancel", {}).get("identifier")
    if not identifier:
        raise wrong("Missing required param: cancel[identifier].", "cancel[identifier]")
    found = [
        event
        for event in world.store.find("billing.meter_event", identifier=identifier)
        if event["event_name"] == given["event_name"]
    ]
    if not found:
        raise wrong(
            f"No event has the identifier {identifier}.", "cancel[identifier]", "resource_missing"
        )
    event = found[-1]
    if world.now() - event["_"]["received_at"] > CANCEL_SECONDS:
        raise wrong(
            "An event can be cancelled only within 24 hours of its receipt.", "cancel[identifier]"
        )
    if event["_"].get("cancelled"):
        raise wrong("The event is cancelled already.", "cancel[identifier]")
    event["_"]["cancelled"] = True
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": given["event_name"],
        "livemode": False,
        "status": "complete",
        "type": "cancel",
    }


def aggregated(
    world: World, meter: Obj, customer_id: str, start: int, end: int, *, lag: int = 0
) -> int:
    """Return a customer's usage in [start, end) by the meter's formula."""
    newest = world.now() - lag
    events = [
        event
        for event in world.store.find("billing.meter_event", meter=f"{meter['id']}/{customer_id}")
        if start <= event["timestamp"] < end
        and not event["_"].get("cancelled")
        and event["_"]["received_at"] <= newest
    ]
    if meter["default_aggregation"]["formula"] != "last":
        return sum(event["_"]["value"] for event in events)
    ordered = sorted(events, key=lambda event: event["timestamp"])
    return int(ordered[-1]["_"]["value"]) if ordered else 0


@route(
    "GET /v1/billing/meters/{}/event_summaries",
    "customer end_time start_time value_grouping_window",
)
def list_summaries(world: World, call: Call) -> Obj:
    """Sum usage up, by hour or by UTC day when grouped; what is new may still be missing."""
    given = call.params
    meter = world.get("billing.meter", call.id)
    world.get("customer", given["customer"], param="customer")
    window = given.get("value_grouping_window")
    start, end = given["start_time"], given["end_time"]
    step = {None: MINUTE, "hour": HOUR, "day": DAY}[window]
    for name, moment in (("start_time", start), ("end_time", end)):
        if moment % step:
            unit = {None: "minute", "hour": "hour", "day": "UTC day"}[window]
            raise wrong(f"Invalid {name}: must be aligned to a {unit} boundary.", name)
    if end <= start:
        raise wrong("Invalid end_time: must be after start_time.", "end_time")
    edges = [start, end] if window is None else [*range(start, end, step), end]
    found = [
        summary
        for begin, finish in pairwise(edges)
        if (summary := _summary(world, meter, given["customer"], begin, finish))
    ]
    return page(world, call, found, what="meter event summary")


def _summary(world: World, meter: Obj, customer_id: str, start: int, end: int) -> Obj | None:
    lag = world.settings["summary_lag_seconds"]
    value = aggregated(world, meter, customer_id, start, end, lag=lag)
    if value == 0:
        return None
    seed = f"{meter['id']}:{customer_id}:{start}:{end}".encode()
    return {
        "id": f"mtrusg_{hashlib.blake2b(seed, digest_size=12).hexdigest()}",
        "object": "billing.meter_event_summary",
        "aggregated_value": value,
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }
