"""Changes in the middle of a period: proration by the second.

docs.stripe.com/billing/subscriptions/prorations: unused time of the old price is credited, the
remaining time of the new one is charged, each from the moment of the change to the period's end.
Metered prices are not prorated: usage so far is billed, and counting begins anew.
"""

from datetime import UTC, datetime
from typing import Any

from billing.stripe_simulator.errors import missing, not_simulated, required, wrong
from billing.stripe_simulator.money import prorated, total
from billing.stripe_simulator.periods import boundary, next_boundary
from billing.stripe_simulator.resources.coupons import make_discounts
from billing.stripe_simulator.resources.cycles import (
    interval_of,
    is_metered,
    items_of,
    now_of,
    period_of,
)
from billing.stripe_simulator.resources.invoice_items import Pending, new_item
from billing.stripe_simulator.resources.lines import item_lines, usage_of
from billing.stripe_simulator.routing import with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

MAX_ITEMS = 20
ITEM_KEYS = {"id", "price", "quantity", "metadata", "deleted", "clear_usage", "discounts"}


def price_for_item(world: World, price_id: str, param: str) -> Obj:
    """Return an active recurring price. Raises StripeProblem for any other."""
    price = world.get("price", price_id, param=param)
    if not price["active"]:
        raise wrong(f"The price specified is inactive: {price_id}.", param)
    if price["type"] != "recurring":
        raise wrong("The price specified must be recurring.", param)
    return price


def new_item_of(world: World, subscription: Obj, given: dict[str, Any], index: int = 0) -> Obj:
    """Add an item to a subscription. A metered one takes no quantity."""
    param = f"items[{index}]"
    _check_keys(given, param)
    if "price" not in given:
        raise required(f"{param}[price]")
    price = price_for_item(world, given["price"], f"{param}[price]")
    others = items_of(world, subscription)
    if len(others) >= MAX_ITEMS:
        raise wrong(f"A subscription has at most {MAX_ITEMS} items.", "items")
    if any(item["price"] == price["id"] for item in others):
        raise wrong(
            "Cannot add multiple subscription items with the same price.", f"{param}[price]"
        )
    if price["currency"] != subscription["currency"]:
        raise wrong(
            f"The price's currency does not match the subscription's ({subscription['currency']}).",
            f"{param}[price]",
        )
    if others and _interval(price) != interval_of(world, subscription):
        raise not_simulated("items with different intervals in one subscription", f"{param}[price]")
    now = now_of(world, subscription)
    item: Obj = {
        "id": world.new_id("si"),
        "object": "subscription_item",
        "created": now,
        "current_period_start": now,
        "current_period_end": period_of(world, subscription)[1] if others else now,
        "discounts": [],
        "metadata": {},
        "price": price["id"],
        "quantity": _quantity(price, given, f"{param}[quantity]"),
        "subscription": subscription["id"],
        "tax_rates": [],
        "_": {"clock": subscription["test_clock"]},
    }
    with_metadata(item, given.get("metadata"))
    item["discounts"] = make_discounts(
        world,
        given.get("discounts") or [],
        customer=subscription["customer"],
        subscription=subscription["id"],
    )
    return world.store.put(item)


def _check_keys(given: dict[str, Any], param: str) -> None:
    if unknown := set(given) - ITEM_KEYS:
        name = min(unknown)
        raise not_simulated(f"{name} of a subscription's item", f"{param}[{name}]")


def _interval(price: Obj) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def _quantity(price: Obj, given: dict[str, Any], param: str) -> int | None:
    if price["recurring"]["usage_type"] == "metered":
        if "quantity" in given:
            raise wrong(
                "You cannot set the quantity of a metered price: report meter events instead.",
                param,
            )
        return None
    quantity = int(given.get("quantity", 1))
    if quantity < 0:
        raise wrong("Invalid quantity: must be at least 0.", param)
    return quantity


def first_part(
    world: World, invoice: Obj, subscription: Obj, item: Obj, behavior: str
) -> list[Obj]:
    """Return the lines of a licensed item's first period, prorated up to the anchor."""
    start, finish = item["current_period_start"], item["current_period_end"]
    lines = item_lines(world, invoice, item, quantity=item["quantity"], period=(start, finish))
    interval, count = interval_of(world, subscription)
    whole = next_boundary(start, interval, count, start)
    if finish == whole:
        return lines
    full_start = boundary(finish, interval, count, -1)
    for line in lines:
        amount = prorated(line["amount"], start=full_start, end=finish, at=start)
        line["amount"] = line["subtotal"] = 0 if behavior == "none" else amount
        line["parent"]["subscription_item_details"]["proration"] = True
    return lines


