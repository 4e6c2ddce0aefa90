"""One delivery over HTTP: post gzipped lines, and say what the answer means."""

from __future__ import annotations

import gzip
import http.client
import random
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_SECONDS = 15.0
RETRY_BASE_SECONDS = 0.25
RETRY_MAX_SECONDS = 30.0
RETRY_AFTER_MAX_SECONDS = 300.0
# What only a person can mend: the token, the address. Waiting loses nothing.
_MISCONFIGURED = frozenset({401, 403, 404, 405, 407})
_LATER = frozenset({408, 425, 429})
_HUNG_UP = (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected)


class Verdict(Enum):
    DELIVERED = auto()
    # The receiver does not want these lines, now or ever.
    REFUSED = auto()
    LATER = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """`wait_seconds`: what the receiver asked for, 0 when it did not."""

    verdict: Verdict
    detail: str
    wait_seconds: float = 0.0


class Receiver:
    """The intake address. Keeps one connection open."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not an http or https address")
        secure = parts.scheme == "https"
        connection_class = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = connection_class(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        self._target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
        }

    def post(self, lines: Sequence[bytes]) -> Answer:
        """Deliver the lines once. Never raises for what a network or a receiver does."""
        body = gzip.compress(b"\n".join(lines) + b"\n", compresslevel=1)
        # The receiver may have closed the idle connection: that is no failure.
        tries = 1 if self._connection.sock is None else 2
        while True:
            tries -= 1
            try:
                return self._send(body)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not tries or not isinstance(error, _HUNG_UP):
                    return Answer(Verdict.LATER, f"{type(error).__name__}: {error}")

    def _send(self, body: bytes) -> Answer:
        self._connection.request("POST", self._target, body, self._headers)
        response = self._connection.getresponse()
        return _answer(response, response.read())

    def close(self) -> None:
        self._connection.close()


def _answer(response: http.client.HTTPResponse, text: bytes) -> Answer:
    status = response.status
    if status == 200:
        return Answer(Verdict.DELIVERED, "")
    detail = f"HTTP {status}: {text[:300].decode('utf-8', 'replace')}"
    if 400 <= status < 500 and status not in _MISCONFIGURED | _LATER:
        return Answer(Verdict.REFUSED, detail)
    return Answer(Verdict.LATER, detail, _retry_after(response.getheader("Retry-After")))


def _retry_after(value: str | None) -> float:
    """Seconds; the form with a date is left to our own back-off."""
    return min(float(value), RETRY_AFTER_MAX_SECONDS) if value and value.isdigit() else 0.0


def back_off(attempt: int, asked_seconds: float) -> float:
    """Seconds before the next try: full jitter, never less than the receiver asked for."""
    limit = min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2 ** min(attempt, 10))
    return asked_seconds + random.uniform(limit / 10, limit)  # noqa: S311 - spreads load
