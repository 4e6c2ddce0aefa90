"""Subscribers are told once of a revision that breaks them, and when a version will end."""

import json
from datetime import timedelta

import pytest
from django.core import mail

from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.catalog.changelog import publications_of
from apim.core import clock
from apim.keys import services, tasks
from apim.keys.services.version_news import announce_deprecation, announce_revision, readers_of
from apim.outbox.models import OutboxEntry
from tests.apim.catalog.openapi.documents import as_json, tides

pytestmark = pytest.mark.django_db


@pytest.fixture
def version():
    api = catalog.create_api(actor=SYSTEM, raw=as_json(tides()))
    return catalog.publish_version(actor=SYSTEM, version=api.versions.get())


@pytest.fixture
def subscribed(version, acme, charlies):
    """Acme may call the version; Charlie's organization may not."""
    product = catalog.create_product(actor=SYSTEM, name="Harbour", versions=[version])
    catalog.publish_product(actor=SYSTEM, product=product)
    plan = catalog.create_plan(actor=SYSTEM, product=product, name="Free", limits=[("minute", 9)])
    catalog.publish_plan(actor=SYSTEM, plan=plan)
    application = services.create_application(actor=SYSTEM, organization=acme, name="Board")
    services.subscribe(actor=SYSTEM, application=application, plan=plan)
    return version


def revise(version, document):
    made = catalog.upload_revision(
        actor=SYSTEM, version=version, raw=json.dumps(document).encode(), note="Ask Pia"
    )
    version.refresh_from_db()
    catalog.publish_revision(
        actor=SYSTEM, version=version, revision=made, acknowledges_breaking=True
    )
    return publications_of(version)[0]


def broken():
    document = tides()
    del document["paths"]["/tides/{port}"]
    return document


def test_owners_and_members_read_it_and_nobody_else(subscribed, alice, bob):
    assert set(readers_of(subscribed.pk)) == {alice, bob}


def test_a_breaking_revision_is_announced_once(subscribed, alice, bob):
    publication = revise(subscribed, broken())
    assert announce_revision(publication_id=publication.pk) == 2
    assert announce_revision(publication_id=publication.pk) == 0
    entries = OutboxEntry.objects.filter(topic="api_version.broke")
    assert {entry.payload["user_id"] for entry in entries} == {alice.pk, bob.pk}


def test_what_breaks_nobody_is_not_announced(subscribed):
    document = tides()
    document["paths"]["/ports"] = {"get": {"responses": {"200": {"description": "Them"}}}}
    publication = revise(subscribed, document)
    assert announce_revision(publication_id=publication.pk) == 0


def test_the_mail_names_the_changes_and_the_changelog(subscribed, alice):
    publication = revise(subscribed, broken())
    tasks.mail_breaking_revision(publication.pk, alice.pk)
    [message] = mail.outbox
    assert message.to == [alice.email]
    assert "GET /tides/{port}" in message.body
    assert "Ask Pia" in message.body
    assert "/changelog/" in message.body


def test_the_end_of_a_version_is_told(subscribed, alice):
    day = clock.now().date() + timedelta(days=90)
    catalog.deprecate_version(actor=SYSTEM, version=subscribed, sunset_on=day)
    assert announce_deprecation(version_id=subscribed.pk) == 2
    tasks.mail_version_end(subscribed.pk, alice.pk)
    [message] = mail.outbox
    assert str(subscribed) in message.subject
    catalog.restore_version(actor=SYSTEM, version=subscribed)
    tasks.mail_version_end(subscribed.pk, alice.pk)
    assert len(mail.outbox) == 1
