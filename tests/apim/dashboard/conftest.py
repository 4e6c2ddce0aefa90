"""A small installation with one of everything that the dashboard shows."""

import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.urls import reverse

from analytics.intake import receive
from analytics.mappings import set_mapping
from analytics.models import ForeignMapping, QuarantinedRecord
from analytics.rollups import roll_up
from apim.accounts.models import AccessToken, Organization, StaffRole
from apim.accounts.services import issue_access_token
from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.catalog.governance import Ruleset
from apim.catalog.models import Api, ApiVersion, Plan, Product
from apim.core import clock
from apim.gateway.models import Gateway
from apim.gateway.services import register_gateway
from apim.keys import services as keys
from apim.keys.models import ApiKey, Application, Subscription
from apim.outbox.models import OutboxEntry
from billing.models import (
    BillingPeriod,
    Invoice,
    InvoicePeriod,
    PlanVersion,
    RatedLine,
    Reconciliation,
    StripeEvent,
)
from billing.rating.prices import Terms, per_unit
from billing.services import (
    calls_meter,
    create_add_on,
    draft_version,
    give_discount,
    grant_credit,
    set_price,
)
from tests.cast import make_user

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Tides", "version": "1.4.0", "summary": "High and low water"},
    "servers": [{"url": "https://tides.internal.example/base"}],
    "paths": {
        "/tides/{port}": {
            "get": {
                "operationId": "getTides",
                "summary": "Tides of one port",
                "parameters": [
                    {"name": "port", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "responses": {"200": {"description": "The tides"}},
            }
        },
        "/ports": {"get": {"summary": "All ports", "responses": {"200": {"description": "Them"}}}},
    },
}


def document(**changes) -> str:
    return json.dumps(DOCUMENT | changes, indent=2)


def make_invoice(organization) -> Invoice:
    """One with a closed period and two lines, as it came back from Stripe."""
    found = Invoice.objects.filter(organization=organization).first()
    if found is not None:
        return found
    now = clock.now()
    invoice = Invoice.objects.create(
        organization=organization,
        currency="EUR",
        ends_at=now,
        rated_minor=700,
        step=Invoice.Step.DONE,
        status=Invoice.Status.OPEN,
        stripe_id="in_1",
        number="ACME-0001",
        total_minor=833,
        tax_minor=133,
        due_minor=833,
        page_url="https://pay.example/i/1",
    )
    period = BillingPeriod.objects.create(
        organization=organization,
        subscription=organization.subscriptions.order_by("id")[0],
        starts_at=now - timedelta(days=30),
        ends_at=now,
        currency="EUR",
    )
    line = {"organization": organization, "period": period, "currency": "EUR"}
    RatedLine.objects.create(
        **line, position=0, kind="fee", key="base", description="Base fee", base=2, amount_minor=200
    )
    part = {"after": "0", "quantity": "50", "unit_amount": "0.1", "flat_amount": "0"}
    RatedLine.objects.create(
        **line,
        position=1,
        kind="usage",
        key="calls",
        meter=calls_meter(),
        description="Calls",
        quantity=50,
        parts=[{**part, "amount": "5", "is_included": False, "packages": None}],
        amount_minor=500,
    )
    period.state, period.closed_at = "closed", now
    period.subtotal_minor = period.total_minor = 700
    period.save()
    InvoicePeriod.objects.create(organization=organization, invoice=invoice, period=period)
    return invoice


def _credit(organization) -> str:
    values = {"name": "Contract", "amount_minor": 5000, "currency": "EUR"}
    return grant_credit(actor=SYSTEM, organization=organization, **values).public_id


def _discount(organization) -> str:
    values = {"name": "Partner", "percent": Decimal(10)}
    return give_discount(actor=SYSTEM, organization=organization, **values).public_id


def make_stripe_event(_organization) -> str:
    values = {"type": "invoice.paid", "object_id": "in_1", "happened_at": clock.now()}
    return StripeEvent.objects.get_or_create(stripe_id="evt_1", defaults=values)[0].stripe_id


def _line(organization) -> str:
    make_invoice(organization)
    return RatedLine.objects.get(organization=organization, kind="usage").public_id


def _run(_organization) -> str:
    times = {"starts_at": clock.now() - timedelta(days=1), "ends_at": clock.now()}
    return Reconciliation.objects.create(**times).public_id


def _add_on(_organization) -> str:
    values = {"name": "Support", "amounts": {"EUR": Decimal(1)}, "product": Product.objects.first()}
    return create_add_on(actor=SYSTEM, **values).public_id


# URL name -> the id of something that the page is about.
MONEY_OBJECTS = {
    "customer": lambda organization: organization.public_id,
    "customer-credit": lambda organization: organization.public_id,
    "customer-discount": lambda organization: organization.public_id,
    "credit-void": _credit,
    "discount-end": _discount,
    "invoice": lambda organization: make_invoice(organization).public_id,
    "invoice-line": _line,
    "reconciliation-run": _run,
    "webhook-replay": make_stripe_event,
    "meter-edit": lambda _organization: calls_meter().public_id,
    "add-on-prices": _add_on,
    "add-on-withdraw": _add_on,
}


@dataclass(frozen=True)
class Installation:
    api: Api
    version: ApiVersion
    draft: ApiVersion
    product: Product
    plan: Plan
    gated: Plan
    organization: Organization
    application: Application
    subscription: Subscription
    pending: Subscription
    key: ApiKey
    gateway: Gateway
    job: OutboxEntry

    def url(self, name: str) -> str:
        """The URL of a dashboard page about the installation's own objects."""
        return reverse(f"dashboard:{name}", args=self.arguments(name))

    def _numbered_arguments(self, name: str) -> list[object]:
        if name.startswith("api-gate"):
            return [self.api.public_id, *(["publish"] if name != "api-gates" else [])]
        return [self.version.public_id, *([1] if name != "revisions" else [])]

    def arguments(self, name: str) -> list[object]:
        version = self.draft if name == "version-publish" else self.version
        if name.startswith(("revision", "api-gate")) and name != "revision-new":
            return self._numbered_arguments(name)
        objects = {
            "version-new": self.api,
            "plan-new": self.product,
            "limit-new": self.plan,
            "limit": self.plan.limits.first(),
            "product": self.product,
            "api": self.api,
            "version": version,
            "revision": version,
            "plan": self.plan,
            "organization": self.organization,
            "subscription": self.pending,
            "key": self.key,
            "gateway": self.gateway,
        }
        if name.startswith(("plan-sheet", "plan-version")):
            return self._price_arguments(name)
        numbered = {
            "compare": lambda: self.api.public_id,
            "gate": lambda: "publish",
            "ruleset": lambda: self.ruleset().public_id,
            "ruleset-remove": lambda: self.ruleset().public_id,
            **{key: partial(make, self.organization) for key, make in MONEY_OBJECTS.items()},
            "job-retry": lambda: self.job.pk,
            "mapping-edit": lambda: self.mapping().public_id,
            "mapping-remove": lambda: self.mapping().public_id,
            "quarantined-record": lambda: self.quarantined().pk,
            "quarantined-record-replay": lambda: self.quarantined().pk,
            "token-revoke": lambda: self.token().public_id,
        }
        if name in numbered:
            return [numbered[name]()]
        if name == "staff-role":
            return [self.organization.memberships.get(role="owner").user.public_id]
        if name in {
            "api-new",
            "product-new",
            "gateway-new",
            "mapping-new",
            "mapping-accept",
            "ruleset-new",
            "token-new",
        } or name.endswith("s"):
            return []
        named = objects.get(name) or objects.get(name.partition("-")[0])
        return [named.public_id] if named else []

    def ruleset(self) -> Ruleset:
        found = Ruleset.objects.filter(name="House rules").first()
        text = "rules: {}"
        return found or catalog.create_ruleset(actor=SYSTEM, name="House rules", text=text)

    def token(self) -> AccessToken:
        """An admin's, who is none of the cast."""
        found = AccessToken.objects.filter(name="ci").first()
        if found is not None:
            return found
        admin = make_user("Ada", staff_role=StaffRole.ADMIN)
        return issue_access_token(
            actor=SYSTEM, user=admin, organization=None, name="ci", scopes=["catalog:read"]
        ).token

    def _price_arguments(self, name: str) -> list[object]:
        """Of a draft in two currencies; of Acme's private price where it is to end."""
        if name in {"plan-versions", "plan-version-new"}:
            return [self.plan.public_id]
        drafts = PlanVersion.objects.drafts().filter(plan=self.plan)
        if name == "plan-version-end":
            drafts = drafts.filter(organization=self.organization)
        draft = drafts.first() or draft_version(
            actor=SYSTEM,
            plan=self.plan,
            sheets=[
                Terms("", "EUR", usage=(per_unit(Decimal("0.1")),)),
                Terms("", "USD", usage=(per_unit(Decimal("0.12")),)),
            ],
            organization=self.organization if name == "plan-version-end" else None,
        )
        return [draft.public_id, *(["USD"] if name.startswith("plan-sheet") else [])]

    def mapping(self) -> ForeignMapping:
        return set_mapping(
            actor=SYSTEM,
            gateway=self.gateway,
            kind="service",
            value="harbour-tides",
            target=self.version.public_id,
        )

    def quarantined(self) -> QuarantinedRecord:
        receive(gateway=self.gateway, body=b'{"id": "cut", "ts": "yesterday"}')
        return QuarantinedRecord.objects.get()

    def call(self, number: int = 1, *, prefix: str = "call", **fields) -> None:
        """Calls of Acme a minute ago, counted."""
        line = {
            "ts": (clock.now() - timedelta(minutes=1)).isoformat(),
            "type": "DownstreamEnd",
            "method": "GET",
            "path": "/tides/v1/tides/kiel",
            "host": "gateway",
            "status": 200,
            "duration_ms": 12,
            "upstream_ms": 10,
            "request_bytes": 120,
            "response_bytes": 2048,
            "flags": "-",
            "key": self.key.public_id,
            "application": self.application.public_id,
            "subscription": self.subscription.public_id,
            "version": self.version.public_id,
            "environment": "live",
            "ip": "203.0.113.7",
            "user_agent": "curl/8.5.0",
            "decision": "allowed",
        } | fields
        lines = [json.dumps({"id": f"{prefix}-{n}"} | line) for n in range(number)]
        receive(gateway=self.gateway, body="\n".join(lines).encode())
        while roll_up():
            pass


@pytest.fixture
def installation(acme) -> Installation:
    api = catalog.create_api(
        actor=SYSTEM, raw=document().encode(), filename="tides.json", version_name="v1"
    )
    version = catalog.publish_version(actor=SYSTEM, version=api.versions.get())
    draft = catalog.create_version(actor=SYSTEM, api=api, raw=document().encode(), name="v2")
    product = catalog.create_product(actor=SYSTEM, name="Harbour", versions=[version])
    catalog.publish_product(actor=SYSTEM, product=product)
    plan = catalog.create_plan(
        actor=SYSTEM, product=product, name="Pro", limits=[("minute", 60), ("month", 100_000)]
    )
    set_price(
        actor=SYSTEM, plan=plan, currency="EUR", unit_amount=Decimal("0.25"), included_calls=2
    )
    PlanVersion.objects.update(starts_at=clock.month_of(clock.now()).start)
    catalog.publish_plan(actor=SYSTEM, plan=plan)
    gated = catalog.create_plan(actor=SYSTEM, product=product, name="Gated", approval="manual")
    catalog.publish_plan(actor=SYSTEM, plan=gated)
    application = keys.create_application(actor=SYSTEM, organization=acme, name="Harbour board")
    other = keys.create_application(actor=SYSTEM, organization=acme, name="Fleet")
    return Installation(
        api=api,
        version=version,
        draft=draft,
        product=product,
        plan=plan,
        gated=gated,
        organization=acme,
        application=application,
        subscription=keys.subscribe(actor=SYSTEM, application=application, plan=plan),
        pending=keys.subscribe(actor=SYSTEM, application=other, plan=gated),
        key=keys.issue_key(actor=SYSTEM, application=application, name="Production").key,
        gateway=register_gateway(actor=SYSTEM, name="Envoy 1", kind="envoy").gateway,
        job=OutboxEntry.objects.create(
            topic="key.issued",
            payload={"key_id": 0},
            pending=["gateway.no_such_task"],
            due_at=clock.now() + timedelta(hours=1),
            attempts=3,
            last_error="the broker was away",
        ),
    )
