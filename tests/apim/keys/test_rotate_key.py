"""Rotation: the old key goes on for the chosen grace, never longer, and only once."""

from datetime import timedelta

import pytest
import time_machine

from apim.accounts.models import Organization
from apim.audit.models import AuditEvent
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.keys import services
from apim.keys.errors import (
    GraceAlreadyExtended,
    KeyAlreadyRotated,
    KeyNotActive,
    KeyNotInGrace,
    OrganizationSuspended,
)
from apim.keys.models import ApiKey

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
START = "2026-03-01T12:00:00Z"


@pytest.fixture
def clock_at():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def test_rotated_key_keeps_working_until_grace_ends(clock_at, actor, key):
    issued = services.rotate_key(actor=actor, key=key, grace=HOUR)
    key.refresh_from_db()
    assert key.status == ApiKey.Status.GRACE
    assert key.successor == issued.key
    clock_at.shift(HOUR - timedelta(seconds=1))
    assert key.is_usable
    assert key in ApiKey.objects.usable(clock.now())
    clock_at.shift(timedelta(seconds=1))
    assert key.status == ApiKey.Status.EXPIRED
    assert list(ApiKey.objects.usable(clock.now())) == [issued.key]


def test_successor_takes_over_name_and_environment(actor, application):
    old = services.issue_key(
        actor=actor, application=application, environment="test", name="Quay 3"
    ).key
    new = services.rotate_key(actor=actor, key=old, grace=HOUR).key
    assert (new.name, new.environment, new.application) == ("Quay 3", "test", application)
    assert new.digest != old.digest


def test_a_grace_of_zero_revokes_the_old_key_at_once(actor, key, published):
    services.rotate_key(actor=actor, key=key, grace=timedelta(0))
    key.refresh_from_db()
    assert key.status == ApiKey.Status.REVOKED
    assert published() == ["key.issued", "key.revoked"]


def test_rotation_tells_of_both_keys_and_is_audited(actor, key, published):
    issued = services.rotate_key(actor=actor, key=key, grace=DAY)
    assert published() == ["key.issued", "key.rotated"]
    event = AuditEvent.objects.get(action="key.rotated")
    assert event.object_id == key.public_id
    assert event.after["successor"] == issued.key.public_id


def test_grace_never_goes_past_the_keys_own_expiry(clock_at, actor, application):
    expires_at = clock.now() + 2 * HOUR
    key = services.issue_key(actor=actor, application=application, expires_at=expires_at).key
    services.rotate_key(actor=actor, key=key, grace=DAY)
    key.refresh_from_db()
    assert key.expires_at == expires_at


def test_successor_of_an_expiring_key_lives_as_long_as_it_did(clock_at, actor, application):
    key = services.issue_key(
        actor=actor, application=application, expires_at=clock.now() + 10 * DAY
    ).key
    clock_at.shift(9 * DAY)
    new = services.rotate_key(actor=actor, key=key, grace=HOUR).key
    assert new.expires_at == clock.now() + 10 * DAY


def test_successor_of_an_unlimited_key_is_unlimited(actor, key):
    assert services.rotate_key(actor=actor, key=key, grace=HOUR).key.expires_at is None


@pytest.mark.parametrize("grace", [timedelta(seconds=-1), timedelta(days=30, seconds=1)])
def test_a_grace_outside_now_to_thirty_days_is_refused(actor, key, grace):
    with pytest.raises(InvalidInput) as refusal:
        services.rotate_key(actor=actor, key=key, grace=grace)
    assert "grace" in refusal.value.fields
    assert ApiKey.objects.count() == 1


def test_thirty_days_are_accepted(actor, key):
    services.rotate_key(actor=actor, key=key, grace=30 * DAY)


def test_a_key_rotated_twice_is_refused(actor, key):
    services.rotate_key(actor=actor, key=key, grace=DAY)
    with pytest.raises(KeyAlreadyRotated):
        services.rotate_key(actor=actor, key=key, grace=DAY)
    assert ApiKey.objects.count() == 2


