"""A million damaged records over HTTP, through every format: no server error, and nobody is
answered in words that are not his own.

`BENCH_MALFORMED` records in deliveries of PER_DELIVERY, by every address, with wrong content types,
lengths, encodings and headers among them. Fails with the first answers that broke the promise.
"""

from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import httpx
import psycopg

from benchmarks.frame import Result, quantile
from tests.analytics.formats.mutations import deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.stage import Stage

ORDER = 95

RECORDS = int(os.environ.get("BENCH_MALFORMED", "1000000"))
SEED = int(os.environ.get("BENCH_MALFORMED_SEED", "20261121"))
PER_DELIVERY = 300
SENDERS = 3
PATIENCE_SECONDS = 60.0
MAX_COMPLAINTS = 20
_READ = (
    "SELECT sum(accepted + duplicates)::bigint, sum(quarantined)::bigint FROM analytics_usagebatch"
)
# Every so many deliveries one says something wrong about itself in its headers, and one breaks HTTP.
ODD_EVERY, BROKEN_EVERY = 4, 10

ADDRESSES = {
    "otlp": ["/v1/logs", "/gateway/v1/usage/otlp"],
    "tyk": ["/services/collector/event/1.0", "/services/collector", "/gateway/v1/usage/tyk"],
    "aws": ["/gateway/v1/usage/firehose"],
    "cloudevents": ["/openmeter/events", "/api/v1/events", "/gateway/v1/usage/cloudevents"],
    "3scale": ["/transactions.xml", "/gateway/v1/usage/3scale"],
    "gravitee": ["/gateway/v1/usage/gravitee/_bulk", "/_bulk", "/gateway/v1/usage/gravitee"],
    "own": ["/gateway/v1/usage", "/gateway/v1/usage/own"],
    "": ["/gateway/v1/usage"],
}
TYPES = [
    "", "text/plain", "application/xml", "multipart/form-data; boundary=x", "multipart/form-data", "application/x-protobuf",
    "application/json; charset=utf-7", "application/x-www-form-urlencoded", "application/cloudevents+json", "a/b/c;;=", "x" * 300,
]  # fmt: skip
ODD_HEADERS = [
    {"Content-Encoding": "gzip"}, {"Content-Encoding": "zstd, br"}, {"X-Amz-Firehose-Request-Id": "é\u00a0" * 200},
    {"Ce-Id": "x", "Ce-Source": "%00", "Ce-Type": "t", "Ce-Specversion": "1.0", "Ce-Time": "never"},
    {"Ce-Id": "", "Ce-Specversion": "9"}, {"Accept": "image/png", "Accept-Encoding": "br;q=2"}, {"Expect": "nothing"},
    {"X-Forwarded-For": "\u00ff" * 50}, {"Cookie": "a=" + "b" * 4000}, {"Accept-Language": "x-" * 100}, {"X-Request-Id": "%00" * 300},
]  # fmt: skip
# Of what is sent behind a whole and correct head: what it says about its body, and what follows.
BROKEN = [
    (b"Content-Length: 999999", b"{}"), (b"Content-Length: -1", b"{}"), (b"Content-Length: 1e3", b"{}"),
    (b"Content-Length: 3", b'{"id": 1}\n{"id": 2}'), (b"Content-Length: 0", b"{}"), (b"Content-Length: 99999999999999999999", b""),
    (b"Transfer-Encoding: chunked", b"5\r\n{}\r\n"), (b"Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n"), (b"Content-Length: 2\r\nContent-Length: 5", b"{}"),
    (b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"{}"), (b"", b""),
]  # fmt: skip


