"""Prepaid credits: /v1/billing/credit_grants and their ledger.

docs.stripe.com/billing/subscriptions/usage-based/billing-credits: credits pay metered lines only,
after discounts and before taxes; the grant with the lowest priority goes first, then the one that
expires first, then promotional before paid, then the one that took effect first.
"""

from typing import Any

from billing.stripe_simulator.errors import required, wrong
from billing.stripe_simulator.money import net
from billing.stripe_simulator.resources.customers import live_customer
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

DEFAULT_PRIORITY, MAX_PRIORITY = 50, 100
FAR = 1 << 60


def _monetary(value: int, currency: str) -> Obj:
    return {"type": "monetary", "monetary": {"currency": currency, "value": value}}


@route(
    "POST /v1/billing/credit_grants",
    "amount applicability_config category customer effective_at expires_at metadata name priority",
)
def create_grant(world: World, call: Call) -> Obj:
    given = call.params
    if "customer" not in given:
        raise required("customer")
    customer = live_customer(world, given["customer"])
    money = given["amount"].get("monetary")
    if not money or money["value"] <= 0:
        raise wrong("The amount must be monetary and positive.", "amount[monetary][value]")
    scope = given["applicability_config"]["scope"]
    if ("price_type" in scope) == ("prices" in scope):
        raise wrong("Set one of `price_type` and `prices`.", "applicability_config[scope]")
    frame = customer.get("test_clock") or ""
    now = world.now(frame)
    effective, expires = given.get("effective_at", now), given.get("expires_at")
    if expires is not None and expires <= effective:
        raise wrong("expires_at must be after effective_at.", "expires_at")
    priority = given.get("priority", DEFAULT_PRIORITY)
    if not 0 <= priority <= MAX_PRIORITY:
        raise wrong(f"Invalid priority: 0 to {MAX_PRIORITY}.", "priority")
    prices = [
        {"id": world.get("price", p["id"], param="prices")["id"]} for p in scope.get("prices", [])
    ]
    grant: Obj = {
        "id": world.new_id("credgr"),
        "object": "billing.credit_grant",
        "amount": _monetary(money["value"], money["currency"].lower()),
        "applicability_config": {
            "scope": {"prices": prices} if prices else {"price_type": scope.get("price_type")}
        },
        "category": given.get("category", "paid"),
        "created": now,
        "customer": customer["id"],
        "effective_at": effective,
        "expires_at": expires,
        "livemode": False,
        "metadata": {},
        "name": given.get("name"),
        "priority": priority,
        "test_clock": frame or None,
        "updated": now,
        "voided_at": None,
        "_": {"left": money["value"], "clock": frame or None, "due": expires},
    }
    with_metadata(grant, given.get("metadata"))
    world.add(grant, "billing.credit_grant.created")
    _book(world, grant, "credit", "credits_granted", money["value"], effective_at=effective)
    return grant


def _book(
    world: World,
    grant: Obj,
    side: str,
    kind: str,
    value: int,
    *,
    effective_at: int | None = None,
    source: dict[str, Any] | None = None,
) -> Obj:
    """Write one entry of the ledger, which is only ever added to."""
    frame = grant["test_clock"] or ""
    now = world.now(frame)
    amount = _monetary(value, grant["amount"]["monetary"]["currency"])
    detail: Obj = {"amount": amount, "type": kind}
    for name in ("credits_applied", "credits_application_invoice_voided"):
        if side == ("debit" if name == "credits_applied" else "credit"):
            detail[name] = source if kind == name else None
    entry: Obj = {
        "id": world.new_id("cbtxn"),
        "object": "billing.credit_balance_transaction",
        "created": now,
        "credit": detail if side == "credit" else None,
        "credit_grant": grant["id"],
        "debit": detail if side == "debit" else None,
        "effective_at": effective_at or now,
        "livemode": False,
        "test_clock": grant["test_clock"],
        "type": side,
        "_": {"customer": grant["customer"]},
    }
    return world.add(entry, "billing.credit_balance_transaction.created")


@route("GET /v1/billing/credit_grants/{}")
def retrieve_grant(world: World, call: Call) -> Obj:
    return world.get("billing.credit_grant", call.id)


@route("POST /v1/billing/credit_grants/{}", "expires_at metadata")
def update_grant(world: World, call: Call) -> Obj:
    grant = world.get("billing.credit_grant", call.id)
    before = world.snapshot(grant)
    if "expires_at" in call.params:
        grant["expires_at"] = call.params["expires_at"] or None
        grant["_"]["due"] = grant["expires_at"]
    with_metadata(grant, call.params.get("metadata"))
    grant["updated"] = world.now(grant["test_clock"] or "")
    world.emit("billing.credit_grant.updated", grant, before)
    return grant


@route("POST /v1/billing/credit_grants/{}/expire")
def expire_now(world: World, call: Call) -> Obj:
    grant = world.get("billing.credit_grant", call.id)
    expire_grant(world, grant)
    return grant


