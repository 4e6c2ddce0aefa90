"""Calls that are stored already follow the mapping of foreign names, with their sums, exactly once.

Day by day: one transaction moves a day's raw events to their new attributions and takes their sums
from the old rows to the new ones. It excludes roll-ups, so an event's sums stand where the event
does, before and after; a process that dies leaves whole days. Days whose raw events have gone by age
keep their sums together: they get no operation, since that follows from the path.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, transaction

from analytics import attribution, directory, foreign
from analytics.aggregation import ALL_TABLES, SUMS, VALUES, RollupTable, aggregate, rows_of
from analytics.attribution import Belonging
from analytics.events import NO_FOREIGN, Flag, Foreign
from analytics.models import Attribution, ForeignMapping, ForeignNames
from analytics.rollups import UPSERTS
from apim.core.locks import LockId, transaction_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from analytics.directory import VersionRow

_CALLER = frozenset({ForeignMapping.Kind.CREDENTIAL, ForeignMapping.Kind.CONSUMER})


class _Move(NamedTuple):
    """Where an attribution's calls belong now. `version`: whose operations the paths tell."""

    to: Belonging
    version: VersionRow | None


class _Step(NamedTuple):
    """Calls of `old`, those of `path` or (None) all, that go to `new`."""

    old: int
    new: int
    organization_id: int | None
    path: str | None


def reattribute(gateway_id: int) -> int:
    """Move what the gateway's mapping says otherwise now; returns how many days were touched.

    Safe to repeat. Calls whose delivery is stored meanwhile are moved by the next run.
    """
    moves = _moves(gateway_id)
    days = _days_with_calls(moves)
    for day in days:
        of_day = {pk: moves[pk] for pk in days[day]}
        _move_day(gateway_id, day, _subscribed(of_day, day))
    return len(days)


def reattribute_all() -> int:
    """`reattribute` for every gateway that has a mapping."""
    gateways = ForeignMapping.objects.order_by("gateway_id").values_list("gateway_id", flat=True)
    return sum(reattribute(gateway_id) for gateway_id in gateways.distinct())


def _moves(gateway_id: int) -> dict[int, _Move]:
    """Attributions that would be made otherwise today, and how."""
    names = {
        row.pk: Foreign(row.credential, row.consumer, row.route, row.service)
        for row in ForeignNames.objects.filter(gateway_id=gateway_id)
    }
    meanings = foreign.resolve(gateway_id, set(names.values()) - {NO_FOREIGN})
    ended = _ended(gateway_id)
    targets = _targets(meanings.values())
    moves = {}
    rows = Attribution.objects.filter(gateway_id=gateway_id, foreign_id__isnull=False)
    for pk, *columns in rows.values_list("pk", *Belonging._fields):
        old = Belonging(*columns)
        own = names.get(old.foreign_id or 0, NO_FOREIGN)
        if own == NO_FOREIGN:
            continue
        cleared = _cleared(old, own, ended)
        move = _filled(cleared, meanings.get(own, foreign.NOTHING), targets)
        if move.to != old:
            moves[pk] = move
    return moves


def _ended(gateway_id: int) -> dict[tuple[str, str], list[ForeignMapping]]:
    """What names stood for formerly."""
    found: dict[tuple[str, str], list[ForeignMapping]] = {}
    rows = ForeignMapping.objects.filter(gateway_id=gateway_id, ended_at__isnull=False)
    for mapping in rows.select_related("key", "operation"):
        found.setdefault((mapping.kind, mapping.value), []).append(mapping)
    return found


def _cleared(
    old: Belonging, own: Foreign, ended: Mapping[tuple[str, str], list[ForeignMapping]]
) -> Belonging:
    """Without what only a mapping that has ended explains."""
    for kind_and_value in own._asdict().items():
        for mapping in ended.get(kind_and_value, ()):
            if mapping.kind in _CALLER:
                old = _without_caller(old, mapping)
            else:
                old = _without_called(old, mapping)
    return old


def _without_caller(old: Belonging, mapping: ForeignMapping) -> Belonging:
    by_key = mapping.key_id is not None and mapping.key_id == old.key_id
    by_application = mapping.application_id == old.application_id and old.key_id is None
    if not by_key and not (mapping.application_id is not None and by_application):
        return old
    bare = old._replace(environment="", organization_id=None, application_id=None, key_id=None)
    return attribution.with_subscription(bare, None)


def _without_called(old: Belonging, mapping: ForeignMapping) -> Belonging:
    operation = mapping.operation
    version_id = operation.version_id if operation else mapping.version_id
    if version_id is None or version_id != old.version_id:
        return old
    bare = old._replace(api_id=None, version_id=None, operation_id=None)
    return attribution.with_subscription(bare, None)


