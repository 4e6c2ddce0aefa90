"""Projects what the authorizer must know from PostgreSQL into Redis.

Whoever projects holds a lock on the object, re-reads its rows and only then writes. So a late or
repeated projection writes the present and never brings a revoked key back. A full projection
holds the lock of all objects, one batch at a time.
"""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import connection as database
from django.db import transaction

from apim.catalog.models import ApiVersion, Operation, Plan
from apim.core.locks import LockId
from apim.gateway import grant_format as wire
from apim.gateway import restored_counters
from apim.gateway.grpc_services import grpc_versions, served_services
from apim.gateway.key_grants import key_values
from apim.gateway.redis_connection import connection
from apim.keys import secrets
from apim.keys.models import ApiKey, Application, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from django.db.models import QuerySet

    from apim.catalog.models import Limit

logger = logging.getLogger(__name__)

BATCH = 500
# Who asks for changes less often than so many are made must forget everything it remembers.
CHANGES_KEPT = 10_000
# For so long an expired key is refused as expired, then as unknown.
EXPIRED_TOLD = timedelta(days=30)
# Subscriptions that explain a refusal; ended ones look like none.
_TOLD = Subscription.OPEN

# name in Redis -> its value, or None when there must be none
Values = dict[str, bytes | None]


def project_key(key_id: int) -> None:
    """Write or remove one API key. `key_id` is its primary key."""
    with _one_object(key_id):
        _write(_keys([key_id]))


def project_application(application_id: int) -> None:
    """Write one application with its subscriptions."""
    with _one_object(application_id):
        _write(_applications([application_id]))


def project_subscription(subscription_id: int) -> None:
    ids = Subscription.objects.filter(pk=subscription_id).values_list("application_id", flat=True)
    for application_id in ids:
        project_application(application_id)


def project_organization(organization_id: int) -> None:
    """Write all applications of an organization, after its state changed."""
    _project_each(
        Application.objects.filter(organization_id=organization_id).values_list("pk", flat=True),
        _applications,
    )


def project_plan(plan_id: int) -> None:
    """Write one plan with its limits and the versions of its product."""
    with _one_object(plan_id):
        _write(_plans([plan_id]))


def project_product(product_id: int) -> None:
    """Write all plans of a product, and the routes, which name products."""
    _project_each(Plan.objects.filter(product_id=product_id).values_list("pk", flat=True), _plans)
    project_routes()


def project_version(version_id: int) -> None:
    """Write the operations of one API version, and the routes: calls must find both."""
    with _one_object(version_id):
        _write(_operations([version_id]))
    project_routes()


def project_routes() -> None:
    """Write the table of listen paths."""
    with _one_object(0):
        _write(_routes())


def is_complete() -> bool:
    """Tell whether a full projection has run on this Redis since it started.

    A Redis that came back may have lost its data, or have slept through a revocation.
    """
    is_counted = bool(connection().exists(wire.COUNTERS))
    return is_counted and connection().get(wire.EPOCH) == _redis_run().encode()


def project_all() -> int:
    """Make Redis equal to PostgreSQL; return how many values were wrong.

    Only what differs is written, so that authorizers keep their memory. Each batch is compared
    and mended under the lock of all objects, which single projections share. A Redis that was
    restarted or emptied gets its counters first: no call finds a key there before its limits.
    """
    run = _redis_run()
    restore_counters()
    wrong = sum(mend_keys(ids) for ids in _batches(ApiKey.objects.all()))
    wrong += sum(mend_applications(ids) for ids in _batches(Application.objects.all()))
    wrong += sum(mend_operations(ids) for ids in _batches(ApiVersion.objects.all()))
    wrong += mend_plans_and_routes()
    wrong += sum(remove_strangers(names) for names in _scan_batches("g:*"))
    connection().set(wire.EPOCH, run)
    if wrong:
        logger.info("grants: %d values in Redis were not as in PostgreSQL", wrong)
    return wrong


def restore_counters() -> None:
    """Raise the counters of limits if Redis may have lost some; see restored_counters."""
    is_whole = is_complete()
    if restored_counters.is_due(is_whole=is_whole):
        restored_counters.restore(is_whole=is_whole)


def _redis_run() -> str:
    """Return the id that Redis gives itself at every start."""
    return str(connection().info("server")["run_id"])


# What the rows say


def _keys(ids: Sequence[int]) -> Values:
    return key_values(ids, expired_told=EXPIRED_TOLD)


