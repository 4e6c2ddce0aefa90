"""Unmatched traffic, its mapping, and the quarantine, as staff use them."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse

from analytics import foreign
from analytics.events import NO_NAMES, Foreign, Reading
from analytics.formats.own import read
from analytics.intake import receive, store
from analytics.models import DailyRollup, ForeignMapping, QuarantinedRecord
from analytics.reattribution import reattribute
from analytics.rollups import roll_up
from analytics.unmatched import nameless_calls, unmatched_names
from apim.core import clock
from apim.outbox.models import OutboxEntry


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(foreign, "_ids", {})


def line(**fields) -> bytes:
    return json.dumps(
        {
            "id": "call",
            "ts": (clock.now() - timedelta(minutes=1)).isoformat(),
            "type": "DownstreamEnd",
            "method": "GET",
            "path": "/tides/v1/ports",
            "status": 200,
            "duration_ms": 12,
        }
        | fields
    ).encode()


def foreign_calls(installation, names: Foreign, number=1, **fields):
    events = []
    for count in range(number):
        event = read(line(id=f"{names}{count}{fields}"[:120], **fields))
        event.names, event.foreign = NO_NAMES, names
        events.append(event)
    store(gateway=installation.gateway, reading=Reading(events, format="kong"))
    while roll_up():
        pass


def test_unmatched_names_are_shown_with_their_calls_and_statuses(installation, pia_client):
    foreign_calls(installation, Foreign("c1", "someone", "r1", "weather"), 3, path="/w/x")
    foreign_calls(installation, Foreign("c1", "someone", "r1", "weather"), 2, status=503)
    page = pia_client.get("/dashboard/unmatched/").content.decode()
    assert "weather" in page
    assert "3 successful" in page
    assert "2 failed (5xx)" in page
    [name] = [one for one in unmatched_names() if one.kind == "consumer"]
    assert (name.calls, name.succeeded, name.failed) == (5, 3, 2)


def suggested(kind):
    [name] = [one for one in unmatched_names() if one.kind == kind]
    return name.suggestion and name.suggestion.target


def test_the_likely_meaning_is_suggested(installation):
    foreign_calls(installation, Foreign("legacy-id", "harbour-board", "route-7", "svc-9"))
    assert suggested("consumer") == installation.application.public_id
    assert suggested("route") == installation.version.public_id  # by the path of its calls
    ForeignMapping.objects.all().delete()


@pytest.mark.parametrize("service", ["tides-v1", "Tides_API.v1", "tides"])
def test_a_service_is_known_by_the_name_of_the_api(installation, service):
    foreign_calls(installation, Foreign(service=service), path="/elsewhere")
    assert suggested("service") == installation.version.public_id


def test_a_credential_is_known_by_its_last_four_characters(installation):
    foreign_calls(installation, Foreign(credential=f"masked****{installation.key.last4}"))
    assert suggested("credential") == installation.key.public_id


def test_what_could_be_two_things_is_not_suggested(installation):
    installation.application.__class__.objects.create(
        organization=installation.organization, name="Harbour Board"
    )
    foreign_calls(installation, Foreign(consumer="harbour-board"))
    assert suggested("consumer") is None


def test_one_click_accepts_and_stored_calls_follow(installation, pia_client):
    foreign_calls(installation, Foreign(consumer="harbour-board", service="tides-v1"), 4)
    for name in unmatched_names():
        answer = pia_client.post(
            reverse("dashboard:mapping-accept"),
            {
                "gateway": name.gateway_id,
                "kind": name.kind,
                "value": name.value,
                "target": name.suggestion.target,
            },
        )
        assert answer.status_code == 302
    assert OutboxEntry.objects.filter(topic="foreign_mapping.changed").count() == 2
    reattribute(installation.gateway.pk)
    rollup = DailyRollup.objects.get(organization_id=installation.organization.pk)
    assert rollup.calls == 4
    assert unmatched_names() == ()
    assert "Harbour board" in pia_client.get("/dashboard/mappings/").content.decode()


def test_a_mapping_is_made_changed_and_removed_by_forms(installation, pia_client):
    values = {
        "gateway": installation.gateway.public_id,
        "kind": "service",
        "value": "legacy",
        "target": "nonsense",
    }
    refused = pia_client.post("/dashboard/mappings/new/", values)
    assert refused.status_code == 422
    assert "an API version (ver_…)" in refused.content.decode()
    values["target"] = installation.version.public_id
    assert pia_client.post("/dashboard/mappings/new/", values).status_code == 302
    mapping = ForeignMapping.objects.get()
    edit = reverse("dashboard:mapping-edit", args=[mapping.public_id])
    operation = installation.version.operations.first()
    assert pia_client.post(edit, {"target": operation.public_id}).status_code == 302
    changed = ForeignMapping.objects.active().get()
    assert (changed.value, changed.operation) == ("legacy", operation)
    assert pia_client.get(edit).status_code == 404  # the former one
    remove = reverse("dashboard:mapping-remove", args=[changed.public_id])
    assert pia_client.post(remove).status_code == 302
    assert not ForeignMapping.objects.active().exists()


def test_calls_without_any_name_are_only_counted(installation, pia_client):
    foreign_calls(installation, Foreign(), 2)
    assert unmatched_names() == ()
    assert nameless_calls() == 2
    assert "2 calls of the last 30 days" in pia_client.get("/dashboard/unmatched/").content.decode()


def quarantine(installation, **fields) -> QuarantinedRecord:
    receive(gateway=installation.gateway, body=line(**fields))
    return QuarantinedRecord.objects.latest("id")


def test_records_are_listed_by_reason(installation, pia_client):
    quarantine(installation, id="a", ts="yesterday")
    quarantine(installation, id="b", ts="2020-01-01T00:00:00Z")
    codes = set(QuarantinedRecord.objects.values_list("code", flat=True))
    assert len(codes) == 2
    for code in codes:
        page = pia_client.get("/dashboard/usage/quarantine/", {"code": code})
        assert len(page.context["page"].object_list) == 1


def test_a_corrected_record_is_counted_once_and_kept_as_it_came(installation, pia_client):
    record = quarantine(installation, id="a", ts="yesterday")
    url = reverse("dashboard:quarantined-record", args=[record.pk])
    corrected = json.loads(line(id="a"))
    values = {"raw": json.dumps(corrected, indent=2), "format": "own"}
    assert pia_client.post(url, values).status_code == 302
    record.refresh_from_db()
    assert record.replayed_at
    assert json.loads(record.original)["ts"] == "yesterday"
    while roll_up():
        pass
    assert DailyRollup.objects.get().calls == 1
    pia_client.post(url, values)
    while roll_up():
        pass
    assert DailyRollup.objects.get().calls == 1
    assert QuarantinedRecord.objects.count() == 1


def test_a_correction_that_is_still_wrong_says_why_and_adds_no_record(installation, pia_client):
    record = quarantine(installation, id="a", ts="yesterday")
    url = reverse("dashboard:quarantined-record", args=[record.pk])
    raw = json.dumps({"id": "a", "api_key": "very-secret-value", "ts": "tomorrow"})
    answer = pia_client.post(url, {"raw": raw, "format": "own"}, follow=True)
    assert "Still refused" in answer.content.decode()
    record = QuarantinedRecord.objects.get()
    assert record.replayed_at is None
    assert "very-secret-value" not in record.raw


def test_all_records_of_a_gateway_are_tried_in_the_background(installation, pia_client):
    from analytics.tasks import replay_quarantine  # noqa: PLC0415

    for number in range(3):
        record = quarantine(installation, id=f"a{number}", ts="yesterday")
        QuarantinedRecord.objects.filter(pk=record.pk).update(raw=line(id=f"a{number}").decode())
    pia_client.post(
        reverse("dashboard:quarantine-replay"), {"gateway": installation.gateway.public_id}
    )
    entry = OutboxEntry.objects.get(topic="quarantine.replay_asked")
    replay_quarantine(**entry.payload)
    assert not QuarantinedRecord.objects.waiting().exists()


def test_gateways_show_how_they_deliver(installation, pia_client):
    installation.call(3)
    quarantine(installation, id="a", ts="yesterday")
    page = pia_client.get("/dashboard/gateways/").content.decode()
    assert "1 record could not be counted" in page
    assert ">3</td>" in page
    assert "own" in page


def test_the_page_of_usage_tells_how_much_came_late_or_with_an_unknown_key(
    installation, pia_client
):
    late = clock.now() - timedelta(hours=2)
    if late.date() != clock.now().date():
        pytest.skip("two hours ago was yesterday")
    body = b"\n".join(
        [*(line(id=f"late-{n}", ts=late.isoformat()) for n in range(3)),
         *(line(id=f"odd-{n}", key="key_unknown00000000001", decision="allowed", upstream_ms=9) for n in range(7))]
    )  # fmt: skip
    receive(gateway=installation.gateway, body=body)
    page = pia_client.get(reverse("dashboard:usage")).content.decode()
    facts = re.findall(r"<dt[^>]*>([^<]+)</dt>\s*<dd[^>]*>\s*([^<]*?)\s*</dd>", page)
    assert dict(facts)["Without a known key today"] == "7"
    assert dict(facts)["Late today"] == "3"


def test_the_page_of_usage_says_that_a_country_has_a_total_time_only(installation, pia_client):
    address = reverse("dashboard:usage")
    said = "only the total time is kept"
    assert said in pia_client.get(address, {"country": "DE"}).content.decode()
    assert said not in pia_client.get(address).content.decode()
