"""The engine and a naive second implementation agree to the minor unit on random plans.

APIM_RATING_CASES=100000 runs more of them.
"""

import os
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing.rating.amounts import Share
from billing.rating.discounts import Discount
from billing.rating.engine import HeldAddOn, Segment, rate
from billing.rating.periods import Cadence, Schedule
from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    PerUnit,
    Terms,
    Tier,
    UsagePrice,
    Volume,
)
from billing.rating.validation import problems
from tests.billing.rating.oracle import Case, bill

CASES = int(os.environ.get("APIM_RATING_CASES", "10000"))
SHARDS = 4
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")


def amount(rng, digits=6):
    """A price with up to twelve decimals; often a round one, where ties are likely."""
    if rng.random() < 0.4:
        return str(Decimal(rng.randrange(2000)).scaleb(-rng.choice([1, 2, 3])))
    return str(Decimal(rng.randrange(10**digits)).scaleb(-rng.randrange(13)))


def quantity(rng):
    return rng.randrange(10 ** rng.randrange(1, 10))


def tiers(rng):
    bounds = sorted({quantity(rng) + 1 for _ in range(rng.randrange(4))})
    return [(bound, amount(rng), rng.choice(["0", amount(rng)])) for bound in [*bounds, None]]


def usage_of(rng, meter):
    model = rng.choice(["per_unit", "graduated", "volume", "package"])
    numbers = {
        "per_unit": lambda: amount(rng),
        "graduated": lambda: tiers(rng),
        "volume": lambda: tiers(rng),
        "package": lambda: (quantity(rng) + 1, amount(rng)),
    }[model]()
    return meter, model, rng.choice([0, 0, quantity(rng)]), numbers


def period_of(rng):
    at = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(hours=rng.randrange(24 * 365 * 12))
    schedule = Schedule(
        zone=rng.choice(ZONES),
        cadence=rng.choice(list(Cadence)),
        months=rng.choice([1, 1, 1, 3, 12]),
        anchor=(at - timedelta(days=rng.randrange(800))).date(),
    )
    return schedule.period_at(at)


def seconds_in(rng, whole):
    return (rng.choice([whole, whole, whole // 2, rng.randrange(whole + 1)]), whole)


def random_case(rng):
    period = period_of(rng)
    whole = int((period.end - period.start).total_seconds())
    meters = ["calls", "units", "bytes"][: rng.randrange(4)]
    return Case(
        currency=rng.choice(["EUR", "USD", "JPY", "KWD"]),
        usage=[usage_of(rng, meter) for meter in meters],
        quantities={meter: rng.choice([0, quantity(rng)]) for meter in meters},
        before={meter: rng.choice([0, 0, quantity(rng)]) for meter in meters},
        fees=[amount(rng) for _ in range(rng.randrange(3))],
        minimum=rng.choice(["0", "0", amount(rng)]),
        setup=rng.choice(["0", amount(rng)]),
        seconds=seconds_in(rng, whole),
        discounts=[
            rng.choice(
                [("percent", str(Decimal(rng.randrange(1, 1001)) / 10)), ("amount", amount(rng))]
            )
            for _ in range(rng.choice([0, 0, 1, 2, 3]))
        ],
        add_ons=[
            (amount(rng), rng.randrange(1, 9), seconds_in(rng, whole))
            for _ in range(rng.choice([0, 0, 1, 2]))
        ],
    )


def pricing(model, numbers):
    if model == "per_unit":
        return PerUnit(Decimal(numbers))
    if model == "package":
        return Package(Decimal(numbers[0]), Decimal(numbers[1]))
    after, rows = Decimal(0), []
    for up_to, unit, flat in numbers:
        end = None if up_to is None else Decimal(up_to)
        rows.append(Tier(after, end, Decimal(unit), Decimal(flat)))
        after = end
    return (Graduated if model == "graduated" else Volume)(tuple(rows))


def segment_of(case):
    terms = Terms(
        version="v1",
        currency=case.currency,
        usage=tuple(
            UsagePrice(meter, meter, pricing(model, numbers), Decimal(included))
            for meter, model, included, numbers in case.usage
        ),
        fees=tuple(Fee(f"fee{n}", Decimal(fee)) for n, fee in enumerate(case.fees)),
        minimum=Decimal(case.minimum),
        setup=Decimal(case.setup),
    )
    return Segment(
        terms,
        share=Share(*case.seconds),
        usage={meter: Decimal(value) for meter, value in case.quantities.items()},
        before={meter: Decimal(value) for meter, value in case.before.items()},
        is_setup_due=True,
    )


def rated(case):
    return rate(
        [segment_of(case)],
        currency=case.currency,
        add_ons=[
            HeldAddOn(f"addon{n}", Decimal(value), number, Share(*seconds))
            for n, (value, number, seconds) in enumerate(case.add_ons)
        ],
        discounts=[Discount(f"d{n}", **{k: Decimal(v)}) for n, (k, v) in enumerate(case.discounts)],
    )


@pytest.mark.parametrize("shard", range(SHARDS))
def test_engine_and_oracle_agree_to_the_minor_unit(shard):
    rng = random.Random(f"plans {shard}")
    for _ in range(CASES // SHARDS):
        case = random_case(rng)
        made = rated(case)
        assert made.total_minor == bill(case), case
        assert made.total_minor >= 0
        assert made.subtotal_minor - made.discount_minor == made.total_minor
        for line in made.lines:
            assert sum(part.quantity for part in line.parts) == (line.quantity if line.parts else 0)
        assert not problems(segment_of(case).terms)
