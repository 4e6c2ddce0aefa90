"""What time does to a subscription: periods, trials, arrears, the end.

Licensed items are billed in advance, metered ones in arrears: the invoice of a period's end holds
the usage of that period and the licensed prices of the next (docs.stripe.com/billing/subscriptions).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from billing.stripe_simulator.errors import StripeProblem
from billing.stripe_simulator.periods import next_boundary
from billing.stripe_simulator.resources.invoice_items import pending_items, take_in
from billing.stripe_simulator.resources.invoicing import announce, finalize, new_invoice, pay, void
from billing.stripe_simulator.resources.lines import item_lines
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

HOUR, DAY = 3_600, 86_400
INCOMPLETE_SECONDS = 23 * HOUR
TRIAL_NOTICE_SECONDS = 3 * DAY
OVER = ("canceled", "incomplete_expired")


def items_of(world: World, subscription: Obj) -> list[Obj]:
    found = world.store.find("subscription_item", subscription=subscription["id"])
    return [item for item in found if not item["_"].get("deleted")]


def is_metered(world: World, item: Obj) -> bool:
    price = world.get("price", item["price"])
    return bool(price["recurring"]["usage_type"] == "metered")


def period_of(world: World, subscription: Obj) -> tuple[int, int]:
    """Return the current period; all items of a simulated subscription share its end."""
    items = items_of(world, subscription)
    start = min(item["current_period_start"] for item in items)
    return start, items[0]["current_period_end"]


def interval_of(world: World, subscription: Obj) -> tuple[str, int]:
    recurring = world.get("price", items_of(world, subscription)[0]["price"])["recurring"]
    return recurring["interval"], recurring["interval_count"]


def now_of(world: World, subscription: Obj) -> int:
    return world.now(subscription["test_clock"] or "")


def plan_next(world: World, subscription: Obj) -> None:
    """Note when time will change this subscription next."""
    hidden = subscription["_"]
    if subscription["status"] in OVER:
        hidden["due"] = None
        return
    if subscription["status"] == "incomplete":
        hidden["due"] = subscription["created"] + INCOMPLETE_SECONDS
        return
    moments = [subscription["cancel_at"]]
    if subscription["status"] == "paused":
        moments = [subscription["cancel_at"]]
    elif subscription["status"] == "trialing":
        moments.append(subscription["trial_end"])
        if not hidden.get("trial_noted"):
            notice = subscription["trial_end"] - TRIAL_NOTICE_SECONDS
            moments.append(max(notice, subscription["trial_start"]))
    else:
        moments.append(period_of(world, subscription)[1])
    resumes = (subscription["pause_collection"] or {}).get("resumes_at")
    known = [moment for moment in [*moments, resumes] if moment is not None]
    hidden["due"] = min(known) if known else None


def advance(world: World, subscription: Obj) -> None:
    """Do what is due now."""
    now = now_of(world, subscription)
    resumes = (subscription["pause_collection"] or {}).get("resumes_at")
    if resumes is not None and now >= resumes:
        world.update(subscription, "customer.subscription.updated", pause_collection=None)
    if subscription["status"] == "incomplete":
        _expire(world, subscription)
    elif subscription["status"] == "trialing":
        _advance_trial(world, subscription, now)
    elif subscription["status"] == "paused":
        if subscription["cancel_at"] is not None and now >= subscription["cancel_at"]:
            end(world, subscription, reason="cancellation_requested")
    elif now >= min(period_of(world, subscription)[1], subscription["cancel_at"] or now + 1):
        renew(world, subscription)
    plan_next(world, subscription)


def _expire(world: World, subscription: Obj) -> None:
    """End a subscription whose first invoice was not paid within 23 hours."""
    invoice = world.store.get("invoice", subscription["latest_invoice"])
    if invoice is not None and invoice["status"] == "open":
        void(world, invoice)
    now = now_of(world, subscription)
    changes = {"status": "incomplete_expired", "ended_at": now, "canceled_at": now}
    world.update(subscription, "customer.subscription.updated", **changes)


def _advance_trial(world: World, subscription: Obj, now: int) -> None:
    if not subscription["_"].get("trial_noted"):
        subscription["_"]["trial_noted"] = True
        if now < subscription["trial_end"]:
            world.emit("customer.subscription.trial_will_end", subscription)
            return
    if now < min(subscription["trial_end"], subscription["cancel_at"] or subscription["trial_end"]):
        return
    if subscription["cancel_at"] is not None and now >= subscription["cancel_at"]:
        end(world, subscription, reason="cancellation_requested")
        return
    end_trial(world, subscription)


def end_trial(world: World, subscription: Obj) -> None:
    """Begin to bill: the cycle is anchored at the trial's end."""
    customer = world.get("customer", subscription["customer"])
    has_method = (
        subscription["default_payment_method"]
        or customer["invoice_settings"]["default_payment_method"]
        or subscription["collection_method"] == "send_invoice"
    )
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if not has_method and behavior == "cancel":
        end(world, subscription, reason=None)
        return
    now = now_of(world, subscription)
    if not has_method and behavior == "pause":
        why = {"type": "trial_end_without_payment_method"}
        paused = {"subscription": why, "transitioned_at": now, "type": "subscription"}
        changes = {"status": "paused", "status_details": {"paused": paused}}
        world.update(subscription, "customer.subscription.updated", **changes)
        world.emit("customer.subscription.paused", subscription)
        return
    before = world.snapshot(subscription)
    subscription |= {"status": "active", "billing_cycle_anchor": now}
    old = period_of(world, subscription)
    set_periods(world, subscription, now)
    invoice = new_invoice(
        world,
        customer,
        reason="subscription_cycle",
        currency=subscription["currency"],
        period=old,
        subscription=subscription,
    )
    add_licensed(world, invoice, subscription)
    _finish_cycle(world, subscription, invoice, customer)
    world.emit("customer.subscription.updated", subscription, before)


