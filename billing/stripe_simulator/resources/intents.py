"""Setup and payment intents, as far as cards and invoices need them."""

from typing import Any

from billing.stripe_simulator.errors import StripeProblem, required, wrong
from billing.stripe_simulator.resources.charges import make_charge
from billing.stripe_simulator.resources.customers import live_customer
from billing.stripe_simulator.resources.payment_methods import (
    DECLINED,
    attach,
    card_problem,
    payment_method,
)
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World


@route(
    "POST /v1/setup_intents",
    "automatic_payment_methods confirm customer description metadata payment_method"
    " usage return_url",
)
def create_setup_intent(world: World, call: Call) -> Obj:
    given = call.params
    customer = live_customer(world, given["customer"]) if "customer" in given else None
    intent = make_setup_intent(world, customer, given)
    if given.get("payment_method"):
        intent |= {"payment_method": given["payment_method"], "status": "requires_confirmation"}
    if given.get("confirm"):
        confirm_setup(world, intent, given.get("payment_method"))
    return intent


def make_setup_intent(world: World, customer: Obj | None, given: dict[str, Any]) -> Obj:
    clock = (customer or {}).get("test_clock")
    intent_id = world.new_id("seti")
    intent: Obj = {
        "id": intent_id,
        "object": "setup_intent",
        "client_secret": f"{intent_id}_secret_simulated",
        "created": world.now(clock or ""),
        "customer": customer["id"] if customer else None,
        "description": given.get("description"),
        "livemode": False,
        "metadata": {},
        "payment_method": None,
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": given.get("usage", "off_session"),
        "_": {"clock": clock},
    }
    with_metadata(intent, given.get("metadata"))
    return world.add(intent, "setup_intent.created")


@route("POST /v1/setup_intents/{}/confirm", "payment_method return_url")
def confirm_setup_intent(world: World, call: Call) -> Obj:
    intent = world.get("setup_intent", call.id)
    confirm_setup(world, intent, call.params.get("payment_method") or intent["payment_method"])
    return intent


def confirm_setup(world: World, intent: Obj, reference: str | None) -> None:
    """Attach a card through a setup intent. Raises StripeProblem (402) for a declined one."""
    if intent["status"] in ("succeeded", "canceled"):
        raise _unexpected("SetupIntent", intent)
    if not reference:
        raise required("payment_method")
    method = payment_method(world, reference)
    customer = world.store.get("customer", intent["customer"])
    if code := method["_"]["attach"]:
        error = {"type": "card_error", "code": code, "message": DECLINED[code]}
        intent |= {"last_setup_error": error, "status": "requires_payment_method"}
        world.emit("setup_intent.setup_failed", intent)
        raise keep(card_problem(code))
    if customer and method["customer"] is None:
        attach(world, method["id"], customer)
    intent |= {"payment_method": method["id"], "status": "succeeded", "last_setup_error": None}
    world.emit("setup_intent.succeeded", intent)


def keep(problem: StripeProblem) -> StripeProblem:
    """Mark an error whose consequences stay: a declined card is on record."""
    problem.keeps_changes = True
    return problem


def _unexpected(what: str, intent: Obj) -> StripeProblem:
    name = "setup_intent" if what == "SetupIntent" else "payment_intent"
    return wrong(
        f"You cannot do this to this {what} because it has a status of {intent['status']}.",
        None,
        f"{name}_unexpected_state",
    )


@route("GET /v1/setup_intents/{}")
def retrieve_setup_intent(world: World, call: Call) -> Obj:
    return world.get("setup_intent", call.id)


@route("POST /v1/setup_intents/{}/cancel", "cancellation_reason")
def cancel_setup_intent(world: World, call: Call) -> Obj:
    intent = world.get("setup_intent", call.id)
    if intent["status"] in ("succeeded", "canceled"):
        raise _unexpected("SetupIntent", intent)
    reason = call.params.get("cancellation_reason")
    intent |= {"status": "canceled", "cancellation_reason": reason}
    world.emit("setup_intent.canceled", intent)
    return intent


@route("GET /v1/setup_intents", "created customer payment_method")
def list_setup_intents(world: World, call: Call) -> Obj:
    given = call.params
    by = {"customer": given["customer"]} if "customer" in given else {}
    wanted = given.get("payment_method")
    found = world.store.find("setup_intent", **by)
    return page(
        world,
        call,
        found,
        what="setup intent",
        keep=lambda i: wanted in (None, i["payment_method"]),
    )


