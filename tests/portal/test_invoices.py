"""Payers read their invoices down to the computation, and add a payment method at Stripe."""

import pytest
from django.urls import reverse

from billing.models import StripeCustomer
from tests.apim.dashboard.conftest import make_invoice
from tests.billing.stripe_simulator.running import KEY, running


@pytest.fixture
def invoice(acme, subscription):
    return make_invoice(acme)


@pytest.fixture
def simulator(settings):
    with running(webhook_url="http://127.0.0.1:9/", webhook_secret="whsec_x") as sim:
        sim.order("settings", webhooks_paused=True)
        settings.STRIPE_SECRET_KEY = ""
        settings.APIM_STRIPE_SIMULATOR_URL = sim.url
        settings.APIM_STRIPE_SIMULATOR_KEY = KEY
        yield sim


def test_an_invoice_says_how_each_line_was_computed(alice_client, bella_client, invoice):
    url = reverse("portal:invoice", args=[invoice.public_id])
    page = alice_client.get(url).text
    for text in ("ACME-0001", "50 × €0.10", "€7.00", "€8.33", "The usage behind it", "Pay"):
        assert text in page, text
    assert invoice.page_url in page
    assert "ACME-0001" in bella_client.get(reverse("portal:invoices")).text
    assert "ACME-0001" in alice_client.get(reverse("portal:billing")).text


def test_members_and_outsiders_see_no_invoice(bob_client, charlie_client, invoice):
    url = reverse("portal:invoice", args=[invoice.public_id])
    for client in (bob_client, charlie_client):
        assert client.get(url).status_code == 404
    assert "ACME-0001" not in charlie_client.get(reverse("portal:invoices")).text
    assert bob_client.get(reverse("portal:invoices")).status_code == 404
    assert bob_client.post(reverse("portal:payment-method")).status_code == 404


def test_an_overdue_invoice_is_said_on_the_billing_page(alice_client, invoice):
    invoice.unpaid_since = invoice.created_at
    invoice.save()
    page = alice_client.get(reverse("portal:billing")).text
    assert "An invoice is overdue" in page
    assert "Overdue" in alice_client.get(reverse("portal:invoices")).text


@pytest.mark.parametrize("asked", [{}, {"manage": "1"}])
def test_the_payment_method_is_entered_on_stripes_page(alice_client, acme, simulator, asked):
    answer = alice_client.post(reverse("portal:payment-method"), asked)
    assert answer.context["url"].startswith(simulator.url)
    assert "Simulated payments" in answer.text
    assert StripeCustomer.objects.get().organization == acme


def test_without_stripe_the_page_says_so(alice_client, acme, settings):
    settings.STRIPE_SECRET_KEY = settings.APIM_STRIPE_SIMULATOR_URL = ""
    answer = alice_client.post(reverse("portal:payment-method"), follow=True)
    assert "Payments are not set up" in answer.text
