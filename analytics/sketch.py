"""Latency histograms that can be added, as DDSketch: a percentile is off by at most 1.5 %.

Slot i holds durations in (g^(i-1), g^i] microseconds, g being GAMMA, and is reported as the value
whose relative distance to both ends is equal, 2*g^i / (g+1). Masson, Rim, Lee: "DDSketch", VLDB 2019.
A histogram holds three timers: the total, the upstream's and the gateway's own share of a call. An
element is (timer << 52) | (slot << 40) | count; lists are ascending.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RELATIVE_ERROR = 0.015
GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
LOG_GAMMA = math.log(GAMMA)
COUNT_BITS = 40
# The highest slot in use is 905, for seven days.
SLOTS_PER_TIMER = 4096
TIMER_BITS = 52


class Timer(IntEnum):
    """Which part of a call was timed. Stored as a number; values are never reused."""

    TOTAL = 0
    UPSTREAM = 1
    # Total less upstream, of calls whose upstream time is known.
    GATEWAY = 2


def slot_sql(duration: str, timer: Timer = Timer.TOTAL) -> str:
    """The slot of a duration in SQL, NULL of NULL; the same everywhere, so that rebuilding is exact."""
    # Not greatest(), which makes 1 of NULL.
    positive = f"(CASE WHEN {duration} < 1 THEN 1 ELSE {duration} END)"
    slot = f"ceil(ln({positive}::float8) / {LOG_GAMMA!r}::float8)::bigint"
    return f"({timer * SLOTS_PER_TIMER} + {slot})" if timer else slot


def slot_of(duration_us: int) -> int:
    """The slot that holds a duration; everything up to a microsecond is in slot 0."""
    return math.ceil(math.log(max(duration_us, 1)) / LOG_GAMMA)


def value_of(slot: int) -> float:
    """Microseconds that stand for a slot."""
    return 2 * GAMMA**slot / (GAMMA + 1)


def percentiles_ms(calls_by_slot: Mapping[int, int], shares: Sequence[float]) -> list[float | None]:
    """Milliseconds below which each share (0 < share ≤ 1) of the calls lies; None without calls.

    The lower nearest rank: of 100 calls, 0.95 is the 95th.
    """
    total = sum(calls_by_slot.values())
    if not total:
        return [None for _ in shares]
    slots = sorted(calls_by_slot)
    answers: list[float | None] = []
    for share in shares:
        rank = max(1, math.ceil(share * total - 1e-9))
        seen = 0
        for slot in slots:
            seen += calls_by_slot[slot]
            if seen >= rank:
                answers.append(value_of(slot) / 1000)
                break
    return answers
