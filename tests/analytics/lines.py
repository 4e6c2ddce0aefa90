"""Access log lines as our Envoy writes them, for a small world of one API."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from apim.accounts.models import Organization
from apim.catalog.models import Api, ApiVersion, Operation, Plan, Product
from apim.gateway.models import Gateway
from apim.keys.models import ApiKey, Application, Subscription

_numbers = count(1)


@dataclass(frozen=True)
class Customer:
    organization: Organization
    application: Application
    subscription: Subscription
    key: ApiKey

    def line(self, **fields):
        return {
            "key": self.key.public_id,
            "application": self.application.public_id,
            "subscription": self.subscription.public_id,
            "environment": self.key.environment,
            **fields,
        }


@dataclass(frozen=True)
class World:
    """One gateway, one API version with two operations, two plans of a product, one customer."""

    gateway: Gateway
    version: ApiVersion
    list_tides: Operation
    get_tide: Operation
    product: Product
    plan: Plan
    other_plan: Plan
    customer: Customer

    def line(self, customer=None, **fields):
        """A call of the first operation that went well, a moment ago, as a dictionary."""
        at = fields.pop("at", datetime.now(UTC) - timedelta(seconds=5))
        return {
            "id": f"call-{next(_numbers)}",
            "ts": at.isoformat(),
            "type": "DownstreamEnd",
            "method": "GET",
            "path": "/tides/v1/tides",
            "host": "api.example.com",
            "status": 200,
            "duration_ms": 12,
            "upstream_ms": 10,
            "request_bytes": 120,
            "response_bytes": 2048,
            "flags": "-",
            "version": self.version.public_id,
            "ip": "203.0.113.7",
            "user_agent": "curl/8.5.0",
            "decision": "allowed",
        } | (customer or self.customer).line(**fields)

    def lines(self, number, **fields):
        return [self.line(**fields) for _ in range(number)]


def ndjson(lines) -> bytes:
    return "\n".join(json.dumps(line) for line in lines).encode()


def make_gateway(name: str) -> Gateway:
    return Gateway.objects.create(
        name=name, kind="envoy", token_hash=f"hash of {name}", token_start="gwt_"
    )


def make_customer(name: str, plan: Plan, *, environment: str = "live") -> Customer:
    organization = Organization.objects.create(name=name)
    application = Application.objects.create(organization=organization, name=f"{name} board")
    subscription = Subscription.objects.create(
        organization=organization,
        application=application,
        plan=plan,
        product=plan.product,
        state=Subscription.State.ACTIVE,
    )
    key = make_key(application, environment=environment)
    return Customer(organization, application, subscription, key)


def make_key(application: Application, *, environment: str = "live") -> ApiKey:
    return ApiKey.objects.create(
        organization_id=application.organization_id,
        application=application,
        environment=environment,
        start=f"ak_{environment}_",
        last4="0000",
        digest=f"digest {next(_numbers)}",
        created_by="alice",
    )


def make_world(name: str = "Envoy") -> World:
    api = Api.objects.create(slug="tides", name="Tides")
    version = ApiVersion.objects.create(
        api=api, name="v1", upstream_url="http://tides.example", state="published"
    )
    product = Product.objects.create(slug="tides", name="Tides", state="published")
    product.versions.add(version)
    plan = Plan.objects.create(product=product, slug="small", name="Small", state="published")
    return World(
        gateway=make_gateway(name),
        version=version,
        list_tides=_operation(version, "/tides"),
        get_tide=_operation(version, "/tides/{station}"),
        product=product,
        plan=plan,
        other_plan=Plan.objects.create(product=product, slug="large", name="Large"),
        customer=make_customer("Acme", plan),
    )


def _operation(version: ApiVersion, path: str) -> Operation:
    return Operation.objects.create(version=version, method="GET", path=path, operation_id=path)
