from __future__ import annotations

from celery import shared_task

from apim.gateway import grants, lending, reconciliation, rehash, snapshots


@shared_task(name="gateway.project_key")
def project_key(key_id: int) -> None:
    grants.project_key(key_id)


@shared_task(name="gateway.project_application")
def project_application(application_id: int) -> None:
    grants.project_application(application_id)


@shared_task(name="gateway.project_subscription")
def project_subscription(subscription_id: int) -> None:
    grants.project_subscription(subscription_id)


@shared_task(name="gateway.project_organization")
def project_organization(organization_id: int) -> None:
    grants.project_organization(organization_id)


@shared_task(name="gateway.project_plan")
def project_plan(plan_id: int) -> None:
    grants.project_plan(plan_id)


@shared_task(name="gateway.project_product")
def project_product(product_id: int) -> None:
    grants.project_product(product_id)


@shared_task(name="gateway.serve_version")
def serve_version(version_id: int) -> None:
    grants.project_version(version_id)
    snapshots.rebuild_envoy_snapshot(reason=f"version {version_id} changed")


@shared_task(name="gateway.watch_grants")
def watch_grants() -> None:
    if not grants.is_complete():
        reconciliation.reconcile()


@shared_task(name="gateway.reconcile")
def reconcile() -> None:
    reconciliation.reconcile()
    snapshots.rebuild_envoy_snapshot(reason="reconciliation")


@shared_task(name="gateway.measure_lending")
def measure_lending() -> None:
    lending.measure()


@shared_task(name="gateway.take_rehashed")
def take_rehashed() -> None:
    rehash.take_rehashed()
