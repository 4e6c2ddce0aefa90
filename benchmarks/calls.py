"""A managed call against the same call through the same Envoy without any of us."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.frame import Result, alternate, requests_per_second

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.stage import Stage

ORDER = 10
KEYS = 10_000
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
    managed = stage.managed()
    one = script_of(stage, "one", [stage.secret])
    many = script_of(stage, "many", _many_keys(stage))

    def ours(script: Path) -> float:
        return requests_per_second(managed, script=script, tolerated_share=TOLERATED_SHARE)

    for name, script in (("one", one), ("many", many)):
        requests_per_second(
            managed, script=script, seconds=WARM_UP_SECONDS[name], tolerated_share=1.0
        )
    speeds = alternate(
        {
            "one": lambda: ours(one),
            "plain": lambda: requests_per_second(stage.plain_url, script=one),
            "many": lambda: ours(many),
            "plain many": lambda: requests_per_second(stage.plain_url, script=many),
            "asking": lambda: requests_per_second(stage.asking_url, script=one),
        },
        rounds=5,
    )
    return [
        _row("Managed call ÷ plain Envoy, 1 key", speeds["one"], speeds["plain"], WHAT),
        _row(
            f"Managed call ÷ plain Envoy, {KEYS:,} keys",
            speeds["many"],
            speeds["plain many"],
            "the same, each call with the next key",
        ),
        _row(
            "Asking a no-op ÷ plain Envoy",
            speeds["asking"],
            speeds["plain"],
            "the price of asking at all: ext_authz to a server that says yes to everything",
        ),
    ]


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
