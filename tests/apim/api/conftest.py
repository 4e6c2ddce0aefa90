"""Clients of the management API, one per person, with all the rights the person has."""

import pytest
from rest_framework.test import APIClient

from apim.accounts.models import Membership
from apim.accounts.scopes import grantable
from apim.accounts.services import issue_access_token
from apim.accounts.viewers import actor_for
from apim.audit.actors import SYSTEM
from apim.catalog.models import Plan, Product
from apim.keys import services as keys


def client_of(user, organization=None, scopes=None):
    """A client with a token of the person for the organization (None: a staff token)."""
    role = None
    if organization is not None:
        role = Membership.objects.get(user=user, organization=organization).role
    staff_role = "" if organization else user.staff_role
    all_scopes = [scope.name for scope in grantable(role=role, staff_role=staff_role)]
    issued = issue_access_token(
        actor=actor_for(user),
        user=user,
        organization=organization,
        name="test",
        scopes=all_scopes if scopes is None else scopes,
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
    client.token = issued.token
    return client


@pytest.fixture
def alice_api(alice, acme):
    return client_of(alice, acme)


@pytest.fixture
def bob_api(bob, acme):
    return client_of(bob, acme)


@pytest.fixture
def bella_api(bella, acme):
    return client_of(bella, acme)


@pytest.fixture
def charlie_api(charlie, charlies):
    return client_of(charlie, charlies)


@pytest.fixture
def olga_api(olga):
    return client_of(olga)


@pytest.fixture
def pia_api(pia):
    return client_of(pia)


@pytest.fixture
def fiona_api(fiona):
    return client_of(fiona)


@pytest.fixture
def sam_api(sam):
    return client_of(sam)


@pytest.fixture
def application(acme):
    return keys.create_application(actor=SYSTEM, organization=acme, name="Harbour board")


@pytest.fixture
def key(application):
    return keys.issue_key(actor=SYSTEM, application=application, name="Quay 3").key


@pytest.fixture
def product(db):
    return Product.objects.create(slug="tides", name="Tides", state=Product.State.PUBLISHED)


@pytest.fixture
def plan(product):
    return Plan.objects.create(
        product=product, name="Starter", slug="starter", state=Plan.State.PUBLISHED
    )


@pytest.fixture
def manual_plan(product):
    return Plan.objects.create(
        product=product,
        name="Fleet",
        slug="fleet",
        state=Plan.State.PUBLISHED,
        approval=Plan.Approval.MANUAL,
    )
