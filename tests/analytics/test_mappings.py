"""A foreign name that is mapped counts for what it stands for: new calls and stored ones."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Sum

from analytics import foreign, mappings, reattribution, rollups
from analytics.aggregation import ALL_TABLES
from analytics.events import NO_NAMES, Foreign, Reading
from analytics.formats.own import read
from analytics.intake import store
from analytics.models import Attribution, DailyRollup, ForeignMapping, UsageEvent
from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.core.errors import DomainError, InvalidInput
from apim.keys.models import Subscription
from tests.analytics.lines import ndjson

pytestmark = pytest.mark.django_db

KONG = Foreign("cred-1", "acme", "tides-route", "tides")
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
YESTERDAY = NOON - timedelta(days=1)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(foreign, "_ids", {})


@pytest.fixture(autouse=True)
def _subscribed_long_ago(world):
    Subscription.objects.update(activated_at=NOON - timedelta(days=30))


def event(world, names=KONG, **fields):
    call = read(ndjson([world.line(**fields)]))
    call.names, call.foreign = NO_NAMES, names
    return call


def deliver(world, *events, roll_up=True):
    store(gateway=world.gateway, reading=Reading(list(events), format="kong"))
    while roll_up and rollups.roll_up():
        pass


def map_to(world, kind, value, target):
    return mappings.set_mapping(
        actor=SYSTEM, gateway=world.gateway, kind=kind, value=value, target=target.public_id
    )


def map_everything(world):
    map_to(world, "consumer", "acme", world.customer.application)
    map_to(world, "service", "tides", world.version)


def calls_by(column):
    ids = Attribution.objects.values_list("pk", column)
    found = {}
    for pk, value in ids:
        calls = DailyRollup.objects.filter(attribution_id=pk).aggregate(n=Sum("calls"))["n"]
        if calls:
            found[value] = found.get(value, 0) + calls
    return found


def rebuild_agrees(*days):
    return all(rollups.rebuild_rollups(day, check_only=True).is_equal for day in days)


def test_new_calls_count_for_what_their_names_stand_for(world):
    map_everything(world)
    deliver(world, event(world))
    found = Attribution.objects.get()
    assert found.application_id == world.customer.application.pk
    assert found.subscription_id == world.customer.subscription.pk
    assert found.plan_id == world.plan.pk
    assert found.operation_id == world.list_tides.pk
    assert found.environment == "live"


def test_the_narrower_name_wins(world, charlie):
    map_to(world, "consumer", "acme", charlie.application)
    map_to(world, "credential", "cred-1", world.customer.key)
    map_to(world, "service", "tides", world.version)
    map_to(world, "route", "tides-route", world.get_tide)
    deliver(world, event(world, path="/anything"))
    found = Attribution.objects.get()
    assert found.key_id == world.customer.key.pk
    assert found.operation_id == world.get_tide.pk


def test_stored_calls_follow_with_every_sum_and_operation(world):
    days = [YESTERDAY.date(), (YESTERDAY - timedelta(days=3)).date()]
    for at in (YESTERDAY, YESTERDAY - timedelta(days=3)):
        deliver(
            world,
            event(world, at=at, status=200),
            event(world, at=at, status=500, path="/tides/v1/tides/kiel"),
            event(world, at=at, path="/elsewhere", user_agent="Mozilla/5.0 Firefox/1"),
            event(world, Foreign(consumer="other"), at=at),
        )
    map_everything(world)
    assert reattribution.reattribute(world.gateway.pk) == 2
    assert calls_by("subscription_id") == {world.customer.subscription.pk: 6, None: 2}
    operations = calls_by("operation_id")
    assert operations == {world.list_tides.pk: 2, world.get_tide.pk: 2, None: 4}
    assert rebuild_agrees(*days)
    assert reattribution.reattribute(world.gateway.pk) == 0
    mapped = UsageEvent.objects.filter(organization_id=world.customer.organization.pk)
    assert [call.flags for call in mapped] == [1] * 6  # late, and not unattributed any more


def test_calls_that_wait_for_their_roll_up_follow_too(world):
    deliver(world, event(world, at=YESTERDAY))
    deliver(world, event(world, at=YESTERDAY), roll_up=False)
    map_everything(world)
    reattribution.reattribute(world.gateway.pk)
    while rollups.roll_up():
        pass
    assert calls_by("subscription_id") == {world.customer.subscription.pk: 2}
    assert rebuild_agrees(YESTERDAY.date())


def sums_of_all_tables():
    found = {}
    with connection.cursor() as cursor:
        for table in ALL_TABLES:
            cursor.execute(
                "SELECT sum(calls), sum(duration_us), sum(cost), sum((SELECT sum(e & (1::bigint << 40)"  # noqa: S608
                f" - 1) FROM unnest(latency) e)) FROM {table.name}"
            )
            found[table.name] = cursor.fetchone()
    return found


def test_sums_of_days_without_raw_calls_follow_as_they_are(world):
    deliver(world, event(world, at=YESTERDAY), event(world, at=YESTERDAY, method="POST"))
    deliver(world, event(world, KONG._replace(credential="cred-2"), at=YESTERDAY))
    before = sums_of_all_tables()
    UsageEvent.objects.all().delete()
    map_everything(world)
    assert reattribution.reattribute(world.gateway.pk) == 1
    assert sums_of_all_tables() == before
    assert calls_by("subscription_id") == {world.customer.subscription.pk: 3}
    assert calls_by("operation_id") == {None: 3}


def test_a_wrong_mapping_can_be_put_right(world, charlie):
    Subscription.objects.update(activated_at=NOON - timedelta(days=30))
    deliver(world, event(world, at=YESTERDAY))
    map_everything(world)
    reattribution.reattribute(world.gateway.pk)
    map_to(world, "consumer", "acme", charlie.application)
    reattribution.reattribute(world.gateway.pk)
    assert calls_by("organization_id") == {charlie.organization.pk: 1}
    assert calls_by("subscription_id") == {charlie.subscription.pk: 1}
    mapping = ForeignMapping.objects.active().get(kind="consumer")
    mappings.remove_mapping(actor=SYSTEM, mapping=mapping)
    reattribution.reattribute(world.gateway.pk)
    assert calls_by("organization_id") == {None: 1}
    assert rebuild_agrees(YESTERDAY.date())


def test_a_death_between_moves_leaves_whole_days(world, monkeypatch):
    deliver(world, event(world, at=YESTERDAY), event(world, at=YESTERDAY - timedelta(days=1)))
    map_everything(world)
    whole = reattribution._move_events
    done = []

    def dies(day, steps):
        whole(day, steps)
        done.append(day)
        if len(done) == 2:
            raise SystemExit

    monkeypatch.setattr(reattribution, "_move_events", dies)
    with pytest.raises(SystemExit):
        reattribution.reattribute(world.gateway.pk)
    assert calls_by("subscription_id") == {world.customer.subscription.pk: 1, None: 1}
    monkeypatch.setattr(reattribution, "_move_events", whole)
    reattribution.reattribute(world.gateway.pk)
    assert calls_by("subscription_id") == {world.customer.subscription.pk: 2}
    assert rebuild_agrees(YESTERDAY.date(), (YESTERDAY - timedelta(days=1)).date())


def test_calls_before_the_subscription_are_not_put_on_its_bill(world):
    Subscription.objects.update(activated_at=NOON)
    deliver(world, event(world, at=YESTERDAY))
    map_everything(world)
    reattribution.reattribute(world.gateway.pk)
    assert calls_by("subscription_id") == {None: 1}
    assert calls_by("application_id") == {world.customer.application.pk: 1}


def test_another_gateway_with_the_same_names_is_left_alone(world):
    from tests.analytics.lines import make_gateway  # noqa: PLC0415

    other = make_gateway("Kong 2")
    store(gateway=other, reading=Reading([event(world, at=YESTERDAY)]))
    while rollups.roll_up():
        pass
    map_everything(world)
    reattribution.reattribute_all()
    assert calls_by("organization_id") == {None: 1}


@pytest.mark.parametrize("kind", ["credential", "consumer", "route", "service"])
def test_a_name_stands_only_for_what_fits_it(world, kind):
    wrong = world.version if kind in {"credential", "consumer"} else world.customer.key
    with pytest.raises(InvalidInput) as refusal:
        map_to(world, kind, "x", wrong)
    assert "target" in refusal.value.fields


def test_unknown_targets_and_names_are_refused(world):
    for values in (
        {"kind": "route", "value": "r", "target": "ver_unknown"},
        {"kind": "no-kind", "value": "r", "target": world.version.public_id},
        {"kind": "route", "value": " ", "target": world.version.public_id},
        {"kind": "route", "value": "a\x00b", "target": world.version.public_id},
    ):
        with pytest.raises(DomainError):
            mappings.set_mapping(actor=SYSTEM, gateway=world.gateway, **values)


def test_each_change_is_in_the_audit_log_and_the_same_again_is_none(world):
    first = map_to(world, "service", "tides", world.version)
    assert map_to(world, "service", "tides", world.version) == first
    mappings.remove_mapping(actor=SYSTEM, mapping=first)
    actions = AuditEvent.objects.filter(object_id=first.public_id).order_by("id")
    assert [one.action for one in actions] == ["foreign_mapping.set", "foreign_mapping.removed"]
