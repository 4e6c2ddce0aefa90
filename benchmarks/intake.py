"""Usage taken in over HTTP, made durable and rolled up, against the bare COPY of the same rows."""

from __future__ import annotations

import gzip
import json
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from benchmarks.frame import Result, alternate

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.stage import Stage

ORDER = 30

BATCHES = 75
# As the shipper sends them.
LINES = 2000
SENDERS = 4
STATUSES = [200] * 18 + [404, 500]
# The event table as it is, without the index by which roll-ups find a batch: the harder anchor.
ANCHOR = """
    DROP TABLE IF EXISTS copy_anchor;
    CREATE TABLE copy_anchor (LIKE analytics_usageevent, PRIMARY KEY (gateway_id, event_id, occurred_on))
        PARTITION BY RANGE (occurred_on);
    CREATE TABLE copy_anchor_days PARTITION OF copy_anchor DEFAULT;
"""
_WAITING = "SELECT 1 FROM analytics_usagebatch WHERE rolled_up_at IS NULL LIMIT 1"


def run(stage: Stage) -> list[Result]:
    stage.worker()
    measured = Intake(stage)
    measured.ours()  # caches, partitions and plans are warm in both from here on
    speeds = alternate({"ours": measured.ours, "copy": measured.copy})
    return [
        Result(
            name="Usage intake → rolled up ÷ COPY",
            measured=f"{speeds['ours']:,.0f} events/s",
            anchor=f"{speeds['copy']:,.0f} rows/s",
            ratio=speeds["ours"] / speeds["copy"],
            note=f"{BATCHES} batches of {LINES} lines over HTTP, {SENDERS} senders, one web and one "
            f"worker process; anchor: COPY of the same rows, {SENDERS} connections, a commit per "
            "batch, into the event table with its unique key only",
        )
    ]


class Intake:
    """Each round sends new events, then copies the rows that they became."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._database = psycopg.connect(stage.database_url, autocommit=True)
        self._first_batch = 0

    def ours(self) -> float:
        """Events per second from the first byte sent until the last is in the rollups."""
        bodies = [gzip.compress(self.lines(), compresslevel=1) for _ in range(BATCHES)]
        self._first_batch = self._number("SELECT coalesce(max(id), 0) FROM analytics_usagebatch")
        with ExitStack() as opened, ThreadPoolExecutor(SENDERS) as senders:
            clients = [opened.enter_context(self._client()) for _ in range(SENDERS)]
            started = time.perf_counter()
            list(senders.map(self._send, clients, [bodies[n::SENDERS] for n in range(SENDERS)]))
        wait_until_rolled_up(self._database)
        return BATCHES * LINES / (time.perf_counter() - started)

    def copy(self) -> float:
        """Rows per second of the last round's rows, in the order in which intake writes them."""
        sent = self._database.execute(
            "SELECT id FROM analytics_usagebatch WHERE id > %s AND accepted = %s ORDER BY id",
            [self._first_batch, LINES],
        ).fetchall()
        batches = [self._rows_of(batch) for (batch,) in sent]
        self._database.execute(ANCHOR)
        started = time.perf_counter()
        with ThreadPoolExecutor(SENDERS) as writers:
            list(writers.map(self._copy, [batches[n::SENDERS] for n in range(SENDERS)]))
        return BATCHES * LINES / (time.perf_counter() - started)

    def lines(
        self,
        *,
        id_mark: str = "",
        key: Callable[[], str] | None = None,
        at: Callable[[], datetime] | None = None,
    ) -> bytes:
        """A delivery of LINES events; ids begin with `id_mark` if one is given."""
        world = self._stage.world
        now = datetime.now(UTC)
        lines = []
        for number in range(LINES):
            event_id = f"{id_mark}-{number}" if id_mark else str(uuid.uuid4())
            instant = at() if at else now - timedelta(seconds=random.random() * 60)
            lines.append(_line(world, event_id, instant, key() if key else world["key"].public_id))
        return b"\n".join(lines)

    def send_one(self, body: bytes) -> None:
        with self._client() as client:
            self._send(client, [body])

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self._stage.gateway_token}"}
        return httpx.Client(headers=headers, timeout=30)

    def _send(self, client: httpx.Client, bodies: list[bytes]) -> None:
        for body in bodies:
            answer = client.post(f"{self._stage.web_url}/gateway/v1/usage", content=body)
            if answer.status_code != 200 or answer.json()["accepted"] != LINES:
                raise RuntimeError(f"a delivery was not accepted: {answer.text}")

    def _rows_of(self, batch: int) -> bytes:
        statement = (
            f"COPY (SELECT * FROM analytics_usageevent WHERE batch_id = {batch}"  # noqa: S608
            " ORDER BY event_id) TO STDOUT"
        )
        with self._database.cursor() as cursor, cursor.copy(statement) as out:
            return b"".join(out)

    def _copy(self, batches: list[bytes]) -> None:
        with psycopg.connect(self._stage.database_url) as connection:
            for rows in batches:
                with (
                    connection.cursor() as cursor,
                    cursor.copy("COPY copy_anchor FROM STDIN") as to,
                ):
                    to.write(rows)
                connection.commit()

    def _number(self, statement: str) -> int:
        row = self._database.execute(statement).fetchone()
        return int(row[0]) if row else 0


def wait_until_rolled_up(database: psycopg.Connection[Any]) -> None:
    while database.execute(_WAITING).fetchone() is not None:
        time.sleep(0.01)


def _line(world: dict[str, Any], event_id: str, at: datetime, key: str) -> bytes:
    return json.dumps(
        {
            "id": event_id,
            "ts": at.isoformat(timespec="milliseconds"),
            "type": "DownstreamEnd",
            "method": "GET",
            "path": f"{world['version'].listen_path}/stations/{random.randrange(500)}",
            "host": "127.0.0.1",
            "status": random.choice(STATUSES),
            "duration_ms": int(random.expovariate(1 / 30)),
            "upstream_ms": 12,
            "request_bytes": 0,
            "response_bytes": random.randrange(200, 4000),
            "flags": "-",
            "key": key,
            "application": world["application"].public_id,
            "subscription": world["subscription"].public_id,
            "version": world["version"].public_id,
            "environment": "live",
            "ip": "127.0.0.1",
            "user_agent": "curl/8.5.0",
            "decision": "allowed",
        }
    ).encode()
