"""Scripts draft, try and publish prices, give credit and discounts, and plan changes."""

from datetime import timedelta

import pytest

from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.keys import services as keys
from billing.models import PlanVersion, Reconciliation, ScheduledChange, StripeEvent
from billing.services import note_subscription
from billing.stripe.adapter import connect
from billing.stripe.checkouts import heal_checkouts
from billing.stripe.comparing import run_reconciliation
from tests.apim.dashboard.conftest import make_invoice
from tests.billing.stripe_simulator.running import KEY, running

pytestmark = pytest.mark.django_db
TIERS = [
    {"up_to": "10000", "unit_amount": "0.002"},
    {"up_to": None, "unit_amount": "0.001", "flat_amount": "5"},
]
SHEET = {
    "currency": "EUR",
    "fees": [{"amount": "49", "name": "Base fee"}],
    "usage": [{"model": "graduated", "included": "1000", "tiers": TIERS}],
}


@pytest.fixture
def drafted(plan, fiona_api):
    answer = fiona_api.post(f"/api/v1/plans/{plan.public_id}/versions", {"sheets": [SHEET]})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_a_version_is_drafted_tried_changed_and_published(drafted, plan, fiona_api, alice_api):
    path = f"/api/v1/plan-versions/{drafted['id']}"
    assert (drafted["starts_at"], len(drafted["components"])) == (None, 2)
    example = fiona_api.get(f"{path}/example?units=21000").json()
    assert example["total"]["amount_minor"] == 4900 + 2000 + 1000 + 500
    assert fiona_api.get(f"{path}/example?units=1&currency=JPY").status_code == 409
    simulated = fiona_api.get(f"{path}/simulation").json()
    assert (simulated["before_minor"], simulated["currency"]) == (0, "EUR")
    changed = fiona_api.post(f"{path}/change", {"sheets": [{**SHEET, "minimum": "60"}]})
    assert "minimum" in {one["kind"] for one in changed.json()["components"]}
    assert fiona_api.post(f"{path}/publish", {}).json()["starts_at"] is not None
    assert fiona_api.post(f"{path}/publish", {}).status_code == 409
    assert fiona_api.delete(path).status_code == 409
    listed = fiona_api.get(f"/api/v1/plans/{plan.public_id}/versions").json()["results"]
    assert drafted["id"] in {one["id"] for one in listed}
    assert alice_api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"tiers": [{**TIERS[0], "after": "5"}, TIERS[1]]}, "after"),
        ({"tiers": [TIERS[0], {**TIERS[1], "after": "9000"}]}, "after"),
        ({"tiers": [TIERS[0]]}, "up_to"),
        ({"tiers": [{**TIERS[1], "unit_amount": "-1"}]}, "unit_amount"),
        ({"model": "package"}, "package_size"),
        ({"meter": "nothing"}, "usage"),
    ],
)
def test_gaps_overlaps_and_negative_prices_are_refused(plan, fiona_api, change, pointer):
    sheet = {**SHEET, "usage": [{**SHEET["usage"][0], **change}]}
    answer = fiona_api.post(f"/api/v1/plans/{plan.public_id}/versions", {"sheets": [sheet]})
    assert answer.status_code == 422
    assert pointer in str(answer.json()["errors"])
    assert not PlanVersion.objects.drafts().exists()


def test_a_draft_can_be_deleted(drafted, fiona_api):
    path = f"/api/v1/plan-versions/{drafted['id']}"
    assert fiona_api.delete(path).status_code == 204
    assert fiona_api.get(path).status_code == 404


def test_moving_subscribers_without_notice_is_refused(drafted, plan, application, fiona_api):
    keys.subscribe(actor=SYSTEM, application=application, plan=plan)
    soon = (clock.now() + timedelta(days=1)).isoformat()
    path = f"/api/v1/plan-versions/{drafted['id']}/publish"
    assert fiona_api.post(path, {"moves_at": soon}).json()["code"] == "notice_too_short"


