"""The authorizer: its speed against the smallest ASGI application, its pace, what keys weigh."""

from __future__ import annotations

import asyncio
import subprocess
import time
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import msgspec
import redis

from apim.gateway import grant_format as wire
from apim.runtime.embedded import EmbeddedRedis, free_port
from benchmarks.frame import Result, alternate, quantile, requests_per_second
from benchmarks.stage import AUTHORIZER_TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.stage import Stage

ORDER = 20
PACE = 5000
PACE_SECONDS = 5
CONNECTIONS = 64
TICK_SECONDS = 0.0005
KEYS = 1_000_000
BATCH = 5000


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
            note="one process each; the plan's limits counted, out of a pool; 32 connections",
        ),
        _paced(url, headers),
        _weight_of_keys(stage.folder),
    ]


def _paced(url: str, headers: dict[str, str]) -> Result:
    """Ask at a steady pace, whatever the answers take: late ones count from when they were due."""
    delays = asyncio.run(_ask_paced(url, headers))
    p50, p99 = (quantile(delays, share) * 1000 for share in (0.5, 0.99))
    rate = len(delays) / PACE_SECONDS
    return Result(
        name=f"Check p50 / p99 at {PACE:,} checks/s",
        measured=f"{p50:.1f} ms / {p99:.1f} ms",
        anchor="5 ms promised for p99",
        note=f"{rate:,.0f} checks/s asked over {CONNECTIONS} connections for {PACE_SECONDS} s, "
        "each timed from when it was due; the client shares the cores",
    )


async def _ask_paced(url: str, headers: dict[str, str]) -> list[float]:
    parts = urlsplit(url)
    lines = [f"GET {parts.path} HTTP/1.1", f"host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    question = "\r\n".join([*lines, "", ""]).encode()
    idle: list[_Asker] = []
    delays: list[float] = []
    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(
            lambda: _Asker(question, idle, delays), parts.hostname, parts.port
        )
    begin = time.monotonic() + 0.1
    asked, total = 0, PACE * PACE_SECONDS
    while len(delays) < total:
        while idle and asked < total and begin + asked / PACE <= time.monotonic():
            idle.pop().ask(begin + asked / PACE)
            asked += 1
        await asyncio.sleep(TICK_SECONDS)
    return delays


class _Asker(asyncio.Protocol):
    """One connection, one question at a time; answers have no body."""

    def __init__(self, question: bytes, idle: list[_Asker], delays: list[float]) -> None:
        self._question = question
        self._idle = idle
        self._delays = delays
        self._due = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._idle.append(self)

    def ask(self, due: float) -> None:
        self._due = due
        assert self._transport is not None
        self._transport.write(self._question)

    def data_received(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the check did not say 200: {data!r}")
        self._delays.append(time.monotonic() - self._due)
        self._idle.append(self)


def _weight_of_keys(folder: Path) -> Result:
    """What a key costs in Redis, with its digest as name, the way the projection writes it."""
    server = EmbeddedRedis(folder=folder / "weight", port=free_port(), durable=False)
    server.prepare()
    child = subprocess.Popen(server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server.wait_ready()
        client = redis.Redis.from_url(server.url())
        before = client.info("memory")["used_memory"]
        for first in range(0, KEYS, BATCH):
            client.mset(dict(map(_key_grant, range(first, first + BATCH))))
        used = client.info("memory")["used_memory"] - before
    finally:
        child.kill()
        child.wait()
    return Result(
        name=f"Redis memory per API key at {KEYS:,} keys",
        measured=f"{used / KEYS:,.0f} bytes",
        note=f"{used / 2**20:,.0f} MiB for the grants of all keys; an authorizer remembers at most "
        "50,000 of them",
    )


def _key_grant(number: int) -> tuple[str, bytes]:
    grant = wire.KeyGrant(id=f"key_{number:016d}", pk=number, app=f"app_{number:016d}", env="live")
    return wire.key_name(f"{number:064x}"), msgspec.json.encode(grant)
