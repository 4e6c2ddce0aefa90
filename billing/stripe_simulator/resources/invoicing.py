"""The life of an invoice: draft, open, then paid, void or uncollectible.

docs.stripe.com/invoicing/overview. A draft is finalized when its grace is over; finalizing numbers
it, takes credits and balance, and opens it; what is to be charged automatically is tried at once
and then on the days of `payment_retry_days`.
"""

from typing import Any

from billing.stripe_simulator.errors import StripeProblem, wrong
from billing.stripe_simulator.rendering import includes, listed, renders
from billing.stripe_simulator.resources.credit_grants import apply_credits, return_credits
from billing.stripe_simulator.resources.customers import change_balance
from billing.stripe_simulator.resources.intents import (
    cancel_intent,
    keep,
    make_payment_intent,
    try_payment,
)
from billing.stripe_simulator.resources.lines import add_up, refresh_usage
from billing.stripe_simulator.resources.payment_methods import card_problem, payment_method
from billing.stripe_simulator.resources.tax import automatic_tax
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

DAY = 86_400
LINES_SHOWN = 10  # the rest is at /v1/invoices/{id}/lines
DAYS_UNTIL_DUE = 30


@renders("invoice")
def _render(world: World, invoice: Obj) -> None:
    if invoice["status"] == "draft" and invoice["_"].get("metered"):
        refresh_usage(world, invoice)
        add_up(world, invoice)
    url = f"/v1/invoices/{invoice['id']}/lines"
    lines = invoice["_"]["lines"]
    invoice["lines"] = listed(
        world, lines[:LINES_SHOWN], url=url, has_more=len(lines) > LINES_SHOWN
    )


@includes("invoice", "payments")
def _payments(world: World, invoice: Obj) -> Any:
    found = world.store.find("invoice_payment", invoice=invoice["id"])
    return listed(world, found[::-1], url="/v1/invoice_payments")


@includes("invoice", "confirmation_secret")
def _confirmation_secret(world: World, invoice: Obj) -> Any:
    intent = intent_of(world, invoice)
    return {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent else None


def subscription_of(world: World, invoice: Obj) -> Obj | None:
    return world.store.get("subscription", invoice["_"].get("subscription"))


def new_invoice(
    world: World,
    customer: Obj,
    *,
    reason: str,
    currency: str,
    period: tuple[int, int],
    subscription: Obj | None = None,
    given: dict[str, Any] | None = None,
) -> Obj:
    """Put an empty draft on record; the caller adds lines and tells of it with `announce`."""
    given = given or {}
    source = subscription or {}
    now = world.now(customer.get("test_clock") or "")
    method = given.get("collection_method") or source.get("collection_method")
    invoice_id = world.new_id("in")
    parent = subscription and {
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
            "subscription_proration_date": None,
        },
        "type": "subscription_details",
    }
    tax = given.get("automatic_tax") or source.get("automatic_tax")
    invoice: Obj = {
        "id": invoice_id,
        "object": "invoice",
        "account_country": "DE",
        "account_name": "Stripe simulator",
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": given.get("auto_advance", bool(subscription)),
        "automatic_tax": automatic_tax(world, customer, tax),
        "billing_reason": reason,
        "collection_method": method or "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": given.get("default_payment_method"),
        "default_tax_rates": [],
        "description": given.get("description"),
        "discounts": list(given.get("discounts") or source.get("discounts") or []),
        "due_date": given.get("due_date"),
        "footer": given.get("footer"),
        "issuer": {"type": "self", "account": None},
        "livemode": False,
        "metadata": {},
        "parent": parent or None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": period[1],
        "period_start": period[0],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": customer["balance"],
        "status": "draft",
        "status_transitions": dict.fromkeys(
            ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
        ),
        "subtotal": 0,
        "test_clock": customer.get("test_clock"),
        "total": 0,
        "_": {
            "lines": [],
            "metered": [],
            "days_until_due": given.get("days_until_due") or source.get("days_until_due"),
            "clock": customer.get("test_clock"),
            "subscription": subscription["id"] if subscription else None,
            "due": None,
        },
    }
    _copy_customer(invoice, customer)
    customer["currency"] = customer.get("currency") or currency
    return world.store.put(invoice)


def _copy_customer(invoice: Obj, customer: Obj) -> None:
    address = customer.get("address")
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    invoice |= {
        "customer_address": {name: address.get(name) for name in names} if address else None,
        "customer_email": customer.get("email"),
        "customer_name": customer.get("name"),
        "customer_phone": customer.get("phone"),
        "customer_shipping": customer.get("shipping"),
    }


def announce(world: World, invoice: Obj) -> None:
    """Add a new draft up, tell of it, and plan when it finalizes by itself."""
    refresh_usage(world, invoice)
    add_up(world, invoice)
    schedule_finalization(world, invoice)
    world.emit("invoice.created", invoice)


