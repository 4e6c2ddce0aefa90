"""How long a revoked key still works, under load, from the moment the revocation is asked for."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import httpx

from benchmarks.frame import Result, quantile, wrk_binary
from benchmarks.rows import new_key

if TYPE_CHECKING:
    from benchmarks.stage import Stage

ORDER = 30
REVOCATIONS = 60
LOAD_CONNECTIONS = 8
LOAD_SECONDS = 45


def run(stage: Stage) -> list[Result]:
    load = subprocess.Popen(
        [
            *[wrk_binary(), "-t1", f"-c{LOAD_CONNECTIONS}", f"-d{LOAD_SECONDS}s", stage.managed()],
            *["-H", f"Authorization: Bearer {stage.secret}"],
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        with httpx.Client() as client:
            delays = [_revoke_one(stage, client) for _ in range(REVOCATIONS)]
    finally:
        load.terminate()
        load.wait()
    p50, p99 = (quantile(delays, share) * 1000 for share in (0.5, 0.99))
    return [
        Result(
            name="Revocation delay p50 / p99",
            measured=f"{p50:.0f} ms / {p99:.0f} ms",
            anchor="1,000 ms promised",
            note=f"{REVOCATIONS} keys in use, from the call of the service to the first 401 at "
            f"Envoy, under the load of {LOAD_CONNECTIONS} connections",
        )
    ]


def _revoke_one(stage: Stage, client: httpx.Client) -> float:
    """Return the seconds until the first refusal."""
    from apim.audit.actors import SYSTEM  # noqa: PLC0415 - needs Django
    from apim.keys.services import revoke_key  # noqa: PLC0415

    issued = new_key(stage.world["application"])
    headers = {"Authorization": f"Bearer {issued.secret}"}
    give_up_at = time.monotonic() + 10
    while client.get(stage.managed(), headers=headers).status_code != 200:
        if time.monotonic() > give_up_at:
            raise RuntimeError("a new key was not accepted within 10 s")
    asked_at = time.perf_counter()
    revoke_key(actor=SYSTEM, key=issued.key)
    while client.get(stage.managed(), headers=headers).status_code != 401:
        if time.perf_counter() - asked_at > 10:
            raise RuntimeError("a revoked key was still accepted after 10 s")
    return time.perf_counter() - asked_at
