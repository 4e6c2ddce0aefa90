"""Calls through Envoy, and the questions that they made it ask."""

import re

from tests.deadline import eventually

# What Envoy answers when the authorizer takes more than a quarter of a second, as on a busy machine.
BUSY = 503


def asked(relay):
    """Questions about calls that went to the authorizer."""
    return relay.text.count(b"POST /gateway/v1/lease ")


def left_of(headers):
    """Calls that the daily limit leaves, as the answer tells."""
    return int(re.search(r'"day";r=(\d+);', headers["ratelimit"])[1])


def telling(envoy, path, headers):
    """An answer that tells what is left: where calls come thick and much is left, not each does."""

    def answer():
        got = envoy.get(path, headers)
        is_told = "ratelimit" in got.headers or got.status_code not in {200, BUSY}
        return got if is_told else None

    return eventually(answer)


def warm_up(envoy, world, headers=None, calls=12):
    """Until the worker holds a lease with tokens to spare."""

    def status():
        found = envoy.status(world.path, headers or world.bearer())
        return found if found != BUSY else None

    for _ in range(calls):
        assert eventually(status) == 200
