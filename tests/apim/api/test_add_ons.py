"""Scripts say what is counted, what is offered beside plans, and what a subscription holds."""

from decimal import Decimal

import pytest

from apim.audit.actors import SYSTEM
from apim.keys import services as keys
from billing.models import Meter
from billing.services import create_add_on

pytestmark = pytest.mark.django_db


def test_a_meter_is_made_and_only_renamed(fiona_api, alice_api):
    body = {"name": "Failures", "kind": "calls", "unit_name": "failure", "statuses": ["5xx"]}
    made = fiona_api.post("/api/v1/meters", body).json()
    assert (made["slug"], made["statuses"], made["unit_size"]) == ("failures", ["5xx"], 1)
    path = f"/api/v1/meters/{made['id']}"
    named = fiona_api.patch(path, {"name": "Errors", "unit_name": "error"}).json()
    assert (named["name"], named["unit_name"], named["kind"]) == ("Errors", "error", "calls")
    assert fiona_api.patch(path, {"name": "Errors", "kind": "bytes"}).status_code == 422
    assert fiona_api.post("/api/v1/meters", body | {"statuses": ["9xx"]}).status_code == 422
    counted = {row["meter"]: row for row in fiona_api.get("/api/v1/meters/usage").json()}
    assert Decimal(counted[made["id"]]["counted"]) == 0
    assert alice_api.post("/api/v1/meters", body).status_code in {403, 404}


def test_an_add_on_is_offered_repriced_and_withdrawn(plan, fiona_api):
    meter = Meter.objects.create(name="Storms", slug="storms", kind="calls", unit_name="warning")
    body = {
        "product": plan.product.public_id,
        "plan": plan.public_id,
        "meter": meter.public_id,
        "name": "Storm warnings",
        "amounts": {"EUR": "0.002"},
    }
    made = fiona_api.post("/api/v1/add-ons", body).json()
    assert (made["meter"], made["prices"]) == (
        meter.public_id,
        [{"currency": "EUR", "amount": "0.002"}],
    )
    path = f"/api/v1/add-ons/{made['id']}"
    repriced = fiona_api.patch(path, {"amounts": {"USD": "0.003"}}).json()
    assert repriced["prices"] == [{"currency": "USD", "amount": "0.003"}]
    assert fiona_api.patch(path, {"amounts": {"XXX": "1"}}).status_code == 422
    assert fiona_api.post(f"{path}/withdraw", {}).json()["withdrawn_at"] is not None
    assert fiona_api.post(f"{path}/withdraw", {}).status_code == 409


def test_a_subscription_adds_what_it_is_offered_and_ends_it(
    application, plan, alice_api, charlie_api
):
    subscription = keys.subscribe(actor=SYSTEM, application=application, plan=plan)
    add_on = create_add_on(
        actor=SYSTEM, product=subscription.product, name="Support", amounts={"EUR": Decimal(5)}
    )
    path = f"/api/v1/subscriptions/{subscription.public_id}"
    offered = alice_api.get(f"{path}/offered-add-ons").json()
    assert [row["id"] for row in offered] == [add_on.public_id]
    held = alice_api.post(f"{path}/add-ons", {"add_on": add_on.public_id, "quantity": 2})
    assert held.status_code == 201, held.json()
    assert alice_api.get(f"{path}/offered-add-ons").json() == []
    listed = alice_api.get(f"{path}/add-ons").json()["results"]
    assert [(row["quantity"], row["amount"]) for row in listed] == [(2, "5")]
    end = f"/api/v1/subscription-add-ons/{held.json()['id']}/end"
    assert charlie_api.post(end, {}).status_code == 404
    assert alice_api.post(end, {}).json()["ended_at"] is not None
    assert alice_api.post(end, {}).status_code == 409
