"""Holding Redis against PostgreSQL again and again, at a cost that follows what changed.

Each time are compared: the rows that a transaction has written since the last time, which
PostgreSQL itself knows (xmin), whoever wrote them and however; a slice of all rows, and a slice of
all names in Redis, so that everything is compared about once an hour. How far it came stands in
Redis: one that lost it, or another database, is compared as a whole.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.db import connection as database
from django.db.models import QuerySet

from apim.accounts.models import Organization
from apim.catalog.models import ApiVersion, Operation
from apim.gateway import grant_format as wire
from apim.gateway import grants
from apim.gateway.redis_connection import connection
from apim.keys.models import ApiKey, Application, KeyLimit, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.db.models import Model

_T = TypeVar("_T")
logger = logging.getLogger(__name__)

# A slice is a sixtieth of everything, and so many rows or names at least.
ROUNDS = 60
SLICE = 2000


class _Table(NamedTuple):
    """Rows that something in Redis is made from, and the column that says which."""

    model: type[Model]
    column: str


class _Kind(NamedTuple):
    """What is projected of each row of `model`; `made_from` are all the rows that count for it."""

    name: str
    model: type[Model]
    mend: Callable[[Sequence[int]], int]
    made_from: tuple[_Table, ...]


_KINDS = (
    _Kind("keys", ApiKey, grants.mend_keys, (_Table(ApiKey, "id"), _Table(KeyLimit, "key_id"))),
    _Kind(
        "applications",
        Application,
        grants.mend_applications,
        (_Table(Application, "id"), _Table(Subscription, "application_id")),
    ),
    _Kind(
        "versions",
        ApiVersion,
        grants.mend_operations,
        (_Table(ApiVersion, "id"), _Table(Operation, "version_id")),
    ),
)


def reconcile() -> int:
    """Compare and mend; return how many values in Redis were wrong.

    A database whose transactions have lower numbers than before was restored to an earlier moment.
    """
    known = _known()
    place, horizon = _database()
    is_other = known.get("database") != place or int(known["horizon"]) > int(horizon)
    reached: dict[str, str] = {}
    if is_other or not grants.is_complete():
        wrong = grants.project_all()
    else:
        grants.restore_counters()
        wrong, reached = _mend_some(known)
    stored: dict[Any, Any] = {**reached, "database": place, "horizon": horizon}
    connection().hset(wire.RECONCILED, mapping=stored)
    return wrong


def _mend_some(known: dict[str, str]) -> tuple[int, dict[str, str]]:
    wrong, reached = 0, {}
    for kind in _KINDS:
        changed = _changed(kind, known["horizon"])
        passed, last = _slice(kind, int(known.get(kind.name, 0)))
        wrong += sum(
            kind.mend(ids) for ids in _batched(sorted(changed.union(passed)), grants.BATCH)
        )
        reached[kind.name] = str(last)
    # Few, and they also change by what is deleted.
    wrong += grants.mend_plans_and_routes()
    names, cursor = _some_names(int(known.get("cursor", 0)))
    wrong += sum(grants.remove_strangers(some) for some in _batched(names, grants.BATCH))
    reached["cursor"] = str(cursor)
    if wrong:
        logger.info("grants: %d values in Redis were not as in PostgreSQL", wrong)
    return wrong, reached


def _known() -> dict[str, str]:
    stored: dict[Any, Any] = connection().hgetall(wire.RECONCILED)
    return {name.decode(): value.decode() for name, value in stored.items()}


def _database() -> tuple[str, str]:
    """Name the database, and the oldest transaction that may still be writing."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT oid::text, pg_snapshot_xmin(pg_current_snapshot())::text "
            "FROM pg_database WHERE datname = current_database()"
        )
        place, horizon = cursor.fetchone()
    return place, horizon


def _changed(kind: _Kind, horizon: str) -> set[int]:
    """Primary keys of what was written by transactions from `horizon` on.

    One look at each row's header, no index: 1,000,000 rows take PostgreSQL about 0.2 s. What was
    deleted is found by the slices. A row so old that its transaction's number came around again is
    compared once too often.
    """
    found: set[int] = set()
    for model, column in kind.made_from:
        found.update(_written(model, column, horizon))
    if kind.model is Application:
        organizations = list(_written(Organization, "id", horizon))
        owned = Application.objects.filter(organization_id__in=organizations)
        found.update(owned.values_list("pk", flat=True))
    return found


def _written(model: type[Model], column: str, horizon: str) -> Iterator[int]:
    table = database.ops.quote_name(model._meta.db_table)
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT {column} FROM {table} WHERE age(xmin) <= age(%s::xid8::xid)",  # noqa: S608  both are ours
            [horizon],
        )
        yield from (row[0] for row in cursor.fetchall())


def _slice(kind: _Kind, after: int) -> tuple[list[int], int]:
    """Give the next primary keys in turn, and where to go on; 0 begins anew."""
    rows: QuerySet[Any] = QuerySet(kind.model).order_by("pk")
    last = rows.values_list("pk", flat=True).last() or 0
    size = max(SLICE, last // ROUNDS)
    ids = list(rows.filter(pk__gt=after).values_list("pk", flat=True)[:size])
    return ids, ids[-1] if len(ids) == size else 0


def _batched(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def _some_names(cursor: int) -> tuple[list[str], int]:
    """Give names in Redis from where the last look ended; 0 begins anew."""
    wanted = max(SLICE, int(connection().dbsize()) // ROUNDS)
    names: set[str] = set()
    looked_at = 0
    while looked_at < wanted:
        found: Any
        cursor, found = connection().scan(cursor, match="g:*", count=grants.BATCH)
        names.update(name.decode() for name in found)
        looked_at += grants.BATCH
        if cursor == 0:
            break
    return list(names), cursor
