"""Subscriptions: /v1/subscriptions."""

from typing import Any

from billing.stripe_simulator.errors import StripeProblem, not_simulated, required, wrong
from billing.stripe_simulator.periods import boundary, next_boundary
from billing.stripe_simulator.rendering import listed, renders
from billing.stripe_simulator.resources.changes import (
    bill_usage,
    change_items,
    credit_rest,
    new_item_of,
    price_for_item,
)
from billing.stripe_simulator.resources.coupons import make_discounts
from billing.stripe_simulator.resources.customers import live_customer
from billing.stripe_simulator.resources.cycles import (
    OVER,
    add_licensed,
    end,
    end_trial,
    first_invoice,
    is_metered,
    items_of,
    now_of,
    period_of,
    plan_next,
    set_periods,
)
from billing.stripe_simulator.resources.invoice_items import pending_items, take_in
from billing.stripe_simulator.resources.invoicing import announce, finalize, new_invoice, pay
from billing.stripe_simulator.resources.starts import anchor, billing_mode, trial_end
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

ALLOW_INCOMPLETE = "allow_incomplete"
SHARED = (
    "automatic_tax cancel_at cancel_at_period_end collection_method days_until_due"
    " default_payment_method description discounts items metadata off_session payment_behavior"
    " proration_behavior trial_end trial_settings payment_settings invoice_settings"
)
PLAIN = ("collection_method", "days_until_due", "description")


@renders("subscription")
def _render(world: World, subscription: Obj) -> None:
    items = items_of(world, subscription)
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    subscription["items"] = {**listed(world, items, url=url), "total_count": len(items)}


@renders("subscription_item")
def _render_item(world: World, item: Obj) -> None:
    price = world.get("price", item["price"])
    item["price"] = listed(world, [price], url="")["data"][0]
    recurring = price["recurring"]
    item["plan"] = {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }
    if item["quantity"] is None:
        del item["quantity"]


@route(
    "POST /v1/subscriptions",
    f"{SHARED} billing_cycle_anchor billing_cycle_anchor_config billing_mode currency customer"
    " trial_period_days",
)
def create_subscription(world: World, call: Call) -> Obj:
    given = call.params
    for name in ("customer", "items"):
        if not given.get(name):
            raise required(name)
    customer = live_customer(world, given["customer"])
    subscription = new_subscription(world, customer, given)
    first_invoice(world, subscription, given)
    plan_next(world, subscription)
    return subscription


def new_subscription(world: World, customer: Obj, given: dict[str, Any]) -> Obj:
    """Put a subscription and its items on record, without an invoice yet."""
    first = given["items"][0].get("price")
    if not first:
        raise required("items[0][price]")
    currency = price_for_item(world, first, "items[0][price]")["currency"]
    now = world.now(customer.get("test_clock") or "")
    ends = trial_end(given, now)
    subscription_id = world.new_id("sub")
    config = given.get("billing_cycle_anchor_config")
    subscription: Obj = {
        "id": subscription_id,
        "object": "subscription",
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": ends or now,
        "billing_cycle_anchor_config": config,
        "billing_mode": billing_mode(given, now),
        "billing_schedules": [],
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "days_until_due": None,
        "default_payment_method": None,
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"issuer": {"type": "self", "account": None}},
        "latest_invoice": None,
        "livemode": False,
        "metadata": {},
        "pause_collection": None,
        "payment_settings": given.get("payment_settings")
        or {"payment_method_options": None, "payment_method_types": None},
        "start_date": now,
        "status": "trialing" if ends else "active",
        "test_clock": customer.get("test_clock"),
        "trial_end": ends,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": now if ends else None,
        "_": {"clock": customer.get("test_clock")},
    }
    world.store.put(subscription)
    for index, item in enumerate(given["items"]):
        new_item_of(world, subscription, item, index)
    if not ends:
        subscription["billing_cycle_anchor"] = anchor(world, subscription, given, now)
    set_periods(world, subscription, now)
    if ends:
        for item in items_of(world, subscription):
            item["current_period_end"] = ends
    _write(world, subscription, given)
    return subscription


