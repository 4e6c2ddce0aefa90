"""The access log line that the shipper delivers: one JSON object per call."""

from __future__ import annotations

from typing import Any

from apim.gateway.envoy.names import CALL_HEADER, METADATA, type_url

# The path has no query: a key may stand in it.
LINE: dict[str, str] = {
    "id": "%REQ(X-REQUEST-ID)%",
    "ts": "%START_TIME%",
    "type": "%ACCESS_LOG_TYPE%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:ORIG_OR_PATH)%",
    "status": "%RESPONSE_CODE%",
    "duration_ms": "%DURATION%",
    "upstream_ms": "%COMMON_DURATION(US_TX_BEG:US_RX_END:ms)%",
    "request_bytes": "%BYTES_RECEIVED%",
    "response_bytes": "%BYTES_SENT%",
    "flags": "%RESPONSE_FLAGS%",
    "route": "%ROUTE_NAME%",
    # Whose call it was and what was decided, as the lease filter found out; see lease.lua. Before a
    # route is chosen nobody has removed what a caller wrote there: a line without a `route` names
    # nobody.
    "call": f"%REQ({CALL_HEADER.upper()})%",
    "ip": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "user_agent": "%REQ(USER-AGENT)%",
    # Null unless the call is one of gRPC, whose status is 200 whatever becomes of it.
    "grpc": "%GRPC_STATUS_NUMBER%",
    # If it is not 1.
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
