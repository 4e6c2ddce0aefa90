"""Payers read their invoices down to the computation, and add a payment method at Stripe."""

from decimal import Decimal

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.keys import services as keys
from apim.keys.models import Subscription
from billing.models import MoneyBack, RatedLine, StripeCustomer
from billing.rating.prices import Fee, Terms
from tests.apim.dashboard.conftest import make_invoice
from tests.billing.prices import make_version
from tests.billing.stripe_simulator.running import KEY, running
from tests.portal.conftest import make_plan


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
    assert "is overdue" in page
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


def test_taxes_and_money_back_are_said_on_the_invoice(alice_client, invoice, acme):
    tax = {"name": "VAT", "percent": "19", "amount_minor": 133, "taxable_minor": 700}
    invoice.taxes = [{**tax, "is_inclusive": False, "reason": "standard_rated"}]
    invoice.save()
    for kind, status in (("refund", "succeeded"), ("dispute", "needs_response")):
        MoneyBack.objects.create(
            organization=acme,
            invoice=invoice,
            kind=kind,
            stripe_id=kind,
            amount_minor=250,
            currency="EUR",
            status=status,
            at=invoice.created_at,
        )
    page = alice_client.get(reverse("portal:invoice", args=[invoice.public_id])).text
    for text in (
        "VAT 19\xa0% on €7.00",
        "€1.33",
        "€8.33",
        "Refund: €2.50",
        "the bank asks for proof",
    ):
        assert text in page, text


def test_a_line_leads_to_its_calls(alice_client, charlie_client, bob_client, invoice):
    line = RatedLine.objects.get(kind="usage")
    url = reverse("portal:billing-line", args=[line.public_id])
    assert url in alice_client.get(reverse("portal:invoice", args=[invoice.public_id])).text
    page = alice_client.get(url)
    assert page.status_code == 200
    assert "50 × €0.10" in page.text
    for client in (charlie_client, bob_client):
        assert client.get(url).status_code == 404
    fee = RatedLine.objects.get(kind="fee")
    assert alice_client.get(reverse("portal:billing-line", args=[fee.public_id])).status_code == 404


def pay_at(simulator, page_url):
    return simulator.raw("POST", page_url.removeprefix(simulator.url), "card=pm_card_visa")


@pytest.fixture
def priced(harbour):
    plan = make_plan(harbour, "Fleet")
    make_version(plan, Terms("", "EUR", fees=(Fee("base", Decimal(49)),)))
    return plan


def test_a_paid_plan_leads_through_checkout_to_the_first_key(
    alice_client, charlie_client, board, priced, simulator
):
    url = reverse("portal:subscribe", args=[priced.public_id])
    assert "Continue to payment" in alice_client.get(url).text
    page = alice_client.post(url, {"application": board.public_id}, follow=True)
    checkout = page.context["checkout"]
    assert checkout.url in page.text
    own = reverse("portal:checkout", args=[checkout.public_id])
    assert charlie_client.get(own).status_code == 404
    assert not Subscription.objects.exists()
    assert "as soon as there is a payment method" in alice_client.get(own).text
    back = pay_at(simulator, checkout.url).getheader("Location")
    assert back.endswith(own)
    answer = alice_client.get(own)
    assert answer["Location"] == reverse("portal:key-issue", args=[board.public_id])
    assert Subscription.objects.get().state == "active"
    assert "Subscribe</button>" in alice_client.get(url).text  # the next one needs no checkout


def test_a_member_who_does_not_pay_asks_an_owner(bob_client, board, priced, simulator):
    url = reverse("portal:subscribe", args=[priced.public_id])
    answer = bob_client.post(url, {"application": board.public_id})
    assert answer.status_code == 422
    assert "ask an owner" in answer.text


def test_an_upgrade_from_free_leads_to_the_payment_method_and_back(
    alice_client, board, free, priced, simulator
):
    held = keys.subscribe(actor=SYSTEM, application=board, plan=free)
    change = reverse("portal:subscription-change", args=[held.public_id])
    asked = f"{change}?plan={priced.public_id}&when=now"
    page = alice_client.get(asked).text
    assert "This plan needs a payment method" in page
    assert "Change to Fleet now" not in page
    refused = alice_client.post(change, {"plan": priced.public_id, "when": "now"})
    assert refused.status_code == 422
    leave = alice_client.post(reverse("portal:payment-method"), {"next": asked})
    back = pay_at(simulator, leave.context["url"]).getheader("Location")
    answer = alice_client.get(back.removeprefix("http://testserver"))
    assert answer["Location"] == asked
    assert StripeCustomer.objects.get().payment_label == "visa 4242"
    assert "Change to Fleet now" in alice_client.get(asked).text


def test_the_way_back_never_leads_to_another_site(alice_client, acme, simulator):
    for bad in ("https://evil.example/", "//evil.example/", "evil"):
        added = alice_client.get(reverse("portal:payment-method-added"), {"next": bad})
        assert added["Location"] == reverse("portal:billing")


def test_a_session_of_another_organization_settles_nothing(
    alice_client, charlie_client, acme, charlies, simulator
):
    leave = charlie_client.post(reverse("portal:payment-method"))
    back = pay_at(simulator, leave.context["url"]).getheader("Location")
    alice_client.post(reverse("portal:payment-method"))  # Acme is known to Stripe as well
    returned = back.removeprefix("http://testserver")
    assert "not confirmed" in alice_client.get(returned, follow=True).text
    assert not StripeCustomer.objects.filter(payment_label="visa 4242").exists()
    charlie_client.get(returned)
    [paying] = StripeCustomer.objects.filter(payment_label="visa 4242")
    assert paying.organization == charlies
