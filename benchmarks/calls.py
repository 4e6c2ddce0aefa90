"""A managed call against the same call through the same Envoy without any of us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.frame import Result, alternate, requests_per_second

if TYPE_CHECKING:
    from benchmarks.stage import Stage

ORDER = 10


def run(stage: Stage) -> list[Result]:
    speeds = alternate(
        {
            "managed": lambda: requests_per_second(stage.managed(), headers=stage.bearer()),
            "plain": lambda: requests_per_second(stage.plain_url),
            "asking": lambda: requests_per_second(stage.asking_url),
        }
    )
    plain = f"{speeds['plain']:,.0f} calls/s"
    return [
        Result(
            name="Managed call ÷ plain Envoy",
            measured=f"{speeds['managed']:,.0f} calls/s",
            anchor=plain,
            ratio=speeds["managed"] / speeds["plain"],
            note="key, subscription and two limits checked on every call; 32 connections",
        ),
        Result(
            name="Asking a no-op ÷ plain Envoy",
            measured=f"{speeds['asking']:,.0f} calls/s",
            anchor=plain,
            ratio=speeds["asking"] / speeds["plain"],
            note="the price of asking at all: ext_authz to a server that says yes to everything",
        ),
    ]
