"""Meters: what is counted, by event name: /v1/billing/meters."""

from billing.stripe_simulator.errors import StripeProblem, wrong
from billing.stripe_simulator.routing import Call, page, route
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

NAME_LENGTH = 100


def meter_of(world: World, event_name: str) -> Obj | None:
    """Return the active meter of an event name, or else an archived one, or None."""
    found = world.store.find("billing.meter", event_name=event_name)
    return next((m for m in found if m["status"] == "active"), found[-1] if found else None)


@route(
    "POST /v1/billing/meters",
    "customer_mapping default_aggregation display_name event_name event_time_window value_settings",
)
def create_meter(world: World, call: Call) -> Obj:
    given = call.params
    name = given["event_name"]
    if not 0 < len(name) <= NAME_LENGTH:
        raise wrong(f"Invalid event_name: 1 to {NAME_LENGTH} characters.", "event_name")
    if world.store.ids("billing.meter", event_name=name):
        raise StripeProblem(
            f"A meter with the event name {name} already exists.",
            code="resource_already_exists",
            param="event_name",
        )
    mapping = given.get("customer_mapping", {})
    meter: Obj = {
        "id": world.new_id("mtr"),
        "object": "billing.meter",
        "created": world.now(),
        "customer_mapping": {
            "event_payload_key": mapping.get("event_payload_key", "stripe_customer_id"),
            "type": "by_id",
        },
        "default_aggregation": {"formula": given["default_aggregation"]["formula"]},
        "display_name": given["display_name"],
        "event_name": name,
        "event_time_window": given.get("event_time_window"),
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": world.now(),
        "value_settings": {
            "event_payload_key": given.get("value_settings", {}).get("event_payload_key", "value")
        },
    }
    return world.add(meter, "billing.meter.created")


@route("GET /v1/billing/meters/{}")
def retrieve_meter(world: World, call: Call) -> Obj:
    return world.get("billing.meter", call.id)


@route("POST /v1/billing/meters/{}", "display_name")
def update_meter(world: World, call: Call) -> Obj:
    """Change the display name; nothing else of a meter can change."""
    meter = world.get("billing.meter", call.id)
    name = call.params.get("display_name", meter["display_name"])
    return world.update(meter, "billing.meter.updated", display_name=name, updated=world.now())


@route("GET /v1/billing/meters", "status")
def list_meters(world: World, call: Call) -> Obj:
    status = call.params.get("status")
    found = world.store.find("billing.meter")
    return page(world, call, found, what="meter", keep=lambda m: status in (None, m["status"]))


@route("POST /v1/billing/meters/{}/deactivate")
def deactivate_meter(world: World, call: Call) -> Obj:
    return _switch(world, call.id, "inactive")


@route("POST /v1/billing/meters/{}/reactivate")
def reactivate_meter(world: World, call: Call) -> Obj:
    return _switch(world, call.id, "active")


def _switch(world: World, meter_id: str, status: str) -> Obj:
    meter = world.get("billing.meter", meter_id)
    if meter["status"] == status:
        raise wrong(f"The meter is already {status}.")
    at = world.now() if status == "inactive" else None
    event = "billing.meter.deactivated" if at else "billing.meter.reactivated"
    return world.update(
        meter,
        event,
        status=status,
        status_transitions={"deactivated_at": at},
        updated=world.now(),
    )