def _write(world: World, subscription: Obj, given: dict[str, Any]) -> None:
    """Apply what creating and updating share."""
    for name in PLAIN:
        if name in given:
            subscription[name] = given[name]
    if subscription["collection_method"] == "send_invoice" and not subscription["days_until_due"]:
        raise wrong(
            "`days_until_due` is needed with `collection_method=send_invoice`.", "days_until_due"
        )
    if method := given.get("default_payment_method"):
        found = world.get("payment_method", method, param="default_payment_method")
        if found["customer"] != subscription["customer"]:
            raise wrong(
                "The payment method is not attached to the customer.", "default_payment_method"
            )
    if "default_payment_method" in given:
        subscription["default_payment_method"] = given["default_payment_method"] or None
    if "automatic_tax" in given:
        enabled = given["automatic_tax"]["enabled"]
        liability = {"type": "self", "account": None} if enabled else None
        subscription["automatic_tax"] |= {"enabled": enabled, "liability": liability}
    if given.get("trial_settings"):
        subscription["trial_settings"] = given["trial_settings"]
    if "discounts" in given:
        owner = {"customer": subscription["customer"], "subscription": subscription["id"]}
        subscription["discounts"] = make_discounts(world, given["discounts"] or [], **owner)
    with_metadata(subscription, given.get("metadata"))
    _write_end(world, subscription, given)


def _write_end(world: World, subscription: Obj, given: dict[str, Any]) -> None:
    if given.get("cancel_at") and given.get("cancel_at_period_end"):
        raise wrong(
            "You may only specify one of `cancel_at` and `cancel_at_period_end`.", "cancel_at"
        )
    now = now_of(world, subscription)
    finish = period_of(world, subscription)[1]
    details = subscription["cancellation_details"]
    if "cancel_at_period_end" in given:
        is_ending = given["cancel_at_period_end"]
        subscription["cancel_at_period_end"] = is_ending
        subscription["cancel_at"] = finish if is_ending else None
    elif "cancel_at" in given:
        at = {"min_period_end": finish, "max_period_end": finish}.get(
            given["cancel_at"], given["cancel_at"] or None
        )
        if at is not None and at <= now:
            raise wrong("cancel_at must be in the future.", "cancel_at")
        subscription |= {"cancel_at": at, "cancel_at_period_end": False}
    else:
        return
    is_ending = subscription["cancel_at"] is not None
    subscription["canceled_at"] = now if is_ending else None
    subscription["cancellation_details"] = {
        **details,
        "reason": "cancellation_requested" if is_ending else None,
    }


@route("GET /v1/subscriptions/{}")
def retrieve_subscription(world: World, call: Call) -> Obj:
    return world.get("subscription", call.id)


@route(
    "POST /v1/subscriptions/{}",
    f"{SHARED} billing_cycle_anchor cancellation_details pause_collection proration_date",
)
def update_subscription(world: World, call: Call) -> Obj:
    subscription = world.get("subscription", call.id)
    update(world, subscription, call.params)
    return subscription


def update(world: World, subscription: Obj, given: dict[str, Any]) -> None:
    """Change a subscription, with proration and, if asked, an invoice at once."""
    _check_alive(subscription, given)
    behavior = given.get("payment_behavior", ALLOW_INCOMPLETE)
    if behavior == "pending_if_incomplete":
        raise not_simulated("pending updates", "payment_behavior")
    before = world.snapshot(subscription)
    start, finish = period_of(world, subscription)
    at = given.get("proration_date")
    if at is not None and not start <= at <= finish:
        raise wrong("The proration date must be within the current period.", "proration_date")
    _write(world, subscription, given)
    if "pause_collection" in given:
        subscription["pause_collection"] = given["pause_collection"] or None
    if "cancellation_details" in given:
        subscription["cancellation_details"] = {
            **subscription["cancellation_details"],
            **given["cancellation_details"],
        }
    is_new_interval = change_items(world, subscription, given) if "items" in given else False
    if "trial_end" in given:
        _change_trial(world, subscription, given)
    elif is_new_interval or given.get("billing_cycle_anchor") == "now":
        _restart(world, subscription, behavior)
    elif given.get("proration_behavior") == "always_invoice":
        invoice_pending(world, subscription, behavior)
    plan_next(world, subscription)
    world.emit("customer.subscription.updated", subscription, before)


