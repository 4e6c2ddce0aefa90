"""Section 5: signed webhooks with retries, and loss, duplicates, delay and disorder on demand."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stripe

from billing.stripe_simulator.deliveries import signature
from tests.billing.stripe_simulator.running import running
from tests.billing.stripe_simulator.shop import Shop

SECRET = "whsec_of_this_test"


class Receiver:
    """A webhook endpoint; `status` is what it answers."""

    def __init__(self) -> None:
        self.received = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((body, self.headers["Stripe-Signature"]))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/stripe/?a=b"

    @property
    def types(self):
        return [json.loads(body)["type"] for body, _ in self.received]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def _heard():
    receiver = Receiver()
    with running(webhook_url=receiver.url, webhook_secret=SECRET) as simulator:
        yield simulator, receiver
    receiver.close()


@pytest.fixture
def heard(_heard):
    """A simulator and a receiver that hears all of its events."""
    simulator, receiver = _heard
    simulator.order("reset", seed="webhooks")
    simulator.order("settings", meter_error_report_seconds=0, retry_seconds=[3_600, 3_600])
    receiver.received.clear()
    receiver.status = 200
    return simulator, receiver


def _names(sim, *names):
    for name in names:
        sim.client.v1.customers.create({"name": name})


def _heard_names(receiver):
    return [json.loads(body)["data"]["object"]["name"] for body, _ in receiver.received]


def test_the_signature_is_that_of_the_test_vector():
    header = signature(["whsec_demo"], 1790000000, b'{"id":"evt_demo1","type":"invoice.paid"}')
    digest = "e0e691f8d557fd55b31e880c67fdae9a7491080cbc18a05e591def9243979765"
    assert header == f"t=1790000000,v1={digest}"


def test_the_sdk_accepts_a_delivery_and_refuses_another_secret_or_body(heard):
    sim, receiver = heard
    _names(sim, "Ada")
    sim.settle()
    ((body, header),) = receiver.received
    event = sim.client.construct_event(body, header, SECRET)
    assert (event.type, event.data.object["name"]) == ("customer.created", "Ada")
    assert event.api_version == "2026-10-28.endive"
    for wrong_body, secret in ((body, "whsec_other"), (body.replace(b"Ada", b"Eve"), SECRET)):
        with pytest.raises(stripe.SignatureVerificationError):
            sim.client.construct_event(wrong_body, header, secret)


def test_while_a_secret_is_rolled_both_of_them_sign(heard):
    sim, receiver = heard
    sim.order("roll_secret", secret="whsec_new", keep_old=True)
    try:
        _names(sim, "Ada")
        sim.settle()
        ((body, header),) = receiver.received
        for secret in (SECRET, "whsec_new"):
            assert sim.client.construct_event(body, header, secret).type == "customer.created"
    finally:
        sim.order("roll_secret", secret=SECRET)


def test_an_event_waits_for_its_delivery_and_is_delivered_once(heard):
    sim, receiver = heard
    sim.order("settings", webhooks_paused=True)
    _names(sim, "Ada")
    (event,) = sim.client.v1.events.list().data
    assert event.pending_webhooks == 1
    sim.order("settings", webhooks_paused=False)
    for _ in range(3):
        sim.settle()
    assert receiver.types == ["customer.created"]
    assert sim.client.v1.events.retrieve(event.id).pending_webhooks == 0


def test_a_failed_delivery_is_retried_and_at_last_given_up(heard):
    sim, receiver = heard
    receiver.status = 500
    _names(sim, "Ada")
    (first,) = sim.settle()
    assert (first["status"], len(first["attempts"])) == ("pending", 1)
    receiver.status = 302  # a redirect is a failure too
    sim.order("deliver_now")
    assert len(sim.settle()[0]["attempts"]) == 2
    sim.order("deliver_now")
    (last,) = sim.settle()
    assert (last["status"], [a["status"] for a in last["attempts"]]) == ("failed", [500, 302, 302])
    receiver.status = 200
    sim.order("redeliver", event=last["event"])
    assert sim.settle()[0]["status"] == "delivered"


def test_every_attempt_is_signed_anew_and_carries_the_same_event(heard):
    sim, receiver = heard
    receiver.status = 500
    _names(sim, "Ada")
    sim.settle()
    sim.order("deliver_now")
    sim.settle()
    bodies = {json.loads(body)["id"] for body, _ in receiver.received}
    assert (len(receiver.received), len(bodies)) == (2, 1)


def test_webhooks_are_lost_doubled_and_shuffled_on_demand(heard):
    sim, receiver = heard
    sim.order("settings", drop_webhooks=1, duplicate_webhooks=1)
    _names(sim, "lost", "double", "single")
    sim.settle()
    assert sorted(_heard_names(receiver)) == ["double", "double", "single"]
    receiver.received.clear()
    sim.order("settings", shuffle_webhooks=True, webhooks_paused=True)
    names = [str(number) for number in range(8)]
    _names(sim, *names)
    sim.order("settings", webhooks_paused=False)
    sim.settle()
    shuffled = _heard_names(receiver)
    assert sorted(shuffled) == names
    assert shuffled != names


def test_a_lost_webhook_can_be_found_among_the_events(heard):
    sim, receiver = heard
    sim.order("settings", drop_webhooks=1)
    _names(sim, "lost")
    sim.settle()
    assert receiver.received == []
    assert [event.type for event in sim.client.v1.events.list().data] == ["customer.created"]


def test_webhooks_are_delayed_on_demand(heard):
    sim, receiver = heard
    sim.order("settings", webhook_delay_seconds=3_600)
    _names(sim, "late")
    sim.settle()
    assert receiver.received == []
    sim.order("deliver_now")
    sim.settle()
    assert _heard_names(receiver) == ["late"]


def test_an_endpoint_hears_only_what_it_asked_for_while_it_is_enabled(heard):
    sim, receiver = heard
    made = sim.client.v1.webhook_endpoints.create(
        {"url": f"{receiver.url}&own=1", "enabled_events": ["customer.deleted"]}
    )
    assert made.secret.startswith("whsec_")
    assert "secret" not in sim.client.v1.webhook_endpoints.retrieve(made.id)
    customer = sim.client.v1.customers.create({})
    sim.client.v1.customers.delete(customer.id)
    own = [d for d in sim.settle() if d["endpoint"] == made.id]
    assert [d["type"] for d in own] == ["customer.deleted"]
    sim.client.v1.webhook_endpoints.update(made.id, {"disabled": True})
    _names(sim, "unheard")
    assert len([d for d in sim.settle() if d["endpoint"] == made.id]) == 1
    assert sim.client.v1.webhook_endpoints.delete(made.id).deleted


def test_meter_errors_go_out_as_thin_events_whose_details_are_asked_for(heard):
    sim, receiver = heard
    shop = Shop(sim)
    meter = shop.meter()
    customer = shop.customer(card=None)
    shop.sim.settle()
    receiver.received.clear()
    shop.v1.billing.meter_events.create(
        {"event_name": "calls", "payload": {"stripe_customer_id": customer.id, "value": "x"}}
    )
    sim.settle()
    ((body, header),) = receiver.received
    assert "data" not in json.loads(body)
    with pytest.raises(ValueError, match=r"thin|event_notification"):
        sim.client.construct_event(body, header, SECRET)
    notification = sim.client.parse_event_notification(body, header, SECRET)
    assert notification.related_object.id == meter
    assert notification.fetch_event().data.reason.error_count == 1
    assert notification.fetch_related_object().event_name == "calls"


def test_an_address_that_nobody_answers_does_not_hold_up_others(heard):
    sim, _ = heard
    nobody = sim.client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/", "enabled_events": ["*"]}
    )
    _names(sim, "Ada")
    outcomes = {d["endpoint"]: d for d in sim.settle()}
    assert outcomes["we_simulator"]["status"] == "delivered"
    assert "refused" in outcomes[nobody.id]["attempts"][0]["problem"]
