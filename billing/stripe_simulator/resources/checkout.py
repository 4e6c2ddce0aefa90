"""Checkout sessions: setup, subscription and payment, completed on a plain page of ours."""

from typing import Any

from billing.stripe_simulator.errors import required, wrong
from billing.stripe_simulator.money import total
from billing.stripe_simulator.rendering import includes, listed
from billing.stripe_simulator.resources.changes import price_for_item
from billing.stripe_simulator.resources.customers import create_customer, live_customer
from billing.stripe_simulator.resources.cycles import first_invoice, plan_next
from billing.stripe_simulator.resources.intents import (
    confirm_setup,
    keep,
    make_payment_intent,
    make_setup_intent,
    try_payment,
)
from billing.stripe_simulator.resources.payment_methods import attach, card_problem, make_card
from billing.stripe_simulator.resources.subscriptions import new_subscription
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

LIFE_SECONDS = 86_400
MIN_LIFE_SECONDS = 1_800
COUNTRY_LETTERS = 2
PLACEHOLDER = "{CHECKOUT_SESSION_ID}"


@route(
    "POST /v1/checkout/sessions",
    "automatic_tax billing_address_collection cancel_url client_reference_id currency customer"
    " custom_text customer_creation customer_email customer_update expires_at line_items locale metadata mode"
    " payment_method_collection setup_intent_data subscription_data success_url"
    " ui_mode",
)
def create_session(world: World, call: Call) -> Obj:
    given = call.params
    mode = given.get("mode", "payment")
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise wrong(
            "The simulator's Checkout has hosted pages only: ui_mode=hosted_page.", "ui_mode"
        )
    if "success_url" not in given:
        raise required("success_url")
    customer = live_customer(world, given["customer"]) if "customer" in given else None
    if customer is None and "customer_update" in given:
        raise wrong("`customer_update` needs a `customer`.", "customer_update")
    lines = _line_items(world, given, mode)
    clock = (customer or {}).get("test_clock")
    now = world.now(clock or "")
    expires = given.get("expires_at", now + LIFE_SECONDS)
    if not now + MIN_LIFE_SECONDS <= expires <= now + LIFE_SECONDS:
        raise wrong("expires_at must lie 30 minutes to 24 hours from now.", "expires_at")
    session_id = world.new_id("cs_test")
    amount = sum(line["amount_total"] for line in lines)
    session: Obj = {
        "id": session_id,
        "object": "checkout.session",
        "amount_subtotal": amount if lines else None,
        "amount_total": amount if lines else None,
        "automatic_tax": {
            "enabled": given.get("automatic_tax", {}).get("enabled", False),
            "liability": None,
            "provider": None,
            "status": None,
        },
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "created": now,
        "currency": lines[0]["currency"] if lines else given.get("currency"),
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
            **given.get("custom_text", {}),
        },
        "customer": customer["id"] if customer else None,
        "customer_email": given.get("customer_email"),
        "expires_at": expires,
        "livemode": False,
        "locale": given.get("locale"),
        "metadata": {},
        "mode": mode,
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "shipping_options": [],
        "status": "open",
        "success_url": given["success_url"],
        "ui_mode": "hosted_page",
        "url": f"{world.base_url}/checkout/{session_id}",
        "_": {"lines": lines, "given": given, "clock": clock, "due": expires},
    }
    with_metadata(session, given.get("metadata"))
    if mode == "setup":
        data = given.get("setup_intent_data", {})
        session["setup_intent"] = make_setup_intent(world, customer, data)["id"]
    return world.add(session)


def _line_items(world: World, given: dict[str, Any], mode: str) -> list[Obj]:
    wanted = given.get("line_items", [])
    if mode == "setup":
        if wanted:
            raise wrong("`line_items` cannot be used in setup mode.", "line_items")
        if "currency" not in given:
            raise required("currency")
        return []
    if not wanted:
        raise required("line_items")
    return [_line_item(world, item, index, mode) for index, item in enumerate(wanted)]


def _line_item(world: World, item: dict[str, Any], index: int, mode: str) -> Obj:
    param = f"line_items[{index}]"
    if "price" not in item:
        raise required(f"{param}[price]")
    price = world.get("price", item["price"], param=f"{param}[price]")
    recurring = price["recurring"]
    if mode == "subscription" and recurring:
        price_for_item(world, price["id"], f"{param}[price]")
    elif recurring:
        raise wrong("You must use `mode=subscription` with recurring prices.", param)
    is_metered = bool(recurring and recurring["usage_type"] == "metered")
    if is_metered and "quantity" in item:
        raise wrong("Quantity must not be given for metered prices.", f"{param}[quantity]")
    if not is_metered and "quantity" not in item:
        raise required(f"{param}[quantity]")
    amount = 0 if is_metered else total(price, item["quantity"])
    return {
        "id": world.new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": world.get("product", price["product"])["name"],
        "price": listed(world, [price], url="")["data"][0],
        "quantity": item.get("quantity"),
    }


