"""An unpaid invoice is reminded of, suspends keys after the grace, and lets them back when paid."""

from datetime import timedelta

import pytest
from django.core import mail

from apim.audit.actors import SYSTEM
from apim.keys.services import cancel_subscription, suspend_subscription
from apim.outbox.services import sweep
from billing.errors import ChangeNotPossible
from billing.models import Invoice, UnpaidSuspension
from billing.selectors.backlog import stripe_backlog
from billing.services import change_now
from billing.services.closing import close_periods
from billing.services.unpaid import review_all_unpaid
from billing.stripe.customers import ensure_customer, mirror_customer
from billing.stripe.events import handle_events
from billing.stripe.invoicing import send_invoices
from billing.stripe.reconciliation import find_lost_events
from tests.billing.stripe.test_closing import DAY, DECEMBER, paid_plan

__all__ = ["paid_plan"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def failing(gateway, world, sim, noon, paid_plan):
    """November's invoice, whose card was declined on 3 December."""
    organization = world.customer.organization
    type(organization).objects.filter(pk=organization.pk).update(billing_email="pay@acme.example")
    row = ensure_customer(gateway, world.customer.organization)
    bad = "pm_card_chargeCustomerFail"
    method = sim.client.v1.payment_methods.attach(bad, {"customer": row.stripe_id})
    given = {"invoice_settings": {"default_payment_method": method.id}}
    gateway.update("customers", row.stripe_id, given)
    mirror_customer(gateway, row.stripe_id)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    Invoice.objects.exclude(ends_at=DECEMBER).update(step="refused")
    send_invoices(gateway)
    find_lost_events(gateway)
    handle_events(gateway)
    return Invoice.objects.get(ends_at=DECEMBER)


def state(subscription):
    subscription.refresh_from_db()
    return subscription.state


def pay(gateway, sim, invoice):
    method = sim.client.v1.payment_methods.attach(
        "pm_card_visa", {"customer": ensure_customer(gateway, invoice.organization).stripe_id}
    )
    sim.client.v1.invoices.pay(invoice.stripe_id, {"payment_method": method.id})
    find_lost_events(gateway)
    handle_events(gateway)


def test_a_failed_payment_ends_in_suspension_and_a_payment_in_return(
    failing, paid_plan, gateway, sim, noon
):
    assert failing.status == "open"
    assert failing.unpaid_since == DECEMBER + 2 * DAY
    assert failing.reminders == 1
    noon.shift(13 * DAY)
    review_all_unpaid()
    assert state(paid_plan) == "active"
    noon.shift(1 * DAY)
    review_all_unpaid()
    review_all_unpaid()
    assert state(paid_plan) == "suspended"
    assert UnpaidSuspension.objects.count() == 1
    with pytest.raises(ChangeNotPossible):
        change_now(actor=SYSTEM, subscription=paid_plan, kind="resume")
    pay(gateway, sim, failing)
    assert state(paid_plan) == "active"
    failing.refresh_from_db()
    assert (failing.status, failing.unpaid_since, failing.reminders) == ("paid", None, 0)


def test_each_reminder_is_sent_once_to_those_who_pay(failing, noon):
    for _day in range(14):
        noon.shift(DAY)
        review_all_unpaid()
        review_all_unpaid()
        sweep()
    sent = [m.subject for m in mail.outbox if m.to == ["pay@acme.example"]]
    assert len(sent) == 4  # at once, after 3 and 7 days, 2 days before the keys are suspended
    assert "is not paid" in sent[0]
    assert failing.page_url in mail.outbox[-1].body


def test_what_staff_suspended_is_not_let_go_on_by_a_payment(failing, paid_plan, gateway, sim, noon):
    suspend_subscription(actor=SYSTEM, subscription=paid_plan)
    noon.shift(20 * DAY)
    review_all_unpaid()
    pay(gateway, sim, failing)
    assert state(paid_plan) == "suspended"


def test_what_was_cancelled_meanwhile_stays_cancelled(failing, paid_plan, gateway, sim, noon):
    noon.shift(20 * DAY)
    review_all_unpaid()
    cancel_subscription(actor=SYSTEM, subscription=paid_plan)
    pay(gateway, sim, failing)
    assert state(paid_plan) == "cancelled"
    assert not UnpaidSuspension.objects.filter(ended_at=None).exists()


def test_an_invoice_that_was_sent_is_owed_from_its_day_on(paid_plan, gateway, noon):
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    send_invoices(gateway)
    invoice = Invoice.objects.get(ends_at=DECEMBER)
    noon.shift(14 * DAY - timedelta(seconds=1))
    review_all_unpaid()
    assert not Invoice.objects.unpaid().exists()
    noon.shift(DAY)
    review_all_unpaid()
    assert Invoice.objects.get(pk=invoice.pk).unpaid_since == invoice.payment_due_at
    noon.shift(14 * DAY)
    review_all_unpaid()
    assert state(paid_plan) == "suspended"


def test_a_voided_invoice_is_not_owed(failing, paid_plan, gateway, sim, noon):
    noon.shift(20 * DAY)
    review_all_unpaid()
    sim.client.v1.invoices.void_invoice(failing.stripe_id)
    find_lost_events(gateway)
    handle_events(gateway)
    assert state(paid_plan) == "active"


def test_the_backlog_says_what_waits_and_what_somebody_has_to_look_at(failing):
    found = stripe_backlog()
    assert (found.usage_waiting, found.invoices_waiting, found.events_waiting) == (0, 0, 0)
    Invoice.objects.filter(pk=failing.pk).update(step="waiting", attempts=3)
    found = stripe_backlog()
    assert (found.invoices_waiting, found.invoices_stuck) == (1, 1)