def change_items(world: World, subscription: Obj, given: dict[str, Any]) -> bool:
    """Apply `items` of an update, prorating as asked; return whether the interval changed.

    Raises StripeProblem for an item that is not the subscription's.
    """
    behavior = given.get("proration_behavior", "create_prorations")
    at = given.get("proration_date") or now_of(world, subscription)
    before = interval_of(world, subscription)
    for index, change in enumerate(given.get("items", [])):
        _change(world, subscription, change, index, behavior=behavior, at=at)
    items = items_of(world, subscription)
    if not items:
        raise wrong("A subscription must have at least one item.", "items")
    intervals = {_interval(world.get("price", item["price"])) for item in items}
    if len(intervals) > 1:
        raise not_simulated("items with different intervals in one subscription", "items")
    return intervals != {before}


def _change(
    world: World, subscription: Obj, change: dict[str, Any], index: int, *, behavior: str, at: int
) -> None:
    param = f"items[{index}]"
    _check_keys(change, param)
    if "id" not in change:
        item = new_item_of(world, subscription, change, index)
        _charge_rest(world, subscription, item, behavior=behavior, at=at)
        return
    item = world.get("subscription_item", change["id"], param=f"{param}[id]")
    if item["subscription"] != subscription["id"] or item["_"].get("deleted"):
        raise missing("subscription item", change["id"], param=f"{param}[id]")
    is_priced = {"price", "quantity", "deleted"} & set(change)
    if is_priced:
        _credit_unused(world, subscription, item, change, behavior=behavior, at=at)
    if change.get("deleted"):
        item["_"]["deleted"] = True
        return
    with_metadata(item, change.get("metadata"))
    if "price" in change:
        price = price_for_item(world, change["price"], f"{param}[price]")
        if price["id"] != item["price"]:
            item |= {"price": price["id"], "current_period_start": at}
            item["quantity"] = item["quantity"] if item["quantity"] is not None else 1
            if price["recurring"]["usage_type"] == "metered":
                item["quantity"] = None
    if "quantity" in change:
        price = world.get("price", item["price"])
        item["quantity"] = _quantity(price, change, f"{param}[quantity]")
    if is_priced:
        _charge_rest(world, subscription, item, behavior=behavior, at=at)


def _credit_unused(
    world: World, subscription: Obj, item: Obj, change: dict[str, Any], *, behavior: str, at: int
) -> None:
    if is_metered(world, item):
        is_gone = change.get("deleted") or change.get("price", item["price"]) != item["price"]
        if is_gone and not change.get("clear_usage"):
            bill_usage(world, subscription, item, at)
        return
    _prorate(world, subscription, item, behavior=behavior, at=at, sign=-1)


def _charge_rest(world: World, subscription: Obj, item: Obj, *, behavior: str, at: int) -> None:
    if not is_metered(world, item):
        _prorate(world, subscription, item, behavior=behavior, at=at, sign=1)


def _prorate(
    world: World, subscription: Obj, item: Obj, *, behavior: str, at: int, sign: int
) -> None:
    """Put credit (-1) or charge (+1) for the rest of the period on the next invoice."""
    if behavior == "none" or subscription["status"] == "trialing":
        return
    price = world.get("price", item["price"])
    finish = item["current_period_end"]
    interval, count = _interval(price)
    start = boundary(finish, interval, count, -1)
    amount = prorated(total(price, item["quantity"]), start=start, end=finish, at=at)
    if amount == 0:
        return
    name = world.get("product", price["product"])["name"]
    day = datetime.fromtimestamp(at, UTC).strftime("%d %b %Y")
    what = "Unused time on" if sign < 0 else "Remaining time on"
    customer = world.get("customer", subscription["customer"])
    pending = Pending(
        amount=sign * amount,
        currency=price["currency"],
        description=f"{what} {item['quantity']} × {name} after {day}",
        period={"start": at, "end": finish},
        quantity=item["quantity"],
        price=price,
        subscription=subscription["id"],
        subscription_item=item["id"],
        proration=True,
        discountable=False,
    )
    made = new_item(world, customer, pending)
    world.emit("invoiceitem.created", made)


def bill_usage(world: World, subscription: Obj, item: Obj, until: int) -> None:
    """Put the usage of a metered item that goes away on the next invoice."""
    start = item["current_period_start"]
    used = usage_of(world, item, start, until)
    price = world.get("price", item["price"])
    amount = total(price, used)
    if amount == 0:
        return
    name = world.get("product", price["product"])["name"]
    pending = Pending(
        amount=amount,
        currency=price["currency"],
        description=f"{used} × {name}",
        period={"start": start, "end": until},
        quantity=used,
        price=price,
        subscription=subscription["id"],
        subscription_item=item["id"],
        is_metered=True,
    )
    made = new_item(world, world.get("customer", subscription["customer"]), pending)
    world.emit("invoiceitem.created", made)


def credit_rest(world: World, subscription: Obj, item: Obj, at: int) -> None:
    """Credit the unused time of a licensed item whose subscription ends early."""
    _prorate(world, subscription, item, behavior="create_prorations", at=at, sign=-1)
