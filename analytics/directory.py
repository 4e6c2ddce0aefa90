"""Public ids to rows, remembered for a moment: intake sees the same few ids again and again.

A miss is never remembered, so a key that was issued a moment ago is found. What can change (a
subscription's plan, a version's operations) is remembered for seconds only.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from django.db.models import Q

from apim.catalog.models import ApiVersion, Operation, Plan
from apim.catalog.operation_match import OperationMatcher
from apim.gateway.grpc_services import grpc_versions
from apim.keys.models import ApiKey, Application, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import date

MAX_REMEMBERED = 100_000

Row = TypeVar("Row")


class KeyRow(NamedTuple):
    pk: int
    application_id: int
    organization_id: int
    environment: str


class ApplicationRow(NamedTuple):
    pk: int
    organization_id: int


class SubscriptionRow(NamedTuple):
    pk: int
    application_id: int
    organization_id: int
    plan_id: int
    product_id: int


class PlanRow(NamedTuple):
    pk: int
    product_id: int


class VersionRow(NamedTuple):
    pk: int
    api_id: int
    listen_path: str
    matcher: OperationMatcher[int]
    # (method, path at the gateway) -> operation or None, as far as asked.
    matched: dict[tuple[str, str], int | None]
    is_grpc: bool = False

    def operation(self, method: str, path: str) -> int | None:
        """The operation that a call to `path` at the gateway reached."""
        call = (method, path)
        if call not in self.matched:
            if len(self.matched) > MAX_REMEMBERED:
                self.matched.clear()
            self.matched[call] = self._match(method, path)
        return self.matched[call]

    def operation_at_root(self, method: str, path: str) -> int | None:
        """The operation, at a gateway that serves the API under a host of its own."""
        return self.matcher.match(method, path or "/")

    def _match(self, method: str, path: str) -> int | None:
        below = path.removeprefix(self.listen_path)
        if below == path:  # calls of gRPC name a service in place of the listen path
            return self.matcher.match(method, path) if self.is_grpc else None
        return self.matcher.match(method, below or "/")


class Remembered(Generic[Row]):
    """Rows by public id, each kept for `seconds`."""

    def __init__(self, load: Callable[[set[str]], dict[str, Row]], seconds: float) -> None:
        self._load = load
        self._seconds = seconds
        self._rows: dict[str, tuple[float, Row]] = {}

    def find(self, public_ids: Iterable[str]) -> dict[str, Row]:
        """Rows of the ids that exist; at most one query."""
        now = time.monotonic()
        found: dict[str, Row] = {}
        missing: set[str] = set()
        for public_id in public_ids:
            good_until, row = self._rows.get(public_id, (0.0, None))
            if row is not None and good_until > now:
                found[public_id] = row
            elif public_id:
                missing.add(public_id)
        if missing:
            loaded = self._load(missing)
            self._remember(loaded, now + self._seconds)
            found |= loaded
        return found

    def _remember(self, rows: dict[str, Row], good_until: float) -> None:
        if len(self._rows) > MAX_REMEMBERED:
            self._rows.clear()
        self._rows.update({name: (good_until, row) for name, row in rows.items()})


def _load_keys(public_ids: set[str]) -> dict[str, KeyRow]:
    rows = ApiKey.objects.filter(public_id__in=public_ids).values_list(
        "public_id", "pk", "application_id", "organization_id", "environment"
    )
    return {row[0]: KeyRow(*row[1:]) for row in rows}


def _load_applications(public_ids: set[str]) -> dict[str, ApplicationRow]:
    rows = Application.objects.filter(public_id__in=public_ids).values_list(
        "public_id", "pk", "organization_id"
    )
    return {name: ApplicationRow(*row) for name, *row in rows}


def _load_subscriptions(public_ids: set[str]) -> dict[str, SubscriptionRow]:
    rows = Subscription.objects.filter(public_id__in=public_ids).values_list(
        "public_id", "pk", "application_id", "organization_id", "plan_id", "product_id"
    )
    return {name: SubscriptionRow(*row) for name, *row in rows}


def subscriptions_to(
    pairs: Collection[tuple[int, int]], on: date | None = None
) -> dict[tuple[int, int], SubscriptionRow]:
    """By (application, version): the subscription to a product with the version, if just one is.

    The active one now, or the one that there was on the UTC day `on`. One query.
    """
    if not pairs:
        return {}
    applications, versions = zip(*pairs, strict=True)
    rows = Subscription.objects.filter(
        application__in=set(applications), product__versions__in=set(versions)
    )
    if on is None:
        rows = rows.filter(state=Subscription.State.ACTIVE)
    else:
        rows = rows.filter(
            Q(ended_at__isnull=True) | Q(ended_at__date__gte=on), activated_at__date__lte=on
        )
    found: dict[tuple[int, int], list[SubscriptionRow]] = {}
    for version_id, *row in rows.values_list(
        "product__versions", "pk", "application_id", "organization_id", "plan_id", "product_id"
    ):
        found.setdefault((row[1], version_id), []).append(SubscriptionRow(*row))
    return {pair: several[0] for pair, several in found.items() if len(several) == 1}


def _load_plans(public_ids: set[str]) -> dict[str, PlanRow]:
    rows = Plan.objects.filter(public_id__in=public_ids)
    return {name: PlanRow(*row) for name, *row in rows.values_list("public_id", "pk", "product_id")}


def _load_versions(public_ids: set[str]) -> dict[str, VersionRow]:
    versions = list(ApiVersion.objects.filter(public_id__in=public_ids).select_related("api"))
    of_grpc = grpc_versions()
    operations: dict[int, list[tuple[str, str, int]]] = {version.pk: [] for version in versions}
    rows = Operation.objects.filter(version__in=versions, removed_at__isnull=True)
    for version_id, method, path, pk in rows.values_list("version_id", "method", "path", "pk"):
        operations[version_id].append((method, path, pk))
    return {
        version.public_id: VersionRow(
            version.pk,
            version.api_id,
            version.listen_path,
            OperationMatcher(operations[version.pk]),
            {},
            version.pk in of_grpc,
        )
        for version in versions
    }


# An application and its key never move to another owner.
keys = Remembered(_load_keys, seconds=300)
applications = Remembered(_load_applications, seconds=300)
subscriptions = Remembered(_load_subscriptions, seconds=1)
plans = Remembered(_load_plans, seconds=300)
versions = Remembered(_load_versions, seconds=10)
