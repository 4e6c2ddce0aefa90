"""The rows that the benchmarks call with, made by the product's own services where news matter."""

from __future__ import annotations

from typing import Any

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


def limited_key(world: dict[str, Any], *, quota: int) -> str:
    """A live key of an application of its own, whose only limit is `quota` calls a day."""
    plan = Plan.objects.create(
        product=world["product"],
        slug=f"few-{random_base62(6).lower()}",
        name="Few",
        state="published",
    )
    Limit.objects.create(plan=plan, window="day", quota=quota)
    application = Application.objects.create(organization=world["organization"], name=plan.slug)
    Subscription.objects.create(
        organization=world["organization"],
        application=application,
        plan=plan,
        product=world["product"],
        state="active",
        activated_at=timezone.now(),
    )
    issued = new_key(application)
    grants.project_all()
    return issued.secret


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