def _check_alive(subscription: Obj, given: dict[str, Any]) -> None:
    if subscription["status"] not in OVER:
        return
    if set(given) - {"metadata", "cancellation_details"}:
        raise wrong(
            "A canceled subscription can only update its cancellation_details and metadata."
        )


def _change_trial(world: World, subscription: Obj, given: dict[str, Any]) -> None:
    now = now_of(world, subscription)
    end_at = trial_end({"trial_end": given["trial_end"]}, now)
    if end_at is None:
        if subscription["status"] == "trialing":
            subscription["trial_end"] = now
            end_trial(world, subscription)
        return
    subscription |= {
        "trial_end": end_at,
        "trial_start": subscription["trial_start"] or now,
        "status": "trialing",
        "billing_cycle_anchor": end_at,
    }
    subscription["_"]["trial_noted"] = False
    for item in items_of(world, subscription):
        item["current_period_end"] = end_at


def _restart(world: World, subscription: Obj, behavior: str = ALLOW_INCOMPLETE) -> None:
    """Begin a new cycle now and bill it at once."""
    now = now_of(world, subscription)
    for item in items_of(world, subscription):
        if is_metered(world, item):
            bill_usage(world, subscription, item, now)
    _drop_charges_of_the_rest(world, subscription)
    old = period_of(world, subscription)
    subscription["billing_cycle_anchor"] = now
    set_periods(world, subscription, now)
    customer = world.get("customer", subscription["customer"])
    invoice = new_invoice(
        world,
        customer,
        reason="subscription_update",
        currency=subscription["currency"],
        period=old,
        subscription=subscription,
    )
    add_licensed(world, invoice, subscription)
    _bill_now(world, subscription, invoice, customer, behavior)


def _drop_charges_of_the_rest(world: World, subscription: Obj) -> None:
    """Keep credits for unused time; the whole new period is billed instead of a rest."""
    customer = world.get("customer", subscription["customer"])
    for item in pending_items(world, customer, subscription["currency"], subscription["id"]):
        if item["proration"] and item["amount"] > 0:
            world.store.delete(item)


def invoice_pending(world: World, subscription: Obj, behavior: str = ALLOW_INCOMPLETE) -> None:
    """Bill what is pending for a subscription right now, if there is anything."""
    customer = world.get("customer", subscription["customer"])
    if not pending_items(world, customer, subscription["currency"], subscription["id"]):
        return
    invoice = new_invoice(
        world,
        customer,
        reason="subscription_update",
        currency=subscription["currency"],
        period=period_of(world, subscription),
        subscription=subscription,
    )
    _bill_now(world, subscription, invoice, customer, behavior)


def _bill_now(world: World, subscription: Obj, invoice: Obj, customer: Obj, behavior: str) -> None:
    for item in pending_items(world, customer, subscription["currency"], subscription["id"]):
        take_in(world, invoice, item)
    subscription["latest_invoice"] = invoice["id"]
    announce(world, invoice)
    try:
        finalize(world, invoice)
    except StripeProblem as problem:  # taxes: the change as a whole is refused
        problem.keeps_changes = False
        raise
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        _try_to_collect(world, invoice, behavior)


def _try_to_collect(world: World, invoice: Obj, behavior: str) -> None:
    """Charge at once. A declined card leaves the subscription past due, or undoes the change."""
    if behavior == "default_incomplete":
        return
    try:
        pay(world, invoice)
    except StripeProblem as problem:
        if behavior == "error_if_incomplete":
            problem.keeps_changes = False
            raise


