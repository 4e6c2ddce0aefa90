"""Issuing: the secret is shown once, only a peppered hash stays."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from apim.accounts.models import Organization
from apim.audit.models import AuditEvent
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.keys import secrets, services
from apim.keys.errors import ApplicationNotActive, KeyNotActive, OrganizationSuspended
from apim.keys.models import ApiKey

pytestmark = pytest.mark.django_db


def _everything_stored() -> str:
    """All rows of all our tables as text."""
    parts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608  names from the catalog
            parts.extend(row[0] for row in cursor.fetchall())
    return "\n".join(parts)


def test_the_secret_is_nowhere_in_the_database(actor, application):
    issued = services.issue_key(actor=actor, application=application)
    stored = _everything_stored()
    assert issued.key.digest in stored
    assert issued.secret not in stored
    assert secrets.parse(issued.secret).random not in stored


def test_the_stored_digest_is_the_secrets_hmac(actor, application):
    issued = services.issue_key(actor=actor, application=application, environment="test")
    assert issued.key.digest == secrets.digest(issued.secret, settings.APIM_KEY_PEPPER)
    assert issued.secret.startswith("ak_test_")
    assert issued.secret.startswith(issued.key.start)
    assert issued.secret.endswith(issued.key.last4)


def test_the_current_pepper_hashes_new_keys(actor, application, settings):
    settings.APIM_KEY_PEPPER = "2:new-pepper,1:old-pepper"
    issued = services.issue_key(actor=actor, application=application)
    assert issued.key.pepper_version == 2
    assert issued.key.digest == secrets.digest(issued.secret, "new-pepper")


def test_printing_an_issued_key_does_not_show_the_secret(actor, application):
    issued = services.issue_key(actor=actor, application=application)
    assert issued.secret not in repr(issued)


def test_issuing_is_audited_and_told(actor, application, published):
    issued = services.issue_key(actor=actor, application=application, name="Quay 3")
    event = AuditEvent.objects.get(action="key.issued")
    assert event.object_id == issued.key.public_id
    assert event.organization_id == application.organization_id
    assert event.after["name"] == "Quay 3"
    assert published() == ["key.issued"]


def test_an_environment_of_another_name_is_refused(actor, application):
    with pytest.raises(InvalidInput) as refusal:
        services.issue_key(actor=actor, application=application, environment="prod")
    assert "environment" in refusal.value.fields
    assert not ApiKey.objects.exists()


def test_an_expiry_in_the_past_is_refused(actor, application):
    with pytest.raises(InvalidInput) as refusal:
        services.issue_key(actor=actor, application=application, expires_at=clock.now())
    assert "expires_at" in refusal.value.fields


def test_a_name_longer_than_the_column_is_refused(actor, application):
    with pytest.raises(InvalidInput) as refusal:
        services.issue_key(actor=actor, application=application, name="n" * 81)
    assert "name" in refusal.value.fields


def test_a_suspended_organization_gets_no_key(actor, application):
    Organization.objects.update(state=Organization.State.SUSPENDED)
    with pytest.raises(OrganizationSuspended):
        services.issue_key(actor=actor, application=application)


@pytest.mark.parametrize("end", [services.suspend_application, services.delete_application])
def test_an_application_that_may_not_call_gets_no_key(actor, application, end):
    end(actor=actor, application=application)
    with pytest.raises(ApplicationNotActive):
        services.issue_key(actor=actor, application=application)


def test_revoking_stops_the_key_for_good(actor, key, published):
    services.revoke_key(actor=actor, key=key)
    key.refresh_from_db()
    assert key.status == ApiKey.Status.REVOKED
    assert key.revoked_at is not None
    assert published() == ["key.revoked"]
    with pytest.raises(KeyNotActive):
        services.revoke_key(actor=actor, key=key)
    assert AuditEvent.objects.filter(action="key.revoked").count() == 1


def test_renaming_is_audited_once_and_only_when_the_name_changes(actor, key):
    services.update_key(actor=actor, key=key, name="Quay 4")
    services.update_key(actor=actor, key=key, name="Quay 4")
    event = AuditEvent.objects.get(action="key.renamed")
    assert (event.before, event.after) == ({"name": "Quay 3"}, {"name": "Quay 4"})


def test_mark_used_never_goes_back_in_time(actor, application):
    now = clock.now()
    early, late = (services.issue_key(actor=actor, application=application).key for _ in range(2))
    assert ApiKey.objects.mark_used({early.pk: now, late.pk: now}) == 2
    before = now - timedelta(minutes=5)
    after = now + timedelta(minutes=5)
    assert ApiKey.objects.mark_used({early.pk: before, late.pk: after}) == 1
    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.last_used_at, late.last_used_at) == (now, after)


def test_mark_used_of_nothing_and_of_unknown_keys_changes_nothing(db):
    assert ApiKey.objects.mark_used({}) == 0
    assert ApiKey.objects.mark_used({987654321: clock.now()}) == 0
