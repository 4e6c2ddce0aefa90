"""Problem details (RFC 9457) for answers that Envoy itself gives."""

from __future__ import annotations

import json
from typing import Any

from apim.gateway.envoy.names import CALL_HEADER

MEDIA_TYPE = "application/problem+json"
REDUCED_CAPACITY = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"

# https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
NO_CONNECTION_FLAGS = ["UF", "UH", "UO", "NC", "URX", "LH"]
BROKEN_ANSWER_FLAGS = ["UC", "UR", "UPE", "LR", "OM"]
TIMEOUT_FLAGS = ["UT", "SI", "DT", "UMSDR"]


def problem(status: int, title: str, code: str, detail: str, **more: Any) -> dict[str, Any]:
    return {
        "type": more.pop("type", "about:blank"),
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }


def direct_response(body: dict[str, Any]) -> dict[str, Any]:
    """Return a route's action and headers: the gateway answers, without asking anybody."""
    header = {"key": "content-type", "value": MEDIA_TYPE}
    return {
        "direct_response": {
            "status": body["status"],
            "body": {"inline_string": json.dumps(body)},
        },
        "response_headers_to_add": [
            {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
    }


INSTANCE = "%REQ(X-REQUEST-ID)%"
CANNOT_CHECK = problem(
    503,
    "The gateway cannot check keys",
    "authorizer_unavailable",
    "The call could not be checked and was not passed on. Try again shortly.",
    type=REDUCED_CAPACITY,
    instance=f"urn:uuid:{INSTANCE}",
)
UNKNOWN_PATH = problem(404, "Not found", "unknown_path", "No API is served at this path.")


def local_replies() -> dict[str, Any]:
    """Rewrite Envoy's own error texts; refusals of the lease filter carry none of these flags."""
    return {
        "mappers": [
            _mapper(
                {"response_flag_filter": {"flags": NO_CONNECTION_FLAGS}},
                problem(
                    503,
                    "The API cannot be reached",
                    "upstream_unreachable",
                    "The gateway could not connect to the API behind it. Try again shortly.",
                ),
            ),
            _mapper(
                {"response_flag_filter": {"flags": TIMEOUT_FLAGS}},
                problem(
                    504,
                    "The API did not answer in time",
                    "upstream_timeout",
                    "The API behind the gateway took too long to answer.",
                ),
            ),
            _mapper(
                {"response_flag_filter": {"flags": BROKEN_ANSWER_FLAGS}},
                problem(
                    502,
                    "The API broke off",
                    "upstream_broken",
                    "The API behind the gateway closed the connection before it had answered.",
                ),
            ),
            _grpc_refusals(),
        ],
    }


def _grpc_refusals() -> dict[str, Any]:
    """A client of gRPC is told in words why its call is refused, as the authorizer put it.

    Envoy makes an answer of gRPC of every local reply to one, with the body as the message.
    """
    tests = [
        {"name": "content-type", "string_match": {"prefix": "application/grpc"}},
        {"name": CALL_HEADER, "string_match": {"contains": "decision=denied:"}},
        # Then nobody put it in words.
        {
            "name": CALL_HEADER,
            "string_match": {"contains": "unavailable"},
            "invert_match": True,
        },
    ]
    filters = [{"header_filter": {"header": test}} for test in tests]
    return {
        "filter": {"and_filter": {"filters": filters}},
        "body_format_override": {
            "text_format_source": {"inline_string": "%RESP(GRPC-MESSAGE)%"},
        },
    }


def _mapper(condition: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    return {
        "filter": condition,
        "status_code": body["status"],
        "body_format_override": {
            "json_format": {**body, "instance": f"urn:uuid:{INSTANCE}"},
            "content_type": MEDIA_TYPE,
        },
    }
