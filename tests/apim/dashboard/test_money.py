"""Finance sees customers, invoices down to their usage, and what Stripe said; gives credit."""

import pytest
from django.urls import reverse

from apim.core.money import Money
from billing.models import CreditGrant, Discount, StripeEvent
from billing.selectors.credits import credit_balance
from tests.apim.dashboard.conftest import make_invoice, make_stripe_event


def opened(client, url, values):
    """What a browser sends that has opened the form and filled it in."""
    return {**values, "token": client.get(url).context["form"].initial["token"]}


def test_an_invoice_leads_to_the_usage_and_the_computation_of_each_line(installation, fiona_client):
    invoice = make_invoice(installation.organization)
    page = fiona_client.get(reverse("dashboard:invoice", args=[invoice.public_id])).text
    for text in ("ACME-0001", "50 × €0.10", "€5.00", "€2.00", "€8.33", "The usage behind it"):
        assert text in page, text
    listed = fiona_client.get(reverse("dashboard:invoices"), {"q": "acme-0001"}).text
    assert invoice.public_id in listed
    assert "ACME-0001" not in fiona_client.get(reverse("dashboard:invoices"), {"q": "zzz"}).text


@pytest.mark.parametrize(
    ("status", "is_shown"), [("open", True), ("paid", False), ("overdue", False), ("odd", True)]
)
def test_invoices_are_filtered_by_state(installation, fiona_client, status, is_shown):
    make_invoice(installation.organization)
    page = fiona_client.get(reverse("dashboard:invoices"), {"status": status}).text
    assert ("ACME-0001" in page) is is_shown


def test_finance_grants_credit_and_withdraws_what_is_left(installation, acme, fiona_client):
    url = reverse("dashboard:customer-credit", args=[acme.public_id])
    values = {"name": "Contract", "amount": "12.50", "currency": "EUR", "priority": "10"}
    values = opened(fiona_client, url, values)
    assert fiona_client.post(url, values).status_code == 302
    assert credit_balance(acme) == (Money(1250, "EUR"),)
    page = fiona_client.get(reverse("dashboard:customer", args=[acme.public_id])).text
    assert "€12.50" in page
    grant = CreditGrant.objects.get()
    fiona_client.post(reverse("dashboard:credit-void", args=[grant.public_id]))
    assert credit_balance(acme) == ()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"amount": "1.005", "currency": "EUR"}, "amount"),
        ({"amount": "1.5", "currency": "JPY"}, "amount"),
        ({"amount": "0", "currency": "EUR"}, "amount"),
        ({"amount": "5", "currency": "EUR", "expires_on": "2001-01-01"}, None),
    ],
)
def test_credit_that_cannot_be_is_refused(installation, acme, fiona_client, values, field):
    url = reverse("dashboard:customer-credit", args=[acme.public_id])
    values = opened(fiona_client, url, {"name": "Contract", "priority": "50", **values})
    answer = fiona_client.post(url, values)
    assert answer.status_code == 422
    assert field is None or field in answer.context["form"].errors
    assert not CreditGrant.objects.exists()


@pytest.mark.parametrize("name", ["credit-void", "discount-end", "invoice", "customer"])
def test_what_does_not_exist_is_missing(installation, fiona_client, name):
    assert fiona_client.post(reverse(f"dashboard:{name}", args=["gone"])).status_code == 404


@pytest.mark.parametrize("gift", ["credit", "discount"])
def test_a_double_click_gives_once(installation, acme, fiona_client, gift):
    url = reverse(f"dashboard:customer-{gift}", args=[acme.public_id])
    values = {"name": "Contract", "amount": "5", "currency": "EUR", "priority": "50"}
    values = opened(fiona_client, url, values)
    for _click in range(2):
        answer = fiona_client.post(url, values, follow=True)
        assert answer.status_code == 200
    assert "sent twice" in answer.text
    assert CreditGrant.objects.count() + Discount.objects.count() == 1


def test_a_discount_is_a_percentage_or_an_amount_and_ends(installation, acme, fiona_client):
    url = reverse("dashboard:customer-discount", args=[acme.public_id])
    both = {"name": "Partner", "percent": "10", "amount": "5", "currency": "EUR"}
    both = opened(fiona_client, url, both)
    assert fiona_client.post(url, both).status_code == 422
    assert fiona_client.post(url, {**both, "amount": ""}).status_code == 302
    discount = Discount.objects.get()
    assert (discount.percent, discount.currency) == (10, "")
    fiona_client.post(reverse("dashboard:discount-end", args=[discount.public_id]))
    discount.refresh_from_db()
    assert discount.ends_at is not None


def test_the_lists_say_who_pays_what(installation, fiona_client):
    assert "Acme" in fiona_client.get(reverse("dashboard:customers")).text
    page = fiona_client.get(reverse("dashboard:finance-subscriptions")).text
    assert "€0.25 per call" in page
    assert "Harbour board" in page


def test_an_event_of_stripe_can_be_handled_again(installation, acme, fiona_client, olga_client):
    StripeEvent.objects.filter(stripe_id=make_stripe_event(acme)).update(
        processed_at="2026-01-01T00:00:00Z", last_error="the database was away"
    )
    url = reverse("dashboard:webhook-replay", args=["evt_1"])
    assert "invoice.paid" in fiona_client.get(reverse("dashboard:webhooks")).text
    fiona_client.get(url)
    assert StripeEvent.objects.get().processed_at is not None
    fiona_client.post(url)
    assert StripeEvent.objects.get().processed_at is None


def test_money_says_when_it_is_simulated(installation, fiona_client, settings):
    url = reverse("dashboard:invoices")
    settings.STRIPE_SECRET_KEY, settings.APIM_STRIPE_SIMULATOR_URL = "", "http://127.0.0.1:1"
    assert "Simulated payments" in fiona_client.get(url).text
    settings.STRIPE_SECRET_KEY = "sk_test_real"
    assert "Simulated payments" not in fiona_client.get(url).text


def test_the_set_up_page_says_what_is_missing(installation, fiona_client, settings):
    settings.STRIPE_SECRET_KEY = settings.APIM_STRIPE_SIMULATOR_URL = ""
    page = fiona_client.get(reverse("dashboard:stripe")).text
    assert "Payments are not set up" in page
    assert "Set STRIPE_SECRET_KEY to a secret key" in page
