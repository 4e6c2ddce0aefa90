"""Periods close once, are frozen, and become invoices at Stripe that say the same to the cent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apim.audit.actors import SYSTEM
from apim.keys.services import cancel_subscription
from billing.models import BillingPeriod, Invoice, MeterEvent, RatedLine
from billing.rating.prices import Fee, Terms, per_unit
from billing.services import give_discount, grant_credit, note_subscription
from billing.services.closing import close_periods
from billing.stripe import invoicing
from billing.stripe.customers import ensure_customer, mirror_customer
from billing.stripe.invoicing import send_invoices
from tests.billing.conftest import NOW
from tests.billing.prices import make_version

pytestmark = pytest.mark.django_db
D = Decimal
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def paid_plan(world, subscription):
    terms = Terms("", "EUR", fees=(Fee("base", D(10)),), usage=(per_unit(D("0.125")),))
    make_version(world.plan, terms, months_ago=3)
    note_subscription(subscription_id=subscription.pk)
    return subscription


@pytest.fixture
def card(gateway, world, sim):
    """Acme pays by a card that works."""
    row = ensure_customer(gateway, world.customer.organization)
    method = sim.client.v1.payment_methods.attach("pm_card_visa", {"customer": row.stripe_id})
    given = {"invoice_settings": {"default_payment_method": method.id}}
    gateway.update("customers", row.stripe_id, given)
    mirror_customer(gateway, row.stripe_id)


def test_a_period_waits_for_late_usage_and_then_closes_once(paid_plan, call, noon):
    call(5)
    noon.move_to(DECEMBER + timedelta(hours=23))
    assert close_periods().closed == 1  # October
    call(2, at=DECEMBER - timedelta(hours=3))
    noon.move_to(DECEMBER + timedelta(hours=25))
    done = close_periods()
    assert (done.closed, done.invoices, done.waiting) == (1, 1, ())
    november = BillingPeriod.objects.get(starts_at=datetime(2026, 11, 1, tzinfo=UTC))
    assert november.total_minor == 1000 + 88  # 7 × 0.125 = 0.875, half to even
    again = close_periods()
    assert (again.closed, again.invoices) == (0, 0)
    assert Invoice.objects.count() == 2


def test_the_invoice_at_stripe_has_our_lines_and_is_paid(paid_plan, call, noon, gateway, card):
    call(7)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    assert send_invoices(gateway) == 2
    invoice = Invoice.objects.get(ends_at=DECEMBER)
    assert (invoice.step, invoice.status) == ("done", "paid")
    assert invoice.subtotal_minor == invoice.rated_minor == 1088
    assert invoice.paid_minor == 1088
    assert invoice.number
    lines = list(gateway.every("invoice_items", {"invoice": invoice.stripe_id}))
    assert sorted(line["amount"] for line in lines) == [88, 1000]
    known = set(RatedLine.objects.values_list("public_id", flat=True))
    assert {line["metadata"]["apim_line"] for line in lines} <= known
    assert not MeterEvent.objects.waiting().exists()
    assert send_invoices(gateway) == 0


def test_without_a_card_the_invoice_is_sent_and_open(paid_plan, noon, gateway):
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    send_invoices(gateway)
    invoice = Invoice.objects.get(ends_at=DECEMBER)
    assert (invoice.status, invoice.unpaid_since) == ("open", None)
    assert invoice.payment_due_at == DECEMBER + 16 * DAY


def test_late_usage_is_a_correction_of_the_next_invoice_with_its_origin(
    paid_plan, call, noon, gateway, card
):
    give_discount(
        actor=SYSTEM, organization=paid_plan.organization, name="Tenth off", percent=D(10)
    )
    call(8)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    november = BillingPeriod.objects.get(ends_at=DECEMBER)
    assert november.total_minor == 990  # 1100 less a tenth
    call(80, at=NOW)
    assert close_periods().closed == 0
    noon.move_to(datetime(2027, 1, 3, tzinfo=UTC))
    close_periods()
    november.refresh_from_db()
    assert november.total_minor == 990
    december = BillingPeriod.objects.get(starts_at=DECEMBER)
    late = december.lines.filter(kind="correction")
    assert sorted(late.values_list("amount_minor", flat=True)) == [-100, 1000]
    assert {line.origin_id for line in late} == {november.pk}
    assert december.total_minor == 900 + 900
    assert send_invoices(gateway) == 3
    assert Invoice.objects.get(ends_at=december.ends_at).subtotal_minor == 1800
    noon.move_to(datetime(2027, 2, 3, tzinfo=UTC))
    close_periods()
    assert RatedLine.objects.filter(kind="correction").count() == 2  # once


def test_late_usage_of_what_was_cancelled_is_charged_after_its_end(paid_plan, call, noon, gateway):
    cancel_subscription(actor=SYSTEM, subscription=paid_plan)
    note_subscription(subscription_id=paid_plan.pk)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    call(8, at=NOW - timedelta(hours=2))
    noon.move_to(datetime(2027, 1, 3, tzinfo=UTC))
    assert close_periods().invoices == 1
    (line,) = RatedLine.objects.filter(kind="correction")
    assert (line.amount_minor, line.quantity) == (100, 8)
    assert line.period.starts_at == DECEMBER
    noon.move_to(datetime(2027, 2, 3, tzinfo=UTC))
    close_periods()
    assert BillingPeriod.objects.filter(starts_at__gte=DECEMBER).count() == 1


def test_prepaid_credit_pays_first(paid_plan, noon, gateway, card):
    grant_credit(
        actor=SYSTEM,
        organization=paid_plan.organization,
        name="Welcome",
        amount_minor=1500,
        currency="EUR",
    )
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    send_invoices(gateway)
    first, second = Invoice.objects.order_by("ends_at")
    assert (first.charged_minor, second.charged_minor) == (0, 500)
    assert (first.status, second.status) == ("paid", "paid")
    assert (first.paid_minor, second.paid_minor) == (0, 500)


STEPS = [
    "POST /v1/customers",
    "POST /v1/invoices",
    "POST /v1/invoices/*/add_lines",
    "POST /v1/invoices/*/finalize",
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [True, False])
def test_an_invoice_that_breaks_off_anywhere_is_made_once(
    paid_plan, call, noon, gateway, sim, step, after
):
    call(7)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    Invoice.objects.exclude(ends_at=DECEMBER).update(step="refused")
    sim.order("fail_requests", match=step, times=3, status=500, after=after)
    assert send_invoices(gateway) == 0
    noon.shift(3 * DAY)  # longer than Stripe remembers idempotency keys
    assert send_invoices(gateway) == 1
    (found,) = gateway.every("invoices")
    assert (found["subtotal"], found["status"]) == (1088, "open")


@pytest.mark.parametrize("is_taxed", [False, True])
def test_a_process_that_dies_between_two_steps_changes_nothing(
    paid_plan, call, noon, gateway, monkeypatch, settings, sim, is_taxed
):
    """With Stripe Tax lines go one by one, each with its tax behavior."""
    if is_taxed:
        settings.STRIPE_TAX = True
        sim.client.v1.tax.settings.update({"head_office": {"address": {"country": "DE"}}})
        row = ensure_customer(gateway, paid_plan.organization)
        gateway.update("customers", row.stripe_id, {"address": {"country": "DE"}})
    call(7)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    Invoice.objects.exclude(ends_at=DECEMBER).update(step="refused")
    for survivors in range(1, 6):
        left = iter(range(survivors))

        def dying(real, left=left):
            def run(*args, **named):
                made = real(*args, **named)
                if next(left, None) is None:
                    raise SystemExit
                return made

            return run

        with monkeypatch.context() as patched:
            for name in ("create", "add_lines", "finalize_invoice"):
                patched.setattr(gateway, name, dying(getattr(gateway, name)))
            try:
                send_invoices(gateway)
            except SystemExit:
                continue
    send_invoices(gateway)
    (found,) = gateway.every("invoices")
    assert (found["subtotal"], found["status"]) == (1088, "open")


def test_usage_that_is_not_at_stripe_holds_the_invoice(paid_plan, call, noon, gateway, sim):
    call(7)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    sim.order("fail_requests", match="POST /v1/billing/meter_events", times=3, status=500)
    assert send_invoices(gateway) == 1  # October, in which nothing was called
    held = Invoice.objects.get(ends_at=DECEMBER)
    assert (held.step, held.last_error) == ("waiting", "1 hours of usage are not at Stripe yet")
    noon.shift(timedelta(minutes=5))
    assert send_invoices(gateway) == 1


def test_a_draft_that_does_not_add_up_is_not_finalized(paid_plan, call, noon, gateway, monkeypatch):
    call(7)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    real = invoicing._lines
    monkeypatch.setattr(invoicing, "_lines", lambda invoice, rows: real(invoice, rows)[:-1])
    assert send_invoices(gateway) == 0
    assert {i["status"] for i in gateway.every("invoices")} == {"draft"}
    assert "not finalized" in Invoice.objects.get(ends_at=DECEMBER).last_error


@pytest.mark.parametrize("number", [250, 251, 600])
@pytest.mark.parametrize("behaviors", [[""], ["inclusive", "exclusive"]])
def test_more_lines_than_an_invoice_takes_are_summed_up(number, behaviors):
    taxes = [{"tax_behavior": behavior} if behavior else {} for behavior in behaviors]
    lines = [(f"line-{i}", {"amount": i, **taxes[i % len(taxes)]}) for i in range(number)]
    few = invoicing._few(lines)
    assert len(few) <= 250
    for tax in taxes:
        sums = [
            sum(p["amount"] for _n, p in some if tax.items() <= p.items()) for some in (few, lines)
        ]
        assert sums[0] == sums[1]
    assert len({name for name, _params in few}) == len(few)
