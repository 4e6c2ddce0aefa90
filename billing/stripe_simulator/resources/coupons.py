"""Coupons and the discounts made from them: /v1/coupons."""

from typing import Any

from billing.stripe_simulator.errors import wrong
from billing.stripe_simulator.periods import boundary
from billing.stripe_simulator.rendering import includes, renders
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World


@renders("coupon")
def _render(world: World, coupon: Obj) -> None:
    coupon["valid"] = _is_valid(world, coupon)


def _is_valid(world: World, coupon: Obj) -> bool:
    most, until = coupon.get("max_redemptions"), coupon.get("redeem_by")
    if most is not None and coupon["times_redeemed"] >= most:
        return False
    return until is None or world.now() <= int(until)


@includes("coupon", "applies_to")
def _applies_to(_world: World, coupon: Obj) -> Any:
    products = coupon["_"].get("products")
    return {"products": products} if products else None


@route(
    "POST /v1/coupons",
    "amount_off applies_to currency duration duration_in_months id max_redemptions metadata name"
    " percent_off redeem_by",
)
def create_coupon(world: World, call: Call) -> Obj:
    given = call.params
    if ("percent_off" in given) == ("amount_off" in given):
        raise wrong("You must set one of `percent_off` and `amount_off`.", "percent_off")
    if "amount_off" in given and "currency" not in given:
        raise wrong("You must pass `currency` with `amount_off`.", "currency")
    if not 0 < given.get("percent_off", 1) <= 100:
        raise wrong("Invalid percent_off: must be between 0 and 100.", "percent_off")
    duration = given.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in given):
        raise wrong("`duration_in_months` goes with `duration=repeating`.", "duration_in_months")
    coupon_id = given.get("id") or world.new_id("c")[2:10]
    if world.store.kind_of(coupon_id):
        raise wrong(f"Coupon already exists: {coupon_id}", "id", "resource_already_exists")
    names = ("amount_off", "currency", "duration_in_months", "max_redemptions", "name")
    coupon: Obj = {
        "id": coupon_id,
        "object": "coupon",
        "created": world.now(),
        "duration": duration,
        "metadata": {},
        "percent_off": given.get("percent_off"),
        "redeem_by": given.get("redeem_by"),
        "times_redeemed": 0,
        **{name: given.get(name) for name in names},
        "_": {"products": given.get("applies_to", {}).get("products")},
    }
    with_metadata(coupon, given.get("metadata"))
    return world.add(coupon, "coupon.created")


@route("GET /v1/coupons/{}")
def retrieve_coupon(world: World, call: Call) -> Obj:
    return world.get("coupon", call.id)


@route("POST /v1/coupons/{}", "metadata name")
def update_coupon(world: World, call: Call) -> Obj:
    coupon = world.get("coupon", call.id)
    before = world.snapshot(coupon)
    coupon["name"] = call.params.get("name", coupon["name"])
    with_metadata(coupon, call.params.get("metadata"))
    world.emit("coupon.updated", coupon, before)
    return coupon


@route("DELETE /v1/coupons/{}")
def delete_coupon(world: World, call: Call) -> Obj:
    """Delete the coupon; discounts that were made from it go on."""
    coupon = world.get("coupon", call.id)
    world.emit("coupon.deleted", coupon)
    coupon["_"]["deleted"] = True
    coupon["max_redemptions"] = coupon["times_redeemed"]
    return {"id": coupon["id"], "object": "coupon", "deleted": True}


@route("GET /v1/coupons", "created")
def list_coupons(world: World, call: Call) -> Obj:
    found = world.store.find("coupon")
    return page(world, call, found, what="coupon", keep=lambda c: not c["_"].get("deleted"))


def make_discounts(world: World, given: list[dict[str, Any]], **owner: str) -> list[str]:
    """Return the ids of discounts for `discounts=[{coupon: …}]` of a subscription or invoice."""
    return [_discount(world, wanted, owner, i) for i, wanted in enumerate(given)]


def _discount(world: World, wanted: dict[str, Any], owner: dict[str, str], i: int) -> str:
    if "discount" in wanted:
        found = world.get("discount", wanted["discount"], param=f"discounts[{i}][discount]")
        return str(found["id"])
    if "coupon" not in wanted:
        raise wrong("The simulator's discounts need a `coupon`.", f"discounts[{i}]")
    coupon = world.get("coupon", wanted["coupon"], param=f"discounts[{i}][coupon]")
    if not _is_valid(world, coupon):
        raise wrong(f"Coupon {coupon['id']} is not valid any more.", f"discounts[{i}][coupon]")
    coupon["times_redeemed"] += 1
    start = world.now(world.frame_of(owner.get("customer")))
    months = coupon["duration_in_months"]
    discount: Obj = {
        "id": world.new_id("di"),
        "object": "discount",
        "source": {"type": "coupon", "coupon": coupon["id"]},
        "start": start,
        "end": boundary(start, "month", 1, months) if months else None,
        **owner,
        "_": {"used": False},
    }
    world.store.put(discount)
    return str(discount["id"])