class _Targets(NamedTuple):
    keys: dict[str, directory.KeyRow]
    applications: dict[str, directory.ApplicationRow]
    versions: dict[str, VersionRow]


def _targets(meanings: Iterable[foreign.Meaning]) -> _Targets:
    names = [meaning.names for meaning in meanings]
    return _Targets(
        directory.keys.find({one.key for one in names}),
        directory.applications.find({one.application for one in names}),
        directory.versions.find({one.version for one in names}),
    )


def _filled(old: Belonging, meaning: foreign.Meaning, targets: _Targets) -> _Move:
    """With what the mapping says where the attribution says nothing."""
    new, version = old, None
    if new.organization_id is None:
        key = targets.keys.get(meaning.names.key)
        application = targets.applications.get(meaning.names.application)
        if key is not None:
            new = new._replace(
                environment=key.environment,
                organization_id=key.organization_id,
                application_id=key.application_id,
                key_id=key.pk,
            )
        elif application is not None:
            new = new._replace(
                environment=new.environment or meaning.names.environment,
                organization_id=application.organization_id,
                application_id=application.pk,
            )
    found = targets.versions.get(meaning.names.version)
    if new.version_id is None and found is not None:
        new = new._replace(
            version_id=found.pk, api_id=found.api_id, operation_id=meaning.operation_id
        )
        version = found if meaning.operation_id is None else None
    return _Move(new, version)


def _days_with_calls(moves: Mapping[int, _Move]) -> dict[date, list[int]]:
    """The attributions of each day that have sums to move, oldest day first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT (bucket AT TIME ZONE 'UTC')::date, attribution_id"
            " FROM analytics_usage_day WHERE attribution_id = ANY(%s) ORDER BY 1, 2",
            [list(moves)],
        )
        days: dict[date, list[int]] = {}
        for day, pk in cursor.fetchall():
            days.setdefault(day, []).append(pk)
    return days


def _subscribed(moves: Mapping[int, _Move], day: date) -> dict[int, _Move]:
    """With the subscriptions that the applications had on that day."""
    pairs = {pk: pair for pk, move in moves.items() if (pair := attribution.unsubscribed(move.to))}
    found = directory.subscriptions_to(set(pairs.values()), on=day)
    return {
        pk: move._replace(to=attribution.with_subscription(move.to, found.get(pairs[pk])))
        if pk in pairs
        else move
        for pk, move in moves.items()
    }


def _move_day(gateway_id: int, day: date, moves: Mapping[int, _Move]) -> None:
    """Attributions are made before the locks are taken: intake may need the same ones."""
    paths = _paths(gateway_id, day, list(moves))
    steps = _steps(moves, paths)
    with transaction.atomic():
        transaction_lock(LockId.ROLL_UP)
        if paths:
            _move_events(day, steps)
        else:
            _move_sums(day, steps)


def _paths(gateway_id: int, day: date, olds: list[int]) -> dict[int, set[str]]:
    """The paths that the day's calls of these attributions have; empty when no raw call is kept."""
    found: dict[int, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT attribution_id, path FROM analytics_usageevent"
            " WHERE occurred_on = %s AND gateway_id = %s AND attribution_id = ANY(%s)",
            [day, gateway_id, olds],
        )
        for pk, path in cursor.fetchall():
            found.setdefault(pk, set()).add(path)
    return found


def _steps(moves: Mapping[int, _Move], paths: Mapping[int, set[str]]) -> list[_Step]:
    targets: dict[tuple[int, str | None], Belonging] = {}
    for pk, move in moves.items():
        if move.version is None or not paths:
            targets[pk, None] = move.to
            continue
        for path in paths.get(pk, ()):
            operation = attribution.operation_of(
                move.version, move.to.method, path, is_foreign=move.to.foreign_id is not None
            )
            targets[pk, path] = move.to._replace(operation_id=operation)
    ids = attribution.ids_of_belongings(set(targets.values()))
    return [_Step(old, ids[to], to.organization_id, path) for (old, path), to in targets.items()]


