"""Invoice lines and what they add up to: discounts, then credits, then taxes."""

import hashlib
from decimal import Decimal
from typing import Any

from billing.stripe_simulator.money import Charge, charges, decimal_text, net, rounded, split
from billing.stripe_simulator.resources.credit_grants import plan_credits
from billing.stripe_simulator.resources.tax import tax_invoice
from billing.stripe_simulator.resources.usage import aggregated
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World


def make_line(
    invoice: Obj,
    *,
    amount: int,
    period: tuple[int, int],
    description: str | None,
    parent: Obj | None,
    price: Obj | None = None,
    charge: Charge | None = None,
    quantity: int | None = 1,
    key: str,
    **more: Any,
) -> Obj:
    """Return a line; `key` is what tells it from the invoice's other lines, for a lasting id."""
    digest = hashlib.blake2b(f"{invoice['id']}:{key}".encode(), digest_size=12).hexdigest()
    units = charge.quantity if charge else quantity
    unit = charge.unit if charge else Decimal(amount) / (units or 1)
    is_metered = bool(
        price and price["recurring"] and price["recurring"]["usage_type"] == "metered"
    )
    return {
        "id": f"il_{digest}",
        "object": "line_item",
        "amount": amount,
        "currency": invoice["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": more.get("discountable", True),
        "discounts": more.get("discounts", []),
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": more.get("metadata", {}),
        "parent": parent,
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": decimal_text(unit),
        }
        if price
        else None,
        "quantity": units,
        "quantity_decimal": None if units is None else str(units),
        "subscription": more.get("subscription"),
        "subtotal": amount,
        "taxes": [],
        "_": {
            "tax_behavior": more.get("tax_behavior") or (price or {}).get("tax_behavior"),
            "is_metered": is_metered,
            "product": (price or {}).get("product"),
            "price": (price or {}).get("id"),
        },
    }


def item_lines(
    world: World,
    invoice: Obj,
    item: Obj,
    *,
    quantity: int,
    period: tuple[int, int],
    is_free: bool = False,
) -> list[Obj]:
    """Return the lines of a subscription item: one for each tier that was reached."""
    price = world.get("price", item["price"])
    product = world.get("product", price["product"])
    parent = {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": None,
            "subscription": item["subscription"],
            "subscription_item": item["id"],
        },
    }
    return [
        make_line(
            invoice,
            amount=0 if is_free else charge.amount,
            period=period,
            description=_description(product["name"], charge, is_free=is_free),
            parent=parent,
            price=price,
            charge=charge,
            key=f"{item['id']}:{period[0]}:{charge.tier}:{charge.is_flat}",
            subscription=item["subscription"],
            metadata=item["metadata"],
            discounts=item["discounts"],
        )
        for charge in charges(price, quantity)
    ]


def _description(product: str, charge: Charge, *, is_free: bool) -> str:
    if is_free:
        return f"Trial period for {product}"
    if charge.is_flat:
        return f"{product} (Tier {charge.tier} flat fee)"
    tier = f" (Tier {charge.tier})" if charge.tier else ""
    return f"{charge.quantity} × {product}{tier}"


def usage_of(world: World, item: Obj, start: int, end: int) -> int:
    """Return what an item's customer used of its meter in [start, end)."""
    price = world.get("price", item["price"])
    meter = world.get("billing.meter", price["recurring"]["meter"])
    customer = world.get("subscription", item["subscription"])["customer"]
    return aggregated(world, meter, customer, start, end)


def refresh_usage(world: World, invoice: Obj) -> None:
    """Count the metered lines of a draft again: usage of its period may still arrive."""
    hidden = invoice["_"]
    if invoice["status"] != "draft" or not hidden.get("metered"):
        return
    fixed = [line for line in hidden["lines"] if not line["_"].get("usage")]
    for metered in hidden["metered"]:
        start, end = metered["start"], metered["end"]
        used = usage_of(world, metered["item"], start, end)
        new = item_lines(
            world,
            invoice,
            metered["item"],
            quantity=used,
            period=(start, end),
            is_free=metered["is_free"],
        )
        for line in new:
            line["_"]["usage"] = True
        fixed += new
    hidden["lines"] = fixed


