"""The access log line that the shipper delivers: one JSON object per call."""

from __future__ import annotations

from typing import Any

from apim.gateway.envoy.names import IDENTITY_PREFIX, METADATA, type_url


def _of_call(name: str) -> str:
    """What the lease filter found out about the call, in a request header.

    Headers, because each entry of dynamic metadata costs as much again. Before a route is chosen
    nobody has removed what a caller wrote there: a line whose `route` is null names nobody.
    """
    return f"%REQ({IDENTITY_PREFIX.upper()}{name.upper()})%"


# The path has no query: a key may stand in it.
LINE: dict[str, str] = {
    "id": "%REQ(X-REQUEST-ID)%",
    "ts": "%START_TIME%",
    "type": "%ACCESS_LOG_TYPE%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:ORIG_OR_PATH)%",
    "host": "%REQ(X-ENVOY-ORIGINAL-HOST?:AUTHORITY)%",
    "status": "%RESPONSE_CODE%",
    "duration_ms": "%DURATION%",
    "upstream_ms": "%COMMON_DURATION(US_TX_BEG:US_RX_END:ms)%",
    "request_bytes": "%BYTES_RECEIVED%",
    "response_bytes": "%BYTES_SENT%",
    "flags": "%RESPONSE_FLAGS%",
    "route": "%ROUTE_NAME%",
    "key": _of_call("key"),
    "application": _of_call("application"),
    "subscription": _of_call("subscription"),
    "version": _of_call("version"),
    "environment": _of_call("environment"),
    "ip": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "user_agent": "%REQ(USER-AGENT)%",
    "decision": _of_call("decision"),
    # The soft limit that the call went beyond, and its cost if that is not 1.
    "overage": _of_call("overage"),
    "cost": f"%DYNAMIC_METADATA({METADATA}:cost)%",
}


def file_logger(path: str) -> dict[str, Any]:
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": type_url("envoy.extensions.access_loggers.file.v3.FileAccessLog"),
            "path": path,
            "log_format": {"json_format": LINE},
        },
    }
