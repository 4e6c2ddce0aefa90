"""Stripe Tax as far as invoices need it: /v1/tax/settings, and percentages by country as tax rates.

Not a tax engine: percentages per country of the customer (the control API sets them, several as
"5+9.975"), no registrations, no thresholds. What is real are the statuses and what they block.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from billing.stripe_simulator.errors import missing
from billing.stripe_simulator.money import net, rounded
from billing.stripe_simulator.routing import Call, route
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

RATE = "txr_simulated_"


@route("GET /v1/tax_rates/{}")
def retrieve_tax_rate(_world: World, call: Call) -> Obj:
    """Return a rate that a tax named; its id says it all. Raises StripeProblem (404)."""
    country, _, percent = call.id.removeprefix(RATE).partition("_")
    try:
        percentage = float(Decimal(percent))
    except InvalidOperation as error:
        raise missing("tax_rate", call.id) from error
    return {
        "id": call.id,
        "object": "tax_rate",
        "active": True,
        "country": country.upper(),
        "created": 0,
        "description": None,
        "display_name": "VAT",
        "effective_percentage": percentage,
        "flat_amount": None,
        "inclusive": False,
        "jurisdiction": None,
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": {},
        "percentage": percentage,
        "rate_type": "percentage",
        "state": None,
        "tax_type": "vat",
    }


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
    is_exempt = customer["tax_exempt"] in ("exempt", "reverse")
    named = "0" if is_exempt else world.settings["tax_percent"].get(country, "0")
    percents = [Decimal(one) for one in named.split("+")]
    for line in lines:
        line["taxes"] = [
            _tax(world, line, country, percent, sum(percents), customer) for percent in percents
        ]


def _tax(
    world: World,
    line: Obj,
    country: str,
    percent: Decimal,
    all_percents: Decimal | int,
    customer: Obj,
) -> Obj:
    """Return one tax of a line; where it is included, its share of all of them."""
    behavior = line["_"]["tax_behavior"]
    if behavior in (None, "unspecified"):
        behavior = tax_settings(world)["defaults"].get("tax_behavior")
    behavior = "inclusive" if behavior == "inclusive" else "exclusive"
    taxable = net(line)
    amount = rounded(taxable * percent / 100)
    if behavior == "inclusive":
        amount = rounded(taxable * percent / (100 + all_percents))
        taxable -= rounded(taxable * Decimal(all_percents) / (100 + all_percents))
    reason = "standard_rated" if percent else "not_collecting"
    if customer["tax_exempt"] in ("exempt", "reverse"):
        reason = "customer_exempt" if customer["tax_exempt"] == "exempt" else "reverse_charge"
    return {
        "amount": amount,
        "tax_behavior": behavior,
        "tax_rate_details": {"tax_rate": f"{RATE}{country.lower()}_{percent}"},
        "taxability_reason": reason,
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }
