"""Time passes: whatever is due happens in its order, each step a unit of work of its own."""

import sys

from billing.stripe_simulator.errors import StripeProblem
from billing.stripe_simulator.resources import cycles, invoicing
from billing.stripe_simulator.resources.checkout import expire
from billing.stripe_simulator.resources.credit_grants import expire_grant
from billing.stripe_simulator.resources.reports import send_report
from billing.stripe_simulator.world import REAL, RECENT_SECONDS, World

MAX_INSTANTS = 10_000
DELIVERIES_SECONDS = 3 * 86_400
KEY_SECONDS = 2 * 86_400
WORK = {
    "subscription": cycles.advance,
    "invoice": invoicing.advance,
    "checkout.session": expire,
    "billing.credit_grant": expire_grant,
    "_report": send_report,
}
# At the same instant: periods end before grants do, and invoices come last.
ORDER = ("subscription", "invoice", "checkout.session", "billing.credit_grant", "_report")


def catch_up(world: World) -> int:
    """Do all that is due by now, outside of test clocks and on advancing ones; return the steps."""
    steps = _run(world, REAL, world.now())
    for clock_id in world.store.ids("test_helpers.test_clock", status="advancing"):
        steps += _advance(world, clock_id)
    world.store.commit()
    return steps


def prune(world: World) -> None:
    """Forget what Stripe would not answer any more, so that the state does not grow for ever."""
    now = world.now()
    for event in world.store.find("event"):
        if event["_"]["recorded"] < now - RECENT_SECONDS:
            world.store.delete(event)
    for delivery in world.store.find("_delivery"):
        if delivery["status"] != "pending" and delivery["planned_at"] < now - DELIVERIES_SECONDS:
            world.store.delete(delivery)
    for key in world.store.find("_idempotency"):
        if key["at"] < now - KEY_SECONDS:
            world.store.delete(key)
    world.store.commit()


def _advance(world: World, clock_id: str) -> int:
    clock = world.get("test_helpers.test_clock", clock_id)
    target = clock["_"]["target"]
    steps = _run(world, clock_id, target)
    clock = world.get("test_helpers.test_clock", clock_id)
    clock["_"] = {}
    world.update(
        clock,
        "test_helpers.test_clock.ready",
        frozen_time=target,
        status="ready",
        status_details={},
    )
    world.store.commit()
    return steps


def _run(world: World, frame: str, until: int) -> int:
    """Step through one frame's time up to `until`, instant by instant."""
    steps = 0
    for _ in range(MAX_INSTANTS):
        when, ids = _next_due(world, frame, until)
        if not ids:
            return steps
        with world.at(frame, when):
            for object_id in ids:
                _step(world, object_id, when)
                world.store.commit()
                steps += 1
    raise AssertionError("time does not pass: something stays due")


def _next_due(world: World, frame: str, until: int) -> tuple[int, list[str]]:
    """Return the earliest instant at which something is due, and what is due then."""
    found = [
        (when, ORDER.index(kind), object_id)
        for when, of, object_id in world.store.due()
        if of == frame and when <= until and (kind := world.store.kind_of(object_id)) in ORDER
    ]
    first = min(found, default=(0, 0, ""))[0]
    return first, [object_id for when, _, object_id in sorted(found) if when == first]


def _step(world: World, object_id: str, when: int) -> None:
    kind = world.store.kind_of(object_id) or ""
    obj = world.store.get(kind, object_id)
    if obj is None or obj["_"].get("due") != when:
        return  # what was done before it at this instant settled it
    try:
        WORK[kind](world, obj)
    except StripeProblem as problem:
        if not problem.keeps_changes:
            world.store.rollback()
        print(f"Stripe simulator: {object_id}: {problem}", file=sys.stderr)  # noqa: T201  its log
    still = world.store.get(kind, object_id)
    if still is not None and still["_"].get("due") == when:
        still["_"]["due"] = None  # whatever could not be done is not tried for ever
