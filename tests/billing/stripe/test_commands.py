"""What people run by hand says what it did and what is wrong."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing.models import Invoice
from billing.services import calls_meter
from billing.stripe.catalogue import sync_catalogue
from tests.billing.stripe.test_closing import DAY, DECEMBER, card, paid_plan

__all__ = ["card", "paid_plan"]
pytestmark = pytest.mark.django_db


def run(*words):
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_periods_are_closed_and_reconciled_by_hand(paid_plan, call, noon, gateway, card):
    call(7)
    noon.move_to(DECEMBER + 2 * DAY)
    assert "2 periods closed, 2 invoices made" in run("close_periods")
    assert "0 periods closed, 0 invoices made" in run("close_periods")
    assert "rated, sent and invoiced are equal" in run("reconcile_billing", "--days", "60")


def test_a_difference_is_named(paid_plan, call, noon, gateway, card):
    call(7)
    noon.move_to(DECEMBER + 2 * DAY)
    run("close_periods")
    invoice = Invoice.objects.get(ends_at=DECEMBER)
    Invoice.objects.filter(pk=invoice.pk).update(rated_minor=1)
    with pytest.raises(CommandError, match="2 differences"):
        run("reconcile_billing")


def test_a_period_that_cannot_close_says_why(paid_plan, call, noon, monkeypatch):
    noon.move_to(DECEMBER + 2 * DAY)
    monkeypatch.setattr("billing.services.closing.waiting_days", lambda _days: 3)
    said = run("close_periods")
    assert "0 periods closed" in said
    assert "left open: 3 deliveries of usage are not rolled up yet" in said


def test_the_set_up_is_checked_by_hand(sim, gateway, settings):
    calls_meter()
    sync_catalogue(gateway)
    assert "simulator" in run("check_stripe")
    settings.APIM_STRIPE_SIMULATOR_URL = ""
    with pytest.raises(CommandError):
        run("check_stripe")
