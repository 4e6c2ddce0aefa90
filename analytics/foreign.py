"""What a foreign gateway's own names stand for, and the names that stand for nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from analytics.events import NO_FOREIGN, NO_NAMES, Foreign, Names
from apim.core import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Callers can make up names, so unmatched ones are bounded; the rest is kept without names.
MAX_PER_GATEWAY = 10_000
MAX_REMEMBERED = 50_000

_COLUMNS = ", ".join(Foreign._fields)
_FIND = f"""
    SELECT id, {_COLUMNS} FROM analytics_foreignnames
    WHERE gateway_id = %s AND ({_COLUMNS}) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]))
"""  # noqa: S608 - constants
_ADD = f"""
    INSERT INTO analytics_foreignnames (gateway_id, first_seen_at, {_COLUMNS}, path)
    SELECT %s, %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants
# What the names of these kinds stand for, in public ids; an operation names its version, too.
_MEANT = """
    SELECT m.kind, m.value, coalesce(k.public_id, ''), coalesce(a.public_id, ''),
           coalesce(v.public_id, ov.public_id, ''), m.operation_id
    FROM analytics_foreignmapping m
    JOIN unnest(%s::text[], %s::text[]) AS asked (kind, value) USING (kind, value)
    LEFT JOIN keys_apikey k ON k.id = m.key_id
    LEFT JOIN keys_application a ON a.id = m.application_id
    LEFT JOIN catalog_apiversion v ON v.id = m.version_id
    LEFT JOIN catalog_operation o ON o.id = m.operation_id
    LEFT JOIN catalog_apiversion ov ON ov.id = o.version_id
    WHERE m.gateway_id = %s AND m.ended_at IS NULL
"""

# Committed rows, which are never deleted.
_ids: dict[tuple[int, Foreign], int] = {}


class Meaning(NamedTuple):
    """What foreign names stand for. `operation_id`: of the version that `names` names."""

    names: Names
    operation_id: int | None = None


NOTHING = Meaning(NO_NAMES)


def own_ids(foreign: Foreign) -> Names:
    """Names that are our public ids need no mapping: a credential, a consumer's custom id."""
    return NO_NAMES._replace(
        key=_own(foreign.credential, "key_"),
        application=_own(foreign.consumer, "app_"),
        version=_own(foreign.route, "ver_") or _own(foreign.service, "ver_"),
    )


def _own(name: str, prefix: str) -> str:
    return name if name.startswith(prefix) and name.isidentifier() else ""


def resolve(gateway_id: int, foreign: Iterable[Foreign]) -> dict[Foreign, Meaning]:
    """What this gateway's mapping makes of the names; those that it does not know are left out.

    Credential before consumer, route before service: the narrower name wins.
    """
    foreign = list(foreign)
    asked = {(kind, name) for names in foreign for kind, name in names._asdict().items() if name}
    if not asked:
        return {}
    with connection.cursor() as cursor:
        kinds, values = zip(*sorted(asked), strict=True)
        cursor.execute(_MEANT, [list(kinds), list(values), gateway_id])
        rows = {(kind, value): row for kind, value, *row in cursor.fetchall()}
    if not rows:
        return {}
    found = ((names, _meaning(names, rows)) for names in foreign)
    return {names: meaning for names, meaning in found if meaning != NOTHING}


def _meaning(foreign: Foreign, rows: Mapping[tuple[str, str], list[Any]]) -> Meaning:
    caller = rows.get(("credential", foreign.credential)) or rows.get(
        ("consumer", foreign.consumer)
    )
    called = rows.get(("route", foreign.route)) or rows.get(("service", foreign.service))
    key, application = caller[:2] if caller else ("", "")
    version, operation_id = called[2:] if called else ("", None)
    # Tests are not done at somebody else's gateway without a key of ours that says so.
    environment = "live" if application else ""
    names = NO_NAMES._replace(
        key=key, application=application, version=version, environment=environment
    )
    return Meaning(names, operation_id)


def ids_of(gateway_id: int, paths: Mapping[Foreign, str]) -> dict[Foreign, int]:
    """A row's id for each combination, made where it is new, then with a path that was called."""
    wanted = paths.keys() - {NO_FOREIGN}
    found = {names: pk for names in wanted if (pk := _ids.get((gateway_id, names)))}
    missing = sorted(wanted - found.keys())  # one order for all: no deadlock
    if not missing:
        return found
    stored = _stored(gateway_id, missing)
    if new := [names for names in missing if names not in stored]:
        _add(gateway_id, new, paths)
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


def _add(gateway_id: int, foreign: list[Foreign], paths: Mapping[Foreign, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM analytics_foreignnames WHERE gateway_id = %s", [gateway_id]
        )
        room = max(0, MAX_PER_GATEWAY - cursor.fetchone()[0])
        names = foreign[:room] if len(foreign) <= room else [*foreign[:room], NO_FOREIGN]
        rows = [(*one, paths.get(one, "")) for one in names]
        columns = [list(column) for column in zip(*rows, strict=True)]
        cursor.execute(_ADD, [gateway_id, clock.now(), *columns])