_MAKE_STEPS = """
    CREATE TEMP TABLE IF NOT EXISTS usage_moves (
        old_id bigint, new_id bigint, organization_id bigint, path text
    ) ON COMMIT DELETE ROWS;
    DELETE FROM usage_moves;
"""
_STEPS = "INSERT INTO usage_moves SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[])"
_MOVED = "m.old_id = e.attribution_id AND (m.path IS NULL OR m.path = e.path)"
_MEASURED = (
    "e.occurred_at, e.status, e.country, e.user_agent, e.is_billable, e.is_denied, e.duration_us,"
    " e.request_bytes, e.response_bytes, e.upstream_us, e.units_micro, e.cost, e.is_overage"
)
_ROLLED = "JOIN analytics_usagebatch b ON b.id = e.batch_id AND b.rolled_up_at IS NOT NULL"
# As the events will be, those that are in the rollups.
_MOVING = f"""(
    SELECT m.new_id AS attribution_id, m.organization_id, {_MEASURED}
    FROM analytics_usageevent e JOIN usage_moves m ON {_MOVED} {_ROLLED}
    WHERE e.occurred_on = %(day)s
) AS moving"""  # noqa: S608 - constants
_LEFT = f"""(
    SELECT e.* FROM analytics_usageevent e {_ROLLED}
    WHERE e.occurred_on = %(day)s AND e.attribution_id = ANY(%(olds)s)
) AS remaining"""  # noqa: S608 - constants
_MOVE_EVENTS = f"""
    UPDATE analytics_usageevent e
    SET attribution_id = m.new_id, organization_id = m.organization_id,
        flags = CASE WHEN m.organization_id IS NOT NULL THEN e.flags & ~{int(Flag.UNATTRIBUTED)}
                     WHEN e.decision = 'allowed' THEN e.flags | {int(Flag.UNATTRIBUTED)}
                     ELSE e.flags END
    FROM usage_moves m WHERE e.occurred_on = %(day)s AND {_MOVED}
"""  # noqa: S608 - constants
_OF_DAY = "attribution_id = ANY(%(olds)s) AND bucket >= %(start)s AND bucket < %(end)s"


def _move_events(day: date, steps: list[_Step]) -> None:
    """Events and their sums; an old attribution keeps what came meanwhile under another path."""
    window = _window(day, steps)
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_STEPS)
        cursor.execute(_STEPS, _columns(steps))
        aggregate(_MOVING, window)
        for statement in UPSERTS:
            cursor.execute(statement)
        cursor.execute(_MOVE_EVENTS, window)
        aggregate(_LEFT, window)
        for table in ALL_TABLES:
            cursor.execute(f"DELETE FROM {table.name} WHERE {_OF_DAY}", window)  # noqa: S608
            cursor.execute(f"INSERT INTO {table.name} ({table.key}, {VALUES}) {rows_of(table)}")


def _move_sums(day: date, steps: list[_Step]) -> None:
    """An attribution may be the old one of some calls and the new one of others: out, then in."""
    window = _window(day, steps)
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_STEPS)
        cursor.execute(_STEPS, _columns(steps))
        for table in ALL_TABLES:
            cursor.execute(
                f"CREATE TEMP TABLE usage_moving AS SELECT * FROM {table.name} WHERE {_OF_DAY}",  # noqa: S608
                window,
            )
            cursor.execute(f"DELETE FROM {table.name} WHERE {_OF_DAY}", window)  # noqa: S608
            cursor.execute(_sums_of_new(table))
            cursor.execute("DROP TABLE usage_moving")


def _sums_of_new(table: RollupTable) -> str:
    """Several old rows may become one, and one may be there."""
    key = ", ".join(name for name in table.key.split(", ") if name != "attribution_id")
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in SUMS)
    adding = ", ".join(f"{name} = old.{name} + excluded.{name}" for name in SUMS)
    return f"""
        INSERT INTO {table.name} AS old ({table.key}, {VALUES})
        SELECT {table.key}, {VALUES}
        FROM (
            SELECT m.new_id AS attribution_id, {key}, m.organization_id, {sums},
                   max(last_at) AS last_at
            FROM usage_moving r JOIN usage_moves m ON m.old_id = r.attribution_id
            GROUP BY m.new_id, {key}, m.organization_id
        ) AS sums JOIN (
            SELECT {table.key}, array_agg(slot << 40 | calls ORDER BY slot) AS latency
            FROM (
                SELECT m.new_id AS attribution_id, {key}, element >> 40 AS slot,
                       sum(element & {2**40 - 1})::bigint AS calls
                FROM usage_moving r JOIN usage_moves m ON m.old_id = r.attribution_id,
                     unnest(r.latency) AS element
                GROUP BY m.new_id, {key}, element >> 40
            ) AS counted GROUP BY {table.key}
        ) AS histograms USING ({table.key})
        ORDER BY {table.key}
        ON CONFLICT ({table.key}) DO UPDATE SET {adding},
            last_at = greatest(old.last_at, excluded.last_at),
            latency = analytics_latency_merge(old.latency, excluded.latency)
    """  # noqa: S608 - constants


def _columns(steps: list[_Step]) -> list[list[object]]:
    return [list(column) for column in zip(*steps, strict=True)]


def _window(day: date, steps: list[_Step]) -> dict[str, Any]:
    start = datetime.combine(day, time.min, tzinfo=UTC)
    olds = sorted({step.old for step in steps})
    return {"day": day, "olds": olds, "start": start, "end": start + timedelta(days=1)}
