"""Items of a subscription, one by one: /v1/subscription_items."""

from billing.stripe_simulator.errors import missing
from billing.stripe_simulator.resources.cycles import items_of
from billing.stripe_simulator.resources.subscriptions import update
from billing.stripe_simulator.routing import Call, page, route
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

PRORATION = "payment_behavior proration_behavior proration_date"


def _item(world: World, item_id: str) -> Obj:
    item = world.get("subscription_item", item_id, param="item")
    if item["_"].get("deleted"):
        raise missing("subscription item", item_id, param="item")
    return item


def _change(world: World, call: Call, subscription_id: str, change: Obj) -> Obj:
    shared = {name: call.params[name] for name in PRORATION.split() if name in call.params}
    subscription = world.get("subscription", subscription_id, param="subscription")
    update(world, subscription, {**shared, "items": [change]})
    return subscription


@route("POST /v1/subscription_items", f"{PRORATION} metadata price quantity subscription")
def create_item(world: World, call: Call) -> Obj:
    change: Obj = {n: call.params[n] for n in ("metadata", "price", "quantity") if n in call.params}
    subscription = _change(world, call, call.params["subscription"], change)
    return items_of(world, subscription)[-1]


@route("GET /v1/subscription_items/{}")
def retrieve_item(world: World, call: Call) -> Obj:
    return _item(world, call.id)


@route("POST /v1/subscription_items/{}", f"{PRORATION} metadata off_session price quantity")
def update_item(world: World, call: Call) -> Obj:
    item = _item(world, call.id)
    change: Obj = {n: call.params[n] for n in ("metadata", "price", "quantity") if n in call.params}
    _change(world, call, item["subscription"], {"id": item["id"], **change})
    return item


@route("DELETE /v1/subscription_items/{}", f"{PRORATION} clear_usage")
def delete_item(world: World, call: Call) -> Obj:
    item = _item(world, call.id)
    change: Obj = {"id": item["id"], "deleted": True}
    if "clear_usage" in call.params:
        change["clear_usage"] = call.params["clear_usage"]
    _change(world, call, item["subscription"], change)
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


@route("GET /v1/subscription_items", "subscription")
def list_items(world: World, call: Call) -> Obj:
    subscription = world.get("subscription", call.params["subscription"], param="subscription")
    found = items_of(world, subscription)
    return page(world, call, found, what="subscription item", newest_first=False)
