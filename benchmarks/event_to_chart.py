"""From the answer that a caller gets to the call's place on a chart."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import httpx

from benchmarks import rows
from benchmarks.frame import Result, quantile
from benchmarks.intake import Intake
from benchmarks.load import SteadyLoad

if TYPE_CHECKING:
    from benchmarks.stage import Stage

ORDER = 40

PROBES = 60
BACKGROUND_CALLS_PER_SECOND = 50
POLL_SECONDS = 0.01
GIVE_UP_SECONDS = 20.0
# The rows before have left millions of calls in the log, which the shipper delivers first.
DRAIN_SECONDS = 600.0


def run(stage: Stage) -> list[Result]:
    stage.worker()
    stop = threading.Event()
    background = threading.Thread(target=_call_until, args=(stage, stop), daemon=True)
    background.start()
    try:
        quiet = _of_new_key(stage)
        intake = Intake(stage)
        intake.ours()
        rate = intake.ours() / 2
        with SteadyLoad(stage, rate) as load:
            loaded = _of_new_key(stage)
    finally:
        stop.set()
        background.join(10)
    calls = (
        f"{PROBES} calls through Envoy, shipper, web and worker, from the caller's answer to "
        f"usage_series, beside {BACKGROUND_CALLS_PER_SECOND} calls/s"
    )
    return [
        *_results("Event to chart", quiet, calls),
        *_results(
            "Event to chart at half load",
            loaded,
            f"{calls} and {rate:,.0f} events/s of intake, {load.refused} deliveries put off",
        ),
    ]


def _of_new_key(stage: Stage) -> list[float]:
    issued = rows.new_key(stage.world["application"])
    return _delays(stage, issued.secret, issued.key.pk)


def _results(name: str, delays: list[float], note: str) -> list[Result]:
    return [
        Result(
            name=f"{name}, {quantile_name}", measured=f"{quantile(delays, share):.2f} s", note=note
        )
        for quantile_name, share in (("p50", 0.5), ("p99", 0.99))
    ]


def _delays(stage: Stage, secret: str, key: int) -> list[float]:
    with httpx.Client(headers={"Authorization": f"Bearer {secret}"}) as client:
        _probe(stage, client, key, 1, give_up=DRAIN_SECONDS)  # loads the grant of the key, too
        return [_probe(stage, client, key, number) for number in range(2, PROBES + 2)]


def _probe(
    stage: Stage, client: httpx.Client, key: int, number: int, *, give_up: float = GIVE_UP_SECONDS
) -> float:
    """Seconds until the key's chart shows `number` calls."""
    while client.get(stage.managed("/probe")).status_code != 200:
        time.sleep(POLL_SECONDS)  # a new key is at the gateway within a second
    answered = time.perf_counter()
    while _shown(stage, key) < number:
        time.sleep(POLL_SECONDS)
        if time.perf_counter() - answered > give_up:
            raise RuntimeError(f"call {number} did not show within {give_up} s")
    return time.perf_counter() - answered


def _shown(stage: Stage, key: int) -> int:
    """Allowed calls of the key on the chart that the portal draws."""
    from analytics.reports import UsageFilters  # noqa: PLC0415 - Django is set up by the stage
    from analytics.selectors import usage_series  # noqa: PLC0415
    from apim.core.clock import last_days  # noqa: PLC0415

    answer = usage_series(
        stage.world["organization"],
        period=last_days(1),
        bucket="minute",
        filters=UsageFilters(key=key, status_class=2),
    )
    return answer.series[0].total


def _call_until(stage: Stage, stop: threading.Event) -> None:
    with httpx.Client(headers=stage.bearer()) as client:
        while not stop.wait(1 / BACKGROUND_CALLS_PER_SECOND):
            client.get(stage.managed())
