"""Where machines report leaked keys: GitHub's secret scanning, and any other scanner."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Annotated

import msgspec
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apim.accounts.policies import public
from apim.accounts.viewers import client_ip
from apim.audit.actors import Actor
from apim.keys import github
from apim.keys.models import LeakReport
from apim.keys.report_rate import WINDOW_SECONDS, may_report
from apim.keys.services import report_leak

if TYPE_CHECKING:
    from apim.accounts.viewers import ViewerRequest

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_REPORT_BYTES = 8 * 1024


class Match(msgspec.Struct, frozen=True):
    """One place where GitHub saw something that looks like our key."""

    token: str
    type: str = ""
    url: str = ""
    source: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """What GitHub learns: `true_positive` for a key of ours, whatever its state."""

    token_hash: str
    token_type: str
    label: str


class Found(msgspec.Struct, frozen=True):
    """A key that somebody's scanner found, and where."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    url: Annotated[str, msgspec.Meta(max_length=500)] = ""
    note: Annotated[str, msgspec.Meta(max_length=1000)] = ""


_MATCHES = msgspec.json.Decoder(list[Match])
_FOUND = msgspec.json.Decoder(Found)


@csrf_exempt
@public
@require_POST
def github_secret_scanning(request: ViewerRequest) -> JsonResponse:
    """Stop each of our keys among the matches and say which were ours; safe to repeat.

    https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program
    """
    body = request.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        return _refused(413, "body_too_large", "The body is too long")
    try:
        is_genuine = github.is_signed(
            body,
            identifier=request.headers.get("Github-Public-Key-Identifier", ""),
            signature=request.headers.get("Github-Public-Key-Signature", ""),
        )
    except github.KeysUnavailable as error:
        return _refused(error.status, error.code, error.message)
    if not is_genuine:
        return _refused(401, "signature_wrong", "The signature is not by a known key of GitHub")
    try:
        matches = _MATCHES.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refused(400, "malformed_body", str(error))
    actor = Actor("system", "", "GitHub secret scanning", client_ip(request))
    verdicts = [_verdict(actor, match) for match in matches]
    return JsonResponse(msgspec.to_builtins(verdicts), safe=False)


def _verdict(actor: Actor, match: Match) -> Verdict:
    report = report_leak(
        actor=actor,
        text=match.token,
        source=LeakReport.Source.GITHUB,
        url=match.url,
        kind=match.source,
    )
    return Verdict(
        token_hash=hashlib.sha256(match.token.encode()).hexdigest(),
        token_type=match.type,
        label="false_positive" if report is None else "true_positive",
    )


@csrf_exempt
@public
@require_POST
def leaked_key(request: ViewerRequest) -> JsonResponse:
    """What the public form does, as JSON: `{"key": "…", "url": "…", "note": "…"}`.

    202 whether the key is one of ours or not, so that nobody learns which texts are keys.
    """
    ip_address = client_ip(request)
    if not may_report(ip_address or ""):
        answer = _refused(429, "too_many_reports", "Too many reports from this address")
        answer["Retry-After"] = str(WINDOW_SECONDS)
        return answer
    body = request.read(MAX_REPORT_BYTES + 1)
    if len(body) > MAX_REPORT_BYTES:
        return _refused(413, "body_too_large", "The body is too long")
    try:
        found = _FOUND.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refused(400, "malformed_body", str(error))
    report_leak(
        actor=Actor("system", "", "leaked key report", ip_address),
        text=found.key.strip(),
        source=LeakReport.Source.FORM,
        url=found.url,
        note=found.note,
    )
    title = "Thank you. If it is one of our keys, it is being stopped and its owner told."
    return JsonResponse({"title": title}, status=202)


def _refused(status: int, code: str, title: str) -> JsonResponse:
    logger.warning("a report of leaked keys was refused: %s", code)
    problem = {"type": "about:blank", "title": title, "status": status, "code": code}
    return JsonResponse(problem, status=status, content_type="application/problem+json")
