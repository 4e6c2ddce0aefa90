"""Reads: foreign names that stand for nothing of ours, and what they probably stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.utils.text import slugify
from django.utils.translation import gettext as _

from analytics.models import ForeignMapping
from apim.catalog.models import ApiVersion, Operation
from apim.core import clock
from apim.keys.models import ApiKey, Application

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django_stubs_ext import StrOrPromise

    from apim.gateway.models import Gateway

Kind = ForeignMapping.Kind
CALLER = (Kind.CREDENTIAL, Kind.CONSUMER)
MAX_NAMES = 200
PERIOD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a name may stand for: the object's public id and name, and why."""

    target: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnmatchedName:
    """One name whose calls belong to nobody, or to no API, in the period. `path` is an example."""

    gateway_id: str
    gateway: str
    kind: str
    value: str
    calls: int
    succeeded: int
    refused: int
    failed: int
    first_seen_at: datetime
    last_seen_at: datetime
    path: str
    suggestion: Suggestion | None = None

    @property
    def kind_label(self) -> StrOrPromise:
        return Kind(self.kind).label


# A name counts while the side that it is about (caller or called) is unknown and not mapped yet:
# stored calls of a name that has just been mapped are on their way.
_NAMES = """
    SELECT g.public_id, g.name, n.kind, n.value, sum(r.calls)::bigint AS calls,
           coalesce(sum(r.calls) FILTER (WHERE r.status BETWEEN 100 AND 399), 0)::bigint,
           coalesce(sum(r.calls) FILTER (WHERE r.status BETWEEN 400 AND 499), 0)::bigint,
           coalesce(sum(r.calls) FILTER (WHERE r.status >= 500 OR r.status < 100), 0)::bigint,
           least(min(coalesce(f.first_seen_at, r.bucket)), max(r.last_at)), max(r.last_at), max(f.path)
    FROM analytics_attribution a
    JOIN analytics_foreignnames f ON f.id = a.foreign_id
    JOIN gateway_gateway g ON g.id = a.gateway_id
    JOIN analytics_usage_day r ON r.attribution_id = a.id AND r.bucket >= %(since)s
    CROSS JOIN LATERAL (VALUES
        ('credential', f.credential, a.organization_id IS NULL),
        ('consumer', f.consumer, a.organization_id IS NULL),
        ('route', f.route, a.version_id IS NULL),
        ('service', f.service, a.version_id IS NULL)
    ) AS n (kind, value, is_open)
    WHERE n.is_open AND n.value <> '' AND (%(gateway)s::bigint IS NULL OR g.id = %(gateway)s)
      AND NOT EXISTS (
          SELECT 1 FROM analytics_foreignmapping m
          WHERE m.gateway_id = g.id AND m.kind = n.kind AND m.value = n.value
            AND m.ended_at IS NULL
      )
    GROUP BY 1, 2, 3, 4 ORDER BY calls DESC, 2, 3, 4 LIMIT %(limit)s
"""
_NAMELESS = """
    SELECT coalesce(sum(r.calls), 0)::bigint
    FROM analytics_attribution a JOIN analytics_usage_day r
        ON r.attribution_id = a.id AND r.bucket >= %(since)s
    LEFT JOIN analytics_foreignnames f ON f.id = a.foreign_id
    WHERE (a.organization_id IS NULL OR a.version_id IS NULL)
      AND (%(gateway)s::bigint IS NULL OR a.gateway_id = %(gateway)s)
      AND coalesce(f.credential || f.consumer || f.route || f.service, '') = ''
"""


def unmatched_names(
    gateway: Gateway | None = None, *, limit: int = MAX_NAMES
) -> tuple[UnmatchedName, ...]:
    """Names without meaning of one gateway or of all, most calls of the last 30 days first."""
    since = clock.now() - PERIOD
    with connection.cursor() as cursor:
        cursor.execute(
            _NAMES, {"since": since, "gateway": gateway.pk if gateway else None, "limit": limit}
        )
        names = [UnmatchedName(*row) for row in cursor.fetchall()]
    return _with_suggestions(names)


