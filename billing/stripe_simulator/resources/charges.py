"""Charges, refunds and disputes: /v1/charges, /v1/refunds, /v1/disputes."""

from billing.stripe_simulator.errors import wrong
from billing.stripe_simulator.rendering import includes, listed
from billing.stripe_simulator.resources.payment_methods import DECLINED
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

DISPUTE_DAYS = 7  # until evidence is due


@includes("charge", "refunds")
def _refunds(world: World, charge: Obj) -> Obj:
    found = world.store.find("refund", charge=charge["id"])
    return listed(world, found[::-1], url=f"/v1/charges/{charge['id']}/refunds")


def make_charge(world: World, intent: Obj, method: Obj, *, failure: str | None) -> Obj:
    """Record one attempt to charge a card."""
    clock = intent["_"].get("clock")
    card = method["card"]
    is_paid = failure is None
    charge: Obj = {
        "id": world.new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if is_paid else 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "captured": is_paid,
        "created": world.now(clock or ""),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent.get("description"),
        "disputed": False,
        "failure_code": failure,
        "failure_message": DECLINED[failure] if failure else None,
        "fraud_details": {},
        "metadata": {},
        "outcome": {
            "type": "authorized" if is_paid else "issuer_declined",
            "network_status": "approved_by_network" if is_paid else "declined_by_network",
            "reason": failure,
            "risk_level": "normal",
            "seller_message": "Payment complete." if is_paid else "The bank declined it.",
        },
        "paid": is_paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "type": "card",
            "card": {
                name: card[name]
                for name in ("brand", "country", "exp_month", "exp_year", "funding", "last4")
            },
        },
        "receipt_url": f"{world.base_url}/receipts/{intent['id']}" if is_paid else None,
        "refunded": False,
        "status": "succeeded" if is_paid else "failed",
        "_": {"clock": clock},
    }
    world.add(charge, "charge.succeeded" if is_paid else "charge.failed")
    if is_paid and method["_"].get("dispute"):
        open_dispute(world, charge, reason=method["_"]["dispute"])
    return charge


@route("GET /v1/charges/{}")
def retrieve_charge(world: World, call: Call) -> Obj:
    return world.get("charge", call.id)


@route("GET /v1/charges", "created customer payment_intent")
def list_charges(world: World, call: Call) -> Obj:
    by = {name: call.params[name] for name in ("customer", "payment_intent") if name in call.params}
    return page(world, call, world.store.find("charge", **by), what="charge")


def refund_charge(world: World, charge: Obj, amount: int, *, reason: str | None = None) -> Obj:
    """Give money back. Raises StripeProblem beyond what is left of the charge."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise wrong("The charge was not paid, so there is nothing to refund.", "charge")
    if left <= 0:
        raise wrong(
            f"Charge {charge['id']} has already been refunded.", None, "charge_already_refunded"
        )
    if charge["disputed"]:
        raise wrong(f"Charge {charge['id']} is disputed.", None, "charge_disputed")
    if not 0 < amount <= left:
        raise wrong(
            f"Refund amount ({amount}) is greater than unrefunded amount ({left}).", "amount"
        )
    clock = charge["_"].get("clock")
    refund: Obj = {
        "id": world.new_id("re"),
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": world.now(clock or ""),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {"type": "card", "card": {"type": "refund"}},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "status": "succeeded",
        "_": {"clock": clock},
    }
    before = world.snapshot(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    world.add(refund, "refund.created")
    world.emit("charge.refunded", charge, before)
    return refund


@route("POST /v1/refunds", "amount charge metadata payment_intent reason")
def create_refund(world: World, call: Call) -> Obj:
    given = call.params
    if ("charge" in given) == ("payment_intent" in given):
        raise wrong("One of `charge` and `payment_intent` must be given.", "charge")
    charge_id = given.get("charge")
    if charge_id is None:
        intent = world.get("payment_intent", given["payment_intent"], param="payment_intent")
        charge_id = intent["latest_charge"]
    charge = world.get("charge", charge_id, param="charge")
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = given.get("amount", left)
    refund = refund_charge(world, charge, amount, reason=given.get("reason"))
    with_metadata(refund, given.get("metadata"))
    return refund


@route("GET /v1/refunds/{}")
def retrieve_refund(world: World, call: Call) -> Obj:
    return world.get("refund", call.id)


@route("POST /v1/refunds/{}", "metadata")
def update_refund(world: World, call: Call) -> Obj:
    refund = world.get("refund", call.id)
    before = world.snapshot(refund)
    with_metadata(refund, call.params.get("metadata"))
    world.emit("refund.updated", refund, before)
    return refund


@route("GET /v1/refunds", "charge created payment_intent")
def list_refunds(world: World, call: Call) -> Obj:
    by = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    return page(world, call, world.store.find("refund", **by), what="refund")


def open_dispute(world: World, charge: Obj, *, reason: str) -> Obj:
    """Let the cardholder dispute a paid charge."""
    if charge["disputed"] or charge["status"] != "succeeded":
        raise wrong("Only a paid charge can be disputed, once.", "charge")
    clock = charge["_"].get("clock")
    now = world.now(clock or "")
    dispute: Obj = {
        "id": world.new_id("du"),
        "object": "dispute",
        "amount": charge["amount_captured"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + DISPUTE_DAYS * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": None,
        "reason": reason,
        "status": "needs_response",
        "_": {"clock": clock},
    }
    charge["disputed"] = True
    world.add(dispute, "charge.dispute.created")
    world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_dispute(world: World, dispute: Obj, *, status: str) -> Obj:
    """End a dispute as won or lost."""
    if dispute["status"] in ("won", "lost"):
        raise wrong(f"The dispute is closed already: {dispute['status']}.")
    world.update(dispute, "charge.dispute.closed", status=status)
    if status == "won":
        world.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


@route("GET /v1/disputes/{}")
def retrieve_dispute(world: World, call: Call) -> Obj:
    return world.get("dispute", call.id)


@route("GET /v1/disputes", "charge created payment_intent")
def list_disputes(world: World, call: Call) -> Obj:
    by = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    return page(world, call, world.store.find("dispute", **by), what="dispute")


@route("POST /v1/disputes/{}/close")
def accept_dispute(world: World, call: Call) -> Obj:
    """Accept the dispute: it is lost."""
    return close_dispute(world, world.get("dispute", call.id), status="lost")