def expire_grant(world: World, grant: Obj) -> None:
    """End a grant: what is left of it is lost."""
    if grant["voided_at"]:
        raise wrong("The credit grant is void.")
    now = world.now(grant["test_clock"] or "")
    left = grant["_"]["left"]
    if left:
        _book(world, grant, "debit", "credits_expired", left)
    grant["_"] |= {"left": 0, "due": None}
    world.update(grant, "billing.credit_grant.updated", expires_at=now, updated=now)


@route("POST /v1/billing/credit_grants/{}/void")
def void_grant(world: World, call: Call) -> Obj:
    """Void a grant of which nothing was used."""
    grant = world.get("billing.credit_grant", call.id)
    if grant["voided_at"] or grant["_"]["left"] != grant["amount"]["monetary"]["value"]:
        raise wrong("Only a credit grant that was not applied to an invoice can be voided.")
    _book(world, grant, "debit", "credits_voided", grant["_"]["left"])
    grant["_"] |= {"left": 0, "due": None}
    now = world.now(grant["test_clock"] or "")
    return world.update(grant, "billing.credit_grant.updated", voided_at=now, updated=now)


@route("GET /v1/billing/credit_grants", "customer")
def list_grants(world: World, call: Call) -> Obj:
    by = {"customer": call.params["customer"]} if "customer" in call.params else {}
    return page(world, call, world.store.find("billing.credit_grant", **by), what="credit grant")


@route("GET /v1/billing/credit_balance_summary", "customer filter")
def summarize(world: World, call: Call) -> Obj:
    """State what is available and what the ledger holds, by currency."""
    given = call.params
    if "customer" not in given:
        raise required("customer")
    customer = live_customer(world, given["customer"])
    wanted = given["filter"].get("credit_grant")
    now = world.now(customer.get("test_clock") or "")
    sums: dict[str, list[int]] = {}
    for grant in world.store.find("billing.credit_grant", customer=customer["id"]):
        if wanted not in (None, grant["id"]):
            continue
        money = sums.setdefault(grant["amount"]["monetary"]["currency"], [0, 0])
        money[1] += grant["_"]["left"]
        if grant["effective_at"] <= now:
            money[0] += grant["_"]["left"]
    return {
        "object": "billing.credit_balance_summary",
        "balances": [
            {
                "available_balance": _monetary(available, currency),
                "ledger_balance": _monetary(ledger, currency),
            }
            for currency, (available, ledger) in sorted(sums.items())
        ],
        "customer": customer["id"],
        "livemode": False,
    }


@route("GET /v1/billing/credit_balance_transactions", "credit_grant customer")
def list_entries(world: World, call: Call) -> Obj:
    names = ("credit_grant", "customer")
    by = {name: call.params[name] for name in names if name in call.params}
    found = world.store.find("billing.credit_balance_transaction", **by)
    return page(world, call, found, what="credit balance transaction")


@route("GET /v1/billing/credit_balance_transactions/{}")
def retrieve_entry(world: World, call: Call) -> Obj:
    return world.get("billing.credit_balance_transaction", call.id)


def plan_credits(world: World, invoice: Obj, lines: list[Obj]) -> list[Obj]:
    """Return which grant pays how much of which metered line, without touching a balance."""
    now = world.now(world.frame_of(invoice["customer"]))
    grants = [
        grant
        for grant in world.store.find("billing.credit_grant", customer=invoice["customer"])
        if grant["_"]["left"] > 0
        and grant["effective_at"] <= now
        and grant["amount"]["monetary"]["currency"] == invoice["currency"]
    ]
    grants.sort(
        key=lambda g: (
            g["priority"],
            g["expires_at"] or FAR,
            g["category"] != "promotional",
            g["effective_at"],
        )
    )
    open_amounts = {line["id"]: net(line) for line in lines if line["_"]["is_metered"]}
    planned = []
    for grant in grants:
        left = grant["_"]["left"]
        prices = {price["id"] for price in grant["applicability_config"]["scope"].get("prices", [])}
        for line in lines:
            room = open_amounts.get(line["id"], 0)
            amount = min(room, left)
            if amount > 0 and (not prices or line["_"]["price"] in prices):
                planned.append({"grant": grant["id"], "line": line["id"], "amount": amount})
                left -= amount
                open_amounts[line["id"]] -= amount
    return planned


def apply_credits(world: World, invoice: Obj) -> None:
    """Take what an invoice uses out of the grants, once, when it is finalized."""
    for used in invoice["_"].get("credits", []):
        grant = world.get("billing.credit_grant", used["grant"])
        grant["_"]["left"] -= used["amount"]
        source = {"invoice": invoice["id"], "invoice_line_item": used["line"]}
        entry = _book(world, grant, "debit", "credits_applied", used["amount"], source=source)
        used["transaction"] = entry["id"]


def return_credits(world: World, invoice: Obj) -> None:
    """Give the credits of a voided invoice back."""
    for used in invoice["_"].get("credits", []):
        grant = world.get("billing.credit_grant", used["grant"])
        if grant["voided_at"]:
            continue
        grant["_"]["left"] += used["amount"]
        source = {"invoice": invoice["id"], "invoice_line_item": used["line"]}
        kind = "credits_application_invoice_voided"
        _book(world, grant, "credit", kind, used["amount"], source=source)