def set_periods(world: World, subscription: Obj, start: int) -> None:
    """Give every item the period that `start` lies in, ending at the cycle's next boundary."""
    interval, count = interval_of(world, subscription)
    finish = next_boundary(cycle_anchor(subscription), interval, count, start)
    for item in items_of(world, subscription):
        item |= {"current_period_start": start, "current_period_end": finish}


def cycle_anchor(subscription: Obj) -> int:
    """The anchor, put on the day that was asked for: the 31st is every month's last day."""
    anchor = int(subscription["billing_cycle_anchor"])
    config = subscription["billing_cycle_anchor_config"]
    while config and datetime.fromtimestamp(anchor, UTC).day < config["day_of_month"]:
        moment = datetime.fromtimestamp(anchor, UTC)
        before = moment.replace(day=1) - timedelta(days=1)
        day = min(config["day_of_month"], before.day)
        anchor = int(before.replace(day=day).timestamp())
    return anchor


def add_licensed(world: World, invoice: Obj, subscription: Obj, *, is_free: bool = False) -> None:
    """Put the licensed items' current period on an invoice."""
    for item in items_of(world, subscription):
        if is_metered(world, item):
            continue
        period = (item["current_period_start"], item["current_period_end"])
        quantity = item["quantity"]
        lines = item_lines(world, invoice, item, quantity=quantity, period=period, is_free=is_free)
        invoice["_"]["lines"] += lines


def meter_until(
    world: World, invoice: Obj, subscription: Obj, finish: int, *, is_free: bool = False
) -> None:
    """Put the metered items' usage of their period on an invoice, to be counted while it is a draft."""
    for item in items_of(world, subscription):
        if is_metered(world, item):
            invoice["_"]["metered"].append(
                {
                    "item": dict(item),
                    "start": item["current_period_start"],
                    "end": finish,
                    "is_free": is_free,
                }
            )


def renew(world: World, subscription: Obj) -> None:
    """Close the period that ends now: one draft invoice, and the next period or the end."""
    customer = world.get("customer", subscription["customer"])
    start, finish = period_of(world, subscription)
    cancel_at = subscription["cancel_at"]
    is_last = cancel_at is not None and cancel_at <= now_of(world, subscription)
    finish = min(finish, cancel_at) if is_last else finish
    _end_discounts(world, subscription, is_used=False)
    invoice = new_invoice(
        world,
        customer,
        reason="subscription_cycle",
        currency=subscription["currency"],
        period=(start, finish),
        subscription=subscription,
    )
    meter_until(world, invoice, subscription, finish)
    if is_last:
        _finish_cycle(world, subscription, invoice, customer)
        end(world, subscription, reason="cancellation_requested")
        return
    before = world.snapshot(subscription)
    set_periods(world, subscription, finish)
    add_licensed(world, invoice, subscription)
    _finish_cycle(world, subscription, invoice, customer)
    world.emit("customer.subscription.updated", subscription, before)


def _finish_cycle(world: World, subscription: Obj, invoice: Obj, customer: Obj) -> None:
    """Complete a cycle's draft with what is pending, and tell of it."""
    for item in pending_items(world, customer, subscription["currency"], subscription["id"]):
        take_in(world, invoice, item)
    if not invoice["_"]["lines"] and not invoice["_"]["metered"]:
        world.store.delete(invoice)
        return
    subscription["latest_invoice"] = invoice["id"]
    behavior = (subscription["pause_collection"] or {}).get("behavior")
    if behavior:
        invoice["auto_advance"] = False
    announce(world, invoice)
    _end_discounts(world, subscription, is_used=True)
    if behavior in ("void", "mark_uncollectible"):
        finalize(world, invoice)
        if invoice["status"] == "open" and behavior == "void":
            void(world, invoice)
        elif invoice["status"] == "open":
            mark_uncollectible(world, invoice)


