"""Pending lines for the next invoice: /v1/invoiceitems."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.stripe_simulator.errors import required, wrong
from billing.stripe_simulator.money import decimal_text, rounded, total
from billing.stripe_simulator.resources.coupons import make_discounts
from billing.stripe_simulator.resources.customers import live_customer
from billing.stripe_simulator.resources.lines import add_up, make_line
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

MAX_ITEMS = 250


@route(
    "POST /v1/invoiceitems",
    "amount currency customer description discountable discounts invoice metadata period pricing"
    " quantity subscription tax_behavior unit_amount_decimal",
)
def create_item(world: World, call: Call) -> Obj:
    given = call.params
    if "customer" not in given:
        raise required("customer")
    customer = live_customer(world, given["customer"])
    invoice = (
        world.get("invoice", given["invoice"], param="invoice") if "invoice" in given else None
    )
    if invoice is not None:
        check_editable(invoice)
        check_room(world, invoice, 1)
        if invoice["customer"] != customer["id"]:
            raise wrong("The invoice belongs to another customer.", "invoice")
    subscription = given.get("subscription")
    if subscription:
        world.get("subscription", subscription, param="subscription")
    quantity = given.get("quantity", 1)
    price, unit, amount = _price(world, given, quantity)
    currency = price["currency"] if price else given.get("currency", "").lower()
    if not currency:
        raise required("currency")
    if invoice is not None and invoice["currency"] != currency:
        raise wrong(f"The invoice is in {invoice['currency']}, not {currency}.", "currency")
    pending = Pending(
        amount=amount,
        currency=currency,
        description=given.get("description") or (_name(world, price) if price else None),
        period=given.get("period"),
        quantity=quantity,
        unit=unit,
        price=price,
        subscription=subscription,
        discountable=given.get("discountable", amount >= 0),
        tax_behavior=given.get("tax_behavior"),
    )
    item = new_item(world, customer, pending)
    wanted = given.get("discounts") or []
    item["discounts"] = make_discounts(
        world, wanted, customer=customer["id"], invoice_item=item["id"]
    )
    with_metadata(item, given.get("metadata"))
    if invoice is not None:
        take_in(world, invoice, item)
        add_up(world, invoice)
    world.emit("invoiceitem.created", item)
    return item


def _name(world: World, price: Obj) -> str:
    return str(world.get("product", price["product"])["name"])


def _price(world: World, given: dict[str, Any], quantity: int) -> tuple[Obj | None, Decimal, int]:
    """Return price, unit amount and amount of an item that is stated in one of three ways."""
    price_id = given.get("pricing", {}).get("price")
    stated = [name for name in ("amount", "unit_amount_decimal") if name in given]
    if len(stated) + bool(price_id) != 1:
        raise wrong("Set one of `amount`, `unit_amount_decimal` and `pricing[price]`.", "amount")
    if price_id:
        price = world.get("price", price_id, param="pricing[price]")
        if price["type"] != "one_time":
            raise wrong("The price must be of type `one_time`.", "pricing[price]")
        amount = total(price, quantity)
        return price, Decimal(price["unit_amount_decimal"] or 0), amount
    if "amount" in given:
        if quantity != 1:
            raise wrong("You may not specify both `amount` and `quantity`.", "quantity")
        return None, Decimal(given["amount"]), given["amount"]
    unit = given["unit_amount_decimal"]
    return None, unit, rounded(unit * quantity)


@dataclass(frozen=True, kw_only=True)
class Pending:
    """What an invoice item says. `unit` is the price of one; without it, of all."""

    amount: int
    currency: str
    description: str | None = None
    period: dict[str, int] | None = None
    quantity: int = 1
    unit: Decimal | None = None
    price: Obj | None = None
    subscription: str | None = None
    subscription_item: str | None = None
    proration: bool = False
    discountable: bool = True
    tax_behavior: str | None = None
    is_metered: bool = False


def new_item(world: World, customer: Obj, pending: Pending) -> Obj:
    """Put an item on record that waits for an invoice."""
    price = pending.price
    subscription = pending.subscription
    frame = customer.get("test_clock") or ""
    now = world.now(frame)
    details = {"subscription": subscription, "subscription_item": pending.subscription_item}
    item: Obj = {
        "id": world.new_id("ii"),
        "object": "invoiceitem",
        "amount": pending.amount,
        "currency": pending.currency,
        "customer": customer["id"],
        "date": now,
        "description": pending.description,
        "discountable": pending.discountable,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": pending.amount,
        "parent": {"type": "subscription_details", "subscription_details": details}
        if subscription
        else None,
        "period": pending.period or {"start": now, "end": now},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": decimal_text(
                pending.unit if pending.unit is not None else Decimal(pending.amount)
            ),
        }
        if price
        else None,
        "proration": pending.proration,
        "proration_details": {"credited_items": None, "discount_amounts": []}
        if pending.proration
        else None,
        "quantity": pending.quantity,
        "quantity_decimal": str(pending.quantity),
        "tax_rates": [],
        "test_clock": customer.get("test_clock"),
        "_": {
            "clock": customer.get("test_clock"),
            "tax_behavior": pending.tax_behavior or (price or {}).get("tax_behavior"),
            "subscription": subscription,
            "is_metered": pending.is_metered,
        },
    }
    customer["currency"] = customer.get("currency") or pending.currency
    return world.store.put(item)


def check_editable(invoice: Obj) -> None:
    if invoice["status"] != "draft":
        raise wrong(
            "This invoice is no longer editable: it was finalized.",
            "invoice",
            "invoice_not_editable",
        )


def check_room(world: World, invoice: Obj, more: int) -> None:
    """docs.stripe.com/changelog/2016-02-22/no-more-than-250-invoice-items."""
    if len(world.store.ids("invoiceitem", invoice=invoice["id"])) + more > MAX_ITEMS:
        raise wrong(f"An invoice has at most {MAX_ITEMS} invoice items.", "invoice")


def take_in(world: World, invoice: Obj, item: Obj) -> None:
    """Put an item on a draft as a line."""
    subscription = item["_"]["subscription"]
    details = {
        "invoice_item": item["id"],
        "proration": item["proration"],
        "proration_details": {"credited_items": None} if item["proration"] else None,
        "subscription": subscription,
    }
    price = world.store.get(
        "price", ((item["pricing"] or {}).get("price_details") or {}).get("price")
    )
    line = make_line(
        invoice,
        amount=item["amount"],
        period=(item["period"]["start"], item["period"]["end"]),
        description=item["description"],
        parent={
            "type": "invoice_item_details",
            "invoice_item_details": details,
            "subscription_item_details": None,
        },
        price=price,
        quantity=item["quantity"],
        key=item["id"],
        metadata=dict(item["metadata"]),
        discountable=item["discountable"],
        discounts=list(item["discounts"]),
        subscription=subscription,
        tax_behavior=item["_"]["tax_behavior"],
    )
    line["_"]["is_metered"] = item["_"]["is_metered"]
    line["_"]["item"] = item["id"]
    invoice["_"]["lines"].append(line)
    item["invoice"] = invoice["id"]


def pending_items(
    world: World, customer: Obj, currency: str, subscription: str | None
) -> list[Obj]:
    """Return what waits for an invoice: a subscription's own items, and those of no subscription."""
    return [
        item
        for item in world.store.find("invoiceitem", customer=customer["id"])
        if item["invoice"] is None
        and item["currency"] == currency
        and item["_"]["subscription"] in (None, subscription)
    ]


