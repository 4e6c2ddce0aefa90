"""What a test or a demonstrator can order: POST and GET below /_simulator/, with the secret key."""

from typing import Any

import msgspec

from billing.stripe_simulator.errors import StripeProblem, missing, wrong
from billing.stripe_simulator.http import Answer, Request, json_answer
from billing.stripe_simulator.rendering import rendered
from billing.stripe_simulator.resources.charges import close_dispute, open_dispute
from billing.stripe_simulator.resources.endpoints import new_secret, seed_endpoint
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import DEFAULTS, World

SETTABLE = set(DEFAULTS) - {"issued", "offset_seconds", "frozen_at"}


def control(world: World, request: Request) -> Answer:
    """Do what is asked; `settle` is done by the application. Raises StripeProblem."""
    try:
        given = msgspec.json.decode(request.body or b"{}")
    except msgspec.DecodeError:
        raise wrong("The body is no JSON.") from None
    name = request.path.removeprefix("/_simulator/")
    action = ACTIONS.get((request.method, name))
    if action is None:
        known = ", ".join(f"{method} /_simulator/{path}" for method, path in ACTIONS)
        raise StripeProblem(f"Nothing is at {request.path}. There is: {known}", status=404)
    return json_answer(action(world, given))


def state(world: World, _given: dict[str, Any]) -> Obj:
    settings = {name: world.settings[name] for name in sorted(DEFAULTS)}
    return {"now": world.now(), "settings": settings}


def calls(world: World, _given: dict[str, Any]) -> Obj:
    """How often each operation was asked for, and how often a limit refused one."""
    return dict(world.calls)


def change_settings(world: World, given: dict[str, Any]) -> Obj:
    """Set any of the settings of world.DEFAULTS, but for the clock's own."""
    for name, value in given.items():
        if name not in SETTABLE:
            raise wrong(f"No such setting: {name}. There is: {', '.join(sorted(SETTABLE))}", name)
        world.settings[name] = value
    return state(world, {})


def set_clock(world: World, given: dict[str, Any]) -> Obj:
    """`{"frozen_at": t}` stops time there (null: lets it run), `{"advance_seconds": n}` moves it."""
    settings = world.settings
    if "frozen_at" in given:
        settings |= {"frozen_at": given["frozen_at"], "offset_seconds": 0}
    advance = given.get("advance_seconds", 0)
    if advance < 0:
        raise wrong("Time only moves forward.", "advance_seconds")
    settings["offset_seconds"] += advance
    return state(world, {})


def reset(world: World, given: dict[str, Any]) -> Obj:
    """Be as at the start: nothing but where webhooks go. `seed` makes the ids repeatable."""
    world.store.clear()
    if world.webhook_url:
        seed_endpoint(world, url=world.webhook_url, secret=world.webhook_secret)
    world.settings["seed"] = str(given.get("seed", ""))
    world.calls.clear()
    return state(world, {})


def fail_payments(world: World, given: dict[str, Any]) -> Obj:
    """Decline the next `times` payments, whatever the card."""
    world.settings["fail_payments"] = given.get("times", 1)
    return state(world, {})


def fail_requests(world: World, given: dict[str, Any]) -> Obj:
    """Answer the next requests whose "METHOD /path" begins with `match` (* stands for anything) by an error.

    `after` true: the request is carried out, only its answer is lost.
    """
    if "match" not in given:
        raise wrong("Say which requests: match, such as `POST /v1/invoices`.", "match")
    fault = {"times": 1, "status": 500, "after": False, **given}
    world.settings["fail_requests"].append(fault)
    return state(world, {})


def dispute(world: World, given: dict[str, Any]) -> Obj:
    """Let a charge be disputed (`charge`), or a dispute end (`dispute`, `status` won or lost)."""
    if "dispute" in given:
        if given.get("status") not in ("won", "lost"):
            raise wrong("status must be won or lost.", "status")
        found = world.get("dispute", given["dispute"], param="dispute")
        return rendered(world, close_dispute(world, found, status=given["status"]))
    charge = world.get("charge", given.get("charge"), param="charge")
    return rendered(world, open_dispute(world, charge, reason=given.get("reason", "fraudulent")))


def roll_secret(world: World, given: dict[str, Any]) -> Obj:
    """Give a webhook endpoint a new secret; `keep_old` true: both sign until it is rolled again."""
    endpoint = world.get("webhook_endpoint", given.get("endpoint", "we_simulator"))
    hidden = endpoint["_"]
    hidden["old_secrets"] = [hidden["secret"]] if given.get("keep_old") else []
    hidden["secret"] = given.get("secret") or new_secret(world)
    return {"secret": hidden["secret"]}


def deliveries(world: World, _given: dict[str, Any]) -> Obj:
    found = world.store.find("_delivery")
    return {"data": [rendered(world, delivery) for delivery in found]}


def redeliver(world: World, given: dict[str, Any]) -> Obj:
    """Send an event once more: `{"event": "evt_…"}`."""
    found = [d for d in world.store.find("_delivery") if d["event"] == given.get("event")]
    if not found:
        raise missing("delivery of event", given.get("event"), param="event")
    for delivery in found:
        delivery |= {"status": "pending", "next_attempt": 0, "attempts": []}
    return {"data": [rendered(world, delivery) for delivery in found]}


def advance_all(world: World, given: dict[str, Any]) -> Obj:
    """Try all waiting deliveries now, whatever their back-off."""
    for delivery in world.store.find("_delivery", status="pending"):
        delivery["next_attempt"] = 0
    return deliveries(world, given)


ACTIONS = {
    ("GET", "state"): state,
    ("GET", "calls"): calls,
    ("POST", "settings"): change_settings,
    ("POST", "clock"): set_clock,
    ("POST", "reset"): reset,
    ("POST", "fail_payments"): fail_payments,
    ("POST", "fail_requests"): fail_requests,
    ("POST", "dispute"): dispute,
    ("POST", "roll_secret"): roll_secret,
    ("GET", "deliveries"): deliveries,
    ("POST", "redeliver"): redeliver,
    ("POST", "deliver_now"): advance_all,
    ("POST", "settle"): deliveries,
}