def mark_uncollectible(world: World, invoice: Obj) -> None:
    before = world.snapshot(invoice)
    now = world.now(invoice["_"]["clock"] or "")
    invoice |= {"status": "uncollectible", "next_payment_attempt": None}
    invoice["status_transitions"]["marked_uncollectible_at"] = now
    invoice["_"]["due"] = None
    world.emit("invoice.marked_uncollectible", invoice, before)


def _end_discounts(world: World, subscription: Obj, *, is_used: bool) -> None:
    """Drop discounts whose time is over, and once they are used those that were good once."""
    now = now_of(world, subscription)
    kept = []
    for discount_id in subscription["discounts"]:
        discount = world.get("discount", discount_id)
        coupon = world.get("coupon", discount["source"]["coupon"])
        is_over = discount["end"] is not None and discount["end"] <= now
        if is_over or (is_used and coupon["duration"] == "once"):
            discount["end"] = discount["end"] or now
            world.emit("customer.discount.deleted", discount)
        else:
            kept.append(discount_id)
    subscription["discounts"] = kept


def end(world: World, subscription: Obj, *, reason: str | None, **more: Any) -> None:
    """Cancel for good."""
    now = now_of(world, subscription)
    details = {"comment": None, "feedback": None, "reason": reason}
    subscription |= {
        "status": "canceled",
        "ended_at": now,
        "canceled_at": subscription["canceled_at"] or now,
        "cancellation_details": {**details, **(subscription["cancellation_details"] or {}), **more},
    }
    subscription["_"]["due"] = None
    world.emit("customer.subscription.deleted", subscription)


def first_invoice(world: World, subscription: Obj, given: dict[str, Any]) -> None:
    """Bill what is due at the start, and let payment decide the status.

    Raises StripeProblem (402) with `payment_behavior=error_if_incomplete`.
    """
    customer = world.get("customer", subscription["customer"])
    now = now_of(world, subscription)
    is_trial = subscription["status"] == "trialing"
    invoice = new_invoice(
        world,
        customer,
        reason="subscription_create",
        currency=subscription["currency"],
        period=(now, now),
        subscription=subscription,
    )
    _first_lines(world, invoice, subscription, given, is_trial=is_trial)
    for item in pending_items(world, customer, subscription["currency"], subscription["id"]):
        take_in(world, invoice, item)
    subscription["latest_invoice"] = invoice["id"]
    announce(world, invoice)
    behavior = given.get("payment_behavior", "allow_incomplete")
    try:
        finalize(world, invoice)
    except StripeProblem as problem:  # taxes: there is no subscription without them
        problem.keeps_changes = False
        raise
    _end_discounts(world, subscription, is_used=True)
    is_to_be_paid = invoice["status"] == "open" and invoice["collection_method"] != "send_invoice"
    if is_to_be_paid:
        subscription["status"] = "incomplete"
    world.emit("customer.subscription.created", subscription)
    if not is_to_be_paid or behavior == "default_incomplete":
        return
    try:
        pay(world, invoice)
    except StripeProblem as problem:
        if behavior == "error_if_incomplete" or problem.code == "missing":
            problem.keeps_changes = False
            raise


def _first_lines(
    world: World, invoice: Obj, subscription: Obj, given: dict[str, Any], *, is_trial: bool
) -> None:
    from billing.stripe_simulator.resources.changes import first_part  # noqa: PLC0415

    for item in items_of(world, subscription):
        period = (item["current_period_start"], item["current_period_end"])
        if is_metered(world, item):
            lines = item_lines(world, invoice, item, quantity=0, period=period, is_free=is_trial)[
                :1
            ]
            lines[0]["amount"] = lines[0]["subtotal"] = 0
            invoice["_"]["lines"] += lines
        elif is_trial:
            invoice["_"]["lines"] += item_lines(
                world, invoice, item, quantity=item["quantity"], period=period, is_free=True
            )
        else:
            behavior = given.get("proration_behavior", "create_prorations")
            invoice["_"]["lines"] += first_part(world, invoice, subscription, item, behavior)


def invoice_paid(world: World, subscription: Obj, invoice: Obj) -> None:
    """Return to active when what was owed is paid."""
    if subscription["latest_invoice"] != invoice["id"]:
        return
    if subscription["status"] in ("incomplete", "past_due", "unpaid"):
        world.update(subscription, "customer.subscription.updated", status="active")
        plan_next(world, subscription)


def payment_failed(world: World, subscription: Obj, status: str) -> None:
    """Follow a failed payment: past due, or what the account does after the last attempt."""
    if subscription["status"] in (*OVER, "incomplete", "trialing", "paused"):
        return
    if status in ("cancel", "canceled"):
        end(world, subscription, reason="payment_failed")
    elif subscription["status"] != status:
        world.update(subscription, "customer.subscription.updated", status=status)
