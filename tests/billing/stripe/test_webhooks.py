"""Webhooks are believed when signed, kept once, and lead to the same mirror in any order."""

import importlib
import inspect
import json
import re
import time
from datetime import timedelta

import pytest
import stripe
from django.urls import reverse

from apim.audit.actors import SYSTEM
from billing.models import Invoice, MeterEvent, MoneyBack, StripeCustomer, StripeEvent
from billing.services.closing import close_periods
from billing.stripe.adapter import NETWORK_RETRIES
from billing.stripe.customers import ensure_customer
from billing.stripe.events import RECOMMENDED, handle_events, replay_event
from billing.stripe.invoicing import send_invoices
from billing.stripe.metering import collect_usage, send_usage
from billing.stripe.reconciliation import find_lost_events, refresh_open
from tests.billing.prices import make_price
from tests.billing.stripe.conftest import SECRET
from tests.billing.stripe.test_closing import DAY, DECEMBER, card, paid_plan

__all__ = ["card", "paid_plan"]
pytestmark = pytest.mark.django_db
BODY = b'{"id": "evt_1",  "object": "event", "type": "invoice.paid", "created": 1790000000}'


def post(client, body=BODY, secret=SECRET, at=None):
    at = int(time.time()) if at is None else at
    digest = stripe.WebhookSignature._compute_signature(f"{at}.{body.decode()}", secret)
    return client.post(
        reverse("stripe_webhook"),
        body,
        content_type="application/json",
        headers={"Stripe-Signature": f"t={at},v1={digest}"},
    )


@pytest.fixture
def deliver(sim, client):
    """Deliver what the simulator has to say, as it would: `deliver(reverse=…, times=…)`."""

    def run(*, backwards=False, times=1):
        events = sim.client.v1.events.list({"limit": 100}).data
        bodies = [json.dumps(e.to_dict(for_json=True)).encode() for e in events]
        for body in bodies if backwards else bodies[::-1]:
            for _ in range(times):
                assert post(client, body).status_code == 204

    return run


def test_what_stripe_signed_is_kept_once_and_nothing_else(sim, client):
    assert post(client, secret="whsec_another").status_code == 400
    assert post(client, at=int(time.time()) - 301).status_code == 400
    assert (
        client.post(reverse("stripe_webhook"), BODY, content_type="application/json").json()["code"]
        == "signature_wrong"
    )
    assert post(client, b'["no event"]').status_code == 400
    assert not StripeEvent.objects.exists()
    assert [post(client).status_code for _ in range(3)] == [204, 204, 204]
    (row,) = StripeEvent.objects.all()
    assert (row.stripe_id, row.type, row.deliveries) == ("evt_1", "invoice.paid", 3)


def test_two_secrets_hold_while_one_is_rolled(sim, client, settings):
    settings.STRIPE_WEBHOOK_SECRET = "whsec_old, whsec_new"
    assert post(client, secret="whsec_new").status_code == 204


def test_too_long_a_body_is_refused(sim, client):
    assert post(client, b"[" + b"1," * 600_000 + b"1]").status_code == 413


@pytest.mark.parametrize("backwards", [False, True])
def test_doubled_and_reordered_webhooks_lead_to_what_stripe_says(
    paid_plan, call, noon, gateway, card, deliver, backwards
):
    call(7)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    send_invoices(gateway)
    Invoice.objects.update(status="open", paid_minor=0, paid_at=None)  # as if nobody had told us
    deliver(backwards=backwards, times=2)
    handle_events(gateway)
    assert {i.status for i in Invoice.objects.all()} == {"paid"}
    assert not StripeEvent.objects.unprocessed().exists()
    assert handle_events(gateway) == 0


def test_a_lost_webhook_is_found_by_reconciliation(paid_plan, noon, gateway, sim):
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    send_invoices(gateway)
    invoice = Invoice.objects.get(ends_at=DECEMBER)
    sim.client.v1.invoices.pay(invoice.stripe_id, {"paid_out_of_band": True})
    assert find_lost_events(gateway) > 0
    assert find_lost_events(gateway) == 0
    handle_events(gateway)
    assert Invoice.objects.get(pk=invoice.pk).status == "paid"
    assert StripeEvent.objects.filter(source="reconciled", type="invoice.paid").exists()


def test_an_open_invoice_is_looked_at_again_even_without_events(paid_plan, noon, gateway, sim):
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    send_invoices(gateway)
    invoice = Invoice.objects.get(ends_at=DECEMBER)
    sim.client.v1.invoices.void_invoice(invoice.stripe_id)
    assert refresh_open(gateway) == 0
    noon.shift(timedelta(hours=7))
    assert refresh_open(gateway) == 2
    assert Invoice.objects.get(pk=invoice.pk).status == "void"


