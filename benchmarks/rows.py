"""The rows that the benchmarks call with, made by the product's own services where news matter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from apim.accounts.models import Organization
from apim.audit.actors import SYSTEM
from apim.catalog.models import Api, ApiVersion, Limit, Plan, Product
from apim.core.ids import random_base62
from apim.gateway import grants
from apim.gateway.services import adopt_gateway
from apim.gateway.snapshots import rebuild_envoy_snapshot
from apim.keys import secrets
from apim.keys.models import ApiKey, Application, Subscription
from apim.keys.services import IssuedKey, issue_key

if TYPE_CHECKING:
    from datetime import datetime


def make_world(*, upstream_url: str, gateway_token: str, quota: int) -> dict[str, Any]:
    """One callable version, a plan with three limits that are never reached, and one live key."""
    adopt_gateway(actor=SYSTEM, name="Bench", kind="envoy", token=gateway_token)
    api = Api.objects.create(slug="bench", name="Bench")
    version = ApiVersion.objects.create(
        api=api,
        name="v1",
        state="published",
        upstream_url=upstream_url,
        published_at=timezone.now(),
    )
    product = Product.objects.create(slug="bench", name="Bench", state="published")
    product.versions.add(version)
    plan = Plan.objects.create(product=product, slug="all", name="All", state="published")
    for window in ("minute", "day", "month"):
        Limit.objects.create(plan=plan, window=window, quota=quota)
    organization = Organization.objects.create(name="Bench")
    application = Application.objects.create(organization=organization, name="Bench")
    subscription = Subscription.objects.create(
        organization=organization,
        application=application,
        plan=plan,
        product=product,
        state="active",
        activated_at=timezone.now(),
    )
    issued = new_key(application)
    grants.project_all()
    rebuild_envoy_snapshot(reason="benchmark")
    return {
        "version": version,
        "plan": plan,
        "product": product,
        "organization": organization,
        "application": application,
        "subscription": subscription,
        "key": issued.key,
        "secret": issued.secret,
    }


def limited_keys(world: dict[str, Any], *, quota: int, applications: int = 1) -> list[str]:
    """A live key of each of some applications, whose only limit is `quota` calls a day together."""
    plan = Plan.objects.create(
        product=world["product"],
        slug=f"few-{random_base62(6).lower()}",
        name="Few",
        state="published",
    )
    Limit.objects.create(plan=plan, window="day", quota=quota, per="organization")
    organization = Organization.objects.create(name=plan.slug)
    texts = [
        _subscribed_key(world, plan, organization, f"{plan.slug}-{number}")
        for number in range(applications)
    ]
    grants.project_all()
    return texts


def _subscribed_key(
    world: dict[str, Any], plan: Plan, organization: Organization, name: str
) -> str:
    application = Application.objects.create(organization=organization, name=name)
    Subscription.objects.create(
        organization=organization,
        application=application,
        plan=plan,
        product=world["product"],
        state="active",
        activated_at=timezone.now(),
    )
    return new_key(application).secret


def many_keys(application: Application, count: int) -> list[str]:
    """Live keys of one application, written at once: only calling with them is measured."""
    peppers = secrets.read_peppers(settings.APIM_KEY_PEPPER)
    texts = [secrets.generate(brand="ak", environment="live") for _ in range(count)]
    ApiKey.objects.bulk_create(
        [
            ApiKey(
                organization_id=application.organization_id,
                application=application,
                environment="live",
                start=text[:12],
                last4=text[-4:],
                digest=secrets.digests(text, peppers)[0],
                created_by="benchmark",
            )
            for text in texts
        ],
        batch_size=1000,
    )
    grants.project_all()
    return texts


def new_key(application: Application) -> IssuedKey:
    return issue_key(
        actor=SYSTEM, application=application, environment="live", name="", expires_at=None
    )


def paying_customers(plans: list[Plan], *, number: int, since: datetime) -> list[ApiKey]:
    """A key each of that many organizations, which are on the plans in turn since then."""
    organizations = Organization.objects.bulk_create(
        Organization(name=f"Paying {n}") for n in range(number)
    )
    applications = Application.objects.bulk_create(
        Application(organization=organization, name="App") for organization in organizations
    )
    Subscription.objects.bulk_create(
        Subscription(
            organization=application.organization,
            application=application,
            plan=plans[n % len(plans)],
            product_id=plans[0].product_id,
            state="active",
            activated_at=since,
        )
        for n, application in enumerate(applications)
    )
    return ApiKey.objects.bulk_create(
        ApiKey(
            organization=application.organization,
            application=application,
            environment="live",
            start="ak_live_",
            last4="0000",
            digest=f"of no secret {application.pk}",
            created_by="benchmark",
        )
        for application in applications
    )


def usage_lines(version: ApiVersion, calls: list[tuple[ApiKey, datetime]]) -> bytes:
    """Envoy's access log of these calls, all of which went well."""
    subscriptions = dict(
        Subscription.objects.filter(application__in={key.application_id for key, _at in calls})
        .order_by()
        .values_list("application_id", "public_id")
    )
    return b"\n".join(
        json.dumps(
            {
                "id": f"paid-{number}",
                "ts": at.isoformat(),
                "type": "DownstreamEnd",
                "method": "GET",
                "path": f"{version.listen_path}/x",
                "status": 200,
                "duration_ms": 12,
                "upstream_ms": 10,
                "request_bytes": 120,
                "response_bytes": 2048,
                "flags": "-",
                "version": version.public_id,
                "decision": "allowed",
                "key": key.public_id,
                "application": key.application.public_id,
                "subscription": subscriptions[key.application_id],
                "environment": "live",
            }
        ).encode()
        for number, (key, at) in enumerate(calls)
    )
