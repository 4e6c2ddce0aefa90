"""Checkout, portal and hosted invoices, as a browser without JavaScript uses them."""

import re
from urllib.parse import urlencode, urlsplit

import pytest
import stripe


def _open(sim, url, **form):
    """GET a page, or POST its form; return (status, text, where a redirect leads)."""
    method, body = ("POST", urlencode(form)) if form else ("GET", None)
    answer = sim.raw(method, urlsplit(url).path, body, Authorization="none")
    return answer.status, answer.text, answer.headers.get("Location")


def _session(shop, **more):
    given = {"success_url": "http://shop.test/done?s={CHECKOUT_SESSION_ID}", **more}
    return shop.v1.checkout.sessions.create(given)


def _portal(shop, customer, **more):
    return shop.v1.billing_portal.sessions.create({"customer": customer.id, **more})


def test_setup_saves_a_card_that_can_become_the_default(sim, shop):
    customer = shop.customer(card=None)
    session = _session(shop, mode="setup", customer=customer.id, currency="eur")
    status, page, _ = _open(sim, session.url)
    assert status == 200
    assert "Stripe simulator" in page
    assert "Save this card" in page
    status, _, to = _open(sim, session.url, card="pm_card_visa")
    assert (status, to) == (303, f"http://shop.test/done?s={session.id}")
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (done.status, done.setup_intent.status) == ("complete", "succeeded")
    method = shop.v1.payment_methods.retrieve(done.setup_intent.payment_method)
    assert method.customer == customer.id
    kinds = [e.type for e in shop.events("setup_intent.succeeded", "checkout.session.completed")]
    assert kinds == ["setup_intent.succeeded", "checkout.session.completed"]


def test_a_declined_card_leaves_the_session_open_and_says_why(sim, shop):
    customer = shop.customer(card=None)
    session = _session(shop, mode="setup", customer=customer.id, currency="eur")
    status, page, _ = _open(sim, session.url, card="pm_card_chargeDeclined")
    assert status == 402
    assert "Your card was declined." in page
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert len(shop.events("setup_intent.setup_failed")) == 1


def test_subscribing_takes_a_metered_price_without_quantity(sim, shop):
    price = shop.metered()
    with pytest.raises(stripe.InvalidRequestError, match="Quantity"):
        _session(shop, mode="subscription", line_items=[{"price": price, "quantity": 1}])
    session = _session(
        shop,
        mode="subscription",
        line_items=[{"price": price}, {"price": shop.flat(), "quantity": 2}],
        subscription_data={"metadata": {"plan": "pro"}},
    )
    page = _open(sim, session.url)[1]
    assert "20.00 EUR" in page
    assert _open(sim, session.url, card="pm_card_visa")[0] == 303
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.subscription.status) == ("paid", "active")
    assert done.subscription.metadata["plan"] == "pro"
    assert done.customer == done.subscription.customer


def test_a_subscription_that_cannot_be_paid_is_not_made(sim, shop):
    session = _session(
        shop, mode="subscription", line_items=[{"price": shop.flat(), "quantity": 1}]
    )
    assert _open(sim, session.url, card="pm_card_chargeCustomerFail")[0] == 402
    assert shop.v1.subscriptions.list({"status": "all"}).data == []
    assert _open(sim, session.url, card="pm_card_visa")[0] == 303


def test_a_single_payment_is_paid(sim, shop):
    price = shop.v1.prices.create(
        {"currency": "eur", "product": shop.product(), "unit_amount": 1500}
    )
    session = _session(shop, mode="payment", line_items=[{"price": price.id, "quantity": 1}])
    assert _open(sim, session.url, card="pm_card_visa")[0] == 303
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (done.payment_intent.status, done.payment_intent.amount_received) == ("succeeded", 1500)


def test_an_expired_session_is_closed(sim, shop):
    session = _session(shop, mode="setup", currency="eur")
    assert shop.v1.checkout.sessions.expire(session.id).status == "expired"
    assert _open(sim, session.url)[0] == 410
    assert _open(sim, session.url, card="pm_card_visa")[0] == 410
    second = _session(shop, mode="setup", currency="eur")
    sim.clock(advance_seconds=86_401)
    assert shop.v1.checkout.sessions.retrieve(second.id).status == "expired"
    assert len(shop.events("checkout.session.expired")) == 2