def test_refund_dispute_and_credit_note_are_mirrored(paid_plan, noon, gateway, card, sim, deliver):
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    send_invoices(gateway)
    first, second = Invoice.objects.order_by("ends_at")
    charges = sim.client.v1.charges.list().data
    sim.client.v1.refunds.create({"charge": charges[0].id, "amount": 250})
    sim.order("dispute", charge=charges[1].id)
    sim.client.v1.credit_notes.create(
        {"invoice": second.stripe_id, "amount": 100, "out_of_band_amount": 100}
    )
    deliver()
    handle_events(gateway)
    assert not StripeEvent.objects.unprocessed().exists()
    kinds = sorted(MoneyBack.objects.values_list("kind", "amount_minor"))
    assert kinds == [("credit_note", 100), ("dispute", 1000), ("refund", 250)]
    assert {row.invoice_id for row in MoneyBack.objects.all()} == {first.pk, second.pk}


def test_a_payment_method_set_up_at_checkout_becomes_the_default(gateway, world, sim, deliver):
    customer = ensure_customer(gateway, world.customer.organization)
    intent = sim.client.v1.setup_intents.create(
        {"customer": customer.stripe_id, "payment_method": "pm_card_visa", "confirm": True}
    )
    assert intent.status == "succeeded"
    deliver()
    handle_events(gateway)
    assert StripeCustomer.objects.get().payment_label == "visa 4242"


def test_usage_that_stripe_could_not_count_is_marked(
    world, subscription, call, gateway, sim, client
):
    make_price(world.plan, "0.01", months_ago=3)
    call(3)
    collect_usage()
    sim.order("settings", meter_error_report_seconds=0)
    customer = ensure_customer(gateway, world.customer.organization)
    sim.client.v1.customers.delete(customer.stripe_id)
    send_usage(gateway)
    sim.order("settle")
    assert find_lost_events(gateway) >= 1
    handle_events(gateway)
    row = MeterEvent.objects.get()
    assert row.state == "refused"
    assert "meter_event_customer_not_found" in row.last_error


def test_a_thin_event_is_posted_kept_once_and_fetched_for_its_details(
    world, subscription, call, gateway, sim, client
):
    """docs.stripe.com/event-destinations: it names its object; details only from the API."""
    make_price(world.plan, "0.01", months_ago=3)
    call(3)
    collect_usage()
    sim.order("settings", meter_error_report_seconds=0)
    customer = ensure_customer(gateway, world.customer.organization)
    sim.client.v1.customers.delete(customer.stripe_id)
    send_usage(gateway)
    sim.order("settle")
    (found,) = gateway.thin_events()
    names = ("id", "object", "type", "livemode", "created", "related_object")
    body = json.dumps({name: found[name] for name in names if name in found}).encode()
    assert b"sample_errors" not in body
    assert [post(client, body).status_code for _ in range(2)] == [204, 204]
    row = StripeEvent.objects.get(stripe_id=found["id"])
    assert (row.is_thin, row.deliveries) == (True, 2)
    assert row.type == "v1.billing.meter.error_report_triggered"
    assert row.object_id == found["related_object"]["id"]
    handle_events(gateway)
    assert MeterEvent.objects.get().state == "refused"
    assert not StripeEvent.objects.unprocessed().exists()


def test_an_event_that_fails_is_tried_again_and_can_be_replayed(paid_plan, noon, gateway, sim):
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    send_invoices(gateway)
    find_lost_events(gateway)
    of_invoices = StripeEvent.objects.filter(type__startswith="invoice.").count()
    tries = 1 + NETWORK_RETRIES
    sim.order("fail_requests", match="GET /v1/invoices", times=tries * of_invoices, status=500)
    handle_events(gateway)
    waiting = StripeEvent.objects.unprocessed()
    assert waiting.count() == of_invoices
    assert "StripeUnavailable" in waiting.first().last_error
    noon.shift(timedelta(hours=1))
    handle_events(gateway)
    assert not StripeEvent.objects.unprocessed().exists()
    row = StripeEvent.objects.filter(type="invoice.finalized").first()
    replay_event(event=row, actor=SYSTEM)
    assert handle_events(gateway) == 1


def test_an_event_about_somebody_else_changes_nothing(gateway, sim, deliver):
    sim.client.v1.customers.create({"name": "Another product's"})
    deliver()
    handle_events(gateway)
    assert not StripeCustomer.objects.exists()
    assert not StripeEvent.objects.unprocessed().exists()


def test_every_recommended_event_is_one_that_an_endpoint_can_hear():
    module = importlib.import_module("stripe.params._webhook_endpoint_create_params")
    known = set(re.findall(r'"([a-z_.]+)"', inspect.getsource(module)))
    assert set(RECOMMENDED) <= known
    assert len(RECOMMENDED) == len(set(RECOMMENDED))
