"""How many calls of a limit's window the usage log shows, once the window is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from analytics.aggregation import HOUR, MINUTE, MINUTES_KEPT
from analytics.counters import NEVER_ASK
from apim.accounts.models import Organization
from apim.catalog.models import OPERATION_GROUPS, Operation, Product
from apim.core import clock
from apim.keys.models import ApiKey, Application

# Whose id a counter's name begins with, and the column that says so of a call.
_OWNERS: tuple[tuple[Any, str], ...] = (
    (Organization, "organization_id"),
    (Application, "application_id"),
    (ApiKey, "key_id"),
)


def calls_made(counter: str, start: int, end: int) -> int | None:
    """Count the allowed calls, weighted by their cost, from `start` to `end` in unix seconds.

    `counter` is named as counting.py names it. None when its owner is gone, or the window does not
    begin with a bucket of the rollups that are kept.
    """
    _, owner, product, what = counter.split(":", 3)
    table = _table(start)
    product_id = Product.objects.filter(public_id=product).values_list("pk", flat=True).first()
    column, owner_id = _owner(owner)
    if table is None or product_id is None or owner_id is None:
        return None
    group = what.partition("@")[2]
    of_group = "AND a.operation_id = ANY(%(operations)s)" if group else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT coalesce(sum(
                CASE WHEN r.cost = 0 THEN r.calls ELSE r.cost END - r.denied), 0)::bigint
            FROM {table} r
            JOIN analytics_attribution a ON a.id = r.attribution_id
            JOIN gateway_gateway g ON g.id = a.gateway_id AND g.kind <> ALL(%(never_ask)s)
            WHERE r.bucket >= %(start)s AND r.bucket < %(end)s AND a.{column} = %(owner)s
              AND a.product_id = %(product)s AND r.calls > r.denied {of_group}
            """,  # noqa: S608 - names of tables and columns
            {
                "start": datetime.fromtimestamp(start, UTC),
                "end": datetime.fromtimestamp(end, UTC),
                "owner": owner_id,
                "product": product_id,
                "operations": _operations(group) if group else [],
                "never_ask": list(NEVER_ASK),
            },
        )
        return int(cursor.fetchone()[0])


def _owner(public_id: str) -> tuple[str, int | None]:
    for model, column in _OWNERS:
        found = model.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
        if found is not None:
            return column, found
    return "", None


def _operations(group: str) -> list[int]:
    named = Operation.objects.annotate(names=OPERATION_GROUPS).exclude(names=[])
    return [pk for pk, names in named.values_list("pk", "names") if group in names]


def _table(start: int) -> str | None:
    """The finest rollup that begins a bucket with the window and still has all of it."""
    minutes_since = clock.now() - MINUTES_KEPT + timedelta(hours=1)
    if start % 60 == 0 and datetime.fromtimestamp(start, UTC) > minutes_since:
        return MINUTE.name
    return HOUR.name if start % 3600 == 0 else None
