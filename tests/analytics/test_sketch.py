"""Percentiles from histograms: close to the exact ones, and the same however they were added up."""

import math
import random

import pytest
from django.db import connection

from analytics.sketch import COUNT_BITS, RELATIVE_ERROR, percentiles_ms, slot_of, slot_sql, value_of

SHARES = (0.5, 0.9, 0.95, 0.99, 1.0)
SHAPES = {
    "exponential": lambda rng: rng.expovariate(1 / 30_000),
    "lognormal": lambda rng: rng.lognormvariate(9, 2),
    "two humps": lambda rng: rng.gauss(2_000, 100) if rng.random() < 0.9 else rng.gauss(900_000, 9),
    "constant": lambda _rng: 12_345,
    "very wide": lambda rng: 10 ** rng.uniform(0, 10),
}


def exact(values: list[int], share: float) -> int:
    return sorted(values)[max(1, math.ceil(share * len(values) - 1e-9)) - 1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [1, 2, 10, 5000])
def test_a_percentile_is_off_by_two_percent_at_most(shape, size):
    rng = random.Random(f"{shape} {size}")
    values = [max(1, int(SHAPES[shape](rng))) for _ in range(size)]
    slots: dict[int, int] = {}
    for value in values:
        slots[slot_of(value)] = slots.get(slot_of(value), 0) + 1
    for share, answer in zip(SHARES, percentiles_ms(slots, SHARES), strict=True):
        wanted = exact(values, share)
        assert abs(answer * 1000 - wanted) <= 0.02 * wanted


@pytest.mark.parametrize("value", [1, 2, 3, 999, 10**6, 10**9, 7 * 86_400 * 10**6])
def test_a_slot_stands_for_its_values_within_the_promised_error(value):
    assert abs(value_of(slot_of(value)) - value) <= RELATIVE_ERROR * value * (1 + 1e-9)


def test_without_calls_there_is_no_percentile():
    assert percentiles_ms({}, SHARES) == [None] * len(SHARES)


@pytest.mark.django_db
def test_the_database_puts_durations_into_the_same_slots():
    durations = [0, 1, 2, 30, 31, 1000, 10**7, 10**10]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {slot_sql('duration_us')} FROM unnest(%s::bigint[]) AS duration_us",  # noqa: S608
            [durations],
        )
        assert [slot for (slot,) in cursor.fetchall()] == [slot_of(value) for value in durations]


@pytest.mark.django_db
def test_merging_adds_counts_slot_by_slot():
    def pack(slots):
        return [slot << COUNT_BITS | calls for slot, calls in sorted(slots.items())]

    rng = random.Random(3)
    for _ in range(20):
        one = {rng.randrange(700): rng.randrange(1, 10**9) for _ in range(rng.randrange(40))}
        other = {rng.randrange(700): rng.randrange(1, 10**9) for _ in range(rng.randrange(40))}
        both = {slot: one.get(slot, 0) + other.get(slot, 0) for slot in one | other}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT analytics_latency_merge(%s::bigint[], %s::bigint[])",
                [pack(one), pack(other)],
            )
            assert cursor.fetchone()[0] == pack(both)