def test_a_cancellation_is_previewed_planned_and_withdrawn(plan, application, alice_api):
    made = keys.subscribe(actor=SYSTEM, application=application, plan=plan)
    note_subscription(subscription_id=made.pk)
    path = f"/api/v1/subscriptions/{made.public_id}"
    preview = alice_api.post(f"{path}/preview-change", {"kind": "cancel", "when": "period_end"})
    assert preview.json()["effective_at"] == preview.json()["period"]["end"]
    planned = alice_api.post(f"{path}/plan-change", {"kind": "cancel"}).json()
    assert planned["state"] == "waiting"
    withdrawn = alice_api.post(f"{path}/withdraw-change", {})
    assert withdrawn.json()["state"] == "withdrawn"
    assert alice_api.post(f"{path}/withdraw-change", {}).status_code == 404
    assert alice_api.post(f"{path}/plan-change", {"kind": "resume"}).status_code == 422
    assert alice_api.post(f"{path}/plan-change", {"kind": "plan"}).status_code == 409
    assert not ScheduledChange.objects.waiting().exists()


def test_credit_and_discounts_are_finances_to_give_and_the_customers_to_read(
    acme, fiona_api, alice_api
):
    credit = {
        "organization": acme.public_id,
        "name": "Contract",
        "amount_minor": 500,
        "currency": "EUR",
    }
    assert alice_api.post("/api/v1/credits", credit).status_code == 404
    made = fiona_api.post("/api/v1/credits", credit)
    assert (made.status_code, made.json()["left_minor"]) == (201, 500)
    (seen,) = alice_api.get("/api/v1/credits").json()["results"]
    assert seen["id"] == made.json()["id"]
    voided = fiona_api.post(f"/api/v1/credits/{seen['id']}/void", {})
    assert voided.json()["left_minor"] == 0
    discount = {"organization": acme.public_id, "name": "Partner", "percent": "10"}
    given = fiona_api.post("/api/v1/discounts", discount)
    assert given.status_code == 201
    assert fiona_api.post("/api/v1/discounts", {**discount, "amount": "1"}).status_code == 422
    (seen,) = alice_api.get("/api/v1/discounts").json()["results"]
    ended = fiona_api.post(f"/api/v1/discounts/{seen['id']}/end", {})
    assert ended.json()["ends_at"] is not None


def test_invoices_and_events_are_listed(acme, fiona_api, alice_api):
    assert alice_api.get("/api/v1/invoices").json()["results"] == []
    StripeEvent.objects.create(
        stripe_id="evt_1", type="invoice.paid", happened_at=clock.now(), processed_at=clock.now()
    )
    assert alice_api.get("/api/v1/stripe-events").status_code == 404
    (event,) = fiona_api.get("/api/v1/stripe-events").json()["results"]
    assert event["id"] == "evt_1"
    replayed = fiona_api.post("/api/v1/stripe-events/evt_1/replay", {})
    assert replayed.json()["processed_at"] is None


@pytest.fixture
def simulator(settings):
    with running(webhook_url="http://127.0.0.1:9/", webhook_secret="whsec_x") as sim:
        sim.order("settings", webhooks_paused=True)
        settings.STRIPE_SECRET_KEY = ""
        settings.APIM_STRIPE_SIMULATOR_URL = sim.url
        settings.APIM_STRIPE_SIMULATOR_KEY = KEY
        yield sim


