"""People are told 30, 7 and 1 days before a key expires, once each, and never of a rotated key."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail

from apim.accounts.viewers import actor_for
from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.keys import services
from apim.keys.models import KeyNotice
from apim.keys.tasks import mail_expiry
from apim.outbox.models import OutboxEntry
from tests.apim.gateway.world import make_version

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def clock_at():
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def application(clock_at, acme):
    return services.create_application(actor=SYSTEM, organization=acme, name="Board")


def issue(application, days, actor=SYSTEM):
    return services.issue_key(
        actor=actor, application=application, name="Quay", expires_at=clock.now() + days * DAY
    ).key


def announced():
    services.announce_expiries()
    return sorted(KeyNotice.objects.values_list("days", flat=True))


def test_a_key_is_announced_at_each_of_the_three_times_once(clock_at, application):
    issue(application, 100)
    assert announced() == []
    clock_at.shift(70 * DAY)
    assert announced() == [30]
    assert announced() == [30]
    clock_at.shift(23 * DAY)
    assert announced() == [7, 30]
    clock_at.shift(6 * DAY)
    assert announced() == [1, 7, 30]
    clock_at.shift(DAY)
    assert announced() == [1, 7, 30]


def test_after_a_long_silence_only_the_nearest_is_told(clock_at, application):
    issue(application, 100)
    clock_at.shift(95 * DAY)
    assert announced() == [7]


def test_a_key_made_for_a_month_is_not_announced_on_its_first_day(clock_at, application):
    issue(application, 30)
    assert announced() == []
    clock_at.shift(23 * DAY)
    assert announced() == [7]


def test_rotated_and_revoked_keys_are_not_announced(clock_at, application):
    rotated, revoked = issue(application, 100), issue(application, 100)
    clock_at.shift(75 * DAY)
    services.rotate_key(actor=SYSTEM, key=rotated, grace=20 * DAY)
    services.revoke_key(actor=SYSTEM, key=revoked)
    assert announced() == []


def test_owners_and_the_creator_are_told_each_by_one_entry(clock_at, application, alice, bob):
    issue(application, 100, actor=actor_for(bob))
    clock_at.shift(75 * DAY)
    services.announce_expiries()
    entries = OutboxEntry.objects.filter(topic="key.expires_soon")
    assert sorted(entry.payload["user_id"] for entry in entries) == sorted([alice.pk, bob.pk])


def test_a_creator_who_left_is_not_told(clock_at, application, bob, acme):
    issue(application, 100, actor=actor_for(bob))
    acme.memberships.filter(user=bob).delete()
    clock_at.shift(75 * DAY)
    services.announce_expiries()
    entries = OutboxEntry.objects.filter(topic="key.expires_soon")
    assert bob.pk not in [entry.payload["user_id"] for entry in entries]


def test_the_mail_names_api_plan_application_and_the_page_to_rotate(
    clock_at, application, alice, product, plan
):
    product.versions.add(make_version(upstream_url="http://127.0.0.1:9"))
    services.subscribe(actor=SYSTEM, application=application, plan=plan)
    key = issue(application, 5)
    alice.time_zone = "Europe/Berlin"
    alice.save()
    mail_expiry(key.pk, alice.pk)
    (sent,) = mail.outbox
    assert sent.subject == "API key Quay of Board expires soon"
    for part in ("Quay", str(key), "Board", "Tides", "Starter", "13:00 CET"):
        assert part in sent.body, part
    assert f"/keys/{key.public_id}/rotate/" in sent.body


def test_a_key_that_was_rotated_meanwhile_is_not_written_about(clock_at, application, alice):
    key = issue(application, 5)
    services.rotate_key(actor=SYSTEM, key=key, grace=DAY)
    mail_expiry(key.pk, alice.pk)
    assert mail.outbox == []
