"""Rows that the gateway serves: one API version, a product with a plan, an application, a key."""

from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from apim.accounts.models import Organization
from apim.catalog.models import Api, ApiVersion, Limit, Plan, Product
from apim.core.ids import random_base62
from apim.keys import secrets
from apim.keys.models import ApiKey, Application, Subscription


@dataclass
class World:
    version: ApiVersion
    product: Product
    plan: Plan
    organization: Organization
    application: Application
    subscription: Subscription
    key: ApiKey
    secret: str

    @property
    def path(self):
        return self.version.listen_path

    def bearer(self):
        return {"authorization": f"Bearer {self.secret}"}


def make_version(*, upstream_url, state="published", name="v1", **fields):
    api = Api.objects.create(slug=f"api-{random_base62(8).lower()}", name="Tides")
    fields = {"published_at": timezone.now(), **fields}
    return ApiVersion.objects.create(
        api=api, name=name, state=state, upstream_url=upstream_url, **fields
    )


def make_key(application, *, environment="live", **fields):
    secret = secrets.generate(brand="ak", environment=environment)
    peppers = secrets.read_peppers(settings.APIM_KEY_PEPPER)
    key = ApiKey.objects.create(
        organization=application.organization,
        application=application,
        environment=environment,
        start=secrets.parse(secret).start,
        last4=secret[-4:],
        digest=secrets.digests(secret, peppers)[0],
        created_by="test",
        **fields,
    )
    return key, secret


def make_world(*, upstream_url="http://127.0.0.1:9", limits=(("minute", 1000),), **version):
    served = make_version(upstream_url=upstream_url, **version)
    suffix = random_base62(6).lower()
    product = Product.objects.create(slug=f"tides-{suffix}", name="Tides", state="published")
    product.versions.add(served)
    plan = Plan.objects.create(product=product, slug="harbor", name="Harbor", state="published")
    for window, quota in limits:
        Limit.objects.create(plan=plan, window=window, quota=quota)
    organization = Organization.objects.create(name="Alice's organization")
    application = Application.objects.create(organization=organization, name="Harbor app")
    subscription = Subscription.objects.create(
        organization=organization,
        application=application,
        plan=plan,
        product=product,
        state="active",
    )
    key, secret = make_key(application)
    return World(served, product, plan, organization, application, subscription, key, secret)
