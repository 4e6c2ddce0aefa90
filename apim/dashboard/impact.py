"""Whom breaking changes would hit: the organizations that called those operations lately."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.reports import UsageFilters
from analytics.selectors import usage_by
from apim.catalog.selectors import operations_of
from apim.core import clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.models import ApiVersion, Operation

DAYS = 30
# Each takes a query; what nobody called takes none.
MAX_OPERATIONS = 25
_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Caller:
    """An organization, its calls of the operations that break, and which those are."""

    public_id: str
    name: str
    calls: int
    operations: tuple[str, ...]


def callers_of(version: ApiVersion, names: Iterable[str]) -> tuple[Caller, ...]:
    """Who called the operations, named as in `GET /pets/{id}`, in the last 30 days; most first."""
    wanted = {_shape(name) for name in names}
    called = {
        row.key
        for row in usage_by(
            None,
            period=clock.last_days(DAYS),
            dimension="operation",
            filters=UsageFilters(version=version.pk),
            limit=1000,
        )
    }
    hit = [
        operation
        for operation in operations_of(version)
        if operation.public_id in called and _shape(str(operation)) in wanted
    ]
    return _merged(hit[:MAX_OPERATIONS])


def _merged(operations: list[Operation]) -> tuple[Caller, ...]:
    found: dict[str, Caller] = {}
    for operation in operations:
        rows = usage_by(
            None,
            period=clock.last_days(DAYS),
            dimension="organization",
            filters=UsageFilters(operation=operation.pk),
            limit=200,
        )
        for row in rows:
            known = found.get(row.key) or Caller(row.key, row.label, 0, ())
            found[row.key] = Caller(
                row.key, row.label, known.calls + row.calls, (*known.operations, str(operation))
            )
    return tuple(sorted(found.values(), key=lambda caller: (-caller.calls, caller.name)))


def _shape(name: str) -> str:
    """Names of path parameters do not matter."""
    return _PARAMETER.sub("{}", name)
