"""Nobody sees a neighbour's things: Charlie, with every right he can have, gets 404 everywhere."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator

from analytics.intake import receive
from analytics.mappings import set_mapping
from analytics.models import QuarantinedRecord
from apim.accounts.services import invite_member
from apim.audit.actors import SYSTEM
from apim.catalog.governance import Ruleset
from apim.catalog.models import Api, ApiVersion, Plan, Product
from apim.core import clock
from apim.core.ids import new_public_id
from apim.gateway.services import register_gateway
from apim.keys import services as keys
from apim.outbox.models import OutboxEntry
from billing.models import BillingPeriod, Checkout, Invoice, RatedLine, Reconciliation
from billing.rating.prices import Terms, per_unit
from billing.services import (
    add_to_subscription,
    calls_meter,
    create_add_on,
    draft_version,
    give_discount,
    grant_credit,
)

DAY = timedelta(days=1)
WAYS = {"return_url": "https://x.example/", "cancel_url": "https://x.example/"}
METHODS = ("get", "post", "patch", "delete")
# For every person with a token, about themselves or what is published.
OPEN = {
    "get_me",
    "update_me",
    "list_access_tokens",
    "issue_access_token",
    "list_apis",
    "list_api_versions",
    "list_products",
    "list_plans",
    # Of his own organization; the tests below look into them.
    "list_organizations",
    "list_applications",
    "create_application",
    "list_subscriptions",
    "create_subscription",
    "list_api_keys",
    "issue_api_key",
    "revoke_api_keys",
    "import_api_keys",
    "list_leak_reports",
    "list_audit_events",
    "get_usage_series",
    "get_usage_totals",
    "get_usage_by",
    "get_charges",
    "list_invoices",
    "list_credits",
    "list_discounts",
    "list_checkouts",
    "create_checkout",
    "get_payment_method",
    "create_payment_page",
}
OPERATIONS = [
    pytest.param(method, path, described["operationId"], id=described["operationId"])
    for path, methods in SchemaGenerator().get_schema(request=None, public=True)["paths"].items()
    for method, described in methods.items()
    if method in METHODS
]
pytestmark = pytest.mark.django_db


def version_of(plan):
    """A draft of its price."""
    usage = (per_unit(Decimal("0.1")),)
    return draft_version(actor=SYSTEM, plan=plan, sheets=[Terms("", "EUR", usage=usage)])


def line_of(subscription):
    of_acme = {"organization": subscription.organization, "currency": "EUR"}
    period = BillingPeriod.objects.create(
        subscription=subscription, starts_at=clock.now(), ends_at=clock.now() + DAY, **of_acme
    )
    return RatedLine.objects.create(
        period=period,
        position=0,
        kind="usage",
        key="calls",
        meter=calls_meter(),
        amount_minor=1,
        **of_acme,
    )


@pytest.fixture
def hidden(acme, bob, application, key, plan, alice_api):
    """Path's noun -> public id of a thing of Acme's, or of a draft."""
    api = Api.objects.create(slug="secret", name="Secret")
    version = ApiVersion.objects.create(api=api, name="v1", upstream_url="https://up.example")
    product = Product.objects.create(slug="secret", name="Secret")
    draft = Plan.objects.create(product=product, slug="secret", name="Secret")
    subscription = keys.subscribe(actor=SYSTEM, application=application, plan=plan)
    add_on = create_add_on(
        actor=SYSTEM, product=plan.product, name="Support", amounts={"EUR": Decimal(1)}
    )
    event = alice_api.get("/api/v1/audit-events").json()["results"][0]
    invitation = invite_member(
        actor=SYSTEM, organization=acme, email="dora@example.com", role="member"
    )
    gateway = register_gateway(actor=SYSTEM, name="edge", kind="envoy").gateway
    mapping = set_mapping(
        actor=SYSTEM,
        gateway=gateway,
        kind="consumer",
        value="acme",
        target=application.public_id,
    )
    receive(gateway=gateway, body=b'{"id": "cut", "ts": "yesterday"}')
    record = QuarantinedRecord.objects.get()
    return {
        "access-tokens": alice_api.token.public_id,
        "users": bob.public_id,
        "organizations": acme.public_id,
        "member_id": acme.memberships.first().public_id,
        "invitation_id": invitation.public_id,
        "applications": application.public_id,
        "api-keys": key.public_id,
        "subscriptions": subscription.public_id,
        "apis": api.public_id,
        "api-versions": version.public_id,
        "rulesets": Ruleset.objects.create(name="Secret").public_id,
        "products": product.public_id,
        "plans": draft.public_id,
        "plan-versions": version_of(draft).public_id,
        "invoices": Invoice.objects.create(
            organization=acme, currency="EUR", ends_at=clock.now(), rated_minor=1
        ).public_id,
        "invoice-lines": line_of(subscription).public_id,
        "checkouts": Checkout.objects.create(
            organization=acme, application=application, plan=draft
        ).public_id,
        "credits": grant_credit(
            actor=SYSTEM, organization=acme, name="Contract", amount_minor=5, currency="EUR"
        ).public_id,
        "discounts": give_discount(
            actor=SYSTEM, organization=acme, name="Partner", percent=Decimal(1)
        ).public_id,
        "meters": calls_meter().public_id,
        "reconciliations": Reconciliation.objects.create(
            starts_at=clock.now() - DAY, ends_at=clock.now()
        ).public_id,
        "add-ons": add_on.public_id,
        "subscription-add-ons": add_to_subscription(
            actor=SYSTEM, subscription=subscription, add_on=add_on
        ).public_id,
        "gateways": gateway.public_id,
        "foreign-mappings": mapping.public_id,
        "quarantined-records": str(record.pk),
        "audit-events": event["id"],
        "jobs": str(OutboxEntry.objects.create(topic="x", due_at=event["at"]).pk),
    }


def _address(path, hidden):
    noun = path.split("/")[3]
    path = re.sub(r"\{(member_id|invitation_id)\}", lambda m: hidden[m[1]], path)
    path = path.replace("{number}", "1").replace("{transition}", "publish")
    return re.sub(r"\{(public_id|entry_id)\}", hidden.get(noun, ""), path)


def _missing(hidden):
    """Ids of the same kinds that nothing has."""
    return {
        noun: "987654321" if public_id.isdigit() else new_public_id(public_id.split("_")[0])
        for noun, public_id in hidden.items()
    }


@pytest.mark.parametrize(("method", "path", "name"), OPERATIONS)
def test_an_outsider_finds_nothing(charlie_api, hidden, method, path, name):
    response = getattr(charlie_api, method)(_address(path, hidden), {}, format="json")
    for public_id in hidden.values():
        assert len(public_id) < 10 or public_id not in response.content.decode()
    if name in OPEN:
        return
    answer = response.json()
    assert (response.status_code, answer["code"]) == (404, "not_found")
    unknown = getattr(charlie_api, method)(_address(path, _missing(hidden)), {}, format="json")
    assert {**unknown.json(), "request_id": ""} == {**answer, "request_id": ""}


@pytest.mark.parametrize(("method", "path", "name"), OPERATIONS)
def test_without_a_token_nothing_is_told(client, method, path, name):
    address = re.sub(r"\{entry_id\}|\{number\}", "1", path)
    address = re.sub(r"\{\w+\}", "org_00000000000000000000", address)
    assert getattr(client, method)(address).status_code == 401


def test_an_outsider_cannot_name_a_neighbours_things_in_a_body(charlie_api, hidden, plan):
    for path, body in (
        ("applications", {"name": "x", "organization": hidden["organizations"]}),
        ("api-keys", {"application": hidden["applications"]}),
        ("api-keys/revoke", {"keys": [hidden["api-keys"]]}),
        ("api-keys/revoke", {"application": hidden["applications"]}),
        ("api-keys/revoke", {"organization": hidden["organizations"]}),
        ("api-keys/import", {"application": hidden["applications"], "keys": [{"hash": "0" * 64}]}),
        ("subscriptions", {"application": hidden["applications"], "plan": plan.public_id}),
        ("checkouts", {"application": hidden["applications"], "plan": plan.public_id, **WAYS}),
    ):
        assert charlie_api.post(f"/api/v1/{path}", body).status_code == 404


@pytest.mark.parametrize(
    "path", ["applications", "api-keys", "subscriptions", "audit-events", "leak-reports"]
)
def test_naming_the_neighbour_in_a_filter_finds_nothing(charlie_api, hidden, path):
    answer = charlie_api.get(f"/api/v1/{path}?organization={hidden['organizations']}").json()
    assert answer["results"] == []


def test_the_lists_know_every_address():
    """An address that the schema does not name would escape these tests."""
    described = {path for _method, path, _name in (p.values for p in OPERATIONS)}
    routes = set()
    for entry in get_resolver("apim.api.v1.urls").url_patterns:
        route = re.sub(r"<\w+:(\w+)>", r"{\1}", str(entry.pattern))
        routes.add(f"/api/v1/{route}")
    assert routes - described == {"/api/v1/schema", "/api/v1/^.*$"}
