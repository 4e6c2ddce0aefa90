"""Talking to a platform's management API: bounded in time, patient with what passes."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from apim.cli.exits import Exit, Stop

if TYPE_CHECKING:
    from collections.abc import Mapping

_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 20.0
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_PASSING = {429, 502, 503, 504}
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class Platform:
    """One platform, as the owner of a token sees it."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        transport: httpx.BaseTransport | None = None,
        pause_seconds: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        self._pause_seconds = pause_seconds
        self._client = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1/",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=_TIMEOUT,
            transport=transport,
        )

    def post(
        self,
        path: str,
        *,
        data: Mapping[str, Any] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> dict[str, Any]:
        """Answer of a POST; sent again under one Idempotency-Key while the trouble is passing.

        Raises Refused for a refusal that the platform explains, and Stop for everything else.
        """
        headers = {"Idempotency-Key": str(uuid4())}
        for attempt in range(_ATTEMPTS):
            is_last = attempt == _ATTEMPTS - 1
            try:
                response = self._send(path, data or {}, file, headers)
            except httpx.HTTPError as error:
                if is_last:
                    reason = str(error) or type(error).__name__
                    raise Stop(Exit.SERVER, f"The platform does not answer: {reason}.") from error
                time.sleep(self._wait(attempt, None))
                continue
            if response.status_code not in _PASSING or is_last:
                return _answer(response)
            time.sleep(self._wait(attempt, response.headers.get("Retry-After")))
        raise AssertionError

    def _send(
        self,
        path: str,
        data: Mapping[str, Any],
        file: tuple[str, bytes] | None,
        headers: dict[str, str],
    ) -> httpx.Response:
        if file is None:
            return self._client.post(path, json=dict(data), headers=headers)
        return self._client.post(path, data=dict(data), files={"file": file}, headers=headers)

    def _wait(self, attempt: int, asked: str | None) -> float:
        """Full jitter, but never less than the platform asks for."""
        seconds = random.uniform(0, self._pause_seconds * 2**attempt)  # noqa: S311 - no secret
        if asked and asked.isascii() and asked.isdigit():
            seconds = max(seconds, float(asked))
        return min(seconds, _LONGEST_PAUSE_SECONDS)


class Refused(Exception):
    """The platform refuses by a rule of its own; `problem` is its answer (RFC 9457)."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        super().__init__(str(problem.get("detail") or problem.get("title") or f"status {status}"))

    @property
    def code(self) -> str:
        return str(self.problem.get("code", ""))


def platform_from(server: str | None) -> Platform:
    """By the argument or APIM_SERVER, and APIM_TOKEN. Raises Stop."""
    address = server or os.environ.get("APIM_SERVER", "")
    token = os.environ.get("APIM_TOKEN", "")
    if not address:
        raise Stop(Exit.USAGE, "Name the platform with --server or APIM_SERVER.")
    if not token:
        raise Stop(Exit.USAGE, "Put an access token into the environment variable APIM_TOKEN.")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Stop(Exit.USAGE, f"{address} is not an address such as https://apis.example.com.")
    is_safe = parts.scheme == "https" or parts.hostname in _LOCAL
    if not is_safe and os.environ.get("APIM_ALLOW_HTTP") != "1":
        raise Stop(
            Exit.USAGE,
            "The token would be sent in clear text: use https, or set APIM_ALLOW_HTTP=1 if the"
            " network is yours.",
        )
    return Platform(address, token)


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.is_success and isinstance(body, dict):
        return body
    if isinstance(body, dict) and response.status_code in {400, 404, 409, 422}:
        raise Refused(response.status_code, body)
    if isinstance(body, dict) and body.get("detail"):
        reason = str(body["detail"])
    else:
        reason = "not as the management API does"
    raise Stop(Exit.SERVER, f"The platform answered {response.status_code}: {reason}")
