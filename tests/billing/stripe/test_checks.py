"""The configuration page says in words what is set up and what is missing."""

import pytest
from django.urls import reverse

from apim.accounts.mail import absolute_url
from billing.services import calls_meter
from billing.stripe.catalogue import sync_catalogue
from billing.stripe.checks import run_checks
from billing.stripe.events import RECOMMENDED

pytestmark = pytest.mark.django_db


def by_name(checks):
    return {check.name: check for check in checks}


def test_everything_is_well_on_the_simulator(sim, gateway):
    calls_meter()
    sync_catalogue(gateway)
    found = run_checks()
    assert [check.name for check in found if not check.is_ok] == []
    assert "simulator" in by_name(found)["Key"].text
    assert by_name(found)["Tax"].text.startswith("Stripe Tax is off")


def test_a_reset_simulator_has_its_endpoint_again(sim, gateway):
    for endpoint in gateway.every("webhook_endpoints"):
        sim.client.v1.webhook_endpoints.delete(endpoint["id"])
    sim.order("reset")
    assert [one["id"] for one in gateway.every("webhook_endpoints")] == ["we_simulator"]


def test_without_keys_it_says_which_to_set(settings):
    settings.STRIPE_SECRET_KEY = settings.APIM_STRIPE_SIMULATOR_URL = ""
    (check,) = run_checks()
    assert not check.is_ok
    assert "STRIPE_SECRET_KEY" in check.hint


def test_a_wrong_key_is_named(sim, settings):
    settings.APIM_STRIPE_SIMULATOR_KEY = "sk_test_wrong"
    (check,) = run_checks()
    assert not check.is_ok


def test_what_is_missing_is_named(sim, gateway, settings, monkeypatch):
    meter = calls_meter()
    settings.STRIPE_WEBHOOK_SECRET = ""
    settings.STRIPE_TAX = True
    monkeypatch.setattr("billing.stripe.checks.is_simulated", lambda: False)
    for endpoint in gateway.every("webhook_endpoints"):
        sim.client.v1.webhook_endpoints.delete(endpoint["id"])
    bad = [check for check in run_checks() if not check.is_ok]
    words = " ".join(f"{check.text} {check.hint}" for check in bad)
    address = absolute_url(reverse("stripe_webhook"))
    for word in ("STRIPE_WEBHOOK_SECRET", address, meter.name, "head office"):
        assert word in words
    sim.client.v1.webhook_endpoints.create(
        {"url": address, "enabled_events": list(RECOMMENDED[:-2])}
    )
    words = " ".join(check.text for check in run_checks())
    assert RECOMMENDED[-1] in words
    sync_catalogue(gateway)
    (found,) = gateway.every("billing.meters")
    sim.client.v1.billing.meters.deactivate(found["id"])
    words = " ".join(check.text for check in run_checks())
    assert f"Not active at Stripe: {meter.name}" in words
