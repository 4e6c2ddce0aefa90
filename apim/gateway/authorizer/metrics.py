"""What this process counts about itself, in Prometheus' text format, version 0.0.4."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import accumulate

_BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)


class Metrics:
    def __init__(self) -> None:
        self.checks: Counter[str] = Counter()
        self.leases: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        # Calls that were let pass by grants known before Redis went away.
        self.without_redis = 0
        self._slower = [0] * (len(_BUCKETS_SECONDS) + 1)
        self._seconds = 0.0

    def check_took(self, seconds: float) -> None:
        self._slower[bisect_left(_BUCKETS_SECONDS, seconds)] += 1
        self._seconds += seconds

    def text(self, gauges: dict[str, float], counters: dict[str, int]) -> str:
        """`gauges` and `counters` are further values by name."""
        lines: list[str] = []
        for name, counted in (
            ("apim_checks_total", self.checks),
            ("apim_leases_total", self.leases),
            ("apim_verdicts_total", self.verdicts),
        ):
            lines.append(f"# TYPE {name} counter")
            lines += [
                f'{name}{{decision="{decision}"}} {count}'
                for decision, count in sorted(counted.items())
            ]
        counters = {"apim_allowed_without_redis_total": self.without_redis, **counters}
        for kind, values in (("counter", counters), ("gauge", gauges)):
            for name, value in values.items():
                lines += [f"# TYPE {name} {kind}", f"{name} {value}"]
        return "\n".join([*lines, *self._histogram()]) + "\n"

    def _histogram(self) -> list[str]:
        name = "apim_check_duration_seconds"
        bounds = [*map(str, _BUCKETS_SECONDS), "+Inf"]
        totals = list(accumulate(self._slower))
        lines = [f"# TYPE {name} histogram"]
        lines += [
            f'{name}_bucket{{le="{bound}"}} {total}'
            for bound, total in zip(bounds, totals, strict=True)
        ]
        return [*lines, f"{name}_sum {self._seconds:.6f}", f"{name}_count {totals[-1]}"]
