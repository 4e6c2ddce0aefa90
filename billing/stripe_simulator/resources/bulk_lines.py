"""Many lines at once: /v1/invoices/{}/add_lines (docs.stripe.com/invoicing/bulk-update-line-item)."""

from typing import Any

from billing.stripe_simulator.errors import not_simulated, wrong
from billing.stripe_simulator.resources.invoice_items import (
    Pending,
    check_editable,
    check_room,
    new_item,
    take_in,
)
from billing.stripe_simulator.resources.lines import add_up
from billing.stripe_simulator.routing import Call, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

SIMULATED = {"amount", "description", "discountable", "invoice_item", "metadata", "period"}


@route("POST /v1/invoices/{}/add_lines", "invoice_metadata lines")
def add_lines(world: World, call: Call) -> Obj:
    """Put lines on a draft, all of them or none; each is backed by an invoice item."""
    invoice = world.get("invoice", call.id, param="invoice")
    check_editable(invoice)
    lines = call.params["lines"]
    if not lines:
        raise wrong("You must pass at least one line.", "lines")
    check_room(world, invoice, len(lines))
    before = world.snapshot(invoice)
    for number, given in enumerate(lines):
        _add(world, invoice, given, f"lines[{number}]")
    with_metadata(invoice, call.params.get("invoice_metadata"))
    add_up(world, invoice)
    world.emit("invoice.updated", invoice, before)
    return invoice


def _add(world: World, invoice: Obj, given: dict[str, Any], param: str) -> None:
    if unknown := set(given) - SIMULATED:
        name = min(unknown)
        raise not_simulated(f"{name} of a line", f"{param}[{name}]")
    if "invoice_item" in given:
        item = world.get("invoiceitem", given["invoice_item"], param=f"{param}[invoice_item]")
        if item["invoice"]:
            raise wrong("The invoice item is on an invoice already.", f"{param}[invoice_item]")
    elif "amount" in given:
        item = _new(world, invoice, given)
    else:
        raise wrong("A line needs an `amount` or an `invoice_item`.", f"{param}[amount]")
    take_in(world, invoice, item)
    world.emit("invoiceitem.created", item)


def _new(world: World, invoice: Obj, given: dict[str, Any]) -> Obj:
    amount = given["amount"]
    pending = Pending(
        amount=amount,
        currency=invoice["currency"],
        description=given.get("description"),
        period=given.get("period"),
        discountable=given.get("discountable", amount >= 0),
    )
    item = new_item(world, world.get("customer", invoice["customer"]), pending)
    with_metadata(item, given.get("metadata"))
    return item
