"""Who hears of events, and the events themselves: webhook endpoints, v2 destinations, /v1/events."""

import hashlib
from typing import Any

from billing.stripe_simulator.errors import not_simulated, required, wrong
from billing.stripe_simulator.periods import rfc3339
from billing.stripe_simulator.rendering import rendered
from billing.stripe_simulator.resources.reports import METER_ERRORS, NO_METER
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.shapes import api_version
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import RECENT_SECONDS, World

MAX_ENDPOINTS = 16


def _check_url(url: str, param: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise wrong("Invalid URL: An explicit scheme (such as https) must be provided.", param)


def _check_events(names: list[str], param: str = "enabled_events") -> None:
    if not names:
        raise required(param)


def new_secret(world: World) -> str:
    return "whsec_" + hashlib.blake2b(world.new_id("whsec").encode(), digest_size=16).hexdigest()


@route("POST /v1/webhook_endpoints", "api_version description enabled_events metadata url")
def create_endpoint(world: World, call: Call) -> Obj:
    """Create an endpoint; this answer, and no later one, holds its signing secret."""
    given = call.params
    _check_url(given["url"], "url")
    _check_events(given["enabled_events"])
    if world.store.count("webhook_endpoint") >= MAX_ENDPOINTS:
        raise wrong(f"You have reached the maximum of {MAX_ENDPOINTS} webhook endpoints.")
    endpoint: Obj = {
        "id": world.new_id("we"),
        "object": "webhook_endpoint",
        "api_version": given.get("api_version"),
        "created": world.now(),
        "description": given.get("description"),
        "enabled_events": given["enabled_events"],
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": given["url"],
        "_": {"secret": new_secret(world)},
    }
    with_metadata(endpoint, given.get("metadata"))
    world.add(endpoint)
    return {**endpoint, "secret": endpoint["_"]["secret"]}


@route("GET /v1/webhook_endpoints/{}")
def retrieve_endpoint(world: World, call: Call) -> Obj:
    return world.get("webhook_endpoint", call.id)


@route("POST /v1/webhook_endpoints/{}", "description disabled enabled_events metadata url")
def update_endpoint(world: World, call: Call) -> Obj:
    endpoint = world.get("webhook_endpoint", call.id)
    given = call.params
    if "url" in given:
        _check_url(given["url"], "url")
    for name in ("description", "enabled_events", "url"):
        if name in given:
            endpoint[name] = given[name]
    if "disabled" in given:
        endpoint["status"] = "disabled" if given["disabled"] else "enabled"
    with_metadata(endpoint, given.get("metadata"))
    return endpoint


@route("DELETE /v1/webhook_endpoints/{}")
def delete_endpoint(world: World, call: Call) -> Obj:
    endpoint = world.get("webhook_endpoint", call.id)
    world.store.delete(endpoint)
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


@route("GET /v1/webhook_endpoints")
def list_endpoints(world: World, call: Call) -> Obj:
    return page(world, call, world.store.find("webhook_endpoint"), what="webhook endpoint")


@route("GET /v1/events/{}")
def retrieve_event(world: World, call: Call) -> Obj:
    return world.get("event", call.id)


@route("GET /v1/events", "created delivery_success type types")
def list_events(world: World, call: Call) -> Obj:
    """List the events of the last 30 days; `type` may end in `.*`."""
    given = call.params
    if "type" in given and "types" in given:
        raise wrong("You may only specify one of `type` and `types`.", "types")
    wanted = given.get("types") or ([given["type"]] if "type" in given else ["*"])
    oldest = world.now() - RECENT_SECONDS

    def keep(event: Obj) -> bool:
        if not any(matches(pattern, event["type"]) for pattern in wanted):
            return False
        delivered = event["pending_webhooks"] == 0
        is_recent = event["_"].get("recorded", event["created"]) >= oldest
        return is_recent and given.get("delivery_success") in (None, delivered)

    return page(world, call, world.store.find("event"), what="event", keep=keep)


def matches(pattern: str, kind: str) -> bool:
    if pattern.endswith("*"):
        return kind.startswith(pattern[:-1])
    return pattern == kind


@route(
    "POST /v2/core/event_destinations",
    "description enabled_events event_payload events_from include metadata name type"
    " webhook_endpoint",
)
def create_destination(world: World, call: Call) -> Obj:
    """Create a destination of thin events, which v1 endpoints do not get."""
    given = call.params
    if given["type"] != "webhook_endpoint":
        raise not_simulated(f"event destinations of type {given['type']}", "type")
    if given["event_payload"] != "thin":
        raise not_simulated(
            "snapshot event destinations (use /v1/webhook_endpoints)", "event_payload"
        )
    url = given.get("webhook_endpoint", {}).get("url", "")
    _check_url(url, "webhook_endpoint.url")
    _check_events(given["enabled_events"])
    now = rfc3339(world.now())
    destination: Obj = {
        "id": world.new_id("ed"),
        "object": "v2.core.event_destination",
        "created": now,
        "description": given.get("description", ""),
        "enabled_events": given["enabled_events"],
        "event_payload": "thin",
        "events_from": given.get("events_from", ["@self"]),
        "livemode": False,
        "metadata": given.get("metadata", {}),
        "name": given["name"],
        "snapshot_api_version": None,
        "status": "enabled",
        "status_details": None,
        "type": "webhook_endpoint",
        "updated": now,
        "webhook_endpoint": {"signing_secret": None, "url": None},
        "_": {"secret": new_secret(world), "url": url},
    }
    world.add(destination)
    return _with_included(destination, call)


def _with_included(destination: Obj, call: Call) -> Obj:
    asked = call.params.get("include", [])
    shown = {
        "signing_secret": destination["_"]["secret"]
        if "webhook_endpoint.signing_secret" in asked
        else None,
        "url": destination["_"]["url"] if "webhook_endpoint.url" in asked else None,
    }
    return {**destination, "webhook_endpoint": shown}


@route("GET /v2/core/event_destinations/{}", "include")
def retrieve_destination(world: World, call: Call) -> Obj:
    found = world.get("v2.core.event_destination", call.id)
    return _with_included(found, Call(params={**call.params, "include": _asked(call)}))


def _asked(call: Call) -> list[str]:
    return [
        name for name in call.params.get("include", []) if name != "webhook_endpoint.signing_secret"
    ]


@route("GET /v2/core/event_destinations", "include")
def list_destinations(world: World, call: Call) -> Obj:
    found = world.store.find("v2.core.event_destination")
    inner = Call(params={"include": _asked(call)})
    return v2_list(world, [_with_included(d, inner) for d in reversed(found)])


@route("DELETE /v2/core/event_destinations/{}")
def delete_destination(world: World, call: Call) -> Obj:
    destination = world.get("v2.core.event_destination", call.id)
    world.store.delete(destination)
    return {"id": destination["id"], "object": "v2.core.event_destination"}


@route("POST /v2/core/event_destinations/{}/disable")
def disable_destination(world: World, call: Call) -> Obj:
    return _switch(world, call.id, "disabled")


@route("POST /v2/core/event_destinations/{}/enable")
def enable_destination(world: World, call: Call) -> Obj:
    return _switch(world, call.id, "enabled")


def _switch(world: World, destination_id: str, status: str) -> Obj:
    destination = world.get("v2.core.event_destination", destination_id)
    destination |= {"status": status, "updated": rfc3339(world.now())}
    return destination


@route("GET /v2/core/events/{}")
def retrieve_thin_event(world: World, call: Call) -> Obj:
    return world.get("v2.core.event", call.id)


@route("GET /v2/core/events", "object_id types")
def list_thin_events(world: World, call: Call) -> Obj:
    given = call.params
    found = [
        event
        for event in reversed(world.store.find("v2.core.event"))
        if given.get("object_id") in (None, (event["related_object"] or {}).get("id"))
        and ("types" not in given or event["type"] in given["types"])
    ]
    return v2_list(world, found[: given.get("limit", 20)])


def v2_list(world: World, objects: list[Obj]) -> Obj:
    data: list[Any] = [rendered(world, obj) for obj in objects]
    return {"data": data, "next_page_url": None, "previous_page_url": None}


def seed_endpoint(world: World, *, url: str, secret: str) -> None:
    """Let one address hear everything, signed with a secret that both sides were given."""
    endpoint = world.store.get("webhook_endpoint", "we_simulator")
    if endpoint is None:
        endpoint = create_endpoint(world, Call(params={"url": url, "enabled_events": ["*"]}))
        world.store.delete(endpoint)
        endpoint = {**endpoint, "id": "we_simulator", "api_version": api_version()}
        del endpoint["secret"]
        world.store.put(endpoint)
    endpoint["url"] = url
    endpoint["_"]["secret"] = secret
    thin = world.store.get("v2.core.event_destination", "ed_simulator")
    if thin is None:
        given = {
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": [METER_ERRORS, NO_METER],
            "name": "simulator",
            "webhook_endpoint": {"url": url},
        }
        thin = create_destination(world, Call(params=given))
        world.store.delete(thin)
        thin = world.store.put({**thin, "id": "ed_simulator"})
    thin["_"] = {"secret": secret, "url": url}
