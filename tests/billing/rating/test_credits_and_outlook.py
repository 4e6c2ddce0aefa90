"""Credits pay in their order; forecasts and break-even follow from the engine."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

import pytest

from apim.core.periods import Period
from billing.rating.amounts import EXACT
from billing.rating.credits import Grant, use_credits
from billing.rating.forecast import Pace, at_period_end
from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    Terms,
    Tier,
    UsagePrice,
    Volume,
    per_unit,
)
from billing.rating.simulation import Outcome, Simulation, break_even, cost_minor

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
D = Decimal


def grant(pk, left, priority=50, days=None, currency="EUR", age=0):
    return Grant(
        pk,
        currency,
        left,
        priority,
        NOW - timedelta(days=age),
        None if days is None else NOW + timedelta(days=days),
    )


def test_credit_is_used_by_priority_then_expiry_then_age():
    grants = [
        grant(1, 100),
        grant(2, 100, days=30),
        grant(3, 100, days=10),
        grant(4, 100, priority=1),
        grant(5, 100, age=9),
    ]
    uses = use_credits(450, "EUR", grants, at=NOW)
    assert [(use.grant_id, use.amount_minor) for use in uses] == [
        (4, 100),
        (3, 100),
        (2, 100),
        (5, 100),
        (1, 50),
    ]


def test_expired_foreign_and_empty_credit_pays_nothing():
    grants = [grant(1, 100, days=0), grant(2, 100, currency="USD"), grant(3, 0)]
    assert use_credits(50, "EUR", grants, at=NOW) == ()
    assert use_credits(0, "EUR", [grant(1, 100)], at=NOW) == ()


def test_the_forecast_goes_on_at_the_recent_pace():
    period = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    now = period.start + timedelta(days=20)
    assert at_period_end(D(1000), Pace(D(70), 7 * 86_400), now=now, period=period) == 1100
    assert at_period_end(D(1000), Pace(D(70), 7 * 86_400), now=period.end, period=period) == 1000
    assert at_period_end(D(5), Pace(D(0), 0), now=period.start, period=period) == 5


def plan(*usage, fee="0", minimum="0"):
    return Terms("v", "EUR", usage=usage, fees=(Fee("base", D(fee)),), minimum=D(minimum))


def tiers(*rows):
    return tuple(Tier(D(a), None if b is None else D(b), D(c), D(f)) for a, b, c, f in rows)


def usage(pricing, included=0):
    return UsagePrice("calls", "calls", pricing, D(included))


PLANS = {
    "unit": plan(per_unit(D("1.10"))),
    "unit with free ones": plan(per_unit(D("1.50"), included=D(40))),
    "fee": plan(per_unit(D("0.50")), fee="30"),
    "minimum": plan(per_unit(D("0.90")), minimum="60"),
    "graduated": plan(usage(Graduated(tiers((0, 20, "2", 0), (20, 80, "1", 5), (80, None, 0, 0))))),
    "volume": plan(usage(Volume(tiers((0, 50, "1.2", 0), (50, None, "0.7", 0))))),
    "package": plan(usage(Package(D(25), D(20)))),
    "free": plan(),
}


@pytest.mark.parametrize("first", PLANS)
@pytest.mark.parametrize("second", PLANS)
def test_break_even_is_where_trying_every_quantity_finds_it(first, second):
    one, other = PLANS[first], PLANS[second]
    with localcontext(EXACT):
        signs = []
        for calls in range(400):
            difference = cost_minor(one, "calls", D(calls)) - cost_minor(other, "calls", D(calls))
            signs.append((difference > 0) - (difference < 0))
    turns = [D(n) for n in range(1, 400) if signs[n] != signs[n - 1]]
    if "package" in (first, second):  # single packages turn back and forth: none is invented
        assert {t for t in break_even(one, other, "calls") if t < 400} <= set(turns)
    else:
        found = [turn for turn in break_even(one, other, "calls") if turn < 400]
        # Where both cost the same at single points, the turn may be named on either side.
        assert all(any(abs(t - f) <= 1 for f in found) for t in turns)
        assert all(any(abs(t - f) <= 1 for t in turns) for f in found)


def test_winners_losers_and_revenue():
    simulation = Simulation(
        "EUR",
        (
            Outcome("a", "Acme", "org_a", 1000, 900),
            Outcome("b", "Bolt", "org_b", 1000, 1300),
            Outcome("c", "Coil", "org_c", 500, 500),
            Outcome("d", "Dash", "org_d", 1000, 100),
        ),
    )
    assert [outcome.key for outcome in simulation.winners] == ["d", "a"]
    assert [outcome.key for outcome in simulation.losers] == ["b"]
    assert simulation.unchanged == 1
    assert (simulation.before_minor, simulation.after_minor) == (3500, 2800)
    assert simulation.difference_minor == -700
