"""Products, meters and prices at Stripe, made from ours; running it again changes nothing.

Prices of usage bill the lanes of billing.stripe.metered; the others are the published price list,
for finance to read at Stripe. See docs/adr/0005.
"""

from __future__ import annotations

import logging
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from apim.catalog.models import Product
from apim.core import clock
from apim.core.locks import LockId, try_advisory_lock
from apim.core.money import exponent
from billing.models import Meter, PlanVersion, PriceComponent, StripeObject
from billing.stripe.ports import StripeRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.stripe.ports import PaymentGateway

logger = logging.getLogger(__name__)

Kind, Model = PriceComponent.Kind, PriceComponent.Model
EXISTS = "resource_already_exists"
# Customers are done at once, and share meters and prices: one of them makes what is missing.
_MAKING = threading.RLock()


def sync_catalogue(gateway: PaymentGateway) -> int:
    """Make at Stripe what is missing there and rename what was renamed; returns how many changed."""
    with try_advisory_lock(LockId.STRIPE_CATALOGUE) as held:
        if not held:
            return 0
        changed = sum(sync_product(gateway, product) for product in Product.objects.order_by("id"))
        changed += sync_meters(gateway)
        versions = PlanVersion.objects.published().select_related("plan__product")
        for version in versions.prefetch_related("components__meter").order_by("id"):
            changed += _try_prices(gateway, version)
        return changed


def _try_prices(gateway: PaymentGateway, version: PlanVersion) -> int:
    """A version that Stripe refuses must not keep the others waiting."""
    try:
        return _sync_prices(gateway, version)
    except StripeRefused:
        logger.exception("prices of %s are not at Stripe", version.public_id)
        return 0


def event_name(meter: Meter, lane: int = 0) -> str:
    """What Stripe knows the meter by: unique, and never changes. For lanes see MeteredItem."""
    return f"apim_{_in_lane(meter.public_id, lane)}"


def _in_lane(key: str, lane: int) -> str:
    return f"{key}-{lane}" if lane else key


def meter_id(gateway: PaymentGateway, meter: Meter, lane: int) -> str:
    """Stripe's id of the meter of a lane, made if there is none yet."""
    key = _in_lane(meter.public_id, lane)
    found = _known(StripeObject.Kind.METER, key)
    if found is not None:
        return found.stripe_id
    with _MAKING:
        found = _known(StripeObject.Kind.METER, key)
        if found is not None:
            return found.stripe_id
        name = event_name(meter, lane)
        there = {m["event_name"]: m["id"] for m in gateway.every("billing.meters")}
        stripe_id = there.get(name) or _create_meter(gateway, meter, lane)
        _note(StripeObject.Kind.METER, key, stripe_id, meter.name)
        return stripe_id


def metered_price_id(gateway: PaymentGateway, component: PriceComponent, lane: int) -> str | None:
    """Stripe's id of the price that bills a lane; None where Stripe cannot say the price."""
    version, meter = component.version, component.meter
    if meter is None or (params := price_params(component)) is None:
        return None
    key = _in_lane(price_key(component), lane)
    found = _known(StripeObject.Kind.PRICE, key)
    if found is not None:
        return found.stripe_id
    with _MAKING:
        found = _known(StripeObject.Kind.PRICE, key)
        if found is not None:
            return found.stripe_id
        params["recurring"]["meter"] = meter_id(gateway, meter, lane)
        there = next(gateway.every("prices", {"lookup_keys": [key]}), None)
        stripe_id = there["id"] if there else _create_price(gateway, version, key, params)
        _note(StripeObject.Kind.PRICE, key, str(stripe_id), component.name)
        return str(stripe_id)


def price_key(component: PriceComponent) -> str:
    return f"{component.version.public_id}:{component.currency}:{component.key}"


def sync_product(gateway: PaymentGateway, product: Product) -> bool:
    """Make or rename it at Stripe; whether that was needed."""
    found = _known(StripeObject.Kind.PRODUCT, product.public_id)
    if found is not None and found.name == product.name:
        return False
    stripe_id = f"apim_{product.public_id}"
    if found is None:
        try:
            gateway.create("products", {"id": stripe_id, "name": product.name})
        except StripeRefused as refusal:
            if refusal.reason != EXISTS:  # made before, and its answer was lost
                raise
            gateway.update("products", stripe_id, {"name": product.name})
    else:
        gateway.update("products", stripe_id, {"name": product.name})
    _note(StripeObject.Kind.PRODUCT, product.public_id, stripe_id, product.name)
    return True


def sync_meters(gateway: PaymentGateway) -> int:
    """Event names are unique for ever, so a meter whose answer was lost is looked for first."""
    changed = 0
    there: dict[str, str] | None = None
    for meter in Meter.objects.order_by("id"):
        found = _known(StripeObject.Kind.METER, meter.public_id)
        if found is not None and found.name == meter.name:
            continue
        if found is not None:
            gateway.update("billing.meters", found.stripe_id, {"display_name": meter.name})
            stripe_id = found.stripe_id
        else:
            if there is None:
                there = {m["event_name"]: m["id"] for m in gateway.every("billing.meters")}
            stripe_id = there.get(event_name(meter)) or _create_meter(gateway, meter)
        _note(StripeObject.Kind.METER, meter.public_id, stripe_id, meter.name)
        changed += 1
    return changed