def test_the_old_name_of_the_hosted_page_is_refused(shop):
    with pytest.raises(stripe.InvalidRequestError, match="ui_mode"):
        _session(shop, mode="setup", currency="eur", ui_mode="hosted")


def test_the_portal_adds_and_removes_cards_and_ends_subscriptions(sim, shop):
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat())
    portal = _portal(shop, customer, return_url="http://shop.test/billing")
    status, page, _ = _open(sim, portal.url)
    assert status == 200
    for part in ("Visa 4242", "Cancel at period end", "http://shop.test/billing", "10.00 EUR"):
        assert part in page
    assert _open(sim, portal.url, do="add", card="pm_card_mastercard")[0] == 303
    chosen = shop.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method
    assert shop.v1.payment_methods.retrieve(chosen).card.last4 == "4444"
    assert _open(sim, portal.url, do="detach", id=chosen)[0] == 303
    assert _open(sim, portal.url, do="cancel", id=subscription.id)[0] == 303
    assert shop.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert _open(sim, portal.url, do="keep", id=subscription.id)[0] == 303
    assert not shop.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert _open(sim, portal.url, do="address", city="Kiel", country="DE")[0] == 303
    assert shop.v1.customers.retrieve(customer.id).address.country == "DE"


def test_a_portal_shows_and_changes_nothing_of_another_customer(sim, shop):
    other = shop.customer()
    subscription = shop.subscribe(other, shop.flat())
    portal = _portal(shop, shop.customer())
    assert subscription.id not in _open(sim, portal.url)[1]
    assert _open(sim, portal.url, do="cancel", id=subscription.id)[0] == 402
    assert not shop.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end


def test_a_flow_shows_only_its_own_part(sim, shop):
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat())
    flow = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription.id}}
    page = _open(sim, _portal(shop, customer, flow_data=flow).url)[1]
    assert "Cancel at period end" in page
    assert "Payment methods" not in page
    update = _portal(shop, customer, flow_data={"type": "payment_method_update"})
    assert "Add this card" in _open(sim, update.url)[1]
    stranger = shop.customer()
    with pytest.raises(stripe.InvalidRequestError, match="not the customer's"):
        _portal(shop, stranger, flow_data=flow)


def test_a_hosted_invoice_can_be_paid(sim, shop):
    customer = shop.customer(card=None)
    shop.v1.invoice_items.create({"customer": customer.id, "amount": 500, "currency": "eur"})
    draft = shop.v1.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    opened = shop.v1.invoices.finalize_invoice(draft.id)
    assert "5.00 EUR" in _open(sim, opened.hosted_invoice_url)[1]
    assert _open(sim, opened.hosted_invoice_url, card="pm_card_chargeDeclined")[0] == 402
    assert _open(sim, opened.hosted_invoice_url, card="pm_card_visa")[0] == 303
    assert shop.v1.invoices.retrieve(draft.id).status == "paid"


def test_pages_have_a_strict_policy_and_escape_what_they_show(sim, shop):
    customer = shop.customer(name="<script>alert(1)</script>")
    answer = sim.raw("GET", urlsplit(_portal(shop, customer).url).path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "<script" not in answer.text
    assert not re.search(r"\sstyle=|\son\w+=|<style", answer.text)
    assert sim.raw("GET", "/simulator.css").headers["content-type"].startswith("text/css")


def test_unknown_pages_are_not_found_and_the_overview_shows_no_secret(sim, shop):
    shop.subscribe(shop.customer(), shop.flat())
    for path in ("/nothing", "/checkout/cs_none", "/portal/bps_none", "/invoices/in_none"):
        assert _open(sim, path)[0] == 404
    status, page, _ = _open(sim, "/")
    assert status == 200
    assert "sk_test" not in page
    assert "whsec" not in page
