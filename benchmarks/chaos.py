"""Minutes of random failures under load: who was let by or refused wrongly, and how long it took."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import redis

from apim.core.errors import DomainError
from apim.runtime import processes
from apim.runtime.embedded import free_port
from benchmarks.callers import (
    Call,
    Callers,
    Window,
    accepted,
    accepted_after,
    refused_outside,
    served_from,
    tell,
)
from benchmarks.frame import Result
from benchmarks.stage import AUTHORIZER_TOKEN, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.keys.services import IssuedKey
    from benchmarks.stage import Stage

ORDER = 91

SECONDS = int(os.environ.get("BENCH_CHAOS_SECONDS", "180"))
SEED = int(os.environ.get("BENCH_CHAOS_SEED", "0"))
QUOTA = 200
# So many of a key's calls were made before something breaks.
BEGUN = 40
PATIENCE_SECONDS = 60.0
REVOKED_SECONDS = 1.1
IN_A_ROW = 20
# The usage log is told about a second late, so Redis may forget that much for good.
EMPTIED = "redis emptied"
# PostgreSQL would need recovery of its own after a kill; callers cannot tell the two apart.
PAUSED_ONLY = ("postgres",)
BREAKABLE = ("redis", "web", "worker", "shipper", "authorizer", "authorizer2", "envoy2", "postgres")


class Fault(NamedTuple):
    name: str
    may_refuse: bool
    is_redis: bool
    run: Callable[[], None]


@dataclass
class Tally:
    calls: int = 0
    rounds: int = 0
    beyond_limit: int = 0
    after_revocation: int = 0
    lost_with_redis: int = 0
    refused: list[tuple[str, Call]] = field(default_factory=list)
    longest: tuple[float, str] = (0.0, "")


def run(stage: Stage) -> list[Result]:
    stage.worker()
    _second_gateway(stage)
    chance, tally = random.Random(SEED), Tally()
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at:
        fault = _choose(stage, chance)
        _round(stage, fault, tally)
        print(f"  {fault.name}: {tally.longest[0]:.1f} s longest so far", flush=True)
    note = f"{tally.rounds} random failures in {SECONDS} s, seed {SEED}, two Envoys and authorizers"
    wrong = tally.beyond_limit + tally.after_revocation
    return [
        Result(
            name="Chaos, calls let by wrongly",
            measured=f"{wrong:,} of {tally.calls:,}",
            anchor="0",
            note=f"{note}; beyond a limit {tally.beyond_limit}, more than {REVOKED_SECONDS} s after "
            f"a revocation {tally.after_revocation}",
        ),
        Result(
            name="Chaos, calls refused wrongly",
            measured=f"{len(tally.refused):,} of {tally.calls:,}",
            anchor="0",
            note="outside of what was broken and the time to recover: "
            + ", ".join(sorted({name for name, _ in tally.refused})),
        ),
        Result(
            name="Chaos, longest until callers are served again",
            measured=f"{tally.longest[0]:.1f} s",
            note=f"after the cause was mended; {tally.longest[1]}",
        ),
        Result(
            name="Chaos, calls beyond the quota after Redis was emptied",
            measured=f"{tally.lost_with_redis:,} of {QUOTA}",
            note="at most; they were not yet in the usage log when Redis lost them",
        ),
    ]


def _second_gateway(stage: Stage) -> None:
    from apim.gateway.envoy.bootstrap import (  # noqa: PLC0415 - needs Django
        BootstrapSettings,
        build_bootstrap,
    )

    port, admin_port = free_port(), free_port()
    command = processes.authorizer_command(host="127.0.0.1", port=port)
    stage.module("authorizer2", command)
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/readyz")
    bootstrap = BootstrapSettings(
        gateway_token=stage.gateway_token,
        authorizer_token=AUTHORIZER_TOKEN,
        web_url=stage.web_url,
        authorizer_url=url,
        admin_address="127.0.0.1",
        admin_port=admin_port,
        trusted_ca="/etc/ssl/certs/ca-certificates.crt",
        node_id="second",
    )
    stage.envoy("envoy2", build_bootstrap(bootstrap))
    wait_for(f"http://127.0.0.1:{admin_port}/ready")


def _choose(stage: Stage, chance: random.Random) -> Fault:
    if chance.random() < 1 / (len(BREAKABLE) + 1):
        return Fault(EMPTIED, may_refuse=True, is_redis=True, run=_empty_redis)
    name = chance.choice(BREAKABLE)
    seconds = chance.uniform(0.3, 4)
    may_refuse = name in {"redis", "authorizer", "authorizer2"}
    if name in PAUSED_ONLY or chance.random() < 0.5:
        return Fault(
            f"{name} paused for {seconds:.1f} s",
            may_refuse,
            name == "redis",
            lambda: _pause(stage, name, seconds),
        )
    return Fault(
        f"{name} killed for {seconds:.1f} s",
        may_refuse,
        name == "redis",
        lambda: _kill(stage, name, seconds),
    )


def _empty_redis() -> None:
    from apim.gateway.redis_connection import connection  # noqa: PLC0415 - needs Django

    connection().flushall()


def _pause(stage: Stage, name: str, seconds: float) -> None:
    tell(stage.process(name), signal.SIGSTOP)
    time.sleep(seconds)
    tell(stage.process(name), signal.SIGCONT)


def _kill(stage: Stage, name: str, seconds: float) -> None:
    """Kill it and start it again as it was started."""
    stage.kill(name)
    time.sleep(seconds)
    stage.start_again(name)


def _round(stage: Stage, fault: Fault, tally: Tally) -> None:
    from benchmarks import rows  # noqa: PLC0415 - needs Django

    [limited] = rows.limited_keys(stage.world, quota=QUOTA)
    revoked = rows.new_key(stage.world["application"])
    secrets = {"roomy": stage.secret, "limited": limited, "revoked": revoked.secret}
    with Callers(stage.managed(), secrets) as callers:
        _until(lambda: accepted(callers.calls["limited"]) >= BEGUN)
        broken_at = time.monotonic()
        fault.run()
        mended_at = time.monotonic()
        revoked_at = _revoke(revoked)
        _until(lambda: callers.passes_since("roomy", mended_at, in_a_row=IN_A_ROW))
        _until(lambda: all(call.status == 429 for call in callers.calls["limited"][-5:]))
        _until(lambda: time.monotonic() > revoked_at + REVOKED_SECONDS + 1)
    calls = callers.calls
    recovered_at = served_from(calls["roomy"], mended_at, in_a_row=IN_A_ROW)
    tally.rounds += 1
    tally.calls += sum(map(len, calls.values()))
    excess = max(0, accepted(calls["limited"]) - QUOTA)
    if fault.name == EMPTIED:
        tally.lost_with_redis = max(tally.lost_with_redis, excess)
    else:
        tally.beyond_limit += excess
    tally.after_revocation += accepted_after(calls["revoked"], revoked_at + REVOKED_SECONDS)
    windows = [Window(broken_at, recovered_at)] if fault.may_refuse else []
    tally.refused += [(fault.name, call) for call in refused_outside(calls["roomy"], windows)]
    if fault.may_refuse:
        tally.longest = max(tally.longest, (recovered_at - mended_at, fault.name))


def _revoke(issued: IssuedKey) -> float:
    """By the service that the page calls; tells when gateways can know of it."""
    from apim.audit.actors import SYSTEM  # noqa: PLC0415 - needs Django
    from apim.gateway import grants  # noqa: PLC0415
    from apim.gateway.grant_format import key_name  # noqa: PLC0415
    from apim.gateway.redis_connection import connection  # noqa: PLC0415
    from apim.keys.services import revoke_key  # noqa: PLC0415

    name = key_name(issued.key.digest)

    def is_told() -> bool:
        return grants.is_complete() and not connection().exists(name)

    try:
        revoke_key(actor=SYSTEM, key=issued.key)
    except DomainError as error:
        raise RuntimeError("the key was not revoked") from error
    _until(is_told)
    return time.monotonic()


def _until(is_so: Callable[[], bool]) -> None:
    """Raises RuntimeError after PATIENCE_SECONDS. What is away meanwhile is asked again."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not _tried(is_so):
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"nothing recovered within {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.05)


def _tried(is_so: Callable[[], bool]) -> bool:
    try:
        return is_so()
    except redis.RedisError:
        return False
