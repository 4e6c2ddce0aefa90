"""What each sender of usage is told, in its own words: taken, refused, or to come back.

A gateway drops usage for good when it is answered in a way that it does not expect, so each door
keeps to its sender's contract; docs/integrations has a page for every one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from django.http import HttpResponse, JsonResponse

from analytics.formats import aws, otlp, protobuf
from analytics.formats.bodies import LARGE_BYTES, MAX_EXPANDED_BYTES
from apim.core import clock
from apim.gateway.edge import problem_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from analytics.intake import Receipt
    from apim.core.errors import DomainError

# Base64 makes three bytes four, and JSON adds the rest.
_FIREHOSE_BYTES = LARGE_BYTES * 3 // 2
_PROTOBUF = "application/x-protobuf"
# What 413 is told as where a sender would take it for "never send this again" and lose it.
_BAD_REQUEST = 400
_RETRYABLE = {429, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Door:
    """`limit` is how many bytes a body may have, expanded or not."""

    accepted: Callable[[HttpRequest, bytes, Receipt], HttpResponse]
    refused: Callable[[HttpRequest, DomainError], HttpResponse]
    limit: int = MAX_EXPANDED_BYTES


def _receipt(receipt: Receipt, status: int = 200) -> HttpResponse:
    return JsonResponse(
        {
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "quarantined": receipt.quarantined,
            "ignored": receipt.ignored,
        },
        status=status,
    )


def _problem(_request: HttpRequest, error: DomainError) -> HttpResponse:
    return problem_response(error)


# Splunk's HTTP Event Collector, which Tyk Pump posts to: exactly 200 is success, and of the rest
# only 429 and 5xx are tried again (docs.splunk.com, "Possible error codes").
_SPLUNK_CODES = {400: 6, 401: 4, 405: 6, 413: 27, 429: 9, 503: 9}


def _splunk_refused(_request: HttpRequest, error: DomainError) -> HttpResponse:
    code = _SPLUNK_CODES.get(error.status, 8)
    return JsonResponse({"text": str(error.message), "code": code}, status=error.status)


# Firehose: the same request id back, Content-Length, no compression; 413 makes it lose the records.
def _firehose(request: HttpRequest, request_id: str, status: int, message: str) -> HttpResponse:
    body: dict[str, object] = {
        "requestId": request.headers.get("X-Amz-Firehose-Request-Id", request_id)[:200],
        "timestamp": int(clock.now().timestamp() * 1000),
    }
    if message:
        body["errorMessage"] = message[:8192]
    return JsonResponse(body, status=status)


def _firehose_accepted(request: HttpRequest, body: bytes, _receipt: Receipt) -> HttpResponse:
    request_id = ""
    if "X-Amz-Firehose-Request-Id" not in request.headers:
        envelope = aws.envelope(body)
        request_id = envelope.requestId if envelope else ""
    return _firehose(request, request_id, 200, "")


def _firehose_refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    status = _BAD_REQUEST if error.status == 413 else error.status
    return _firehose(request, "", status, str(error.message))


# OTLP/HTTP: the answer has the question's content type, errors are a google.rpc.Status.
_RPC_CODES = {400: 3, 401: 16, 405: 12, 413: 8, 415: 3, 429: 8, 503: 14}


def _is_protobuf(request: HttpRequest) -> bool:
    return request.content_type in otlp.PROTOBUF_TYPES


def _otlp_accepted(request: HttpRequest, _body: bytes, receipt: Receipt) -> HttpResponse:
    rejected = receipt.quarantined
    message = "These log records could not be counted; they are kept in quarantine with the reason."
    if _is_protobuf(request):
        answer = protobuf.export_response(rejected, message)
        return HttpResponse(answer, content_type=_PROTOBUF)
    partial = {"rejectedLogRecords": str(rejected), "errorMessage": message}
    return JsonResponse({"partialSuccess": partial} if rejected else {})


def _otlp_refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    code, message = _RPC_CODES.get(error.status, 13), str(error.message)
    if _is_protobuf(request):
        return HttpResponse(
            protobuf.status(code, message), status=error.status, content_type=_PROTOBUF
        )
    return JsonResponse({"code": code, "message": message}, status=error.status)


# OpenMeter: v1 answers 204, v3 (Konnect) 202; errors are problem details.
def _no_content(_request: HttpRequest, _body: bytes, _receipt: Receipt) -> HttpResponse:
    return HttpResponse(status=204)


def _taken(_request: HttpRequest, _body: bytes, _receipt: Receipt) -> HttpResponse:
    return HttpResponse(status=202)


# 3scale: 202 without a body, errors in XML; a wrong token is 403.
def _threescale_refused(_request: HttpRequest, error: DomainError) -> HttpResponse:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<error code={quoteattr(error.code)}>{escape(str(error.message))}</error>\n"
    )
    status = 403 if error.status == 401 else error.status
    return HttpResponse(body, status=status, content_type="application/xml; charset=utf-8")


# Elasticsearch's _bulk: an item per document. What we put in quarantine is kept, so it is created.
def _bulk_accepted(_request: HttpRequest, _body: bytes, receipt: Receipt) -> HttpResponse:
    documents = receipt.accepted + receipt.duplicates + receipt.quarantined + receipt.ignored
    items = [{"index": {"_index": "usage", "status": 201, "result": "created"}}] * documents
    return elastic(JsonResponse({"took": 1, "errors": False, "items": items}))


def _bulk_refused(_request: HttpRequest, error: DomainError) -> HttpResponse:
    reason = {"type": error.code, "reason": str(error.message)}
    body = {"error": {"root_cause": [reason], **reason}, "status": error.status}
    return elastic(JsonResponse(body, status=error.status))


def elastic(response: HttpResponse) -> HttpResponse:
    """Marked as Elasticsearch marks itself; its clients refuse to talk to anything else."""
    response["X-Elastic-Product"] = "Elasticsearch"
    return response


PLAIN = Door(lambda _request, _body, receipt: _receipt(receipt), _problem)
DOORS = {
    "plain": PLAIN,
    "splunk": Door(
        lambda _request, _body, _receipt: JsonResponse({"text": "Success", "code": 0}),
        _splunk_refused,
    ),
    "firehose": Door(_firehose_accepted, _firehose_refused, _FIREHOSE_BYTES),
    "otlp": Door(_otlp_accepted, _otlp_refused, LARGE_BYTES),
    "openmeter_v1": Door(_no_content, _problem),
    "openmeter": Door(_taken, _problem),
    "3scale": Door(_taken, _threescale_refused),
    "bulk": Door(_bulk_accepted, _bulk_refused, LARGE_BYTES // 2),
}
# What /gateway/v1/usage/<name> says about the sender; the other names are of plain log lines.
_OF_NAME = {
    "tyk": "splunk",
    "splunk": "splunk",
    "firehose": "firehose",
    "otlp": "otlp",
    "openmeter": "openmeter",
    "3scale": "3scale",
    "threescale": "3scale",
}


def door_of(request: HttpRequest, name: str = "", door: str = "") -> Door:
    """By the URL; only where that says nothing, by what only one sender sends."""
    door = door or _OF_NAME.get(name, "")
    if not door and name in {"", "aws"} and "X-Amz-Firehose-Request-Id" in request.headers:
        door = "firehose"
    if not door and not name and _is_protobuf(request):
        door = "otlp"
    return DOORS[door or "plain"]
