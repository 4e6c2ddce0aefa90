"""Which calling programs usage is grouped by. Callers choose the name, so their number is bounded.

A family that was refused is never admitted later: a rebuilt rollup groups as the live one did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FAMILIES = 1000
OTHER = "other"

# Committed rows of ClientFamily; they are never deleted.
_admitted: set[str] = set()

_ADMIT = f"""
    INSERT INTO analytics_clientfamily (name)
    SELECT name FROM unnest(%s::text[]) AS name
    ORDER BY name
    LIMIT greatest(0, {MAX_FAMILIES} - (SELECT count(*) FROM analytics_clientfamily))
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - a constant


def refused(families: Iterable[str]) -> set[str]:
    """Those of the families that are counted as OTHER. Admits new ones while there is room.

    Must run outside a transaction: what it admits is remembered.
    """
    unknown = set(families) - _admitted - {"", OTHER}
    if not unknown:
        return set()
    with connection.cursor() as cursor:
        if len(_admitted) < MAX_FAMILIES:
            cursor.execute(_ADMIT, [sorted(unknown)])
        cursor.execute(
            "SELECT name FROM analytics_clientfamily WHERE name = ANY(%s)", [sorted(unknown)]
        )
        found = {name for (name,) in cursor.fetchall()}
    if not connection.in_atomic_block:
        _admitted.update(found)
    return unknown - found