def nameless_calls(gateway: Gateway | None = None) -> int:
    """Calls of the last 30 days that belong to nobody and say no name that could be mapped."""
    with connection.cursor() as cursor:
        since = clock.now() - PERIOD
        cursor.execute(_NAMELESS, {"since": since, "gateway": gateway.pk if gateway else None})
        return int(cursor.fetchone()[0])


def _with_suggestions(names: Sequence[UnmatchedName]) -> tuple[UnmatchedName, ...]:
    callers = _Callers({name.value for name in names if name.kind in CALLER})
    called = _Called({name.value for name in names if name.kind not in CALLER})
    return tuple(
        UnmatchedName(
            **{field: getattr(name, field) for field in _FIELDS},
            suggestion=callers.find(name) if name.kind in CALLER else called.find(name),
        )
        for name in names
    )


_FIELDS = tuple(name for name in UnmatchedName.__slots__ if name != "suggestion")


class _Callers:
    """Applications and keys that are called like a name. Ambiguous ones are not suggested."""

    def __init__(self, values: Collection[str]) -> None:
        slugs = {slugify(value) for value in values} - {""}
        self._applications: dict[str, list[Application]] = {}
        self._keys: dict[str, list[ApiKey]] = {}
        if not slugs:
            return
        for application in Application.objects.select_related("organization"):
            for slug in {slugify(application.name), slugify(application.organization.name)}:
                if slug in slugs:
                    self._applications.setdefault(slug, []).append(application)
        ends = {value[-4:] for value in values if len(value) >= 8}
        keys = ApiKey.objects.filter(last4__in=ends, state=ApiKey.State.ACTIVE).select_related(
            "application"
        )
        for key in keys[:1000]:
            self._keys.setdefault(key.last4, []).append(key)

    def find(self, name: UnmatchedName) -> Suggestion | None:
        applications = self._applications.get(slugify(name.value), [])
        if len(applications) == 1:
            one = applications[0]
            label = f"{one.name} ({one.organization.name})"
            same = slugify(one.name) == slugify(name.value)
            reason = (
                _("The application has this name.")
                if same
                else _("Its organization has this name.")
            )
            return Suggestion(one.public_id, label, reason)
        keys = self._keys.get(name.value[-4:], [])
        if name.kind == Kind.CREDENTIAL and len(name.value) >= 8 and len(keys) == 1:
            key = keys[0]
            return Suggestion(
                key.public_id,
                f"{key.name or key} ({key.application.name})",
                _("The only key that ends in these four characters."),
            )
        return None


class _Called:
    """API versions and operations that are called like a name, or served where its calls went."""

    def __init__(self, values: Collection[str]) -> None:
        self._versions: list[ApiVersion] = []
        self._operations: dict[str, list[Operation]] = {}
        if not values:
            return
        served = ApiVersion.objects.exclude(state=ApiVersion.State.DRAFT).select_related("api")
        self._versions = list(served)
        rows = Operation.objects.filter(operation_id__in=values, removed_at=None)
        for operation in rows.select_related("version__api")[:1000]:
            self._operations.setdefault(operation.operation_id, []).append(operation)

    def find(self, name: UnmatchedName) -> Suggestion | None:
        operations = self._operations.get(name.value, [])
        if name.kind == Kind.ROUTE and len(operations) == 1:
            one = operations[0]
            label = f"{one.method} {one.path} ({one.version})"
            return Suggestion(one.public_id, label, _("The operation has this id."))
        wanted = _plain(name.value)
        named = [one for one in self._versions if wanted == _plain(f"{one.api.slug}{one.name}")]
        alike = [
            one for one in self._versions if wanted in {_plain(one.api.slug), _plain(one.api.name)}
        ]
        below = [one for one in self._versions if f"{name.path}/".startswith(f"{one.listen_path}/")]
        for found, reason in (
            (named, _("API and version have this name.")),
            (below, _("Its calls go to the path of this version.")),
            (alike, _("The API has this name.")),
        ):
            if len(found) == 1:
                return Suggestion(found[0].public_id, str(found[0]), reason)
        return None


def _plain(text: str) -> str:
    """`Tides-API.v1-route` and `tides_v1` alike."""
    words = re.split(r"[^a-z0-9]+", text.casefold())
    return "".join(word for word in words if word not in {"api", "service", "route", "svc"})