def add_up(world: World, invoice: Obj) -> None:
    """Compute the invoice's totals from its lines: discounts, credits and taxes in this order."""
    lines = invoice["_"]["lines"]
    for line in lines:
        line |= {"discount_amounts": [], "pretax_credit_amounts": [], "taxes": []}
    invoice["subtotal"] = sum(line["amount"] for line in lines)
    _discount(world, invoice, lines)
    if invoice["status"] == "draft" and not invoice["_"].get("are_credits_taken"):
        invoice["_"]["credits"] = plan_credits(world, invoice, lines)
    _show_credits(lines, invoice["_"].get("credits", []))
    tax_invoice(world, invoice, lines)
    _totals(invoice, lines)


def _discount(world: World, invoice: Obj, lines: list[Obj]) -> None:
    for discount_id in invoice["discounts"]:
        _apply(
            world, world.get("discount", discount_id), [ln for ln in lines if ln["discountable"]]
        )
    for line in lines:
        for discount_id in line["discounts"]:
            _apply(world, world.get("discount", discount_id), [line])


def _apply(world: World, discount: Obj, lines: list[Obj]) -> None:
    coupon = world.get("coupon", discount["source"]["coupon"])
    products = coupon["_"].get("products")
    lines = [ln for ln in lines if not products or ln["_"]["product"] in products]
    lines = [ln for ln in lines if net(ln) > 0]
    rest = [net(line) for line in lines]
    if coupon["percent_off"] is not None:
        share = Decimal(str(coupon["percent_off"])) / 100
        amounts = [rounded(left * share) for left in rest]
    else:
        amounts = split(min(coupon["amount_off"], sum(rest)), rest)
    for line, amount in zip(lines, amounts, strict=True):
        if amount:
            part = {"amount": amount, "discount": discount["id"]}
            line["discount_amounts"].append(part)
            line["pretax_credit_amounts"].append(
                {**part, "type": "discount", "credit_balance_transaction": None}
            )


def _show_credits(lines: list[Obj], taken: list[Obj]) -> None:
    by_id = {line["id"]: line for line in lines}
    for used in taken:
        if used["line"] in by_id:
            by_id[used["line"]]["pretax_credit_amounts"].append(
                {
                    "amount": used["amount"],
                    "credit_balance_transaction": used.get("transaction"),
                    "discount": None,
                    "type": "credit_balance_transaction",
                }
            )


def _totals(invoice: Obj, lines: list[Obj]) -> None:
    discounts: dict[str, int] = {}
    for line in lines:
        for part in line["discount_amounts"]:
            discounts[part["discount"]] = discounts.get(part["discount"], 0) + part["amount"]
    taxes = _sum_taxes(lines)
    exclusive = sum(t["amount"] for t in taxes if t["tax_behavior"] == "exclusive")
    inclusive = sum(t["amount"] for t in taxes if t["tax_behavior"] == "inclusive")
    before_tax = sum(net(line) for line in lines)
    invoice |= {
        "subtotal_excluding_tax": invoice["subtotal"] - inclusive,
        "total": before_tax + exclusive,
        "total_discount_amounts": [
            {"amount": amount, "discount": name} for name, amount in discounts.items()
        ],
        "total_excluding_tax": before_tax - inclusive,
        "total_pretax_credit_amounts": _sum_credits(lines),
        "total_taxes": taxes,
    }
    if invoice["status"] == "draft":
        due = max(invoice["total"] + invoice["starting_balance"], 0)
        invoice |= {"amount_due": due, "amount_remaining": due}


def _sum_taxes(lines: list[Obj]) -> list[Obj]:
    found: dict[tuple[str, str], Obj] = {}
    for line in lines:
        for tax in line["taxes"]:
            key = (tax["tax_rate_details"]["tax_rate"], tax["tax_behavior"])
            known = found.setdefault(key, {**tax, "amount": 0, "taxable_amount": 0})
            known["amount"] += tax["amount"]
            known["taxable_amount"] += tax["taxable_amount"]
    return list(found.values())


def _sum_credits(lines: list[Obj]) -> list[Obj]:
    found: dict[str, Obj] = {}
    for line in lines:
        for part in line["pretax_credit_amounts"]:
            key = str(part["discount"] or part["credit_balance_transaction"])
            known = found.setdefault(key, {**part, "amount": 0})
            known["amount"] += part["amount"]
    return list(found.values())
