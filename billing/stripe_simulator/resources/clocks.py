"""Test clocks: /v1/test_helpers/test_clocks. Their customers live in their time."""

from billing.stripe_simulator.errors import wrong
from billing.stripe_simulator.resources.cycles import interval_of
from billing.stripe_simulator.routing import Call, page, route
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

DELETES_AFTER_SECONDS = 30 * 86_400
MAX_INTERVALS = 2  # of the shortest subscription, per advance
SECONDS = {"day": 86_400, "week": 604_800, "month": 31 * 86_400, "year": 366 * 86_400}


@route("POST /v1/test_helpers/test_clocks", "frozen_time name")
def create_clock(world: World, call: Call) -> Obj:
    clock: Obj = {
        "id": world.new_id("clock"),
        "object": "test_helpers.test_clock",
        "created": world.now(),
        "deletes_after": world.now() + DELETES_AFTER_SECONDS,
        "frozen_time": call.params["frozen_time"],
        "livemode": False,
        "name": call.params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    return world.add(clock, "test_helpers.test_clock.created")


@route("GET /v1/test_helpers/test_clocks/{}")
def retrieve_clock(world: World, call: Call) -> Obj:
    return world.get("test_helpers.test_clock", call.id)


@route("GET /v1/test_helpers/test_clocks")
def list_clocks(world: World, call: Call) -> Obj:
    return page(world, call, world.store.find("test_helpers.test_clock"), what="test clock")


@route("POST /v1/test_helpers/test_clocks/{}/advance", "frozen_time")
def advance_clock(world: World, call: Call) -> Obj:
    """Start to advance, at most two intervals of the shortest subscription; `ready` tells the end."""
    clock = world.get("test_helpers.test_clock", call.id)
    target = call.params["frozen_time"]
    if clock["status"] != "ready":
        raise wrong("The test clock is advancing: wait until it is ready.")
    if target <= clock["frozen_time"]:
        raise wrong("A test clock can only move forward.", "frozen_time")
    longest = _longest_step(world, clock)
    if longest is not None and target > clock["frozen_time"] + longest:
        raise wrong(
            f"At most {MAX_INTERVALS} intervals of the shortest subscription at a time.",
            "frozen_time",
        )
    details = {"advancing": {"target_frozen_time": target}}
    world.update(
        clock, "test_helpers.test_clock.advancing", status="advancing", status_details=details
    )
    clock["_"] = {"due": 0, "target": target}
    return clock


def _longest_step(world: World, clock: Obj) -> int | None:
    steps = []
    for customer in world.store.find("customer", test_clock=clock["id"]):
        for subscription in world.store.find("subscription", customer=customer["id"]):
            interval, count = interval_of(world, subscription)
            steps.append(SECONDS[interval] * count * MAX_INTERVALS)
    return min(steps, default=None)


@route("DELETE /v1/test_helpers/test_clocks/{}")
def delete_clock(world: World, call: Call) -> Obj:
    """Delete a clock and its customers."""
    clock = world.get("test_helpers.test_clock", call.id)
    for customer in world.store.find("customer", test_clock=clock["id"]):
        for subscription in world.store.find("subscription", customer=customer["id"]):
            subscription["_"]["due"] = None
        for invoice in world.store.find("invoice", customer=customer["id"]):
            invoice["_"]["due"] = None
        customer["deleted"] = True
    world.emit("test_helpers.test_clock.deleted", clock)
    world.store.delete(clock)
    return {"id": clock["id"], "object": "test_helpers.test_clock", "deleted": True}
