"""A line of an invoice can be walked down to its rollups and to the single calls."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import RequestFactory

from analytics.selectors import usage_totals
from apim.core.errors import NotFound
from billing.models import BillingPeriod, RatedLine
from billing.rating.prices import Terms, per_unit
from billing.selectors.evidence import evidence
from billing.services import note_subscription
from billing.services.closing import close_periods
from portal.usage_pages import read_query
from tests.billing.prices import make_version

pytestmark = pytest.mark.django_db
MIDNIGHT = datetime(2026, 10, 31, 23, tzinfo=UTC)  # the first of November in Berlin
DECEMBER = datetime(2026, 11, 30, 23, tzinfo=UTC)


@pytest.fixture
def closed(world, subscription, call, noon):
    """November of a customer in Berlin, closed; calls on both sides of its midnights."""
    organization = world.customer.organization
    type(organization).objects.filter(pk=organization.pk).update(time_zone="Europe/Berlin")
    make_version(world.plan, Terms("", "EUR", usage=(per_unit(Decimal("0.10")),)), months_ago=3)
    note_subscription(subscription_id=subscription.pk)
    call(2, at=MIDNIGHT - timedelta(minutes=1))  # October
    call(3, at=MIDNIGHT + timedelta(minutes=1))
    call(1, at=MIDNIGHT + timedelta(minutes=2), status=503)  # never charged
    call(4)
    call(1, plan=world.other_plan.public_id)  # another plan's
    noon.move_to(DECEMBER - timedelta(minutes=1))
    call(5, at=DECEMBER - timedelta(minutes=2))
    noon.move_to(DECEMBER + timedelta(days=2))
    close_periods()
    period = BillingPeriod.objects.get(ends_at=DECEMBER)
    return period.lines.get(kind="usage", plan=world.plan)


def test_the_days_add_up_to_what_was_charged_in_the_customers_zone(closed):
    found = evidence(closed.organization, closed.public_id)
    assert [(one.day.isoformat(), one.billable) for one in found.days] == [
        ("2026-11-01", 3),
        ("2026-11-20", 4),
        ("2026-11-30", 5),
    ]
    assert found.billable == closed.quantity == 12
    assert found.days[0].period.start == MIDNIGHT
    assert found.zone == "Europe/Berlin"
    assert found.chosen is None


def test_the_single_calls_of_a_day_are_as_many_as_its_rollup_says(closed):
    for one in evidence(closed.organization, closed.public_id).days:
        found = evidence(closed.organization, closed.public_id, day=one.day.isoformat())
        assert len(found.calls) == one.billable
        assert {call.is_billable for call in found.calls} == {True}
        assert all(call.at in found.chosen.period for call in found.calls)


def test_a_correction_leads_to_the_period_that_it_belongs_to(closed, call, noon):
    call(7, at=MIDNIGHT + timedelta(days=2))
    noon.move_to(DECEMBER + timedelta(days=35))
    close_periods()
    late = RatedLine.objects.get(kind="correction")
    found = evidence(closed.organization, late.public_id)
    assert found.period == closed.period.period
    assert found.billable == 12 + 7


def test_the_usage_page_that_it_links_to_shows_the_same_total(closed):
    organization = closed.organization
    asked = {
        "subscription": closed.period.subscription.public_id,
        "plan": closed.plan.public_id,
        "environment": "live",
        "range": "custom",
        "from": "2026-10-31T23:00Z",
        "to": "2026-11-30T23:00Z",
    }
    query = read_query(RequestFactory().get("/usage/", asked), organization)
    assert query.chosen.period == closed.period.period
    totals = usage_totals(organization, period=query.chosen.period, filters=query.filters)
    assert totals.billable == closed.quantity


def test_an_outsider_finds_no_line(closed, world):
    stranger = type(closed.organization).objects.create(name="Stranger")
    with pytest.raises(NotFound):
        evidence(stranger, closed.public_id)
    assert evidence(None, closed.public_id).line == closed
