"""Problem details (RFC 9457) for answers that Envoy itself gives."""

from __future__ import annotations

import json
from typing import Any

from apim.gateway.envoy.names import type_url

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
        "typed_per_filter_config": {
            "envoy.filters.http.ext_authz": {
                "@type": type_url("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"),
                "disabled": True,
            }
        },
    }


UNKNOWN_PATH = problem(404, "Not found", "unknown_path", "No API is served at this path.")


def local_replies() -> dict[str, Any]:
    """Rewrite Envoy's own error texts; answers of the authorizer keep theirs.

    The authorizer's refusals carry the flag UAEX, as does its silence: told apart by the
    response code details.
    """
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
            _mapper(
                _details("ext_authz_error"),
                problem(
                    503,
                    "The gateway cannot check keys",
                    "authorizer_unavailable",
                    "The call could not be checked and was not passed on. Try again shortly.",
                    type=REDUCED_CAPACITY,
                ),
                headers={"retry-after": "1"},
            ),
        ],
    }


def _details(value: str) -> dict[str, Any]:
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {
                "@type": type_url(
                    "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
                ),
                "expression": f"response.code_details == '{value}'",
            },
        }
    }


def _mapper(
    condition: dict[str, Any], body: dict[str, Any], headers: dict[str, str] | None = None
) -> dict[str, Any]:
    return {
        "filter": condition,
        "status_code": body["status"],
        "headers_to_add": [
            {
                "header": {"key": name, "value": value},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
            for name, value in (headers or {}).items()
        ],
        "body_format_override": {
            "json_format": {**body, "instance": "urn:uuid:%REQ(X-REQUEST-ID)%"},
            "content_type": MEDIA_TYPE,
        },
    }