def test_a_successor_can_be_rotated_in_turn(actor, key):
    second = services.rotate_key(actor=actor, key=key, grace=DAY).key
    third = services.rotate_key(actor=actor, key=second, grace=DAY).key
    assert ApiKey.objects.usable(clock.now()).count() == 3
    assert third.predecessor.predecessor == key


def test_a_revoked_key_cannot_be_rotated(actor, key):
    services.revoke_key(actor=actor, key=key)
    with pytest.raises(KeyNotActive):
        services.rotate_key(actor=actor, key=key, grace=HOUR)


def test_an_expired_key_cannot_be_rotated(clock_at, actor, application):
    key = services.issue_key(
        actor=actor, application=application, expires_at=clock.now() + HOUR
    ).key
    clock_at.shift(HOUR)
    with pytest.raises(KeyNotActive):
        services.rotate_key(actor=actor, key=key, grace=HOUR)


def test_a_suspended_organization_cannot_rotate_but_can_revoke(actor, key):
    Organization.objects.update(state=Organization.State.SUSPENDED)
    with pytest.raises(OrganizationSuspended):
        services.rotate_key(actor=actor, key=key, grace=HOUR)
    services.revoke_key(actor=actor, key=key)


def test_grace_can_be_extended(clock_at, actor, key, published):
    services.rotate_key(actor=actor, key=key, grace=HOUR)
    services.extend_grace(actor=actor, key=key, grace=DAY)
    key.refresh_from_db()
    assert key.expires_at == clock.now() + DAY
    assert published()[-1] == "key.changed"


def test_extension_stops_thirty_days_after_the_rotation(clock_at, actor, key):
    services.rotate_key(actor=actor, key=key, grace=7 * DAY)
    rotated_at = clock.now()
    clock_at.shift(6 * DAY)
    services.extend_grace(actor=actor, key=key, grace=30 * DAY)
    key.refresh_from_db()
    assert key.expires_at == rotated_at + 30 * DAY


def test_extension_stops_at_the_keys_own_expiry(clock_at, actor, application):
    own = clock.now() + 3 * HOUR
    key = services.issue_key(actor=actor, application=application, expires_at=own).key
    services.rotate_key(actor=actor, key=key, grace=HOUR)
    services.extend_grace(actor=actor, key=key, grace=DAY)
    key.refresh_from_db()
    assert key.expires_at == own


def test_a_grace_is_extended_only_once(actor, key):
    services.rotate_key(actor=actor, key=key, grace=HOUR)
    services.extend_grace(actor=actor, key=key, grace=DAY)
    with pytest.raises(GraceAlreadyExtended):
        services.extend_grace(actor=actor, key=key, grace=2 * DAY)


def test_extension_never_shortens(actor, key):
    services.rotate_key(actor=actor, key=key, grace=DAY)
    with pytest.raises(KeyNotInGrace):
        services.extend_grace(actor=actor, key=key, grace=HOUR)


def test_a_grace_that_is_over_cannot_be_extended(clock_at, actor, key):
    services.rotate_key(actor=actor, key=key, grace=HOUR)
    clock_at.shift(HOUR)
    with pytest.raises(KeyNotInGrace):
        services.extend_grace(actor=actor, key=key, grace=DAY)


def test_grace_can_be_ended_at_once(actor, key, published):
    services.rotate_key(actor=actor, key=key, grace=DAY)
    services.end_grace_now(actor=actor, key=key)
    key.refresh_from_db()
    assert key.status == ApiKey.Status.REVOKED
    assert published()[-1] == "key.revoked"
    assert AuditEvent.objects.filter(action="key.grace_ended").exists()


@pytest.mark.parametrize(
    "change", [services.end_grace_now, lambda **k: services.extend_grace(grace=DAY, **k)]
)
def test_a_key_without_a_successor_has_no_grace(actor, key, change):
    with pytest.raises(KeyNotInGrace):
        change(actor=actor, key=key)
