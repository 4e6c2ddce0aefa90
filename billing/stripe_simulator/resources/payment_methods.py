"""Cards: Stripe's test tokens, attaching and detaching: /v1/payment_methods.

docs.stripe.com/testing: `pm_card_visa` and its kin stand for a fresh card each time they are used.
"""

from typing import Any

from billing.stripe_simulator.errors import StripeProblem, missing, required, wrong
from billing.stripe_simulator.resources.customers import live_customer
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

DECLINED = {
    "card_declined": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "This payment requires authentication.",
}
# Token: (brand, last four digits, decline when attached, decline when charged, dispute reason).
CARDS: dict[str, tuple[str, str, str | None, str | None, str | None]] = {
    "pm_card_visa": ("visa", "4242", None, None, None),
    "pm_card_mastercard": ("mastercard", "4444", None, None, None),
    "pm_card_amex": ("amex", "8431", None, None, None),
    "pm_card_chargeCustomerFail": ("visa", "0341", None, "card_declined", None),
    "pm_card_authenticationRequired": ("visa", "3184", None, "authentication_required", None),
    "pm_card_chargeDeclined": ("visa", "0002", "card_declined", "card_declined", None),
    "pm_card_visa_chargeDeclined": ("visa", "0002", "card_declined", "card_declined", None),
    "pm_card_chargeDeclinedExpiredCard": ("visa", "0069", "expired_card", "expired_card", None),
    "pm_card_chargeDeclinedIncorrectCvc": ("visa", "0127", "incorrect_cvc", "incorrect_cvc", None),
    "pm_card_chargeDeclinedProcessingError": (
        *("visa", "0119", "processing_error", "processing_error", None),
    ),
    "pm_card_createDispute": ("visa", "0259", None, None, "fraudulent"),
}
NUMBERS = {
    "4242424242424242": "pm_card_visa",
    "5555555555554444": "pm_card_mastercard",
    "4000000000000341": "pm_card_chargeCustomerFail",
    "4000000000000002": "pm_card_chargeDeclined",
    "4000000000000069": "pm_card_chargeDeclinedExpiredCard",
    "4000000000000259": "pm_card_createDispute",
}


def card_problem(code: str, **more: Any) -> StripeProblem:
    """Return the 402 of a declined card."""
    kind = "card_declined" if code == "card_declined" else code
    decline = "generic_decline" if code == "card_declined" else code
    message = DECLINED[code]
    return StripeProblem(
        message, status=402, kind="card_error", code=kind, decline_code=decline, **more
    )


def make_card(world: World, token: str, billing: dict[str, Any] | None = None) -> Obj:
    """Create a payment method as one of Stripe's test cards."""
    brand, last4, on_attach, on_charge, dispute = CARDS[token]
    details = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}
    method: Obj = {
        "id": world.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {**details, **(billing or {})},
        "card": {
            "brand": brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "pass",
            },
            "country": "US",
            "display_brand": brand,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": f"simulated{last4}",
            "funding": "credit",
            "generated_from": None,
            "last4": last4,
            "networks": {"available": [brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": world.now(),
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_": {"attach": on_attach, "charge": on_charge, "dispute": dispute},
    }
    return world.store.put(method)


def payment_method(world: World, reference: str, param: str = "payment_method") -> Obj:
    """Return the payment method of an id, or a fresh card for one of the test tokens."""
    if reference in CARDS:
        return make_card(world, reference)
    return world.get("payment_method", reference, param=param)


def attach(world: World, reference: str, customer: Obj) -> Obj:
    """Attach a card to a customer. Raises StripeProblem (402) for a card that is declined at once."""
    method = payment_method(world, reference)
    if method["_"].get("detached"):
        raise wrong(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again.",
            "payment_method",
        )
    if method["customer"] not in (None, customer["id"]):
        raise wrong("The payment method you provided has already been attached to a customer.")
    if code := method["_"]["attach"]:
        raise card_problem(code)
    method["customer"] = customer["id"]
    method["_"]["clock"] = customer.get("test_clock")
    world.emit("payment_method.attached", method)
    return method


@route("POST /v1/payment_methods", "billing_details card metadata type")
def create_payment_method(world: World, call: Call) -> Obj:
    given = call.params
    if given.get("type") != "card":
        raise wrong("The simulator knows cards only: type=card.", "type")
    card = given.get("card") or {}
    token = str(card.get("token", "")).replace("tok_", "pm_card_")
    token = token or NUMBERS.get(str(card.get("number", "")), "")
    if token not in CARDS:
        raise StripeProblem(
            "Your card number is incorrect: use one of Stripe's test cards.",
            status=402,
            kind="card_error",
            code="incorrect_number",
            param="number",
        )
    method = make_card(world, token, given.get("billing_details"))
    with_metadata(method, given.get("metadata"))
    return method


@route("GET /v1/payment_methods/{}")
def retrieve_payment_method(world: World, call: Call) -> Obj:
    return payment_method(world, call.id)


@route("POST /v1/payment_methods/{}", "billing_details metadata")
def update_payment_method(world: World, call: Call) -> Obj:
    method = world.get("payment_method", call.id)
    if method["customer"] is None:
        raise wrong("You must save this PaymentMethod to a customer before you can update it.")
    before = world.snapshot(method)
    method["billing_details"] |= call.params.get("billing_details", {})
    with_metadata(method, call.params.get("metadata"))
    world.emit("payment_method.updated", method, before)
    return method


@route("POST /v1/payment_methods/{}/attach", "customer")
def attach_payment_method(world: World, call: Call) -> Obj:
    if "customer" not in call.params:
        raise required("customer")
    return attach(world, call.id, live_customer(world, call.params["customer"]))


@route("POST /v1/payment_methods/{}/detach")
def detach_payment_method(world: World, call: Call) -> Obj:
    return detach(world, world.get("payment_method", call.id))


def detach(world: World, method: Obj) -> Obj:
    """Take a card off its customer, for good. Raises StripeProblem if it is on none."""
    customer = world.store.get("customer", method["customer"])
    if customer is None:
        raise wrong("The payment method you provided is not attached to a customer.")
    settings = customer["invoice_settings"]
    if settings["default_payment_method"] == method["id"]:
        settings["default_payment_method"] = None
    for subscription in world.store.find("subscription", customer=customer["id"]):
        if subscription["default_payment_method"] == method["id"]:
            subscription["default_payment_method"] = None
    method["_"]["detached"] = True
    return world.update(method, "payment_method.detached", customer=None)


@route("GET /v1/payment_methods", "customer type")
def list_payment_methods(world: World, call: Call) -> Obj:
    given = call.params
    by = {"customer": given["customer"]} if "customer" in given else {}
    found = [m for m in world.store.find("payment_method", **by) if m["customer"]]
    kind = given.get("type")
    return page(world, call, found, what="payment method", keep=lambda m: kind in (None, m["type"]))


@route("GET /v1/customers/{}/payment_methods", "type")
def list_customer_payment_methods(world: World, call: Call) -> Obj:
    live_customer(world, call.id, "id")
    found = world.store.find("payment_method", customer=call.id)
    kind = call.params.get("type")
    return page(world, call, found, what="payment method", keep=lambda m: kind in (None, m["type"]))


@route("GET /v1/customers/{}/payment_methods/{}")
def retrieve_customer_payment_method(world: World, call: Call) -> Obj:
    method = world.get("payment_method", call.ids[1])
    if method["customer"] != call.id:
        raise missing("payment method", call.ids[1])
    return method
