"""Stripe Tax as far as invoices need it: /v1/tax/settings and percentages by country.

Not a tax engine: one percentage per country of the customer (the control API sets them), no
registrations, no thresholds. What is real are the statuses and what they block.
"""

from decimal import Decimal
from typing import Any

from billing.stripe_simulator.money import net, rounded
from billing.stripe_simulator.routing import Call, route
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World


def tax_settings(world: World) -> Obj:
    """Return the account's settings: pending until the head office has an address."""
    found = world.store.get("tax.settings", "tax_settings")
    if found is None:
        found = {
            "id": "tax_settings",
            "object": "tax.settings",
            "defaults": {"provider": "stripe", "tax_behavior": None, "tax_code": None},
            "head_office": None,
            "livemode": False,
            "status": "pending",
            "status_details": {"active": None, "pending": {"missing_fields": ["head_office"]}},
        }
        world.store.put(found)
    return found


def _shown(settings: Obj) -> Obj:
    return {name: value for name, value in settings.items() if name != "id"}


@route("GET /v1/tax/settings")
def retrieve_settings(world: World, _call: Call) -> Obj:
    return _shown(tax_settings(world))


@route("POST /v1/tax/settings", "defaults head_office")
def update_settings(world: World, call: Call) -> Obj:
    settings = tax_settings(world)
    settings["defaults"] |= call.params.get("defaults", {})
    if "head_office" in call.params:
        settings["head_office"] = call.params["head_office"]
        settings |= {"status": "active", "status_details": {"active": {}, "pending": None}}
        world.emit("tax.settings.updated", _shown(settings))
    return _shown(settings)


def automatic_tax(world: World, customer: Obj, given: dict[str, Any] | None) -> Obj:
    """Return an invoice's `automatic_tax` before its calculation."""
    enabled = bool((given or {}).get("enabled"))
    return {
        "disabled_reason": None,
        "enabled": enabled,
        "liability": {"type": "self", "account": None} if enabled else None,
        "provider": "stripe" if enabled else None,
        "status": tax_status(world, customer) if enabled else None,
    }


def tax_status(world: World, customer: Obj) -> str:
    if tax_settings(world)["status"] != "active":
        return "failed"
    known = (customer.get("address") or {}).get("country")
    return "complete" if known else "requires_location_inputs"


def tax_invoice(world: World, invoice: Obj, lines: list[Obj]) -> None:
    """Add taxes to the lines of an invoice, where automatic tax is on and knows the place."""
    tax = invoice["automatic_tax"]
    if not tax["enabled"]:
        return
    customer = world.get("customer", invoice["customer"])
    if invoice["status"] == "draft":
        tax["status"] = tax_status(world, customer)
    if tax["status"] != "complete":
        return
    country = customer["address"]["country"]
    percent = Decimal(world.settings["tax_percent"].get(country, "0"))
    is_exempt = customer["tax_exempt"] in ("exempt", "reverse")
    for line in lines:
        line["taxes"] = [_tax(world, line, country, Decimal(0) if is_exempt else percent, customer)]


def _tax(world: World, line: Obj, country: str, percent: Decimal, customer: Obj) -> Obj:
    behavior = line["_"]["tax_behavior"]
    if behavior in (None, "unspecified"):
        behavior = tax_settings(world)["defaults"].get("tax_behavior")
    behavior = "inclusive" if behavior == "inclusive" else "exclusive"
    taxable = net(line)
    amount = rounded(taxable * percent / 100)
    if behavior == "inclusive":
        amount = rounded(taxable * percent / (100 + percent))
        taxable -= amount
    reason = "standard_rated" if percent else "not_collecting"
    if customer["tax_exempt"] in ("exempt", "reverse"):
        reason = "customer_exempt" if customer["tax_exempt"] == "exempt" else "reverse_charge"
    return {
        "amount": amount,
        "tax_behavior": behavior,
        "tax_rate_details": {"tax_rate": f"txr_simulated_{country.lower()}"},
        "taxability_reason": reason,
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }
