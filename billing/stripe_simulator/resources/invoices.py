"""Invoices: /v1/invoices, their lines, their payments and previews."""

from typing import Any

from billing.stripe_simulator.errors import not_simulated, required, wrong
from billing.stripe_simulator.rendering import rendered
from billing.stripe_simulator.resources import invoicing
from billing.stripe_simulator.resources.coupons import make_discounts
from billing.stripe_simulator.resources.customers import live_customer
from billing.stripe_simulator.resources.cycles import (
    add_licensed,
    mark_uncollectible,
    meter_until,
    period_of,
    set_periods,
)
from billing.stripe_simulator.resources.invoice_items import (
    Pending,
    check_editable,
    new_item,
    pending_items,
    take_in,
)
from billing.stripe_simulator.resources.lines import add_up, refresh_usage
from billing.stripe_simulator.resources.subscriptions import cancel_now, new_subscription, update
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

WRITABLE = (
    "auto_advance automatic_tax collection_method days_until_due default_payment_method description"
    " discounts due_date footer metadata"
)


@route(
    "POST /v1/invoices", f"{WRITABLE} currency customer pending_invoice_items_behavior subscription"
)
def create_invoice(world: World, call: Call) -> Obj:
    """Create a draft; it takes pending items in only when asked to include them."""
    given = call.params
    if "customer" not in given:
        raise required("customer")
    customer = live_customer(world, given["customer"])
    _check_due(given)
    subscription = None
    if "subscription" in given:
        subscription = world.get("subscription", given["subscription"], param="subscription")
    currency = given.get("currency") or (subscription or {}).get("currency")
    currency = (currency or customer.get("currency") or "usd").lower()
    discounts = make_discounts(world, given.get("discounts") or [], customer=customer["id"])
    now = world.now(customer.get("test_clock") or "")
    invoice = invoicing.new_invoice(
        world,
        customer,
        reason="manual",
        currency=currency,
        period=(now, now),
        subscription=subscription,
        given={"auto_advance": False, **given, "discounts": discounts},
    )
    with_metadata(invoice, given.get("metadata"))
    if given.get("pending_invoice_items_behavior") == "include":
        for item in pending_items(world, customer, currency, given.get("subscription")):
            take_in(world, invoice, item)
    invoicing.announce(world, invoice)
    return invoice


def _check_due(given: dict[str, Any]) -> None:
    if given.get("collection_method") == "send_invoice":
        if ("days_until_due" in given) == ("due_date" in given):
            raise wrong("Set one of `days_until_due` and `due_date`.", "days_until_due")
    elif {"days_until_due", "due_date"} & set(given):
        raise wrong("A due date needs `collection_method=send_invoice`.", "days_until_due")


@route("GET /v1/invoices/{}")
def retrieve_invoice(world: World, call: Call) -> Obj:
    return world.get("invoice", call.id, param="invoice")


@route("POST /v1/invoices/{}", WRITABLE)
def update_invoice(world: World, call: Call) -> Obj:
    """Change a draft; of a finalized invoice only the metadata and how it is collected."""
    invoice = world.get("invoice", call.id, param="invoice")
    given = call.params
    if set(given) - {"metadata", "auto_advance", "default_payment_method"}:
        check_editable(invoice)
    before = world.snapshot(invoice)
    for name in (
        "collection_method",
        "description",
        "due_date",
        "footer",
        "default_payment_method",
    ):
        if name in given:
            invoice[name] = given[name] or None
    if "days_until_due" in given:
        invoice["_"]["days_until_due"] = given["days_until_due"]
    if "discounts" in given:
        owner = {"customer": invoice["customer"]}
        invoice["discounts"] = make_discounts(world, given["discounts"] or [], **owner)
    if "automatic_tax" in given:
        invoice["automatic_tax"]["enabled"] = given["automatic_tax"]["enabled"]
    if "auto_advance" in given:
        invoice["auto_advance"] = given["auto_advance"]
        invoicing.schedule_finalization(world, invoice)
    with_metadata(invoice, given.get("metadata"))
    if invoice["status"] == "draft":
        add_up(world, invoice)
    world.emit("invoice.updated", invoice, before)
    return invoice


