"""Forecasts and the plan simulator work on real usage, through the same engine."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apim.accounts.models import Organization
from apim.core.clock import month_of
from apim.core.money import Money
from billing.rating.prices import Fee, Terms, per_unit
from billing.selectors import charges_overview, running_charges
from billing.selectors.forecast import expected_totals, forecast
from billing.selectors.simulator import simulate
from billing.services import note_subscription
from tests.analytics.lines import make_customer
from tests.billing.conftest import NOW
from tests.billing.prices import make_price, make_version

pytestmark = pytest.mark.django_db
D = Decimal


def test_the_forecast_goes_on_at_the_pace_of_the_last_seven_days(world, subscription, call):
    make_version(
        world.plan,
        Terms("", "EUR", fees=(Fee("base", D(10)),), usage=(per_unit(D("0.10")),)),
        months_ago=2,
    )
    call(50, at=NOW - timedelta(days=12))
    for day in range(7):
        call(10, at=NOW - timedelta(days=day, hours=1))
    (one,) = forecast(world.customer.organization)
    assert one.so_far == (Money(1000 + 1200, "EUR"),)
    (now,), (end,) = (
        [line.quantity for line in rated.segments[0].lines if line.kind == "usage"]
        for rated in (one.now, one.at_end)
    )
    # Ten a day for the ten and a half days that are left.
    assert (now, end) == (120, 225)
    assert one.expected == expected_totals([one]) == (Money(1000 + 2250, "EUR"),)
    assert one.so_far == running_charges(world.customer.organization).totals


def test_an_idle_subscription_is_forecast_with_what_it_owes_anyway(world, subscription):
    make_version(world.plan, Terms("", "EUR", minimum=D(40)), months_ago=2)
    (one,) = forecast(world.customer.organization)
    assert one.so_far == one.expected == (Money(4000, "EUR"),)


def test_a_forecast_is_the_organizations_own(world, subscription):
    make_price(world.plan, "1")
    assert forecast(Organization.objects.create(name="Charlie")) == ()


@pytest.fixture
def quarter(world, call, subscription):
    """Three months of calls: Acme 100 a month, Bolt 10; and calls of the running month."""
    make_price(world.plan, "0.10", months_ago=4)
    bolt = make_customer("Bolt", world.plan)
    for customer in (world.customer, bolt):
        row = customer.subscription
        row.created_at = row.activated_at = NOW - timedelta(days=200)
        row.save()
        note_subscription(subscription_id=row.pk)
    month = NOW
    for _ in range(3):
        month = month_of(month).start - timedelta(days=3)
        if month < NOW - timedelta(days=35):
            continue
        call(100, at=month)
        call(10, bolt, at=month)
    call(500)
    return bolt


def test_the_simulator_says_who_wins_and_who_loses(world, quarter):
    draft = Terms("draft", "EUR", fees=(Fee("base", D(3)),), usage=(per_unit(D("0.05")),))
    result = simulate(world.plan, draft)
    before = sum(
        total.amount_minor
        for months_ago in (30, 60, 90)
        for total in charges_overview(month_of(NOW - timedelta(days=months_ago))).totals
    )
    assert result.before_minor == before == 1100
    rows = {o.organization: (o.before_minor, o.after_minor, o.periods) for o in result.outcomes}
    # Three months of the fee each; one of them with calls.
    assert rows == {"Acme": (1000, 900 + 500, 3), "Bolt": (100, 900 + 50, 3)}
    assert [o.organization for o in result.losers] == ["Bolt", "Acme"]
    assert result.break_even == (D(60),)  # where both cost 6.00
    assert charges_overview().totals == (Money(5000, "EUR"),)  # nothing was stored


def test_who_has_a_private_price_keeps_it_under_a_public_draft(world, quarter):
    private = Terms("", "EUR", usage=(per_unit(D("0.20")),))
    make_version(world.plan, private, months_ago=12, organization=quarter.organization)
    draft = Terms("draft", "EUR", usage=(per_unit(D("0.05")),))
    rows = {
        o.organization: (o.before_minor, o.after_minor)
        for o in simulate(world.plan, draft).outcomes
    }
    assert rows == {"Acme": (1000, 500), "Bolt": (200, 200)}
    own = simulate(world.plan, draft, organization_id=quarter.organization.pk)
    assert [(o.organization, o.before_minor, o.after_minor) for o in own.outcomes] == [
        ("Bolt", 200, 50)
    ]


def test_the_simulator_compares_one_currency_at_a_time(world, quarter):
    result = simulate(world.plan, Terms("draft", "USD", usage=(per_unit(D(1)),)))
    assert (result.before_minor, result.currency, result.break_even) == (0, "USD", ())
