"""How much work the rules of one run may do.

Rules are written by people: an expression or a pattern can be made to run for ever, by mistake or
to do harm. CPU time is what is counted, so that a busy machine refuses nobody.
"""

from __future__ import annotations

from time import thread_time

# A hostile ruleset on a small description ends after this; a larger description gets more.
BASE_SECONDS = 1.0
SECONDS_PER_MILLION_VALUES = 15.0
# Our own rules, together; it is the description that may be hostile then.
OWN_BASE_SECONDS = 1.5
OWN_SECONDS_PER_MILLION_VALUES = 80.0
# Between two looks at the clock.
_STEPS = 512


class OutOfBudget(Exception):
    """The run has used up its time."""


class Budget:
    """`seconds` of this thread's CPU time from now."""

    __slots__ = ("_deadline", "_left")

    def __init__(self, seconds: float) -> None:
        self._deadline = thread_time() + seconds
        self._left = _STEPS

    def spend(self, steps: int = 1) -> None:
        """Raises OutOfBudget."""
        self._left -= steps
        if self._left <= 0:
            self._left = _STEPS
            self.check()

    def check(self) -> None:
        """Raises OutOfBudget."""
        if thread_time() > self._deadline:
            raise OutOfBudget

    def remaining(self) -> float:
        """Seconds left, at least a little: a match that has begun may need them."""
        return max(0.05, self._deadline - thread_time())


def seconds_for(values: int, *, is_own: bool = False) -> float:
    """What a publisher's rules, or our own, may take on a description of so many values."""
    if is_own:
        return OWN_BASE_SECONDS + OWN_SECONDS_PER_MILLION_VALUES * values / 1_000_000
    return BASE_SECONDS + SECONDS_PER_MILLION_VALUES * values / 1_000_000
