"""Gentle live traffic through the real gateway, until it is stopped."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

import httpx

from apim.runtime.demo import world
from apim.runtime.demo.seed import read_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.runtime.demo.seed import DemoKey

logger = logging.getLogger(__name__)

# Mean rate. It goes on where the history ends, whose busy hours have some 400 calls.
CALLS_PER_SECOND = 0.1
TIMEOUT_SECONDS = 5.0
WAIT_FOR_KEYS_SECONDS = 2.0


def drive(gateway_url: str, *, calls: int | None = None) -> int:
    """Call the demo's APIs with the demo's keys; returns how many calls were answered.

    Runs for ever unless `calls` says how often. A gateway that does not answer is tried again.
    """
    answered = 0
    with httpx.Client(base_url=gateway_url, timeout=TIMEOUT_SECONDS) as client:
        for number, (key, path) in enumerate(_calls()):
            if calls is not None and number >= calls:
                break
            answered += _call(client, key, path)
            if calls is None:
                time.sleep(random.expovariate(CALLS_PER_SECOND))
    return answered


def _calls() -> Iterator[tuple[DemoKey, str]]:
    """An endless draw of who calls what, busy applications more often."""
    while not (keys := read_keys()):
        time.sleep(WAIT_FOR_KEYS_SECONDS)
    while True:
        key = random.choices(keys, [k.calls_per_day for k in keys])[0]  # noqa: S311
        choices = [call for call in world.CALLS if call[0] in key.apis]
        slug, path, _share = random.choices(choices, [c[2] for c in choices])[0]  # noqa: S311
        yield key, f"/{slug}/{world.VERSION}{path}"


def _call(client: httpx.Client, key: DemoKey, path: str) -> bool:
    try:
        client.get(path, headers={"X-API-Key": key.secret})
    except httpx.HTTPError as error:
        logger.warning("the gateway did not answer: %s", type(error).__name__)
        return False
    return True
