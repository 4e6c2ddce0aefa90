"""A close looks only at customers that may have something due, and one's failure is only its own."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apim.audit.models import AuditEvent
from billing.models import BillingPeriod, Invoice
from billing.rating.prices import Fee, Terms
from billing.selectors.due import organizations_to_close
from billing.services import closing, note_subscription
from billing.services.closing import close_periods
from tests.analytics.lines import make_customer
from tests.billing.prices import make_version

pytestmark = pytest.mark.django_db
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def three(world, subscription, noon):
    """Acme and two neighbours on a paid plan, one of them in Auckland."""
    make_version(world.plan, Terms("", "EUR", fees=(Fee("base", Decimal(10)),)), months_ago=3)
    customers = [make_customer("Kiwi", world.plan), make_customer("Other", world.plan)]
    kiwi = customers[0].organization
    type(kiwi).objects.filter(pk=kiwi.pk).update(time_zone="Pacific/Auckland")
    rows = [subscription, *(customer.subscription for customer in customers)]
    for row in rows:
        note_subscription(subscription_id=row.pk)
    return [row.organization_id for row in rows]


def due(at):
    return organizations_to_close(at, corrected_since=at - 45 * DAY)


def test_who_was_closed_is_looked_at_again_only_near_the_next_end(three, noon):
    assert due(DECEMBER) == sorted(three)
    noon.move_to(DECEMBER + 3 * DAY)
    done = close_periods()
    assert (done.closed, done.waiting) == (BillingPeriod.objects.count(), ())
    assert due(DECEMBER + 20 * DAY) == []
    assert due(DECEMBER + 31 * DAY) == sorted(three)


def test_a_closed_period_without_its_invoice_is_found(three, noon, monkeypatch):
    noon.move_to(DECEMBER + 3 * DAY)
    with monkeypatch.context() as patch:
        patch.setattr(closing, "make_invoices", lambda *, organization_ids: 0)
        close_periods()
    assert not Invoice.objects.exists()
    assert due(DECEMBER + 3 * DAY) == sorted(three)
    assert close_periods().invoices == Invoice.objects.count() > 0


def test_one_customers_failure_leaves_the_others_closed_and_is_said(three, noon, monkeypatch):
    noon.move_to(DECEMBER + 3 * DAY)
    freeze = closing.freeze_periods

    def stumbling(*, actor, rated, corrections):
        if any(one.subscription.organization_id == three[0] for one in rated):
            raise ValueError("a stumble")
        return freeze(actor=actor, rated=rated, corrections=corrections)

    monkeypatch.setattr(closing, "freeze_periods", stumbling)
    done = close_periods()
    assert done.waiting == (f"ValueError in organization {three[0]}",)
    assert set(Invoice.objects.values_list("organization", flat=True)) == set(three[1:])
    assert not BillingPeriod.objects.filter(organization=three[0]).exists()
    closed = AuditEvent.objects.filter(action="billing_period.closed")
    assert closed.count() == BillingPeriod.objects.count()