def _applications(ids: Sequence[int]) -> Values:
    values: Values = {}
    rows = Application.objects.filter(pk__in=ids).select_related("organization")
    told = Subscription.objects.filter(application_id__in=ids, state__in=_TOLD)
    by_application: dict[int, list[wire.SubscriptionGrant]] = {}
    for row in told.select_related("plan").order_by("pk"):
        by_application.setdefault(row.application_id, []).append(
            wire.SubscriptionGrant(
                id=row.public_id, pk=row.pk, plan=row.plan.public_id, state=row.state
            )
        )
    for application in rows:
        organization = application.organization
        grant = wire.ApplicationGrant(
            pk=application.pk,
            org=organization.public_id,
            org_pk=organization.pk,
            active=application.state == Application.State.ACTIVE
            and organization.state == organization.State.ACTIVE,
            subs=tuple(by_application.get(application.pk, ())),
            tz=organization.time_zone,
        )
        is_there = application.state != Application.State.DELETED
        name = wire.application_name(application.public_id)
        values[name] = msgspec.json.encode(grant) if is_there else None
    return values


def _plans(ids: Sequence[int]) -> Values:
    values: Values = {}
    rows = Plan.objects.filter(pk__in=ids).select_related("product")
    for plan in rows.prefetch_related("limits", "product__versions"):
        grant = wire.PlanGrant(
            pk=plan.pk,
            name=plan.name,
            product=plan.product.public_id,
            product_pk=plan.product.pk,
            product_name=plan.product.name,
            versions=frozenset(version.public_id for version in plan.product.versions.all()),
            limits=tuple(_limit(limit) for limit in plan.limits_in_order),
        )
        values[wire.plan_name(plan.public_id)] = msgspec.json.encode(grant, order="deterministic")
    return values


def _limit(limit: Limit) -> wire.LimitGrant:
    """Defaults are left out of the value by identity, hence the interned strings."""
    return wire.LimitGrant(
        name=limit.policy_name,
        quota=limit.quota,
        window=limit.window,
        kind=sys.intern(limit.kind),
        every=limit.every,
        per=sys.intern(limit.per),
        group=limit.group,
        soft=limit.is_soft,
    )


def _operations(version_ids: Sequence[int]) -> Values:
    """Every operation of the versions that gateways serve, as their current revision has it."""
    of_version: dict[int, list[wire.OperationGrant]] = {}
    rows = Operation.objects.filter(version_id__in=version_ids, removed_at__isnull=True)
    for row in rows.order_by("position", "pk"):
        of_version.setdefault(row.version_id, []).append(
            wire.OperationGrant(
                method=row.method, path=row.path, groups=tuple(row.groups), cost=row.cost
            )
        )
    values: Values = {}
    for version in ApiVersion.objects.filter(pk__in=version_ids):
        grant = wire.OperationGrants(items=tuple(of_version.get(version.pk, ())))
        name = wire.operations_name(version.public_id)
        values[name] = msgspec.json.encode(grant) if version.is_callable else None
    return values


def _routes() -> Values:
    states = [*ApiVersion.CALLABLE, ApiVersion.State.RETIRED]
    rows = ApiVersion.objects.filter(state__in=states).select_related("api").order_by("pk")
    costly = Operation.objects.filter(removed_at__isnull=True).exclude(cost=1)
    with_costs = set(costly.values_list("version_id", flat=True).distinct())
    table: dict[str, wire.RouteGrant] = {}
    of_grpc = grpc_versions()
    by_version: dict[int, wire.RouteGrant] = {}
    for version in rows.prefetch_related("products"):
        product = next((p for p in version.products.all() if p.state == p.State.PUBLISHED), None)
        table[version.listen_path] = by_version[version.pk] = wire.RouteGrant(
            version=version.public_id,
            pk=version.pk,
            api=version.api.public_id,
            api_slug=version.api.slug,
            state=version.state,
            deprecated_at=int(version.deprecated_at.timestamp()) if version.deprecated_at else None,
            sunset=version.sunset_on.isoformat() if version.sunset_on else None,
            product=product.name if product else "",
            product_slug=product.slug if product else "",
            fail_open=version.fails_open,
            by_operation=version.pk in with_costs,
            cost_header=version.cost_header,
            sandbox=bool(version.sandbox_upstream_url),
            timeout_seconds=version.timeout_seconds,
            grpc=version.pk in of_grpc,
        )
    for service, version_id in served_services().items():
        if version_id in by_version:
            table[service] = msgspec.structs.replace(by_version[version_id], is_service=True)
    return {wire.ROUTES: msgspec.json.encode(table)}


