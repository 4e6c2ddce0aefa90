"""Everything the simulator answers is of the types that the SDK declares."""

import json

from billing.stripe_simulator import shapes
from billing.stripe_simulator.rendering import rendered
from tests.billing.stripe_simulator.sdk_shapes import FILE, as_text, sdk_shapes
from tests.billing.stripe_simulator.sdk_types import problems
from tests.billing.stripe_simulator.shop import at

TIERS = (
    {"up_to": 100, "unit_amount_decimal": "0"},
    {"up_to": "inf", "unit_amount_decimal": "0.25", "flat_amount": 500},
)


def test_parameters_and_nulls_are_those_of_the_installed_sdk():
    assert FILE.read_text() == as_text(sdk_shapes()), (
        "run: python -m tests.billing.stripe_simulator.sdk_shapes"
    )
    assert shapes.api_version() == "2026-10-28.endive"


def test_the_walker_finds_what_is_missing_wrong_and_unknown():
    meter = {"object": "billing.meter", "created": "now", "colour": "red"}
    found = "\n".join(problems(meter))
    assert "billing.meter.created: 'now'" in found
    assert "billing.meter.colour: unknown" in found
    assert "billing.meter.event_name: missing" in found


def _a_busy_life(shop):
    """Make at least one object of every kind."""
    v1 = shop.v1
    v1.tax.settings.update({"head_office": {"address": {"country": "DE"}}})
    v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["plan.created"]})
    shop.sim.client.v2.core.event_destinations.create(
        {
            "name": "thin",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["none.such"],
            "webhook_endpoint": {"url": "http://127.0.0.1:9/"},
        }
    )
    shop.freeze("2026-01-01")
    customer = shop.customer(address={"country": "DE"}, name="Ada")
    coupon = v1.coupons.create({"percent_off": 10, "duration": "forever"})
    metered, flat = shop.graduated(*TIERS), shop.flat()
    v1.billing.credit_grants.create(
        {
            "customer": customer.id,
            "amount": {"type": "monetary", "monetary": {"currency": "eur", "value": 100}},
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
    )
    v1.setup_intents.create(
        {"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True}
    )
    subscription = shop.subscribe(
        customer, metered, flat, automatic_tax={"enabled": True}, discounts=[{"coupon": coupon.id}]
    )
    shop.use(customer, 1000, "2026-01-01")
    v1.invoice_items.create({"customer": customer.id, "amount": 300, "currency": "eur"})
    shop.advance("2026-01-10")
    item = subscription["items"].data[1].id
    v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": shop.flat(3000)}]})
    shop.advance("2026-02-01 02:00")
    invoice = shop.invoices(customer)[-1]
    v1.credit_notes.create({"invoice": invoice.id, "amount": 100, "refund_amount": 100})
    v1.customers.balance_transactions.create(customer.id, {"amount": -5, "currency": "eur"})
    session = {
        "customer": customer.id,
        "success_url": "http://x/",
        "mode": "setup",
        "currency": "eur",
    }
    v1.checkout.sessions.create(session)
    v1.billing_portal.sessions.create({"customer": customer.id})
    shop.sim.order("dispute", charge=v1.charges.list({"customer": customer.id}).data[-1].id)
    v1.subscriptions.pause(subscription.id)
    shop.use(customer, "1.5", at("2026-02-01"))
    shop.sim.client.v2.billing.meter_event_session.create()
    shop.sim.settle()


def _all_objects(world):
    found = []
    for kind in sorted({row[0] for row in world.store._rows.values() if row[0][0] != "_"}):
        for obj in world.store.find(kind):
            shown = json.loads(json.dumps(rendered(world, obj)))
            if kind == "billing.meter_event":
                del shown["id"]  # the simulator's own; the answer has none
            if kind == "tax.settings":
                del shown["id"]
            if kind == "v2.core.event":
                del shown["data"], shown["related_object"]  # of the event's own class
            found.append((kind, shown))
    return found


def test_every_object_has_the_fields_and_types_that_the_sdk_declares(shop):
    _a_busy_life(shop)
    objects = shop.sim.inside(_all_objects)
    found = [problem for _, shown in objects for problem in problems(shown)]
    kinds = {kind for kind, _ in objects}
    assert not found
    assert len(kinds) >= 30


def test_answers_that_are_not_kept_have_the_sdks_types_too(shop):
    customer = shop.customer()
    price = shop.metered()
    subscription = shop.subscribe(customer, price)
    meter = shop.v1.prices.retrieve(price).recurring.meter
    now = subscription["items"].data[0].current_period_start
    shop.use(customer, 7, now)
    start = now - now % 86_400
    window = f"customer={customer.id}&start_time={start}&end_time={start + 86_400}"
    credit = f"customer={customer.id}&filter[type]=credit_grant"
    for path in (
        f"/v1/billing/meters/{meter}/event_summaries?{window}",
        f"/v1/billing/credit_balance_summary?{credit}",
        "/v1/tax/settings",
        f"/v1/customers/{customer.id}?expand[]=tax&expand[]=subscriptions",
        f"/v1/subscriptions/{subscription.id}?expand[]=latest_invoice.payments&expand[]=customer",
    ):
        status, text = shop.sim.request("GET", path)
        assert status == 200, text
        raw = json.loads(text)
        parts = raw["data"] if raw["object"] == "list" else [raw]
        assert parts
        assert not [problem for part in parts for problem in problems(part)]
    status, text = shop.sim.request(
        "POST", "/v1/invoices/create_preview", f"subscription={subscription.id}"
    )
    assert status == 200
    assert not problems(json.loads(text))
