"""The authorizer's answer against the smallest ASGI application on the same server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.frame import Result, alternate, requests_per_second
from benchmarks.stage import AUTHORIZER_TOKEN

if TYPE_CHECKING:
    from benchmarks.stage import Stage

ORDER = 20


def run(stage: Stage) -> list[Result]:
    url = f"{stage.authorizer_url}/gateway/v1/check{stage.path}/x"
    headers = {**stage.bearer(), "x-apim-authorizer-token": AUTHORIZER_TOKEN}
    speeds = alternate(
        {
            "check": lambda: requests_per_second(url, headers=headers),
            "hello": lambda: requests_per_second(stage.hello_url),
        }
    )
    return [
        Result(
            name="Check ÷ hello-world ASGI on Granian",
            measured=f"{speeds['check']:,.0f} checks/s",
            anchor=f"{speeds['hello']:,.0f} calls/s",
            ratio=speeds["check"] / speeds["hello"],
            note="one process each; two limits counted in Redis per check; 32 connections",
        )
    ]