def _create_meter(gateway: PaymentGateway, meter: Meter, lane: int = 0) -> str:
    params = {
        "display_name": meter.name,
        "event_name": event_name(meter, lane),
        "default_aggregation": {"formula": "sum"},
        "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
        "value_settings": {"event_payload_key": "value"},
    }
    return str(gateway.create("billing.meters", params)["id"])


def _sync_prices(gateway: PaymentGateway, version: PlanVersion) -> int:
    made = 0
    for component in version.components.all():
        key = price_key(component)
        if _known(StripeObject.Kind.PRICE, key) is not None:
            continue
        params = price_params(component)
        if params is None:
            continue
        there = next(gateway.every("prices", {"lookup_keys": [key]}), None)
        stripe_id = there["id"] if there else _create_price(gateway, version, key, params)
        _note(StripeObject.Kind.PRICE, key, str(stripe_id), component.name)
        made += 1
    return made


def _create_price(
    gateway: PaymentGateway, version: PlanVersion, key: str, params: dict[str, Any]
) -> str:
    everything = {
        **params,
        "product": f"apim_{version.plan.product.public_id}",
        "lookup_key": key,
        "nickname": str(version)[:80],
        "tax_behavior": version.tax_behavior,
        "metadata": {"apim_version": version.public_id},
    }
    return str(gateway.create("prices", everything)["id"])


def price_params(component: PriceComponent) -> dict[str, Any] | None:
    """The price in Stripe's words; None where they cannot say it exactly."""
    base: dict[str, Any] = {"currency": component.currency.lower()}
    if component.kind == Kind.SETUP:
        return base | _amount("unit_amount", component.amount, component)
    recurring: dict[str, Any] = _interval(component.version)
    if component.kind == Kind.FEE:
        return base | {"recurring": recurring} | _amount("unit_amount", component.amount, component)
    metered = _metered(component)
    usage = _usage(component) if metered else None
    return base | {"recurring": recurring | metered} | usage if metered and usage else None


def _metered(component: PriceComponent) -> dict[str, str] | None:
    """None where Stripe's meter counts in another unit than the price: gigabytes, millionths."""
    meter = component.meter
    if component.kind != Kind.USAGE or meter is None or meter.unit_size != 1:
        return None
    known = _known(StripeObject.Kind.METER, meter.public_id)
    if known is None or meter.kind == Meter.Kind.UNITS:
        return None
    return {"usage_type": "metered", "meter": known.stripe_id}


def _usage(component: PriceComponent) -> dict[str, Any] | None:
    amount = component.amount
    match component.model, bool(component.included):
        case Model.PACKAGE, False:
            divide = {"divide_by": component.package_size, "round": "up"}
            return {"transform_quantity": divide} | _amount("unit_amount", amount, component)
        case Model.PER_UNIT, False:
            return _amount("unit_amount", amount, component)
        case (Model.PACKAGE, True) | (Model.VOLUME, True):
            return None  # Stripe would count the included units too
        case _:
            return _tiers(component)


def _interval(version: PlanVersion) -> dict[str, Any]:
    if version.months == PlanVersion.Months.YEAR:
        return {"interval": "year"}
    return {"interval": "month", "interval_count": int(version.months)}


def _tiers(component: PriceComponent) -> dict[str, Any]:
    mode = "volume" if component.model == Model.VOLUME else "graduated"
    return {
        "billing_scheme": "tiered",
        "tiers_mode": mode,
        "tiers": list(_tier_rows(component)),
    }


def _tier_rows(component: PriceComponent) -> Iterator[dict[str, Any]]:
    """Included units are a first tier that costs nothing."""
    included = component.included
    if included:
        yield {"up_to": included, "unit_amount_decimal": "0"}
    rows = component.tiers or [{"up_to": None, "unit_amount": str(component.amount)}]
    for row in rows:
        end = "inf" if row["up_to"] is None else int(Decimal(row["up_to"])) + included
        tier = {"up_to": end}
        tier |= _amount("unit_amount", Decimal(row["unit_amount"]), component)
        flat = Decimal(row.get("flat_amount", 0))
        yield tier | (_amount("flat_amount", flat, component) if flat else {})


def _amount(name: str, amount: Decimal, component: PriceComponent) -> dict[str, str]:
    """Major units as Stripe's decimal minor units, without a needless digit."""
    minor = amount.scaleb(exponent(component.currency)).normalize()
    return {f"{name}_decimal": f"{minor:f}"}


def _known(kind: str, key: str) -> StripeObject | None:
    return StripeObject.objects.filter(kind=kind, key=key).first()


def _note(kind: str, key: str, stripe_id: str, name: str) -> None:
    StripeObject.objects.update_or_create(
        kind=kind,
        key=key,
        defaults={"stripe_id": stripe_id, "name": name[:120], "synced_at": clock.now()},
    )