def schedule_finalization(world: World, invoice: Obj) -> None:
    if invoice["status"] != "draft":
        return
    at = None
    if invoice["auto_advance"]:
        at = invoice["created"] + world.settings["finalization_grace_seconds"]
    invoice["automatically_finalizes_at"] = at
    invoice["_"]["due"] = at


def finalize(world: World, invoice: Obj, *, auto_advance: bool | None = None) -> None:
    """Open a draft. A missing address leaves it a draft and says so.

    Raises StripeProblem if it is no draft, or if taxes cannot be computed (what was recorded stays).
    """
    if invoice["status"] != "draft":
        raise wrong(
            f"This invoice is already finalized, you can't re-finalize a {invoice['status']} invoice.",
            None,
            "invoice_not_editable",
        )
    customer = world.get("customer", invoice["customer"])
    invoice["starting_balance"] = customer["balance"]
    _copy_customer(invoice, customer)
    refresh_usage(world, invoice)
    add_up(world, invoice)
    if auto_advance is not None:
        invoice["auto_advance"] = auto_advance
    if invoice["automatic_tax"]["enabled"] and invoice["automatic_tax"]["status"] != "complete":
        _refuse_for_tax(world, invoice)
    before = world.snapshot(invoice)
    apply_credits(world, invoice)
    invoice["_"]["are_credits_taken"] = True
    add_up(world, invoice)
    now = world.now(invoice["_"]["clock"] or "")
    _use_balance(world, invoice, customer)
    invoice |= {
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}",
        "effective_at": now,
        "automatically_finalizes_at": None,
        "hosted_invoice_url": f"{world.base_url}/invoices/{invoice['id']}",
        "invoice_pdf": f"{world.base_url}/invoices/{invoice['id']}/pdf",
        "last_finalization_error": None,
    }
    if invoice["collection_method"] == "send_invoice" and not invoice["due_date"]:
        invoice["due_date"] = now + DAY * (invoice["_"]["days_until_due"] or DAYS_UNTIL_DUE)
    customer["next_invoice_sequence"] += 1
    invoice["status_transitions"]["finalized_at"] = now
    for discount_id in invoice["discounts"]:
        world.get("discount", discount_id)["_"]["used"] = True
    invoice["_"]["due"] = invoice["due_date"] if invoice["amount_due"] else None
    if invoice["amount_due"]:
        _prepare_payment(world, invoice, customer)
    world.emit("invoice.finalized", invoice, before)
    world.emit("invoice.updated", invoice, before)
    if not invoice["amount_due"]:
        mark_paid(world, invoice)


def _refuse_for_tax(world: World, invoice: Obj) -> None:
    status = invoice["automatic_tax"]["status"]
    code = (
        "customer_tax_location_invalid"
        if status == "requires_location_inputs"
        else "taxes_calculation_failed"
    )
    message = (
        "The customer's location is not known: automatic tax needs an address with a country."
        if status == "requires_location_inputs"
        else "Stripe Tax has no head office: set it at /v1/tax/settings."
    )
    error = {"code": code, "message": message, "type": "invalid_request_error"}
    invoice["last_finalization_error"] = error
    invoice["_"]["due"] = None
    world.emit("invoice.finalization_failed", invoice)
    raise keep(wrong(message, None, code))


def _use_balance(world: World, invoice: Obj, customer: Obj) -> None:
    """Settle with the customer's balance: negative is theirs; a negative total goes into it.

    So does an amount that is too small to be charged: it is owed with the next invoice.
    """
    before = customer["balance"]
    due = max(invoice["total"] + before, 0)
    if due < world.settings["minimum_charge"].get(invoice["currency"], 0):
        due = 0
    ending = before + invoice["total"] - due
    if ending != before:
        change_balance(
            world,
            customer,
            ending - before,
            kind="applied_to_invoice",
            invoice=invoice["id"],
            currency=invoice["currency"],
        )
    invoice |= {"ending_balance": ending, "amount_due": due, "amount_remaining": due}


def _prepare_payment(world: World, invoice: Obj, customer: Obj) -> None:
    intent = make_payment_intent(
        world,
        customer,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        description=invoice["description"],
    )
    payment: Obj = {
        "id": world.new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": world.now(invoice["_"]["clock"] or ""),
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
        "_": {"payment_intent": intent["id"], "clock": invoice["_"]["clock"]},
    }
    world.add(payment)


def payment_of(world: World, invoice: Obj) -> Obj | None:
    found = world.store.find("invoice_payment", invoice=invoice["id"])
    return found[-1] if found else None


def intent_of(world: World, invoice: Obj) -> Obj | None:
    payment = payment_of(world, invoice)
    return world.store.get("payment_intent", payment["_"]["payment_intent"]) if payment else None


def advance(world: World, invoice: Obj) -> None:
    """Do what time brings: finalize, try to collect, retry, or mark as overdue."""
    try:
        if invoice["status"] == "draft":
            finalize(world, invoice)
        if invoice["status"] == "open":
            _collect(world, invoice)
    except StripeProblem as problem:
        if not problem.keeps_changes:
            raise