@route("DELETE /v1/invoices/{}")
def delete_invoice(world: World, call: Call) -> Obj:
    """Delete a draft that belongs to no subscription; its items are pending again."""
    invoice = world.get("invoice", call.id, param="invoice")
    if invoice["status"] != "draft" or invoice["_"]["subscription"]:
        raise wrong(
            "You can only delete draft invoices that are not of a subscription.",
            None,
            "invoice_not_editable",
        )
    for item in world.store.find("invoiceitem", invoice=invoice["id"]):
        item["invoice"] = None
    world.emit("invoice.deleted", invoice)
    world.store.delete(invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@route("GET /v1/invoices", "collection_method created customer due_date status subscription")
def list_invoices(world: World, call: Call) -> Obj:
    given = call.params
    by = {n: given[n] for n in ("customer", "subscription", "status") if n in given}
    method = given.get("collection_method")
    return page(
        world,
        call,
        world.store.find("invoice", **by),
        what="invoice",
        keep=lambda i: method in (None, i["collection_method"]),
    )


@route("POST /v1/invoices/{}/finalize", "auto_advance")
def finalize_invoice(world: World, call: Call) -> Obj:
    invoice = world.get("invoice", call.id, param="invoice")
    invoicing.finalize(world, invoice, auto_advance=call.params.get("auto_advance"))
    if invoice["status"] == "open" and invoice["auto_advance"]:
        invoicing.advance(world, invoice)
    return invoice


@route("POST /v1/invoices/{}/pay", "off_session paid_out_of_band payment_method")
def pay_invoice(world: World, call: Call) -> Obj:
    """Pay now; a draft is finalized first."""
    invoice = world.get("invoice", call.id, param="invoice")
    if invoice["status"] == "draft":
        invoicing.finalize(world, invoice)
        if invoice["status"] == "paid":
            return invoice
    if invoice["status"] == "paid":
        raise wrong("Invoice is already paid", None, "invoice_already_paid")
    if call.params.get("paid_out_of_band"):
        invoicing.mark_paid(world, invoice, out_of_band=True)
    else:
        invoicing.pay(world, invoice, call.params.get("payment_method"))
    return invoice


@route("POST /v1/invoices/{}/send")
def send_invoice(world: World, call: Call) -> Obj:
    invoice = world.get("invoice", call.id, param="invoice")
    if invoice["collection_method"] != "send_invoice":
        raise wrong("Only invoices with `collection_method=send_invoice` can be sent.")
    if invoice["status"] == "draft":
        invoicing.finalize(world, invoice)
    invoice["_"]["is_sent"] = True
    world.emit("invoice.sent", invoice)
    return invoice


@route("POST /v1/invoices/{}/void")
def void_invoice(world: World, call: Call) -> Obj:
    invoice = world.get("invoice", call.id, param="invoice")
    invoicing.void(world, invoice)
    return invoice


@route("POST /v1/invoices/{}/mark_uncollectible")
def write_off(world: World, call: Call) -> Obj:
    invoice = world.get("invoice", call.id, param="invoice")
    if invoice["status"] != "open":
        raise wrong("Only an open invoice can be marked uncollectible.")
    mark_uncollectible(world, invoice)
    return invoice


@route("GET /v1/invoices/{}/lines")
def list_lines(world: World, call: Call) -> Obj:
    invoice = world.get("invoice", call.id, param="invoice")
    refresh_usage(world, invoice)
    add_up(world, invoice)
    return page(world, call, invoice["_"]["lines"], what="line item", newest_first=False)


@route("GET /v1/invoice_payments", "invoice payment status")
def list_payments(world: World, call: Call) -> Obj:
    given = call.params
    by: dict[str, str] = {n: given[n] for n in ("invoice", "status") if n in given}
    if intent := given.get("payment", {}).get("payment_intent"):
        by["payment_intent"] = intent
    return page(world, call, world.store.find("invoice_payment", **by), what="invoice payment")


@route("GET /v1/invoice_payments/{}")
def retrieve_payment(world: World, call: Call) -> Obj:
    return world.get("invoice_payment", call.id)


@route(
    "POST /v1/invoices/create_preview",
    "automatic_tax currency customer discounts invoice_items subscription subscription_details",
)
def preview_invoice(world: World, call: Call) -> Obj:
    """Show the next invoice as if a change was made; nothing of it is kept."""
    try:
        return rendered(world, _previewed(world, call.params), call.expand)
    finally:
        world.store.rollback()


def _previewed(world: World, given: dict[str, Any]) -> Obj:
    details = given.get("subscription_details", {})
    subscription = None
    if "subscription" in given:
        subscription = world.get("subscription", given["subscription"], param="subscription")
    customer_id = given.get("customer") or (subscription or {}).get("customer")
    if customer_id is None:
        raise required("customer")
    customer = live_customer(world, customer_id)
    is_new = subscription is None and "items" in details
    if is_new:
        subscription = new_subscription(world, customer, details)
    elif subscription is not None and details:
        _as_if(world, subscription, details)
    invoice = _upcoming(world, customer, subscription, given, is_new=is_new)
    invoice["id"] = f"upcoming_{invoice['id']}"
    return invoice


def _as_if(world: World, subscription: Obj, details: dict[str, Any]) -> None:
    """Make the change that the preview asks about, without its own invoice."""
    if details.get("cancel_now"):
        for key in ("items", "trial_end"):
            if key in details:
                raise not_simulated(f"{key} together with cancel_now in a preview", key)
        cancel_now(world, subscription, prorate=True)
        return
    allowed = {"items", "proration_behavior", "proration_date", "cancel_at", "cancel_at_period_end"}
    if unknown := set(details) - allowed:
        name = min(unknown)
        raise not_simulated(f"{name} in a preview", f"subscription_details[{name}]")
    behavior = details.get("proration_behavior", "create_prorations")
    if behavior == "always_invoice":
        behavior = "create_prorations"
    update(world, subscription, {**details, "proration_behavior": behavior})


def _upcoming(
    world: World, customer: Obj, subscription: Obj | None, given: dict[str, Any], *, is_new: bool
) -> Obj:
    now = world.now(customer.get("test_clock") or "")
    currency = given.get("currency") or (subscription or customer).get("currency") or "usd"
    period = period_of(world, subscription) if subscription else (now, now)
    reason = "subscription_create" if is_new else "upcoming"
    options = {"automatic_tax": given["automatic_tax"]} if "automatic_tax" in given else {}
    invoice = invoicing.new_invoice(
        world,
        customer,
        reason=reason,
        currency=currency,
        period=period,
        subscription=subscription,
        given=options,
    )
    for wanted in given.get("invoice_items", []):
        names = ("amount", "currency", "description", "tax_behavior")
        if set(wanted) - set(names) or "amount" not in wanted:
            raise not_simulated(
                "invoice items without a plain amount in a preview", "invoice_items"
            )
        stated = {"currency": currency, **wanted}
        new_item(world, customer, Pending(**stated))
    if subscription is not None:
        _next_cycle(world, invoice, subscription, is_new=is_new)
    for item in pending_items(world, customer, currency, (subscription or {}).get("id")):
        take_in(world, invoice, item)
    refresh_usage(world, invoice)
    add_up(world, invoice)
    return invoice


def _next_cycle(world: World, invoice: Obj, subscription: Obj, *, is_new: bool) -> None:
    if is_new:
        add_licensed(world, invoice, subscription)
        return
    _, finish = period_of(world, subscription)
    meter_until(world, invoice, subscription, finish)
    if subscription["status"] != "canceled" and subscription["cancel_at"] is None:
        set_periods(world, subscription, finish)
        add_licensed(world, invoice, subscription)