def make_payment_intent(
    world: World, customer: Obj | None, *, amount: int, currency: str, **more: Any
) -> Obj:
    clock = (customer or {}).get("test_clock")
    intent_id = world.new_id("pi")
    intent: Obj = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_simulated",
        "confirmation_method": "automatic",
        "created": world.now(clock or ""),
        "currency": currency,
        "customer": customer["id"] if customer else None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "payment_method": None,
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        **more,
        "_": {"clock": clock},
    }
    return world.add(intent, "payment_intent.created")


def try_payment(world: World, intent: Obj, method: Obj) -> str | None:
    """Charge a card once; return the reason of a decline, or None when it was paid."""
    settings = world.settings
    failure = method["_"]["charge"]
    if settings["fail_payments"]:
        settings["fail_payments"] -= 1
        failure = "card_declined"
    charge = make_charge(world, intent, method, failure=failure)
    intent |= {"latest_charge": charge["id"], "payment_method": method["id"]}
    if failure is None:
        intent |= {
            "status": "succeeded",
            "amount_received": intent["amount"],
            "last_payment_error": None,
        }
        world.emit("payment_intent.succeeded", intent)
        return None
    needs_action = failure == "authentication_required"
    intent["status"] = "requires_action" if needs_action else "requires_payment_method"
    intent["last_payment_error"] = {
        "type": "card_error",
        "code": failure,
        "charge": charge["id"],
        "message": DECLINED[failure],
    }
    world.emit("payment_intent.payment_failed", intent)
    return str(failure)


@route(
    "POST /v1/payment_intents",
    "amount automatic_payment_methods confirm currency customer description metadata off_session"
    " payment_method return_url setup_future_usage",
)
def create_payment_intent(world: World, call: Call) -> Obj:
    given = call.params
    if given["amount"] <= 0:
        raise wrong("This value must be greater than or equal to 1.", "amount")
    least = world.settings["minimum_charge"].get(given["currency"].lower(), 0)
    if given["amount"] < least:
        raise wrong(f"Amount must be at least {least} (minor units).", "amount", "amount_too_small")
    customer = live_customer(world, given["customer"]) if "customer" in given else None
    intent = make_payment_intent(
        world,
        customer,
        amount=given["amount"],
        currency=given["currency"].lower(),
        description=given.get("description"),
        setup_future_usage=given.get("setup_future_usage"),
    )
    with_metadata(intent, given.get("metadata"))
    if given.get("payment_method"):
        intent |= {"payment_method": given["payment_method"], "status": "requires_confirmation"}
    if given.get("confirm"):
        _confirm_payment(world, intent, given.get("payment_method"))
    return intent


@route("POST /v1/payment_intents/{}/confirm", "off_session payment_method return_url")
def confirm_payment_intent(world: World, call: Call) -> Obj:
    intent = world.get("payment_intent", call.id)
    _confirm_payment(world, intent, call.params.get("payment_method") or intent["payment_method"])
    return intent


def _confirm_payment(world: World, intent: Obj, reference: str | None) -> None:
    if intent["status"] in ("succeeded", "canceled"):
        raise _unexpected("PaymentIntent", intent)
    if not reference:
        raise required("payment_method")
    failure = try_payment(world, intent, payment_method(world, reference))
    if failure:
        raise keep(card_problem(failure, charge=intent["latest_charge"]))


@route("GET /v1/payment_intents/{}")
def retrieve_payment_intent(world: World, call: Call) -> Obj:
    return world.get("payment_intent", call.id)


@route("POST /v1/payment_intents/{}/cancel", "cancellation_reason")
def cancel_payment_intent(world: World, call: Call) -> Obj:
    intent = world.get("payment_intent", call.id)
    if intent["status"] in ("succeeded", "canceled"):
        raise _unexpected("PaymentIntent", intent)
    cancel_intent(world, intent, call.params.get("cancellation_reason"))
    return intent


def cancel_intent(world: World, intent: Obj, reason: str | None = None) -> None:
    now = world.now(intent["_"].get("clock") or "")
    intent |= {"status": "canceled", "canceled_at": now, "cancellation_reason": reason}
    world.emit("payment_intent.canceled", intent)


@route("GET /v1/payment_intents", "created customer")
def list_payment_intents(world: World, call: Call) -> Obj:
    by = {"customer": call.params["customer"]} if "customer" in call.params else {}
    return page(world, call, world.store.find("payment_intent", **by), what="payment intent")
