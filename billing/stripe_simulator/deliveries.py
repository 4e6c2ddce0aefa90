"""Webhooks: signed as Stripe signs them, retried, and on demand lost, doubled, late or shuffled.

docs.stripe.com/webhooks: HMAC-SHA256 over "{timestamp}.{body}", one `v1` per secret; any 2xx is
success; redirects are failures; order and uniqueness are not promised.
"""

import hashlib
import hmac
import http.client
import random
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec

from billing.stripe_simulator.rendering import rendered
from billing.stripe_simulator.resources.endpoints import matches
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

TIMEOUT_SECONDS = 10


def signature(secrets: list[str], moment: int, body: bytes) -> str:
    """Return the Stripe-Signature header: one `v1` for each secret that is good just now."""
    message = f"{moment}.".encode() + body
    digests = [hmac.new(s.encode(), message, hashlib.sha256).hexdigest() for s in secrets]
    return ",".join([f"t={moment}", *(f"v1={digest}" for digest in digests)])


def plan(world: World) -> None:
    """Turn events that nobody has seen yet into deliveries, with the chaos that was ordered."""
    for kind, receivers in (
        ("event", _endpoints(world)),
        ("v2.core.event", _destinations(world)),
    ):
        for event in world.store.find(kind, fresh="yes"):
            del event["_"]["fresh"]
            for receiver in receivers:
                if _wants(receiver, event):
                    _deliver(world, event, receiver)


def _endpoints(world: World) -> list[Obj]:
    return [e for e in world.store.find("webhook_endpoint") if e["status"] == "enabled"]


def _destinations(world: World) -> list[Obj]:
    found = world.store.find("v2.core.event_destination")
    return [d for d in found if d["status"] == "enabled"]


def _wants(receiver: Obj, event: Obj) -> bool:
    return any(matches(pattern, event["type"]) for pattern in receiver["enabled_events"])


def _deliver(world: World, event: Obj, receiver: Obj) -> None:
    settings = world.settings
    copies = 1
    if settings["drop_webhooks"]:
        settings["drop_webhooks"] -= 1
        copies = 0
    elif settings["duplicate_webhooks"]:
        settings["duplicate_webhooks"] -= 1
        copies = 2
    if event["object"] == "event":
        event["pending_webhooks"] += min(copies, 1)
    for _ in range(max(copies, 1)):
        delivery: Obj = {
            "id": world.new_id("dlv"),
            "object": "_delivery",
            "event": event["id"],
            "event_object": event["object"],
            "type": event["type"],
            "endpoint": receiver["id"],
            "url": receiver["_"].get("url") or receiver["url"],
            "status": "pending" if copies else "dropped",
            "attempts": [],
            "planned_at": world.now(),
            "next_attempt": time.time() + settings["webhook_delay_seconds"],
        }
        world.store.put(delivery)


def is_due(delivery: Obj) -> bool:
    return bool(delivery["status"] == "pending" and delivery["next_attempt"] <= time.time())


def due(world: World) -> list[Obj]:
    """Return the deliveries to try now, oldest first, or in an order of chance if so ordered."""
    settings = world.settings
    if settings["webhooks_paused"]:
        return []
    found = [d for d in world.store.find("_delivery", status="pending") if is_due(d)]
    if settings["shuffle_webhooks"]:
        seed = f"{settings['seed']}:{len(found)}"
        random.Random(seed).shuffle(found)  # noqa: S311  nothing secret hangs on it
    return found


def request_of(world: World, delivery: Obj) -> dict[str, Any]:
    """Return what to send: address, body and signed headers."""
    event = world.get(delivery["event_object"], delivery["event"])
    shown = rendered(world, event)
    if event["object"] == "v2.core.event":
        for name in ("data", "changes"):
            shown.pop(name, None)
    body = msgspec.json.encode(shown)
    receiver = world.store.get("webhook_endpoint", delivery["endpoint"]) or world.store.get(
        "v2.core.event_destination", delivery["endpoint"]
    )
    hidden = receiver["_"] if receiver else {"secret": ""}
    secrets = [hidden["secret"], *hidden.get("old_secrets", [])]
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature(secrets, int(time.time()), body),
        "User-Agent": "Stripe/1.0 (simulator)",
    }
    return {"url": delivery["url"], "body": body, "headers": headers}


def send(request: dict[str, Any]) -> tuple[int | None, str | None]:
    """Post once; return (status, None), or (None, what went wrong)."""
    parts = urlsplit(request["url"])
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, request["body"], request["headers"])
        answer = connection.getresponse()
        answer.read(4_096)
    except (OSError, http.client.HTTPException) as error:
        return None, f"{type(error).__name__}: {error}"
    else:
        return answer.status, None
    finally:
        connection.close()


def note(world: World, delivery_id: str, status: int | None, problem: str | None) -> None:
    """Write the outcome down, and plan the next attempt or give up."""
    delivery = world.store.get("_delivery", delivery_id)
    if delivery is None:
        return
    moment = time.time()
    delivery["attempts"].append({"at": moment, "status": status, "problem": problem})
    delays = world.settings["retry_seconds"]
    attempt = len(delivery["attempts"])
    if status is not None and 200 <= status < 300:
        delivery["status"] = "delivered"
        event = world.store.get("event", delivery["event"])
        if event is not None:
            event["pending_webhooks"] = max(event["pending_webhooks"] - 1, 0)
    elif attempt > len(delays):
        delivery["status"] = "failed"
    else:
        delivery["next_attempt"] = moment + delays[attempt - 1]