# Locks


def _lock(function: str, key: int) -> None:
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [int(LockId.PROJECT_GRANTS), key])


@contextmanager
def _one_object(object_id: int) -> Iterator[None]:
    """Share the lock of all objects and hold this object's own, to the end of the transaction.

    Ids of different kinds may collide; they then wait for each other, which does no harm.
    """
    with transaction.atomic():
        _lock("pg_advisory_xact_lock_shared", -1)
        _lock("pg_advisory_xact_lock", object_id % 2**30)
        yield


@contextmanager
def _all_objects() -> Iterator[None]:
    """A transaction in which no other projection runs."""
    with transaction.atomic():
        _lock("pg_advisory_xact_lock", -1)
        yield


# Writing


def _project_each(ids: Iterable[int], read: Callable[[Sequence[int]], Values]) -> None:
    """In one order for everybody, so that two projections never wait for each other."""
    for object_id in sorted(ids):
        with _one_object(object_id):
            _write(read([object_id]))


def _write(values: Mapping[str, bytes | None]) -> None:
    """Write and announce, in one Redis transaction."""
    if not values:
        return
    pipe = connection().pipeline(transaction=True)
    for name, value in values.items():
        if value is None:
            pipe.delete(name)
        else:
            pipe.set(name, value)
    names = " ".join(values)
    pipe.publish(wire.CHANGED, names)
    pipe.xadd(wire.CHANGES, {"n": names}, maxlen=CHANGES_KEPT, approximate=True)
    pipe.execute()


def _write_different(values: Values) -> int:
    if not values:
        return 0
    present = connection().mget(list(values))
    different = {
        name: value
        for (name, value), now in zip(values.items(), present, strict=True)
        if value != now
    }
    _write(different)
    return len(different)


def _batches(rows: QuerySet[Any]) -> Iterator[list[int]]:
    last = 0
    while ids := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield ids
        last = ids[-1]


# Comparing and mending; each returns how many values were wrong


def mend_keys(ids: Sequence[int]) -> int:
    """Take primary keys, at most BATCH, like the two after this."""
    return _mend(_keys, ids)


def mend_applications(ids: Sequence[int]) -> int:
    return _mend(_applications, ids)


def mend_operations(version_ids: Sequence[int]) -> int:
    return _mend(_operations, version_ids)


def mend_plans_and_routes() -> int:
    wrong = sum(_mend(_plans, ids) for ids in _batches(Plan.objects.all()))
    with _all_objects():
        return wrong + _write_different(_routes())


def _mend(read: Callable[[Sequence[int]], Values], ids: Sequence[int]) -> int:
    with _all_objects():
        return _write_different(read(ids))


def remove_strangers(names: Sequence[str]) -> int:
    """Delete those in Redis that no row stands behind, such as keys of a restored database."""
    with _all_objects():
        known = _known(names)
        strange: Values = {name: None for name in names if name not in known}
        _write(strange)
    return len(strange)


def _scan_batches(pattern: str) -> Iterator[list[str]]:
    batch: list[str] = []
    for name in connection().scan_iter(pattern, count=BATCH):
        batch.append(name.decode())
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _known(names: Sequence[str]) -> set[str]:
    """Names among these that a row stands behind, and those that always may be there."""

    def ids(prefix: str) -> list[str]:
        return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]

    keys = ApiKey.objects.filter(digest__in=ids("g:key:")).values_list("digest", flat=True)
    applications = Application.objects.filter(public_id__in=ids("g:app:"))
    plans = Plan.objects.filter(public_id__in=ids("g:plan:"))
    versions = ApiVersion.objects.callable().filter(public_id__in=ids("g:ops:"))
    return {
        wire.EPOCH,
        wire.COUNTERS,
        wire.ROUTES,
        wire.RECONCILED,
        secrets.IMPORTED,
        wire.CHANGES,
        *map(wire.key_name, keys),
        *map(wire.application_name, applications.values_list("public_id", flat=True)),
        *map(wire.plan_name, plans.values_list("public_id", flat=True)),
        *map(wire.operations_name, versions.values_list("public_id", flat=True)),
    }