def test_a_plan_that_needs_a_payment_method_is_begun_through_a_checkout(
    plan, application, alice_api, fiona_api, charlie_api, simulator
):
    draft = fiona_api.post(f"/api/v1/plans/{plan.public_id}/versions", {"sheets": [SHEET]}).json()
    assert draft["payment"] == "start"
    fiona_api.post(f"/api/v1/plan-versions/{draft['id']}/publish", {})
    body = {"application": application.public_id, "plan": plan.public_id}
    refused = alice_api.post("/api/v1/subscriptions", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_method_needed")
    ways = {"return_url": "https://x.example/{checkout}", "cancel_url": "https://x.example/"}
    begun = alice_api.post("/api/v1/checkouts", {**body, **ways})
    assert begun.status_code == 201, begun.json()
    assert begun.json()["state"] == "open"
    answer = simulator.raw(
        "POST", begun.json()["url"].removeprefix(simulator.url), "card=pm_card_visa"
    )
    assert answer.getheader("Location") == f"https://x.example/{begun.json()['id']}"
    heal_checkouts(connect())
    path = f"/api/v1/checkouts/{begun.json()['id']}"
    done = alice_api.get(path).json()
    assert (done["state"], done["subscription"][:4]) == ("done", "sub_")
    assert charlie_api.get(path).status_code == 404
    assert alice_api.get("/api/v1/checkouts").json()["results"][0]["id"] == done["id"]
    assert alice_api.get("/api/v1/payment-method").json()["label"] == "visa 4242"
    again = {"application": application.public_id, "plan": plan.public_id, **ways}
    assert alice_api.post("/api/v1/checkouts", again).json()["code"] == "already_subscribed"


def test_pages_of_the_payment_method_are_for_those_who_pay(bella_api, bob_api, simulator):
    path, back = "/api/v1/payment-method", {"return_url": "https://x.example/"}
    assert "/checkout/" in bella_api.post(path, back).json()["url"]
    assert "/portal/" in bella_api.post(path, {**back, "page": "manage"}).json()["url"]
    assert bob_api.post(path, back).status_code in {403, 404}


def test_a_pause_is_the_organizations_own_and_ends_by_it_alone(
    plan, application, alice_api, sam_api
):
    made = keys.subscribe(actor=SYSTEM, application=application, plan=plan)
    note_subscription(subscription_id=made.pk)
    path = f"/api/v1/subscriptions/{made.public_id}"
    preview = alice_api.post(f"{path}/preview-change", {"kind": "pause"}).json()
    paused = alice_api.post(f"{path}/pause", {"stated_at": preview["effective_at"]}).json()
    assert (paused["state"], paused["holds"]) == ("suspended", ["developer"])
    assert sam_api.post(f"{path}/resume").status_code == 409
    assert sam_api.post(f"{path}/suspend").status_code == 200
    resumed = alice_api.post(f"{path}/unpause", {}).json()
    assert (resumed["state"], resumed["holds"]) == ("suspended", ["staff"])
    refused = alice_api.post(f"{path}/unpause", {})
    assert "only the publisher" in refused.text
    assert sam_api.post(f"{path}/resume").json()["state"] == "active"
    stale = {"stated_at": (clock.now() - timedelta(hours=2)).isoformat()}
    assert alice_api.post(f"{path}/pause", stale).json()["code"] == "statement_too_old"
    later = alice_api.post(f"{path}/plan-change", {"kind": "pause"}).json()
    assert (later["kind"], later["state"]) == ("pause", "waiting")


def test_an_invoice_says_its_taxes_and_leads_from_each_line_to_its_calls(
    acme, application, plan, alice_api, bob_api, charlie_api
):
    keys.subscribe(actor=SYSTEM, application=application, plan=plan)
    invoice = make_invoice(acme)
    invoice.taxes = [
        {
            "name": "VAT",
            "percent": "19",
            "amount_minor": 133,
            "taxable_minor": 700,
            "is_inclusive": False,
            "reason": "standard_rated",
        }
    ]
    invoice.save()
    found = alice_api.get(f"/api/v1/invoices/{invoice.public_id}").json()
    assert (found["invoice"]["taxes"][0]["percent"], found["money_back"]) == ("19", [])
    (line,) = [x for x in found["periods"][0]["lines"] if x["kind"] == "usage"]
    path = f"/api/v1/invoice-lines/{line['id']}"
    walked = alice_api.get(path, {"day": "2026-01-01"}).json()
    assert (walked["amount"], walked["reasons"]) == (line["amount"], line["reasons"])
    assert (walked["days"], walked["calls"], walked["billable"]) == ([], [], 0)
    assert charlie_api.get(path).status_code == 404
    assert bob_api.get(path).status_code in {403, 404}


def test_finance_lets_a_comparison_run_and_members_do_not_see_any(simulator, fiona_api, alice_api):
    made = fiona_api.post("/api/v1/reconciliations", {})
    assert (made.status_code, made.json()["state"]) == (201, "waiting")
    again = fiona_api.post("/api/v1/reconciliations", {})
    assert again.json()["id"] == made.json()["id"]  # one at a time
    run_reconciliation(connect(), reconciliation_id=Reconciliation.objects.get().pk)
    path = f"/api/v1/reconciliations/{made.json()['id']}"
    assert fiona_api.get(path).json()["state"] == "done"
    assert fiona_api.get(f"{path}/differences").json()["results"] == []
    assert fiona_api.get("/api/v1/billing-periods").json()["results"] == []
    for url in ("/api/v1/reconciliations", path, f"{path}/differences", "/api/v1/billing-periods"):
        assert alice_api.get(url).status_code == 404
