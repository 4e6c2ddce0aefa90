"""What a change was said to cost is what is invoiced, to the cent, however late it is confirmed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apim.audit.actors import SYSTEM
from apim.catalog.models import Plan
from billing.errors import StatementTooOld
from billing.models import BillingPeriod, Invoice
from billing.rating.prices import Fee, Graduated, Terms, Tier, UsagePrice
from billing.selectors.preview import preview_change
from billing.services import apply_due_changes, change_now, note_subscription, plan_change
from billing.services.closing import close_periods
from tests.billing.prices import make_version

pytestmark = pytest.mark.django_db
D = Decimal
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
CHANGES = ("upgrade", "downgrade", "cancel", "pause")


def terms(fee, **values):
    tiers = (Tier(D(0), D(10), D("0.335")), Tier(D(10), None, D("0.1111"), D(1)))
    usage = (UsagePrice("calls", "calls", Graduated(tiers), D(2)),)
    return Terms("", "EUR", fees=(Fee("base", D(fee)),), usage=usage, **values)


@pytest.fixture
def held(world, subscription):
    """Acme on a plan of 49.99 a month; there is one for 19.99 and one for 199.99 with a setup."""
    make_version(world.plan, terms("49.99", minimum=D("55.55")), months_ago=3)
    make_version(world.other_plan, terms("199.99", setup=D("12.34")), months_ago=3)
    small = Plan.objects.create(product=world.product, slug="drop", name="Drop", state="published")
    make_version(small, terms("19.99"), months_ago=3)
    note_subscription(subscription_id=subscription.pk)
    subscription.refresh_from_db()
    subscription.targets = {"upgrade": world.other_plan, "downgrade": small}
    return subscription


def asked(held, change):
    plan = held.targets.get(change)
    return {"kind": "plan" if plan else change, "plan": plan}


def invoiced(noon):
    """November's bill, frozen, and what Stripe will be asked for."""
    noon.move_to(DECEMBER + timedelta(days=2))
    close_periods()
    period = BillingPeriod.objects.get(ends_at=DECEMBER)
    assert Invoice.objects.get(ends_at=DECEMBER).charged_minor == period.total_minor
    return period.total_minor


@pytest.mark.parametrize("change", CHANGES)
def test_now_costs_what_was_stated_although_it_was_confirmed_later(held, call, noon, change):
    call(17)
    noon.shift(timedelta(seconds=7, microseconds=123456))
    stated = preview_change(held, **asked(held, change))
    noon.shift(timedelta(minutes=47, seconds=3))
    change_now(
        actor=SYSTEM, subscription=held, stated_at=stated.effective_at, **asked(held, change)
    )
    (bill,) = stated.changed
    assert invoiced(noon) == bill.total_minor
    assert bill.total_minor != stated.unchanged[0].total_minor


@pytest.mark.parametrize("change", CHANGES)
def test_at_the_periods_end_it_costs_what_was_stated(held, call, noon, change):
    call(17)
    stated = preview_change(held, is_now=False, **asked(held, change))
    plan_change(actor=SYSTEM, subscription=held, **asked(held, change))
    noon.move_to(DECEMBER + timedelta(minutes=3))
    apply_due_changes()
    assert invoiced(noon) == stated.changed[0].total_minor == stated.unchanged[0].total_minor
    noon.move_to(DECEMBER + timedelta(days=40))
    close_periods()
    december = BillingPeriod.objects.filter(starts_at=DECEMBER).first()
    setup = 1234 if change == "upgrade" else 0
    assert (december.total_minor if december else 0) == stated.fixed_after.amount_minor + setup


def test_the_return_from_a_pause_costs_what_was_stated(held, noon):
    change_now(actor=SYSTEM, subscription=held, kind="pause")
    noon.shift(timedelta(days=3, seconds=17))
    stated = preview_change(held, "resume")
    noon.shift(timedelta(minutes=20))
    change_now(actor=SYSTEM, subscription=held, kind="resume", stated_at=stated.effective_at)
    assert invoiced(noon) == stated.changed[0].total_minor > stated.unchanged[0].total_minor


def test_costs_that_no_longer_hold_are_stated_again(held, noon):
    stated = preview_change(held, "cancel")
    for moment in (stated.effective_at + timedelta(seconds=1), None):
        if moment is None:
            noon.shift(timedelta(hours=1, seconds=1))
        with pytest.raises(StatementTooOld):
            change_now(
                actor=SYSTEM,
                subscription=held,
                kind="cancel",
                stated_at=moment or stated.effective_at,
            )
    held.refresh_from_db()
    assert held.state == "active"


def test_costs_stated_before_another_change_or_the_periods_end_do_not_hold(held, noon):
    before = preview_change(held, **asked(held, "upgrade")).effective_at
    noon.shift(timedelta(minutes=1))
    change_now(actor=SYSTEM, subscription=held, kind="pause")
    noon.shift(timedelta(minutes=1))
    change_now(actor=SYSTEM, subscription=held, kind="resume")
    with pytest.raises(StatementTooOld):
        change_now(actor=SYSTEM, subscription=held, stated_at=before, **asked(held, "upgrade"))
    noon.move_to(DECEMBER - timedelta(minutes=5))
    before = preview_change(held, **asked(held, "upgrade")).effective_at
    noon.shift(timedelta(minutes=10))
    with pytest.raises(StatementTooOld):
        change_now(actor=SYSTEM, subscription=held, stated_at=before, **asked(held, "upgrade"))
