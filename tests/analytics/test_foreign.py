"""A foreign gateway's own names: believed where they are ours, kept while they are unknown."""

import pytest

from analytics import foreign, rollups
from analytics.events import NO_FOREIGN, NO_NAMES, Foreign, Reading
from analytics.formats.own import read
from analytics.intake import store
from analytics.models import Attribution, DailyRollup, ForeignNames
from tests.analytics.lines import ndjson

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(foreign, "_ids", {})


def event(world, names, **fields):
    event = read(ndjson([world.line(**fields)]))
    event.names, event.foreign = NO_NAMES, names
    return event


def deliver(world, *events):
    receipt = store(gateway=world.gateway, reading=Reading(list(events)))
    while rollups.roll_up():
        pass
    return receipt


def test_unknown_names_are_kept_and_counted_by_combination(world):
    kong = Foreign("cred-1", "acme", "tides-route", "tides")
    deliver(world, event(world, kong), event(world, kong), event(world, Foreign(consumer="b")))
    deliver(world, event(world, kong))
    row = ForeignNames.objects.get(consumer="acme")
    assert (row.gateway_id, row.credential, row.service) == (world.gateway.pk, "cred-1", "tides")
    attributions = Attribution.objects.filter(foreign_id=row.pk)
    counted = DailyRollup.objects.filter(attribution_id__in=attributions.values("pk"))
    assert [rollup.calls for rollup in counted] == [3]
    assert ForeignNames.objects.count() == 2


def test_a_credential_that_is_our_key_needs_no_mapping(world):
    deliver(world, event(world, Foreign(credential=world.customer.key.public_id)))
    attribution = Attribution.objects.get()
    assert attribution.key_id == world.customer.key.pk
    assert attribution.organization_id == world.customer.organization.pk


def test_a_call_that_is_matched_in_full_keeps_no_foreign_names(world):
    call = event(world, Foreign(credential=world.customer.key.public_id, route="r"))
    call.names = NO_NAMES._replace(version=world.version.public_id)
    deliver(world, call)
    assert Attribution.objects.get().foreign_id is None
    assert ForeignNames.objects.count() == 0


def test_callers_cannot_make_up_names_without_end(world, monkeypatch):
    monkeypatch.setattr(foreign, "MAX_PER_GATEWAY", 3)
    deliver(world, *(event(world, Foreign(credential=f"made-up-{n}")) for n in range(8)))
    assert ForeignNames.objects.count() == 4
    nameless = ForeignNames.objects.get(credential="")
    beyond = Attribution.objects.get(foreign_id=nameless.pk)
    assert DailyRollup.objects.get(attribution_id=beyond.pk).calls == 5


def test_a_call_without_foreign_names_has_none(world):
    deliver(world, event(world, NO_FOREIGN))
    assert Attribution.objects.get().foreign_id is None
