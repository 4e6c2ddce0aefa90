"""Products and prices. A price's amounts never change: /v1/products, /v1/prices."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from billing.stripe_simulator.errors import StripeProblem, required, wrong
from billing.stripe_simulator.money import decimal_text
from billing.stripe_simulator.rendering import includes
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

PRODUCT_FIELDS = ("description", "statement_descriptor", "tax_code", "unit_label", "url")
PRODUCT = f"{' '.join(PRODUCT_FIELDS)} active images marketing_features metadata name shippable"


@route("POST /v1/products", f"{PRODUCT} id type")
def create_product(world: World, call: Call) -> Obj:
    given = call.params
    product_id = given.get("id") or world.new_id("prod")
    if world.store.get("product", product_id):
        raise wrong(f"Product already exists: {product_id}", "id", "resource_already_exists")
    product: Obj = {
        "id": product_id,
        "object": "product",
        "active": True,
        "created": world.now(),
        "images": [],
        "marketing_features": [],
        "metadata": {},
        "type": given.get("type", "service"),
        "updated": world.now(),
    }
    _write_product(product, given)
    return world.add(product, "product.created")


def _write_product(product: Obj, given: dict[str, Any]) -> None:
    for name in PRODUCT_FIELDS:
        if name in given:
            product[name] = given[name] or None
    for name in ("active", "images", "marketing_features", "name", "shippable"):
        if name in given:
            product[name] = given[name]
    with_metadata(product, given.get("metadata"))


@route("GET /v1/products/{}")
def retrieve_product(world: World, call: Call) -> Obj:
    return world.get("product", call.id)


@route("POST /v1/products/{}", f"{PRODUCT} default_price")
def update_product(world: World, call: Call) -> Obj:
    product = world.get("product", call.id)
    before = world.snapshot(product)
    _write_product(product, call.params)
    if "default_price" in call.params:
        price = world.get("price", call.params["default_price"], param="default_price")
        if price["product"] != product["id"]:
            raise wrong("The default price must belong to the product.", "default_price")
        product["default_price"] = price["id"]
    product["updated"] = world.now()
    world.emit("product.updated", product, before)
    return product


@route("DELETE /v1/products/{}")
def delete_product(world: World, call: Call) -> Obj:
    product = world.get("product", call.id)
    if world.store.ids("price", product=product["id"]):
        raise wrong(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    world.emit("product.deleted", product)
    world.store.delete(product)
    return {"id": product["id"], "object": "product", "deleted": True}


@route("GET /v1/products", "active created ids")
def list_products(world: World, call: Call) -> Obj:
    given = call.params

    def keep(product: Obj) -> bool:
        return given.get("active") in (None, product["active"]) and (
            "ids" not in given or product["id"] in given["ids"]
        )

    return page(world, call, world.store.find("product"), what="product", keep=keep)


@includes("price", "tiers")
def _tiers(_world: World, price: Obj) -> Any:
    return price["_"].get("tiers")


@route(
    "POST /v1/prices",
    "active billing_scheme currency lookup_key metadata nickname product product_data recurring"
    " tax_behavior tiers tiers_mode transfer_lookup_key transform_quantity unit_amount"
    " unit_amount_decimal",
)
def create_price(world: World, call: Call) -> Obj:
    given = call.params
    if ("product" in given) == ("product_data" in given):
        raise wrong("You must specify either `product` or `product_data` and not both.", "product")
    product = _product(world, given)
    tiered = given.get("billing_scheme") == "tiered"
    amounts = _tiered(given) if tiered else _per_unit(given)
    price: Obj = {
        "id": world.new_id("price"),
        "object": "price",
        "active": given.get("active", True),
        "billing_scheme": "tiered" if tiered else "per_unit",
        "created": world.now(),
        "currency": _currency(given["currency"]),
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": given.get("nickname"),
        "product": product,
        "recurring": _recurring(world, given["recurring"]) if "recurring" in given else None,
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "transform_quantity": given.get("transform_quantity"),
        "type": "recurring" if "recurring" in given else "one_time",
        **amounts,
    }
    with_metadata(price, given.get("metadata"))
    _set_lookup_key(world, price, given)
    return world.add(price, "price.created")


def _product(world: World, given: dict[str, Any]) -> str:
    if "product" in given:
        product = world.get("product", given["product"], param="product")
        return str(product["id"])
    made = create_product(world, Call(params=given["product_data"]))
    return str(made["id"])


def _currency(code: str) -> str:
    lowered = code.lower()
    if len(lowered) != 3 or not lowered.isascii() or not lowered.isalpha():
        raise wrong(f"Invalid currency: {code}", "currency")
    return lowered


def _amount(given: dict[str, Any], name: str, param: str) -> Decimal | None:
    """Return an amount that is stated whole or with decimals, never both."""
    whole, exact = given.get(name), given.get(f"{name}_decimal")
    if whole is not None and exact is not None:
        raise wrong(f"You may only specify one of {name}, {name}_decimal.", param)
    number = exact if exact is not None else whole
    if number is None:
        return None
    amount = Decimal(number)
    if amount < 0:
        raise wrong(f"Invalid {name}: must be at least 0.", param, "parameter_invalid_integer")
    return amount


def _shown(name: str, amount: Decimal | None) -> dict[str, Any]:
    is_whole = amount is not None and amount == amount.to_integral_value()
    return {
        name: int(amount) if amount is not None and is_whole else None,
        f"{name}_decimal": None if amount is None else decimal_text(amount),
    }


def _per_unit(given: dict[str, Any]) -> dict[str, Any]:
    for name in ("tiers", "tiers_mode"):
        if name in given:
            raise wrong(f"`{name}` requires `billing_scheme` to be `tiered`.", name)
    amount = _amount(given, "unit_amount", "unit_amount")
    if amount is None:
        raise required("unit_amount")
    return {**_shown("unit_amount", amount), "tiers_mode": None, "_": {}}


def _tiered(given: dict[str, Any]) -> dict[str, Any]:
    for name in ("unit_amount", "unit_amount_decimal", "transform_quantity"):
        if name in given:
            raise wrong(f"You cannot set `{name}` with `billing_scheme=tiered`.", name)
    for name in ("tiers", "tiers_mode"):
        if not given.get(name):
            raise required(name)
    tiers = [_tier(tier, f"tiers[{i}]") for i, tier in enumerate(given["tiers"])]
    ends = [tier["up_to"] for tier in tiers]
    if ends[-1] is not None or None in ends[:-1]:
        raise wrong("The last tier, and only it, must have `up_to` set to `inf`.", "tiers")
    rising = [0, *ends[:-1]]
    if any(later <= earlier for earlier, later in pairwise(rising)):
        raise wrong("The `up_to` of tiers must rise from tier to tier.", "tiers")
    nothing = {"unit_amount": None, "unit_amount_decimal": None}
    return {**nothing, "tiers_mode": given["tiers_mode"], "_": {"tiers": tiers}}


def _tier(tier: dict[str, Any], param: str) -> Obj:
    unit, flat = _amount(tier, "unit_amount", param), _amount(tier, "flat_amount", param)
    if unit is None and flat is None:
        raise wrong("Each tier needs a unit amount or a flat amount.", param)
    end = None if tier["up_to"] == "inf" else tier["up_to"]
    return {**_shown("flat_amount", flat), **_shown("unit_amount", unit), "up_to": end}


def _recurring(world: World, given: dict[str, Any]) -> Obj:
    usage = given.get("usage_type", "licensed")
    meter = given.get("meter")
    if usage == "metered" and not meter:
        raise wrong(
            "Metered prices must be backed by a meter: set `recurring[meter]`.", "recurring[meter]"
        )
    if usage == "licensed" and meter:
        raise wrong("A meter requires `usage_type` to be `metered`.", "recurring[meter]")
    if meter and world.get("billing.meter", meter, param="recurring[meter]")["status"] != "active":
        raise wrong(f"The meter {meter} is not active.", "recurring[meter]")
    count = given.get("interval_count", 1)
    if count < 1:
        raise wrong("Invalid interval_count: must be at least 1.", "recurring[interval_count]")
    return {
        "interval": given["interval"],
        "interval_count": count,
        "meter": meter,
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": usage,
    }


def _set_lookup_key(world: World, price: Obj, given: dict[str, Any]) -> None:
    if "lookup_key" not in given:
        return
    key = given["lookup_key"] or None
    for other in world.store.find("price", lookup_key=key) if key else []:
        if other["id"] == price["id"]:
            continue
        if not given.get("transfer_lookup_key"):
            raise StripeProblem(
                f"A price (`{other['id']}`) already uses that lookup key.",
                code="resource_already_exists",
                param="lookup_key",
            )
        world.update(other, "price.updated", lookup_key=None)
    price["lookup_key"] = key


@route("GET /v1/prices/{}")
def retrieve_price(world: World, call: Call) -> Obj:
    return world.get("price", call.id)


@route(
    "POST /v1/prices/{}",
    "active lookup_key metadata nickname tax_behavior transfer_lookup_key",
)
def update_price(world: World, call: Call) -> Obj:
    price = world.get("price", call.id)
    given = call.params
    before = world.snapshot(price)
    if given.get("tax_behavior", price["tax_behavior"]) != price["tax_behavior"]:
        if price["tax_behavior"] != "unspecified":
            raise wrong("The tax behavior of a price cannot be changed.", "tax_behavior")
        price["tax_behavior"] = given["tax_behavior"]
    for name in ("active", "nickname"):
        if name in given:
            price[name] = given[name]
    _set_lookup_key(world, price, given)
    with_metadata(price, given.get("metadata"))
    world.emit("price.updated", price, before)
    return price


@route("GET /v1/prices", "active created currency lookup_keys product recurring type")
def list_prices(world: World, call: Call) -> Obj:
    given = call.params
    by = {"product": given["product"]} if "product" in given else {}
    recurring = given.get("recurring", {})

    def keep(price: Obj) -> bool:
        return (
            all(given.get(name) in (None, price[name]) for name in ("active", "currency", "type"))
            and ("lookup_keys" not in given or price["lookup_key"] in given["lookup_keys"])
            and all((price["recurring"] or {}).get(k) == v for k, v in recurring.items())
        )

    return page(world, call, world.store.find("price", **by), what="price", keep=keep)
