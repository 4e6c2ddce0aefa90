"""What the usage log says was counted in the windows of limits that are open now.

For counters that Redis lost. Rollups are by the minute for two days and by the hour before, so a
window that begins within a bucket gets all of it: rather some calls too many than a limit exceeded.
Windows shorter than a minute are over before their calls are in the log.
"""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection

from analytics.aggregation import HOUR, MINUTE, MINUTES_KEPT
from analytics.rollups import roll_up
from apim.accounts.models import Organization
from apim.catalog.models import OPERATION_GROUPS, Limit, Operation, Product
from apim.gateway.counting import Counted, Owners, counted
from apim.gateway.grant_format import LimitGrant
from apim.gateway.models import Gateway
from apim.gateway.restored_counters import SlidingTotal, Total, WindowTotal
from apim.keys.models import ApiKey, Application, KeyLimit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analytics.aggregation import RollupTable

SHORTEST_SECONDS = 60
# Parts of longer sliding windows are longer than an hour, or nearly so.
HOURLY_FROM_SECONDS = 2 * 86_400
# What waits to be rolled up belongs to the log too; a backlog must not keep calls refused for long.
ROLL_UP_SECONDS = 5.0
# Gateways that cannot ask whether a call may pass: their calls count in no limit.
NEVER_ASK = (Gateway.Kind.AWS,)


class _Window(NamedTuple):
    """When a limit counts; `zone` is empty where it does not matter."""

    kind: str
    window: str
    every: int
    zone: str


class _Scope(NamedTuple):
    """Whose calls of what a limit counts."""

    per: str
    group: str


class _Row(NamedTuple):
    """Calls of one bucket or of a whole window, weighted by their cost; ids are primary keys."""

    organization: int
    application: int | None
    key: int | None
    product: int
    plan: int | None
    operation: int | None
    bucket: datetime | None
    calls: int


def open_windows(now: float) -> Iterator[Total]:
    """Totals of every open window of every limit, at the unix second `now`."""
    _roll_up_waiting()
    limits = _Limits()
    names = _Names()
    zones = _organizations_by_zone()
    for kind, window, every in sorted(limits.windows):
        # Only days, and what is made of them, and hours begin at another time elsewhere.
        is_local = kind == "calendar"
        for zone in zones if is_local else ("",):
            asked = _Window(kind, window, every, zone)
            rows = _rows(asked, now, zones.get(zone))
            yield from _totals(asked, now, rows, limits, names)


class _Limits:
    """Which limits there are, by plan and by key: a plan's count the calls of its subscribers."""

    def __init__(self) -> None:
        self.windows: set[tuple[str, str, int]] = set()
        self._of_plan: dict[tuple[int | None, tuple[str, str, int]], set[_Scope]] = defaultdict(set)
        self._of_key: dict[tuple[int, tuple[str, str, int]], set[_Scope]] = defaultdict(set)
        fields = ("kind", "window", "every", "group")
        plans = Limit.objects.values_list("plan_id", "per", *fields)
        for plan, per, kind, window, every, group in plans:
            if _is_long(window, every):
                self.windows.add((kind, window, every))
                self._of_plan[plan, (kind, window, every)].add(_Scope(per, group))
        for key, kind, window, every, group in KeyLimit.objects.values_list("key_id", *fields):
            if _is_long(window, every):
                self.windows.add((kind, window, every))
                self._of_key[key, (kind, window, every)].add(_Scope("key", group))

    def counting(self, row: _Row, asked: _Window) -> set[_Scope]:
        """The scopes in which the row's calls count in such windows."""
        spec = (asked.kind, asked.window, asked.every)
        own = self._of_key.get((row.key, spec), set()) if row.key is not None else set()
        return self._of_plan.get((row.plan, spec), set()) | own


class _Names:
    """Public ids by primary key, which names of counters are made of, and operations' groups."""

    def __init__(self) -> None:
        self.organizations = dict(Organization.objects.values_list("pk", "public_id"))
        self.applications = dict(Application.objects.values_list("pk", "public_id"))
        self.keys = dict(ApiKey.objects.values_list("pk", "public_id"))
        self.products = dict(Product.objects.values_list("pk", "public_id"))
        self._groups = dict(
            Operation.objects.annotate(names=OPERATION_GROUPS)
            .exclude(names=[])
            .values_list("pk", "names")
        )

    def groups(self, row: _Row) -> list[str]:
        return self._groups.get(row.operation, []) if row.operation is not None else []

    def counted(self, row: _Row, scope: _Scope, asked: _Window) -> Counted | None:
        """The counter; None when what it is named after is gone."""
        owners = Owners(
            organization=self.organizations.get(row.organization, ""),
            application=self.applications.get(row.application or 0, ""),
            key=self.keys.get(row.key or 0, ""),
            product=self.products.get(row.product, ""),
            zone=asked.zone or "UTC",
        )
        owner = getattr(owners, scope.per)
        if not owner or not owners.product:
            return None
        grant = LimitGrant("", 1, asked.window, asked.kind, asked.every, scope.per, scope.group)
        return counted([grant], owners)[0]