@route("GET /v1/invoiceitems/{}")
def retrieve_item(world: World, call: Call) -> Obj:
    return world.get("invoiceitem", call.id, param="invoiceitem")


@route("POST /v1/invoiceitems/{}", "amount description discountable metadata period")
def update_item(world: World, call: Call) -> Obj:
    item = _editable(world, call.id)
    given = call.params
    for name in ("amount", "description", "discountable", "period"):
        if name in given:
            item[name] = given[name]
    item["net_amount"] = item["amount"]
    with_metadata(item, given.get("metadata"))
    if item["invoice"]:
        invoice = _without_line(world, item)
        take_in(world, invoice, item)
        add_up(world, invoice)
    return item


@route("DELETE /v1/invoiceitems/{}")
def delete_item(world: World, call: Call) -> Obj:
    item = _editable(world, call.id)
    if item["invoice"]:
        add_up(world, _without_line(world, item))
    world.emit("invoiceitem.deleted", item)
    world.store.delete(item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


def _editable(world: World, item_id: str) -> Obj:
    item = world.get("invoiceitem", item_id, param="invoiceitem")
    if item["invoice"]:
        check_editable(world.get("invoice", item["invoice"]))
    return item


def _without_line(world: World, item: Obj) -> Obj:
    invoice = world.get("invoice", item["invoice"])
    hidden = invoice["_"]
    hidden["lines"] = [ln for ln in hidden["lines"] if ln["_"].get("item") != item["id"]]
    return invoice


@route("GET /v1/invoiceitems", "created customer invoice pending")
def list_items(world: World, call: Call) -> Obj:
    given = call.params
    by = {name: given[name] for name in ("customer", "invoice") if name in given}
    found = [{**item, "created": item["date"]} for item in world.store.find("invoiceitem", **by)]
    pending = given.get("pending")
    answer = page(
        world,
        call,
        found,
        what="invoice item",
        keep=lambda i: pending is None or (i["invoice"] is None) == pending,
    )
    for item in answer["data"]:
        del item["created"]
    return answer
