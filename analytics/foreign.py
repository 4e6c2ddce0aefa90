"""What a foreign gateway's own names stand for, and the names that stand for nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from analytics.events import NO_FOREIGN, NO_NAMES, Foreign, Names

if TYPE_CHECKING:
    from collections.abc import Iterable

# Callers can make up names, so unmatched ones are bounded; the rest is kept without names.
MAX_PER_GATEWAY = 10_000
MAX_REMEMBERED = 50_000

_COLUMNS = ", ".join(Foreign._fields)
_FIND = f"""
    SELECT id, {_COLUMNS} FROM analytics_foreignnames
    WHERE gateway_id = %s AND ({_COLUMNS}) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]))
"""  # noqa: S608 - constants
_ADD = f"""
    INSERT INTO analytics_foreignnames (gateway_id, {_COLUMNS})
    SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants

# Committed rows, which are never deleted.
_ids: dict[tuple[int, Foreign], int] = {}


def resolve(gateway_id: int, foreign: set[Foreign]) -> dict[Foreign, Names]:  # noqa: ARG001
    """Our names for those that stand for something of ours; the others are left out.

    A gateway that uses our public id as the credential's name needs no mapping.
    """
    return {
        names: NO_NAMES._replace(key=names.credential)
        for names in foreign
        if names.credential.startswith("key_") and names.credential.isidentifier()
    }


def ids_of(gateway_id: int, foreign: Iterable[Foreign]) -> dict[Foreign, int]:
    """A row's id for each combination, made where it is new."""
    wanted = set(foreign) - {NO_FOREIGN}
    found = {names: pk for names in wanted if (pk := _ids.get((gateway_id, names)))}
    missing = sorted(wanted - found.keys())  # one order for all: no deadlock
    if not missing:
        return found
    stored = _stored(gateway_id, missing)
    if new := [names for names in missing if names not in stored]:
        _add(gateway_id, new)
        stored |= _stored(gateway_id, [*new, NO_FOREIGN])
    nameless = stored.get(NO_FOREIGN, 0)
    found |= {names: stored.get(names, nameless) for names in missing}
    if not connection.in_atomic_block:
        if len(_ids) > MAX_REMEMBERED:
            _ids.clear()
        _ids.update({(gateway_id, names): pk for names, pk in stored.items()})
    return found


def _stored(gateway_id: int, foreign: list[Foreign]) -> dict[Foreign, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            _FIND, [gateway_id, *(list(column) for column in zip(*foreign, strict=True))]
        )
        return {Foreign(*row): pk for pk, *row in cursor.fetchall()}


def _add(gateway_id: int, foreign: list[Foreign]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM analytics_foreignnames WHERE gateway_id = %s", [gateway_id]
        )
        room = max(0, MAX_PER_GATEWAY - cursor.fetchone()[0])
        rows = foreign[:room] if len(foreign) <= room else [*foreign[:room], NO_FOREIGN]
        cursor.execute(_ADD, [gateway_id, *(list(column) for column in zip(*rows, strict=True))])
