"""A list costs the same number of queries however many rows it shows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apim.accounts.models import Membership, Organization
from apim.accounts.services import invite_member
from apim.audit.actors import SYSTEM
from apim.catalog.models import Api, ApiVersion, Limit, Plan, Product
from apim.gateway.services import register_gateway
from apim.keys import services as keys
from tests.cast import make_user

pytestmark = pytest.mark.django_db
# Token, membership, throttle-free; then the rows and what belongs to them.
MOST = 8


def _fill(acme, number):
    """One more of everything."""
    application = keys.create_application(actor=SYSTEM, organization=acme, name=f"A{number}")
    issued = keys.issue_key(actor=SYSTEM, application=application)
    keys.rotate_key(actor=SYSTEM, key=issued.key, grace=keys.api_keys.max_grace())
    api = Api.objects.create(slug=f"a{number}", name=f"A{number}")
    version = ApiVersion.objects.create(
        api=api, name="v1", upstream_url="https://up.example", state=ApiVersion.State.PUBLISHED
    )
    product = Product.objects.create(
        slug=f"p{number}", name=f"P{number}", state=Product.State.PUBLISHED
    )
    product.versions.add(version)
    plan = Plan.objects.create(product=product, slug="p", name="P", state=Plan.State.PUBLISHED)
    Limit.objects.create(plan=plan, window=Limit.Window.MINUTE, quota=5)
    keys.subscribe(actor=SYSTEM, application=application, plan=plan)
    user = make_user(f"Person{number}")
    Membership.objects.create(organization=acme, user=user, role="member")
    Organization.objects.create(name=f"O{number}")
    register_gateway(actor=SYSTEM, name=f"G{number}", kind="envoy")
    invite_member(actor=SYSTEM, organization=acme, email=f"x{number}@example.com", role="member")


def _count(client, path):
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path)
    assert response.status_code == 200
    assert response.json()["results"]
    return len(queries)


@pytest.mark.parametrize(
    "noun",
    [
        "applications",
        "api-keys",
        "subscriptions",
        "apis",
        "api-versions",
        "products",
        "plans",
        "users",
        "organizations",
        "gateways",
        "audit-events",
        "access-tokens",
    ],
)
def test_a_list_has_a_bounded_number_of_queries(olga_api, acme, noun):
    path = f"/api/v1/{noun}"
    _fill(acme, 1)
    olga_api.get(path)  # the token's last use is remembered once a minute
    few = _count(olga_api, path)
    for number in range(2, 8):
        _fill(acme, number)
    assert _count(olga_api, path) == few <= MOST


@pytest.mark.parametrize("part", ["members", "invitations"])
def test_a_nested_list_has_a_bounded_number_of_queries(alice_api, acme, part):
    path = f"/api/v1/organizations/{acme.public_id}/{part}"
    _fill(acme, 1)
    alice_api.get(path)
    few = _count(alice_api, path)
    for number in range(2, 8):
        _fill(acme, number)
    assert _count(alice_api, path) == few <= MOST