@includes("checkout.session", "line_items")
def _include_lines(world: World, session: Obj) -> Any:
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return listed(world, session["_"]["lines"], url=url)


@route("GET /v1/checkout/sessions/{}")
def retrieve_session(world: World, call: Call) -> Obj:
    return world.get("checkout.session", call.id)


@route("GET /v1/checkout/sessions/{}/line_items")
def list_line_items(world: World, call: Call) -> Obj:
    session = world.get("checkout.session", call.id)
    return page(world, call, session["_"]["lines"], what="line item", newest_first=False)


@route("GET /v1/checkout/sessions", "created customer payment_intent status subscription")
def list_sessions(world: World, call: Call) -> Obj:
    names = ("customer", "payment_intent", "status", "subscription")
    by = {name: call.params[name] for name in names if name in call.params}
    found = world.store.find("checkout.session", **by)
    return page(world, call, found, what="checkout session")


@route("POST /v1/checkout/sessions/{}/expire")
def expire_session(world: World, call: Call) -> Obj:
    session = world.get("checkout.session", call.id)
    _check_open(session)
    expire(world, session)
    return session


def expire(world: World, session: Obj) -> None:
    session["_"]["due"] = None
    world.update(session, "checkout.session.expired", status="expired", url=None)


def _check_open(session: Obj) -> None:
    if session["status"] != "open":
        raise wrong(f"This Checkout Session is {session['status']}: only an open one will do.")


def complete(
    world: World,
    session: Obj,
    *,
    card: str,
    email: str | None = None,
    address: Obj | None = None,
) -> str:
    """Do what the customer's click does; return where the browser goes then.

    `address`: what was entered on the page; the customer's own takes it over only where
    `customer_update` says so.

    Raises StripeProblem (402) for a declined card: the session stays open.
    """
    _check_open(session)
    customer = world.store.get("customer", session["customer"])
    if customer is None:
        details = {"email": email or session["customer_email"] or "customer@example.com"}
        customer = create_customer(world, Call(params=details))
        session["customer"] = customer["id"]
    _check_address(session, address)
    given = session["_"]["given"]
    if address and given.get("customer_update", {}).get("address") == "auto":
        customer_before = world.snapshot(customer)
        customer["address"] = address
        world.emit("customer.updated", customer, customer_before)
    {"setup": _set_up, "subscription": _subscribe, "payment": _pay}[session["mode"]](
        world, session, customer, card
    )
    before = world.snapshot(session)
    session["customer_details"] = {
        "address": address or customer.get("address"),
        "email": customer.get("email"),
        "name": customer.get("name"),
        "phone": customer.get("phone"),
        "tax_exempt": customer["tax_exempt"],
        "tax_ids": [],
    }
    session |= {"status": "complete", "url": None}
    session["_"]["due"] = None
    world.emit("checkout.session.completed", session, before)
    return str(session["success_url"]).replace(PLACEHOLDER, session["id"])


def _check_address(session: Obj, address: Obj | None) -> None:
    if session["_"]["given"].get("billing_address_collection") != "required":
        return
    if len((address or {}).get("country") or "") != COUNTRY_LETTERS:
        raise wrong("Enter the billing address; its country is two letters, such as DE.")


def _set_up(world: World, session: Obj, customer: Obj, card: str) -> None:
    intent = world.get("setup_intent", session["setup_intent"])
    intent["customer"] = customer["id"]
    confirm_setup(world, intent, card)


def _subscribe(world: World, session: Obj, customer: Obj, card: str) -> None:
    given = session["_"]["given"]
    method = attach(world, card, customer)
    data = given.get("subscription_data", {})
    wanted = {
        **data,
        "items": [
            {name: item[name] for name in ("price", "quantity") if name in item}
            for item in given["line_items"]
        ],
        "default_payment_method": method["id"],
        "automatic_tax": session["automatic_tax"],
        "payment_behavior": "error_if_incomplete",
    }
    subscription = new_subscription(world, customer, wanted)
    first_invoice(world, subscription, wanted)
    plan_next(world, subscription)
    session |= {
        "subscription": subscription["id"],
        "invoice": subscription["latest_invoice"],
        "payment_status": "paid" if session["amount_total"] else "no_payment_required",
    }


def _pay(world: World, session: Obj, customer: Obj, card: str) -> None:
    intent = make_payment_intent(
        world, customer, amount=session["amount_total"], currency=session["currency"]
    )
    failure = try_payment(world, intent, make_card(world, card))
    if failure:
        raise keep(card_problem(failure))
    session |= {"payment_intent": intent["id"], "payment_status": "paid"}
