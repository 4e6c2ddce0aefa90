"""A small business on the simulator: products, prices, a customer with a card, and a clock."""

from datetime import UTC, datetime

from tests.deadline import eventually


def at(text):
    """Return unix seconds of "2026-01-31" or "2026-01-31 12:00", UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


class Shop:
    def __init__(self, sim) -> None:
        self.sim = sim
        self.v1 = sim.client.v1
        self.clock = None

    def freeze(self, text):
        """Let new customers live on a test clock that stands at this instant."""
        self.clock = self.v1.test_helpers.test_clocks.create({"frozen_time": at(text)})
        return self.clock

    def advance(self, text):
        clock = self.clock.id
        clocks = self.v1.test_helpers.test_clocks
        clocks.advance(clock, {"frozen_time": at(text)})
        eventually(lambda: clocks.retrieve(clock).status == "ready")

    def customer(self, card="pm_card_visa", **more):
        clock = {"test_clock": self.clock.id} if self.clock else {}
        customer = self.v1.customers.create({"email": "ada@example.com", **clock, **more})
        if card:
            self.add_card(customer.id, card)
        return customer

    def add_card(self, customer, card):
        method = self.v1.payment_methods.attach(card, {"customer": customer})
        settings = {"invoice_settings": {"default_payment_method": method.id}}
        self.v1.customers.update(customer, settings)
        return method

    def product(self, name="Tides"):
        return self.v1.products.create({"name": name}).id

    def flat(self, amount=1000, **more):
        return self.v1.prices.create(
            {
                "currency": "eur",
                "product": self.product(),
                "recurring": {"interval": "month"},
                "unit_amount": amount,
                **more,
            }
        ).id

    def meter(self, event_name="calls", formula="sum"):
        return self.v1.billing.meters.create(
            {
                "display_name": event_name.title(),
                "event_name": event_name,
                "default_aggregation": {"formula": formula},
            }
        ).id

    def metered(self, meter=None, **amounts):
        amounts = amounts or {"unit_amount_decimal": "0.5"}
        recurring = {"interval": "month", "usage_type": "metered", "meter": meter or self.meter()}
        return self.v1.prices.create(
            {"currency": "eur", "product": self.product(), "recurring": recurring, **amounts}
        ).id

    def graduated(self, *tiers, mode="graduated", meter=None):
        return self.metered(meter, billing_scheme="tiered", tiers_mode=mode, tiers=list(tiers))

    def subscribe(self, customer, *prices, **more):
        items = [price if isinstance(price, dict) else {"price": price} for price in prices]
        return self.v1.subscriptions.create({"customer": customer.id, "items": items, **more})

    def use(self, customer, value, when, event_name="calls", identifier=None):
        named = {"identifier": identifier} if identifier else {}
        return self.v1.billing.meter_events.create(
            {
                "event_name": event_name,
                "payload": {"stripe_customer_id": customer.id, "value": str(value)},
                "timestamp": when if isinstance(when, int) else at(when),
                **named,
            }
        )

    def invoices(self, customer):
        """Return a customer's invoices, oldest first."""
        return self.v1.invoices.list({"customer": customer.id}).data[::-1]

    def events(self, *types):
        wanted = {"types": list(types)} if types else {}
        return self.v1.events.list({"limit": 100, **wanted}).data[::-1]