def _collect(world: World, invoice: Obj) -> None:
    if invoice["collection_method"] == "charge_automatically":
        pay(world, invoice)
        return
    now = world.now(invoice["_"]["clock"] or "")
    if not invoice["_"].get("is_sent"):
        invoice["_"]["is_sent"] = True
        world.emit("invoice.sent", invoice)
    if invoice["due_date"] and now >= invoice["due_date"]:
        invoice["_"]["due"] = None
        world.emit("invoice.overdue", invoice)
        _subscription_became(world, invoice, "past_due")


def default_method(world: World, invoice: Obj) -> str | None:
    """Return the card to charge: the invoice's, the subscription's, or the customer's."""
    customer = world.get("customer", invoice["customer"])
    subscription = subscription_of(world, invoice) or {}
    found: str | None = (
        invoice["default_payment_method"]
        or subscription.get("default_payment_method")
        or customer["invoice_settings"]["default_payment_method"]
    )
    return found


def pay(world: World, invoice: Obj, reference: str | None = None) -> None:
    """Try to collect an open invoice. Raises StripeProblem if it is not paid by that."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise wrong(
            f"Invoice is {invoice['status']}: only an open one can be paid.",
            None,
            "invoice_not_open",
        )
    reference = reference or default_method(world, invoice)
    intent = intent_of(world, invoice)
    if intent is None:
        raise AssertionError("an open invoice has a payment")
    invoice |= {"attempt_count": invoice["attempt_count"] + 1, "attempted": True}
    if reference is None:
        failed(world, invoice)
        raise keep(
            wrong(
                "There is no `default_payment_method` set on this Customer or Invoice. Please set "
                "one, or pass a `payment_method`.",
                None,
                "missing",
            )
        )
    failure = try_payment(world, intent, payment_method(world, reference))
    if failure:
        if failure == "authentication_required":
            world.emit("invoice.payment_action_required", invoice)
        failed(world, invoice)
        raise keep(card_problem(failure, charge=intent["latest_charge"]))
    mark_paid(world, invoice)


def failed(world: World, invoice: Obj) -> None:
    """Note a failed attempt and plan the next one, or end the attempts."""
    days = world.settings["payment_retry_days"]
    attempt = invoice["attempt_count"]
    now = world.now(invoice["_"]["clock"] or "")
    is_first = invoice["billing_reason"] == "subscription_create"
    retry = now + DAY * days[attempt - 1] if attempt <= len(days) and not is_first else None
    invoice |= {"next_payment_attempt": retry}
    invoice["_"]["due"] = retry
    world.emit("invoice.payment_failed", invoice)
    final = world.settings["after_last_retry"] if retry is None and not is_first else "past_due"
    _subscription_became(world, invoice, final)


def _subscription_became(world: World, invoice: Obj, status: str) -> None:
    from billing.stripe_simulator.resources.cycles import payment_failed  # noqa: PLC0415

    subscription = subscription_of(world, invoice)
    if subscription is not None:
        payment_failed(world, subscription, status)


def mark_paid(world: World, invoice: Obj, *, out_of_band: bool = False) -> None:
    from billing.stripe_simulator.resources.cycles import invoice_paid  # noqa: PLC0415

    now = world.now(invoice["_"]["clock"] or "")
    before = world.snapshot(invoice)
    due = invoice["amount_due"]
    invoice |= {
        "status": "paid",
        "amount_paid": 0 if out_of_band else due,
        "amount_paid_off_stripe": due if out_of_band else 0,
        "amount_remaining": 0,
        "attempted": True,
        "next_payment_attempt": None,
    }
    invoice["status_transitions"]["paid_at"] = now
    invoice["_"]["due"] = None
    payment = payment_of(world, invoice)
    if payment is not None and due:
        if out_of_band:
            close_payment(world, invoice)
        else:
            payment |= {"status": "paid", "amount_paid": due}
            payment["status_transitions"]["paid_at"] = now
            world.emit("invoice_payment.paid", payment)
    world.emit("invoice.paid", invoice, before)
    world.emit("invoice.payment_succeeded", invoice, before)
    subscription = subscription_of(world, invoice)
    if subscription is not None:
        invoice_paid(world, subscription, invoice)


def close_payment(world: World, invoice: Obj) -> None:
    payment, intent = payment_of(world, invoice), intent_of(world, invoice)
    if payment is not None and payment["status"] == "open":
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = world.now(invoice["_"]["clock"] or "")
    if intent is not None and intent["status"] != "succeeded":
        cancel_intent(world, intent, "void_invoice")


def void(world: World, invoice: Obj) -> None:
    """Take back an open invoice; its credits return."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise wrong(f"You can only void open or uncollectible invoices, not {invoice['status']}.")
    before = world.snapshot(invoice)
    invoice |= {"status": "void", "next_payment_attempt": None}
    invoice["status_transitions"]["voided_at"] = world.now(invoice["_"]["clock"] or "")
    invoice["_"]["due"] = None
    close_payment(world, invoice)
    return_credits(world, invoice)
    world.emit("invoice.voided", invoice, before)