def _totals(
    asked: _Window, now: float, rows: Iterable[_Row], limits: _Limits, names: _Names
) -> Iterator[Total]:
    sums: dict[Counted, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        for scope in limits.counting(row, asked):
            if scope.group and scope.group not in names.groups(row):
                continue
            counter = names.counted(row, scope, asked)
            if counter is not None and row.calls > 0:
                sums[counter][_part(counter, row, asked, now)] += row.calls
    for counter, parts in sums.items():
        if asked.kind == "sliding":
            length, part = counter.length_seconds * 1000, counter.part_milliseconds
            first = (int(now * 1000) - length) // part
            yield SlidingTotal(counter.name, dict(parts), first, length + 2 * part)
        else:
            window = counter.window(now)
            yield WindowTotal(f"{counter.name}:{window.start}", sum(parts.values()), window.end)


def _part(counter: Counted, row: _Row, asked: _Window, now: float) -> int:
    """The part of a sliding window in which the bucket ends: its calls leave late, not early."""
    if row.bucket is None:
        return 0
    length = _table(asked, now).length
    ends_at = min((row.bucket + length).timestamp(), now)
    return int(ends_at * 1000) // counter.part_milliseconds


def _table(asked: _Window, now: float) -> RollupTable:
    if asked.kind == "sliding":
        return HOUR if _length_seconds(asked) > HOURLY_FROM_SECONDS else MINUTE
    margin = timedelta(hours=1)
    return MINUTE if now - _start(asked, now) < (MINUTES_KEPT - margin).total_seconds() else HOUR


def _start(asked: _Window, now: float) -> float:
    if asked.kind == "sliding":
        return now - _length_seconds(asked)
    return _bound(asked).window(now).start


def _length_seconds(asked: _Window) -> int:
    return _bound(asked).length_seconds


def _bound(asked: _Window) -> Counted:
    grant = LimitGrant("", 1, asked.window, asked.kind, asked.every)
    return Counted(grant, "", asked.zone or "UTC")


def _is_long(window: str, every: int) -> bool:
    """Concurrent limits have no window and end with their calls."""
    return bool(window) and _length_seconds(_Window("fixed", window, every, "")) >= SHORTEST_SECONDS


def _organizations_by_zone() -> dict[str, list[int]]:
    zones: dict[str, list[int]] = defaultdict(list)
    for pk, zone in Organization.objects.values_list("pk", "time_zone"):
        zones[zone].append(pk)
    return zones


def _rows(asked: _Window, now: float, organizations: list[int] | None) -> list[_Row]:
    """Allowed calls since the window began; `organizations` None: of all."""
    table = _table(asked, now)
    bucket = "r.bucket" if asked.kind == "sliding" else "NULL::timestamptz"
    of_zone = "" if organizations is None else "AND r.organization_id = ANY(%(organizations)s)"
    length = int(table.length.total_seconds())
    start = int(_start(asked, now)) // length * length
    with connection.cursor() as cursor:
        # Refused calls cost nothing in limits, but are in the sums with a cost of 1.
        cursor.execute(
            f"""
            SELECT a.organization_id, a.application_id, a.key_id, a.product_id, a.plan_id,
                   a.operation_id, {bucket},
                   sum(CASE WHEN r.cost = 0 THEN r.calls ELSE r.cost END - r.denied)::bigint
            FROM {table.name} r
            JOIN analytics_attribution a ON a.id = r.attribution_id
            JOIN gateway_gateway g ON g.id = a.gateway_id AND g.kind <> ALL(%(never_ask)s)
            WHERE r.bucket >= %(start)s AND a.organization_id IS NOT NULL
              AND a.product_id IS NOT NULL AND r.calls > r.denied {of_zone}
            GROUP BY 1, 2, 3, 4, 5, 6, 7
            """,  # noqa: S608 - names of tables and columns
            {
                "start": datetime.fromtimestamp(start, UTC),
                "organizations": organizations,
                "never_ask": list(NEVER_ASK),
            },
        )
        return [_Row(*values) for values in cursor.fetchall()]


def _roll_up_waiting() -> None:
    give_up_at = time.monotonic() + ROLL_UP_SECONDS
    while roll_up() and time.monotonic() < give_up_at:
        continue
