"""What a million calls take on disk: raw while they are kept, and their rollups."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg

from benchmarks import rows
from benchmarks.frame import Result
from benchmarks.intake import LINES, Intake, wait_until_rolled_up

if TYPE_CHECKING:
    from benchmarks.stage import Stage

ORDER = 80

DELIVERIES = 100
KEYS = 20
SENDERS = 2
_TABLES = {
    "raw": ("analytics_usageevent", "analytics_usageeventid"),
    "minutes": ("analytics_usage_minute",),
    "hours": ("analytics_usage_hour", "analytics_facet_hour"),
    "days": ("analytics_usage_day", "analytics_facet_day"),
}


def run(stage: Stage) -> list[Result]:
    stage.worker()
    keys = [rows.new_key(stage.world["application"]).key.public_id for _ in range(KEYS)]
    intake = Intake(stage)
    with psycopg.connect(stage.database_url, autocommit=True) as database:
        before = _sizes(database)
        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(lambda _: intake.send_one(_lines(intake, keys)), range(DELIVERIES)))
        wait_until_rolled_up(database)
        database.execute("VACUUM")
        after = _sizes(database)
    calls = DELIVERIES * LINES
    note = f"{calls:,} calls with {KEYS} keys, spread over a day; tables and indexes after VACUUM"
    return [
        Result(
            name=f"Storage of a million calls, {name}",
            measured=f"{(after[name] - before[name]) / calls * 10**6 / 2**20:,.0f} MiB",
            note=note,
        )
        for name in _TABLES
    ]


def _lines(intake: Intake, keys: list[str]) -> bytes:
    """Calls of all keys at any time of the last day."""
    start = datetime.now(UTC) - timedelta(hours=24)
    return intake.lines(
        key=lambda: random.choice(keys),
        at=lambda: start + timedelta(seconds=random.uniform(0, 86_000)),
    )


def _sizes(database: psycopg.Connection[tuple[int]]) -> dict[str, int]:
    """Bytes of each group of tables, with indexes and partitions."""
    statement = """
        SELECT coalesce(sum(pg_total_relation_size(tree.relid)), 0)::bigint
        FROM unnest(%s::text[]) AS name, pg_partition_tree(name::regclass) AS tree
        UNION ALL
        SELECT coalesce(sum(pg_total_relation_size(name::regclass)), 0)::bigint
        FROM unnest(%s::text[]) AS name
        WHERE NOT EXISTS (SELECT FROM pg_partition_tree(name::regclass))
    """
    return {
        group: sum(size for (size,) in database.execute(statement, [list(names)] * 2))
        for group, names in _TABLES.items()
    }
