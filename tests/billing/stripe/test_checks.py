"""The configuration page says in words what is set up and what is missing."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apim.accounts.mail import absolute_url
from billing.models import StripeCustomer
from billing.services import calls_meter
from billing.stripe.adapter import gateway_of
from billing.stripe.catalogue import sync_catalogue
from billing.stripe.checks import run_checks
from billing.stripe.customers import ensure_customer
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


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("pk_test_1", "publishable key"),
        ("rk_test_1", "Let the restricted key read and write"),
        ("sk_test_1", "Set STRIPE_SECRET_KEY to a secret key"),
    ],
)
def test_a_wrong_key_is_told_apart_by_how_it_looks(sim, settings, monkeypatch, key, word):
    monkeypatch.setattr(
        "billing.stripe.checks.connect", lambda: gateway_of(key, sim.url, pace=None)
    )
    settings.STRIPE_SECRET_KEY = key
    (check,) = run_checks()
    assert not check.is_ok
    assert word in check.hint


def test_a_stripe_that_does_not_answer_is_no_wrong_key(sim, settings):
    sim.order("fail_requests", match="GET /v1/customers", times=9)
    (check,) = run_checks()
    assert "api.stripe.com" in check.hint


def test_a_key_of_another_account_or_mode_is_noticed(sim, gateway, world):
    ensure_customer(gateway, world.customer.organization)
    assert "Account" not in by_name(run_checks())
    StripeCustomer.objects.update(stripe_id="cus_ofAnotherAccount")
    check = by_name(run_checks())["Account"]
    assert "cus_ofAnotherAccount" in check.text
    assert "test instead of live" in check.hint


def test_an_endpoint_of_an_old_api_version_is_named(sim, gateway, monkeypatch):
    assert "API version" not in by_name(run_checks())
    monkeypatch.setattr("billing.stripe.checks.api_version", lambda: "2030-01-01.next")
    real = gateway.every

    def every(what, params=None):
        found = real(what, params)
        if what != "webhook_endpoints":
            return found
        return ({**one, "api_version": "2020-08-27"} for one in found)

    monkeypatch.setattr(gateway, "every", every)
    check = by_name(run_checks())["API version"]
    assert ("2020-08-27" in check.text, "2030-01-01.next" in check.text) == (True, True)


def test_a_clock_that_is_wrong_is_named(sim, gateway, noon, monkeypatch):
    assert "Clock" not in by_name(run_checks())
    real = gateway.server_time()
    monkeypatch.setattr(gateway, "server_time", lambda: real - timedelta(minutes=7))
    check = by_name(run_checks())["Clock"]
    assert "420 seconds" in check.text
    assert "NTP" in check.hint
