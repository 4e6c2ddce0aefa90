"""Customers, their balance and their tax ids' absence: /v1/customers."""

from typing import Any

from billing.stripe_simulator.errors import missing, wrong
from billing.stripe_simulator.rendering import includes, listed
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

FIELDS = (
    *("address", "description", "email", "name", "phone", "preferred_locales", "shipping"),
    *("tax_exempt", "business_name", "individual_name", "invoice_prefix"),
)
WRITABLE = f"{' '.join(FIELDS)} balance metadata invoice_settings"
PAYMENT_KEYS = {"custom_fields": None, "footer": None, "rendering_options": None}


def live_customer(world: World, customer_id: object, param: str = "customer") -> Obj:
    """Return a customer that is not deleted. Raises StripeProblem (404 as Stripe's 400s)."""
    customer = world.get("customer", customer_id, param=param)
    if customer.get("deleted"):
        raise missing("customer", customer_id, param=param)
    return customer


@includes("customer", "subscriptions")
def _subscriptions(world: World, customer: Obj) -> Any:
    found = [
        obj
        for obj in world.store.find("subscription", customer=customer["id"])
        if obj["status"] != "canceled"
    ]
    return listed(world, found, url=f"/v1/customers/{customer['id']}/subscriptions")


@includes("customer", "tax")
def _tax(world: World, customer: Obj) -> Any:
    country = (customer.get("address") or {}).get("country")
    known = {"country": country, "source": "billing_address", "state": None} if country else None
    automatic = "unrecognized_location" if known is None else "supported"
    if known and country not in world.settings["tax_percent"]:
        automatic = "not_collecting"
    return {"automatic_tax": automatic, "ip_address": None, "location": known, "provider": "stripe"}


@route("POST /v1/customers", f"{WRITABLE} payment_method test_clock")
def create_customer(world: World, call: Call) -> Obj:
    given = call.params
    clock = given.get("test_clock")
    if clock:
        world.get("test_helpers.test_clock", clock, param="test_clock")
    customer: Obj = {
        "id": world.new_id("cus"),
        "object": "customer",
        "balance": given.get("balance", 0),
        "created": world.now(clock or ""),
        "delinquent": False,
        "invoice_settings": {"default_payment_method": None, **PAYMENT_KEYS},
        "invoice_prefix": world.new_id("x")[2:10].upper(),
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
        "test_clock": clock,
        "_": {"clock": clock},
    }
    _write(world, customer, given)
    world.add(customer)
    if method := given.get("payment_method"):
        from billing.stripe_simulator.resources.payment_methods import attach  # noqa: PLC0415

        attach(world, method, customer)
    world.emit("customer.created", customer)
    return customer


def _write(world: World, customer: Obj, given: dict[str, Any]) -> None:
    for name in FIELDS:
        if name in given:
            customer[name] = given[name] or None
    with_metadata(customer, given.get("metadata"))
    settings = given.get("invoice_settings") or {}
    method = settings.get("default_payment_method")
    if method:
        found = world.get("payment_method", method, param="invoice_settings")
        if found.get("customer") != customer["id"]:
            raise wrong(
                f"The customer does not have a payment method with the ID {method}. The payment "
                "method must be attached to the customer.",
                "invoice_settings[default_payment_method]",
                "resource_missing",
            )
    for name, value in settings.items():
        customer["invoice_settings"][name] = value or None


@route("GET /v1/customers/{}")
def retrieve_customer(world: World, call: Call) -> Obj:
    return world.get("customer", call.id)


@route("POST /v1/customers/{}", WRITABLE)
def update_customer(world: World, call: Call) -> Obj:
    customer = live_customer(world, call.id, "id")
    before = world.snapshot(customer)
    _write(world, customer, call.params)
    if "balance" in call.params:
        change = call.params["balance"] - customer["balance"]
        change_balance(world, customer, change, kind="adjustment")
    world.emit("customer.updated", customer, before)
    return customer


@route("DELETE /v1/customers/{}")
def delete_customer(world: World, call: Call) -> Obj:
    from billing.stripe_simulator.resources.subscriptions import cancel_now  # noqa: PLC0415

    customer = live_customer(world, call.id, "id")
    for subscription in world.store.find("subscription", customer=customer["id"]):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            cancel_now(world, subscription)
    world.emit("customer.deleted", customer)
    customer["deleted"] = True
    return customer


@route("GET /v1/customers", "email created test_clock")
def list_customers(world: World, call: Call) -> Obj:
    given = call.params
    found = world.store.find("customer")

    def keep(customer: Obj) -> bool:
        return (
            not customer.get("deleted")
            and given.get("email") in (None, customer.get("email"))
            and given.get("test_clock") == customer.get("test_clock")
        )

    return page(world, call, found, what="customer", keep=keep)


def change_balance(world: World, customer: Obj, amount: int, *, kind: str, **more: Any) -> Obj:
    """Add to what the customer owes (negative: to what we owe), with its ledger entry."""
    customer["balance"] += amount
    entry = {
        "id": world.new_id("cbtxn"),
        "object": "customer_balance_transaction",
        "amount": amount,
        "created": world.now(world.frame_of(customer["id"])),
        "currency": more.pop("currency", None) or customer.get("currency") or "usd",
        "customer": customer["id"],
        "ending_balance": customer["balance"],
        "metadata": {},
        "type": kind,
        **more,
    }
    return world.add(entry)


@route("POST /v1/customers/{}/balance_transactions", "amount currency description metadata")
def create_balance_transaction(world: World, call: Call) -> Obj:
    customer = live_customer(world, call.id, "id")
    before = world.snapshot(customer)
    more = {k: call.params[k] for k in ("currency", "description") if k in call.params}
    entry = change_balance(world, customer, call.params["amount"], kind="adjustment", **more)
    with_metadata(entry, call.params.get("metadata"))
    world.emit("customer.updated", customer, before)
    return entry


@route("GET /v1/customers/{}/balance_transactions", "created")
def list_balance_transactions(world: World, call: Call) -> Obj:
    live_customer(world, call.id, "id")
    found = world.store.find("customer_balance_transaction", customer=call.id)
    return page(world, call, found, what="customer balance transaction")
