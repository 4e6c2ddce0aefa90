"""The pace goes on to the period's end, also where it is no finite decimal."""

from datetime import UTC, datetime
from decimal import Decimal, localcontext

import pytest

from apim.core.periods import Period
from billing.rating.amounts import EXACT
from billing.rating.forecast import Pace, at_period_end

JUNE = Period(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("quantity", "seconds", "left", "expected"),
    [("1", 3, 10, 13), ("1", 4, 10, 13), ("1", 7, 10, 11), ("0", 7, 10, 10), ("2.5", 1, 1, 13)],
)
def test_the_rest_of_the_period_goes_on_at_the_pace(quantity, seconds, left, expected):
    now = datetime.fromtimestamp(JUNE.end.timestamp() - left, UTC)
    with localcontext(EXACT):
        pace = Pace(Decimal(quantity), seconds)
        assert at_period_end(Decimal(10), pace, now=now, period=JUNE) == expected


def test_an_ended_period_stays_as_it_is():
    pace = Pace(Decimal(5), 5)
    assert at_period_end(Decimal(10), pace, now=JUNE.end, period=JUNE) == 10
