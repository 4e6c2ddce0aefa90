"""A run of reconciliation heals, compares, and keeps what it found."""

from datetime import timedelta

import pytest

from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from billing.models import Invoice, Reconciliation
from billing.selectors.reconciliation import closed_periods, period_figures
from billing.services.closing import close_periods
from billing.stripe.comparing import request_reconciliation, run_reconciliation, span
from billing.stripe.invoicing import send_invoices
from tests.billing.stripe.test_closing import DAY, DECEMBER, card, paid_plan

__all__ = ["card", "paid_plan"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def closed(paid_plan, call, noon, gateway, card):
    call(7)
    noon.move_to(DECEMBER + 2 * DAY)
    close_periods()
    send_invoices(gateway)


def compared(gateway):
    run = request_reconciliation(actor=SYSTEM)
    run_reconciliation(gateway, reconciliation_id=run.pk)
    run.refresh_from_db()
    return run


def test_what_is_equal_is_said_with_how_much_was_compared(closed, gateway):
    run = compared(gateway)
    assert (run.state, run.difference_count) == ("done", 0)
    assert run.invoices == Invoice.objects.count()
    assert run.periods
    assert run.customers == 1
    assert AuditEvent.objects.filter(action="reconciliation.done").count() == 1


def test_a_difference_is_kept_with_its_customer_and_invoice(closed, gateway):
    invoice = Invoice.objects.get(ends_at=DECEMBER)
    Invoice.objects.filter(pk=invoice.pk).update(rated_minor=1)
    run = compared(gateway)
    kinds = set(run.differences.values_list("kind", flat=True))
    assert kinds == {"lines", "invoice"}
    assert run.difference_count == 2
    for row in run.differences.all():
        assert (row.invoice, row.organization) == (invoice, invoice.organization)
        assert row.currency == invoice.currency


def test_a_run_that_was_begun_is_not_begun_again(closed, gateway):
    run = compared(gateway)
    ended = run.finished_at
    run_reconciliation(gateway, reconciliation_id=run.pk)
    run.refresh_from_db()
    assert run.finished_at == ended


def test_one_runs_at_a_time_until_it_is_given_up(closed, gateway, noon):
    first = request_reconciliation(actor=SYSTEM)
    assert request_reconciliation(actor=SYSTEM) == first
    noon.shift(timedelta(hours=3))
    second = request_reconciliation(actor=SYSTEM)
    assert second != first
    assert Reconciliation.objects.get(pk=first.pk).state == "failed"


def test_a_closed_period_shows_units_and_amounts_rated_sent_and_invoiced(closed, gateway):
    rows = period_figures(closed_periods(span()))
    assert all(row.is_equal for row in rows)
    [row] = [row for row in rows if row.period.ends_at == DECEMBER]
    [figures] = row.meters
    assert figures.rated == figures.sent == 7
    assert row.rated == row.invoiced == row.at_stripe
    Invoice.objects.filter(pk=row.invoice.pk).update(subtotal_minor=1)
    again = period_figures(closed_periods(span()))
    assert [one.is_equal for one in again if one.invoice == row.invoice] == [False]