@route("DELETE /v1/subscriptions/{}", "cancellation_details invoice_now prorate")
def cancel_subscription(world: World, call: Call) -> Obj:
    subscription = world.get("subscription", call.id)
    if subscription["status"] in OVER:
        raise wrong(
            f"No such subscription: '{call.id}' (it is canceled).", "id", "resource_missing"
        )
    given = call.params
    cancel_now(
        world,
        subscription,
        invoice_now=given.get("invoice_now", False),
        prorate=given.get("prorate", False),
        **given.get("cancellation_details", {}),
    )
    return subscription


def cancel_now(
    world: World,
    subscription: Obj,
    *,
    invoice_now: bool = False,
    prorate: bool = False,
    **details: Any,
) -> None:
    """End a subscription. Usage that no invoice holds yet is billed only with `invoice_now`."""
    now = now_of(world, subscription)
    for item in items_of(world, subscription):
        if invoice_now and is_metered(world, item):
            bill_usage(world, subscription, item, now)
        elif prorate and not is_metered(world, item):
            credit_rest(world, subscription, item, now)
    if invoice_now:
        invoice_pending(world, subscription)
    end(world, subscription, reason="cancellation_requested", **details)


@route("POST /v1/subscriptions/{}/pause", "type")
def pause_subscription(world: World, call: Call) -> Obj:
    """Pause: no invoices until it is resumed."""
    subscription = world.get("subscription", call.id)
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise wrong(f"A subscription that is {subscription['status']} cannot be paused.")
    now = now_of(world, subscription)
    why = {"type": "pause_requested"}
    paused = {"subscription": why, "transitioned_at": now, "type": "subscription"}
    before = world.snapshot(subscription)
    subscription |= {"status": "paused", "status_details": {"paused": paused}}
    plan_next(world, subscription)
    world.emit("customer.subscription.updated", subscription, before)
    world.emit("customer.subscription.paused", subscription)
    return subscription


@route("POST /v1/subscriptions/{}/resume", "billing_cycle_anchor proration_behavior")
def resume_subscription(world: World, call: Call) -> Obj:
    """Resume a paused subscription, in a cycle that begins now or in the old one."""
    subscription = world.get("subscription", call.id)
    if subscription["status"] != "paused":
        raise wrong("Only a paused subscription can be resumed.")
    before = world.snapshot(subscription)
    subscription |= {"status": "active", "status_details": None}
    now = now_of(world, subscription)
    wanted = call.params.get("billing_cycle_anchor", {"type": "now"})
    if wanted["type"] == "now":
        _restart(world, subscription)
    elif period_of(world, subscription)[1] <= now:
        for_interval = world.get("price", items_of(world, subscription)[0]["price"])["recurring"]
        anchor_at = subscription["billing_cycle_anchor"]
        interval, count = for_interval["interval"], for_interval["interval_count"]
        finish = next_boundary(anchor_at, interval, count, now)
        for item in items_of(world, subscription):
            item |= {
                "current_period_start": boundary(finish, interval, count, -1),
                "current_period_end": finish,
            }
    plan_next(world, subscription)
    world.emit("customer.subscription.updated", subscription, before)
    world.emit("customer.subscription.resumed", subscription)
    return subscription


@route("GET /v1/subscriptions", "collection_method created customer price status test_clock")
def list_subscriptions(world: World, call: Call) -> Obj:
    """List subscriptions; canceled ones only when `status` says so, clocks' ones only by name."""
    given = call.params
    by = {"customer": given["customer"]} if "customer" in given else {}
    status = given.get("status")

    def keep(subscription: Obj) -> bool:
        found = subscription["status"]
        fits = {
            None: found not in OVER,
            "all": True,
            "ended": found in OVER,
        }.get(status, found == status)
        method = given.get("collection_method")
        prices = {item["price"] for item in items_of(world, subscription)}
        return (
            fits
            and method in (None, subscription["collection_method"])
            and given.get("price") in (None, *prices)
            and ("customer" in given or given.get("test_clock") == subscription["test_clock"])
        )

    found = world.store.find("subscription", **by)
    return page(world, call, found, what="subscription", keep=keep)
