"""The filter that decides calls inside Envoy: lease.lua, with what it must know put above it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from apim.gateway.envoy import names
from apim.gateway.envoy.names import type_url
from apim.gateway.envoy.problems import CANNOT_CHECK, INSTANCE

# A question that took longer would hold up the caller more than an answer is worth.
CHECK_TIMEOUT_MILLISECONDS = 250

# One source: each file uses what those before it define.
DECIDING = ("credentials.lua", "memory.lua", "questions.lua", "lease.lua")
# Source codes that routes choose by name.
AFTER = "after"
UNSERVED = "unserved"
_UNSERVED_CODE = (
    "function envoy_on_request(handle)\n"
    f'  handle:headers():add("{names.CALL_HEADER}", "decision=none")\n'
    "end\n"
)


def lua_filter() -> dict[str, Any]:
    return {
        "name": names.LEASE_FILTER,
        "typed_config": {
            "@type": type_url("envoy.extensions.filters.http.lua.v3.Lua"),
            "default_source_code": {"inline_string": source(*DECIDING)},
            "source_codes": {
                AFTER: {"inline_string": source("after.lua")},
                UNSERVED: {"inline_string": _UNSERVED_CODE},
            },
            # Else every header that the filter adds has the route chosen again.
            "clear_route_cache": False,
        },
    }


def run_instead(code: str) -> dict[str, Any]:
    """Return the route's setting that runs another source code there."""
    return {
        names.LEASE_FILTER: {
            "@type": type_url("envoy.extensions.filters.http.lua.v3.LuaPerRoute"),
            "name": code,
        }
    }


@cache
def source(*names_of_files: str) -> str:
    """Return the Lua files one after the other, with SETTINGS above them."""
    before, after = json.dumps(CANNOT_CHECK).split(INSTANCE)
    settings = {
        "cluster": names.AUTHORIZER_CLUSTER,
        "check_timeout": CHECK_TIMEOUT_MILLISECONDS,
        "unavailable_before": before,
        "unavailable_after": after,
    }
    # JSON's strings and numbers are Lua's, as long as they are plain ASCII without a slash escape.
    lines = "".join(f"  {name} = {json.dumps(value)},\n" for name, value in settings.items())
    folder = files("apim.gateway.envoy")
    codes = [folder.joinpath(name).read_text(encoding="utf-8") for name in names_of_files]
    return "\n".join([f"local SETTINGS = {{\n{lines}}}\n", *codes])
