import pytest

from apim.audit.actors import Actor
from apim.audit.models import AuditEvent
from apim.catalog import services
from apim.outbox.models import OutboxEntry
from apim.outbox.registry import Subscriber
from tests.apim.catalog.openapi.documents import as_json, tides

TOPICS = (
    "api_version.published",
    "api_version.changed",
    "api_version.deprecated",
    "api_version.retired",
    "product.changed",
    "plan.changed",
)


@pytest.fixture
def pia() -> Actor:
    """The publisher."""
    return Actor(kind="user", id="usr_pia", label="pia@example.com")


@pytest.fixture
def raw() -> bytes:
    return as_json(tides())


@pytest.fixture
def api(db, pia, raw):
    return services.create_api(actor=pia, raw=raw, tags=["Sea"])


@pytest.fixture
def version(api):
    return api.versions.get()


@pytest.fixture
def published(pia, version):
    return services.publish_version(actor=pia, version=version)


@pytest.fixture
def product(pia, published):
    return services.create_product(actor=pia, name="Harbour", versions=[published])


@pytest.fixture
def news(db, monkeypatch):
    """Outbox entries as (topic, payload), as if every catalog topic had a subscriber."""
    heard = (Subscriber("outbox.deliver"),)
    monkeypatch.setattr(
        "apim.outbox.services.subscribers_of", lambda topic: heard if topic in TOPICS else ()
    )
    latest = OutboxEntry.objects.order_by("pk").last()
    entries = OutboxEntry.objects.filter(pk__gt=latest.pk if latest else 0).order_by("pk")
    return lambda: list(entries.all().values_list("topic", "payload"))


@pytest.fixture
def actions():
    """The audit events of an object: [(action, before, after)], oldest first."""

    def of(obj):
        events = AuditEvent.objects.filter(object_id=obj.public_id).order_by("pk")
        return list(events.values_list("action", "before", "after"))

    return of
