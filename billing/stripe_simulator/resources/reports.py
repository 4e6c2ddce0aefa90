"""Thin events about usage that could not be counted (docs.stripe.com, meter error events)."""

from typing import Any

from billing.stripe_simulator.periods import rfc3339
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

SAMPLES = 5
METER_ERRORS = "v1.billing.meter.error_report_triggered"
NO_METER = "v1.billing.meter.no_meter_found"


def report(world: World, meter: Obj | None, given: dict[str, Any], code: str, message: str) -> None:
    """Note an error; those of one meter go out together after a while."""
    pending_id = f"_report:{meter['id'] if meter else ''}"
    pending = world.store.get("_report", pending_id)
    now = world.now()
    if pending is None:
        delay = world.settings["meter_error_report_seconds"]
        pending = world.store.put(
            {
                "id": pending_id,
                "object": "_report",
                "meter": meter["id"] if meter else None,
                "start": now,
                "errors": {},
                "_": {"due": now + delay},
            }
        )
    known = pending["errors"].setdefault(code, {"count": 0, "samples": []})
    known["count"] += 1
    if len(known["samples"]) < SAMPLES:
        identifier = given.get("identifier") or ""
        known["samples"].append({"error_message": message, "request": {"identifier": identifier}})


def send_report(world: World, pending: Obj) -> None:
    """Emit the thin event of what was noted. Its details are answered by /v2/core/events only."""
    errors = pending["errors"]
    count = sum(known["count"] for known in errors.values())
    meter = pending["meter"]
    url = f"/v1/billing/meters/{meter}"
    event: Obj = {
        "id": world.new_id("evt"),
        "object": "v2.core.event",
        "changes": None,
        "context": None,
        "created": rfc3339(world.now()),
        "data": {
            "developer_message_summary": f"{count} invalid event{'s' if count > 1 else ''}",
            "reason": {
                "error_count": count,
                "error_types": [
                    {
                        "code": code,
                        "error_count": known["count"],
                        "sample_errors": known["samples"],
                    }
                    for code, known in errors.items()
                ],
            },
            "validation_end": rfc3339(world.now()),
            "validation_start": rfc3339(pending["start"]),
        },
        "livemode": False,
        "reason": None,
        "related_object": {"id": meter, "type": "billing.meter", "url": url} if meter else None,
        "snapshot_event": None,
        "type": METER_ERRORS if meter else NO_METER,
        "_": {"fresh": "yes"},
    }
    world.store.put(event)
    world.store.delete(pending)