def run(stage: Stage) -> list[Result]:
    stage.worker()
    flood = Flood(stage)
    started = time.perf_counter()
    flood.run()
    seconds = time.perf_counter() - started
    if flood.complaints:
        raise RuntimeError("\n".join(flood.complaints))
    with psycopg.connect(stage.database_url) as database:
        read = database.execute(_READ).fetchone() or (0, 0)
    answers = ", ".join(f"{status}: {count:,}" for status, count in sorted(flood.statuses.items()))
    return [
        Result(
            name="Malformed records over HTTP, server errors",
            measured="0",
            anchor=f"{flood.records:,} records",
            note=f"seed {SEED}; {sum(flood.statuses.values()):,} deliveries in {seconds:.0f} s, answers {answers}; "
            f"{read[0]:,} records were calls, {read[1]:,} quarantined, the rest no calls or in a refused body; "
            f"{flood.broken:,} more broke HTTP itself; slowest answer {max(flood.seconds):.1f} s, p99 "
            f"{quantile(flood.seconds, 0.99):.2f} s",
        )
    ]


class Flood:
    """Sends all deliveries once, from several threads; remembers what was answered."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self._deliveries = deliveries(RECORDS, SEED, PER_DELIVERY)
        self.records = self.broken = 0
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.complaints: list[str] = []

    def run(self) -> None:
        senders = [threading.Thread(target=self._send, args=(n,)) for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()

    def _next(self) -> Iterator[tuple[int, str, str, bytes]]:
        while len(self.complaints) < MAX_COMPLAINTS:
            with self._lock:
                found = next(self._deliveries, None)
                if found is None:
                    return
                self.records += PER_DELIVERY
                number = self.records // PER_DELIVERY
            yield number, *found

    def _send(self, place: int) -> None:
        rng = random.Random(SEED + place)
        with httpx.Client(base_url=self._stage.web_url, timeout=PATIENCE_SECONDS) as client:
            for number, name, content_type, body in self._next():
                path = rng.choice(ADDRESSES.get(name, [f"/gateway/v1/usage/{name}"]))
                headers = {"Authorization": f"Bearer {self._stage.gateway_token}"}
                if content_type:
                    headers["Content-Type"] = content_type
                if number % ODD_EVERY == 0:
                    headers["Content-Type"] = rng.choice(TYPES)
                    headers |= rng.choice(ODD_HEADERS)
                self._post(client, path, body, headers)
                if number % BROKEN_EVERY == 0:
                    self._break(path, rng)

    def _post(self, client: httpx.Client, path: str, body: bytes, headers: dict[str, str]) -> None:
        raw = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers.items()]
        started = time.perf_counter()
        try:
            answer = client.post(path, content=body, headers=raw)
            while answer.status_code == 429:  # others are served first: come back, as senders do
                time.sleep(0.2)
                answer = client.post(path, content=body, headers=raw)
        except httpx.HTTPError as error:
            self._complain(path, headers, f"{type(error).__name__}: {error}", body)
            return
        with self._lock:
            self.seconds.append(time.perf_counter() - started)
            self.statuses[answer.status_code] += 1
        wrong = what_is_wrong(path, headers, answer)
        if wrong:
            self._complain(
                path, headers, f"{wrong}: {answer.status_code} {answer.text[:300]!r}", body
            )

    def _break(self, path: str, rng: random.Random) -> None:
        """What is no HTTP is answered by 400 or by hanging up, or waited for; never by a 5xx."""
        described, body = rng.choice(BROKEN)
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._stage.gateway_token}\r\n"
        address = httpx.URL(self._stage.web_url)
        with socket.create_connection((address.host, address.port), timeout=0.5) as connection:
            try:
                connection.sendall(head.encode() + described + b"\r\n\r\n" + body)
                said = connection.recv(4096)
            except OSError:
                said = b""
        self.broken += 1
        if said.startswith(b"HTTP/1.1 5"):
            self._complain(path, {"broken": described.decode()}, said.decode("latin-1"), body)

    def _complain(self, path: str, headers: dict[str, str], what: str, body: bytes) -> None:
        shown = {name: value[:60] for name, value in headers.items() if name != "Authorization"}
        with self._lock:
            self.complaints.append(f"{path} {shown} {what} body {body[:200]!r}")


def what_is_wrong(path: str, headers: dict[str, str], answer: httpx.Response) -> str:
    """How the answer differs from what the sender understands; empty if it does not."""
    if answer.status_code not in {200, 202, 204, 400, 413, 415}:
        return "status"
    try:
        is_right = _form(path, headers)(headers, answer)
    except (ValueError, KeyError, TypeError, ET.ParseError) as error:
        return f"{type(error).__name__} {error}"
    return "" if is_right else "form"


def _form(path: str, headers: dict[str, str]) -> Callable[[dict[str, str], httpx.Response], bool]:
    for beginning, form in _FORMS.items():
        if path.startswith(beginning):
            return form
    if path == "/gateway/v1/usage":
        if "X-Amz-Firehose-Request-Id" in headers:
            return _firehose
        if headers.get("Content-Type", "").startswith("application/x-protobuf"):
            return _otlp
    return _plain


def _problem(answer: httpx.Response) -> bool:
    document = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and document["status"] == answer.status_code
        and bool(document["title"])
    )


def _plain(_headers: dict[str, str], answer: httpx.Response) -> bool:
    if answer.status_code != 200:
        return _problem(answer)
    return answer.json().keys() == {"accepted", "duplicates", "quarantined", "ignored"}


def _splunk(_headers: dict[str, str], answer: httpx.Response) -> bool:
    document = answer.json()
    is_success = document == {"text": "Success", "code": 0}
    return is_success if answer.status_code == 200 else bool(document["text"] and document["code"])


def _firehose(_headers: dict[str, str], answer: httpx.Response) -> bool:
    document = answer.json()
    is_success = "errorMessage" not in document
    return (
        answer.status_code != 413
        and isinstance(document["timestamp"], int)
        and isinstance(document["requestId"], str)
        and is_success == (answer.status_code == 200)
    )


def _otlp(headers: dict[str, str], answer: httpx.Response) -> bool:
    if headers.get("Content-Type", "").startswith("application/x-protobuf"):
        # A partial_success or a Status begins with a field of bytes or a code; success is empty.
        is_right = answer.content[:1] in {b"", b"\x0a"} if answer.is_success else b"\x08"
        return answer.headers["content-type"] == "application/x-protobuf" and bool(is_right)
    document = answer.json()
    if answer.status_code == 200:
        partial = document.get("partialSuccess", {})
        return document == {} or int(partial["rejectedLogRecords"]) > 0
    return bool(document["code"] and document["message"])


def _openmeter(_headers: dict[str, str], answer: httpx.Response) -> bool:
    return answer.content == b"" if answer.is_success else _problem(answer)


def _threescale(_headers: dict[str, str], answer: httpx.Response) -> bool:
    if answer.is_success:
        return (answer.status_code, answer.content) == (202, b"")
    return ET.fromstring(answer.content).tag == "error"  # noqa: S314 - our own answer


def _bulk(_headers: dict[str, str], answer: httpx.Response) -> bool:
    document = json.loads(answer.content)
    if answer.headers["x-elastic-product"] != "Elasticsearch":
        return False
    if answer.status_code == 200:
        return document["errors"] is False and isinstance(document["items"], list)
    return bool(document["error"]["reason"]) and document["status"] == answer.status_code


_FORMS = {
    "/services/collector": _splunk,
    "/gateway/v1/usage/tyk": _splunk,
    "/gateway/v1/usage/firehose": _firehose,
    "/v1/logs": _otlp,
    "/gateway/v1/usage/otlp": _otlp,
    "/openmeter": _openmeter,
    "/api/v1/events": _openmeter,
    "/transactions.xml": _threescale,
    "/gateway/v1/usage/3scale": _threescale,
    "/gateway/v1/usage/gravitee/_bulk": _bulk,
    "/_bulk": _bulk,
}
