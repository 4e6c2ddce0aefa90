"""Alice's organization with an application and a published plan; Charlie's beside it."""

import pytest

from apim.accounts.models import Organization
from apim.audit.actors import Actor
from apim.catalog.models import Plan, Product
from apim.keys import services
from apim.outbox import registry
from apim.outbox.models import OutboxEntry
from apim.outbox.registry import Subscriber

ACTOR = Actor(kind="user", id="usr_alice", label="alice@example.com")


@pytest.fixture
def actor():
    return ACTOR


@pytest.fixture
def organization(db):
    return Organization.objects.create(name="Alice's Tides")


@pytest.fixture
def other_organization(db):
    return Organization.objects.create(name="Charlie's Cranes")


@pytest.fixture
def application(organization, actor):
    return services.create_application(actor=actor, organization=organization, name="Harbour board")


@pytest.fixture
def product(db):
    return Product.objects.create(slug="tides", name="Tides", state=Product.State.PUBLISHED)


@pytest.fixture
def plan(product):
    return make_plan(product, "Starter")


@pytest.fixture
def manual_plan(product):
    return make_plan(product, "Fleet", approval=Plan.Approval.MANUAL)


def make_plan(product, name, **fields):
    fields = {"state": Plan.State.PUBLISHED, **fields}
    return Plan.objects.create(product=product, name=name, slug=name.lower(), **fields)


@pytest.fixture
def key(application, actor):
    return services.issue_key(actor=actor, application=application, name="Quay 3").key


TOPICS = (
    "application.changed",
    "subscription.changed",
    "key.issued",
    "key.rotated",
    "key.changed",
    "key.revoked",
)


@pytest.fixture
def published(monkeypatch):
    """Return a function that names the topics published since, whoever else listens."""
    for topic in TOPICS:
        monkeypatch.setitem(registry._SUBSCRIBERS, topic, (Subscriber("tests.listener"),))
    last = OutboxEntry.objects.order_by("-id").first()
    since = last.pk if last else 0
    return lambda: [e.topic for e in OutboxEntry.objects.filter(pk__gt=since).order_by("id")]
