"""Tax goes through an invoice as Stripe works it out, and is stated before a change."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing.models import Invoice
from billing.rating.prices import Fee, Terms, per_unit
from billing.selectors.invoices import invoice_view
from billing.selectors.outlook import explained_change
from billing.services import note_subscription
from billing.services.closing import close_periods
from billing.stripe.customers import ensure_customer
from billing.stripe.invoicing import send_invoices
from billing.stripe.taxes import with_taxes
from tests.billing.prices import make_version
from tests.billing.stripe.test_closing import DAY, DECEMBER, card

__all__ = ["card"]
pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def taxed(world, subscription, sim, settings):
    """`taxed(behavior)`: Acme's plan of 10.00 a month and 0.125 a call, with Stripe Tax on."""
    settings.STRIPE_TAX = True
    sim.client.v1.tax.settings.update(
        {"head_office": {"address": {"country": "DE", "line1": "Quay 1", "city": "Kiel"}}}
    )

    def begin(behavior="exclusive"):
        terms = Terms("", "EUR", fees=(Fee("base", D(10)),), usage=(per_unit(D("0.125")),))
        make_version(world.plan, terms, months_ago=3, tax_behavior=behavior)
        note_subscription(subscription_id=subscription.pk)
        return subscription

    return begin


def lives_in(gateway, world, country, **values):
    row = ensure_customer(gateway, world.customer.organization)
    gateway.update("customers", row.stripe_id, {"address": {"country": country}, **values})


def invoiced(gateway, noon):
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    Invoice.objects.exclude(ends_at=DECEMBER).update(step="refused")
    send_invoices(gateway)
    return Invoice.objects.get(ends_at=DECEMBER)


def words(invoice):
    return [
        (row.label.replace("\xa0", " "), row.amount and row.amount.amount_minor)
        for row in invoice_view(invoice).totals
    ]


def test_tax_that_is_added(taxed, world, call, noon, gateway, card):
    taxed()
    lives_in(gateway, world, "DE")
    call(7)  # 0.875: 0.88
    invoice = invoiced(gateway, noon)
    assert invoice.subtotal_minor == invoice.charged_minor == 1088
    assert (invoice.tax_minor, invoice.total_minor) == (190 + 17, 1088 + 207)
    assert (invoice.status, invoice.due_minor) == ("paid", 0)
    assert invoice.paid_minor == invoice.total_minor
    assert words(invoice) == [
        ("Lines", 1088),
        ("Subtotal before tax", 1088),
        ("VAT 19 % on €10.88", 207),
        ("Total", 1295),
        ("Paid", -1295),
        ("Still due", 0),
    ]


def test_tax_that_is_included(taxed, world, noon, gateway):
    taxed("inclusive")
    lives_in(gateway, world, "FR")
    invoice = invoiced(gateway, noon)
    assert (invoice.subtotal_minor, invoice.total_minor, invoice.tax_minor) == (1000, 1000, 167)
    assert words(invoice) == [
        ("Lines", 1000),
        ("Subtotal, tax included", 1000),
        ("Of which VAT 20 %: €1.67", None),
        ("Total", 1000),
        ("Still due", 1000),
    ]


def test_two_rates_on_one_invoice(taxed, world, noon, gateway, sim):
    sim.order("settings", tax_percent={"CA": "5+9.975"})
    taxed()
    lives_in(gateway, world, "CA")
    invoice = invoiced(gateway, noon)
    assert [(t["percent"], t["amount_minor"]) for t in invoice.taxes] == [("5", 50), ("9.975", 100)]
    assert invoice.total_minor == 1150
    assert [label for label, _ in words(invoice)][2:4] == [
        "VAT 5 % on €10.00",
        "VAT 9.975 % on €10.00",
    ]


def test_reverse_charge(taxed, world, noon, gateway):
    taxed()
    lives_in(gateway, world, "FR", tax_exempt="reverse")
    invoice = invoiced(gateway, noon)
    assert (invoice.tax_minor, invoice.total_minor) == (0, 1000)
    assert ("Reverse charge: the tax is owed by the recipient.", None) in words(invoice)


def test_no_tax_without_stripe_tax(taxed, world, noon, gateway, settings):
    taxed()
    settings.STRIPE_TAX = False
    lives_in(gateway, world, "DE")
    invoice = invoiced(gateway, noon)
    assert (invoice.taxes, invoice.tax_minor, invoice.total_minor) == ([], 0, 1000)


def test_without_an_address_the_invoice_waits_and_says_why(taxed, world, noon, gateway):
    taxed()
    invoice = invoiced(gateway, noon)
    assert invoice.step == "waiting"
    assert invoice.last_error
    lives_in(gateway, world, "DE")
    noon.shift(timedelta(hours=1))
    send_invoices(gateway)
    assert Invoice.objects.get(pk=invoice.pk).total_minor == 1190


@pytest.mark.parametrize(("behavior", "tax"), [("exclusive", True), ("inclusive", False)])
def test_the_tax_that_was_stated_is_the_tax_that_is_invoiced(
    taxed, world, call, noon, gateway, behavior, tax
):
    subscription = taxed(behavior)
    lives_in(gateway, world, "DE")
    call(7)
    stated = with_taxes(
        explained_change(subscription, "cancel", is_now=False), subscription.organization_id
    )
    (added,) = stated.taxes
    (bill,) = stated.preview.changed
    invoice = invoiced(gateway, noon)
    assert bill.total_minor + added.amount_minor == invoice.total_minor
    assert bool(added.amount_minor) is tax


def test_tax_is_not_stated_where_nobody_knows_it(taxed, world, gateway, sim):
    subscription = taxed()
    change = explained_change(subscription, "cancel")
    assert with_taxes(change, subscription.organization_id).taxes is None  # no customer yet
    ensure_customer(gateway, world.customer.organization)
    assert with_taxes(change, subscription.organization_id).taxes is None  # no address
    lives_in(gateway, world, "DE")
    sim.order("fail_requests", match="POST /v1/invoices/create_preview", times=3, status=500)
    assert with_taxes(change, subscription.organization_id).taxes is None
    assert with_taxes(change, subscription.organization_id).taxes is not None
