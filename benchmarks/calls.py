"""A managed call against the same call through the same Envoy without any of us."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.frame import Result, alternate, requests_per_second

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.stage import Stage

ORDER = 10
KEYS = 10_000
ROUNDS = 5
# Until every worker knows every key, and has lent calls as many as are made.
WARM_UP_SECONDS = {"one": 3, "many": 20}
# A question to the authorizer that a busy machine answers too late is a 503.
TOLERATED_SHARE = 0.001
WHAT = (
    "key, subscription, three limits (calls per minute, day and month of the application) and the "
    "access log's line on every call; 32 connections, Envoy's workers as many as cores"
)
# Requests are made before the load begins, for plain calls too: wrk must not be what is measured.
SCRIPT = """
local lines = {}
function init()
  for key in io.lines(%(keys)s) do
    lines[#lines + 1] = wrk.format("GET", %(path)s, {Authorization = "Bearer " .. key, Host = "x"})
  end
end
local at = 0
function request()
  at = at %% #lines + 1
  return lines[at]
end
"""


def run(stage: Stage) -> list[Result]:
    plain, asking = stage.plain_url, stage.asking_url
    # First the one: a worker that knows 10,000 keys has their memory to tend too.
    one = _speeds(stage, "one", [stage.secret], {"plain": plain, "asking": asking})
    many = _speeds(stage, "many", _many_keys(stage), {"plain": plain})
    return [
        _row("Managed call ÷ plain Envoy, 1 key", one["ours"], one["plain"], WHAT),
        _row(
            f"Managed call ÷ plain Envoy, {KEYS:,} keys",
            many["ours"],
            many["plain"],
            "the same, each call with the next key",
        ),
        _row(
            "Asking a no-op ÷ plain Envoy",
            one["asking"],
            one["plain"],
            "the price of asking at all: ext_authz to a server that says yes to everything",
        ),
    ]


def _speeds(
    stage: Stage, name: str, keys: list[str], others: Mapping[str, str]
) -> dict[str, float]:
    """Ours and the others by name, in turn, when every worker knows the keys."""
    managed, script = stage.managed(), script_of(stage, name, keys)

    def other(url: str) -> Callable[[], float]:
        return lambda: requests_per_second(url, script=script)

    requests_per_second(managed, script=script, seconds=WARM_UP_SECONDS[name], tolerated_share=1.0)
    return alternate(
        {
            "ours": lambda: requests_per_second(
                managed, script=script, tolerated_share=TOLERATED_SHARE
            ),
            **{which: other(url) for which, url in others.items()},
        },
        rounds=ROUNDS,
    )


def _row(name: str, ours: float, plain: float, note: str) -> Result:
    return Result(
        name=name,
        measured=f"{ours:,.0f} calls/s",
        anchor=f"{plain:,.0f} calls/s",
        ratio=ours / plain,
        note=note,
    )


def _many_keys(stage: Stage) -> list[str]:
    from benchmarks import rows  # noqa: PLC0415 - needs Django

    return rows.many_keys(stage.world["application"], KEYS)


def script_of(stage: Stage, name: str, keys: list[str]) -> Path:
    """wrk's script that makes managed calls with each of the keys in turn."""
    path = stage.managed_path()
    file = stage.folder / f"{name}.keys"
    file.write_text("\n".join(keys) + "\n")
    script = stage.folder / f"{name}.lua"
    script.write_text(SCRIPT % {"keys": json.dumps(str(file)), "path": json.dumps(path)})
    return script
