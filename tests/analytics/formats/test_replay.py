"""What was quarantined in a dialect is replayed in it."""

import gzip
import json
from datetime import timedelta

import pytest

from analytics.formats import registry
from analytics.intake import receive
from analytics.models import QuarantinedRecord, UsageEvent
from analytics.services import replay_quarantined
from tests.analytics.formats import samples
from tests.analytics.formats.protobuf_writer import export_request
from tests.analytics.formats.samples import MS, START, but
from tests.analytics.lines import make_gateway

pytestmark = pytest.mark.django_db

OLD = START - timedelta(days=40)
OLD_MS = MS - 40 * 86_400_000

TOO_OLD = {
    "kong": json.dumps(but(samples.KONG, started_at=OLD_MS)).encode(),
    "tyk": json.dumps(but(samples.TYK, event__time_stamp=OLD.isoformat())).encode(),
    "aws": samples.firehose(
        gzip.compress(json.dumps(but(samples.AWS, requestTimeEpoch=str(OLD_MS))).encode())
    ),
    "gravitee": samples.bulk(but(samples.GRAVITEE_DOCUMENT, **{"@timestamp": OLD.isoformat()})),
    "otlp": json.dumps(
        samples.otlp(but(samples.OTLP_RECORD, timeUnixNano=str(OLD_MS * 10**6)))
    ).encode(),
    "3scale": samples.threescale({"[user_key]": "abc", "[timestamp]": OLD.isoformat()}),
}


@pytest.mark.parametrize("name", TOO_OLD)
def test_a_record_that_came_too_late_is_replayed_once_as_what_it_was(name, settings):
    settings.APIM_USAGE_RETENTION_DAYS = 60
    gateway = make_gateway("Foreign")
    assert (
        receive(gateway=gateway, body=TOO_OLD[name], read=registry.READERS[name]).quarantined == 1
    )
    record = QuarantinedRecord.objects.get()
    assert (record.code, record.format) == ("too_old", name)
    for _ in range(2):
        replay_quarantined(record=record, max_age=timedelta(days=60))
    event = UsageEvent.objects.get()
    direct = registry.READERS[name](TOO_OLD[name]).events[0]
    assert event.occurred_at == direct.occurred_at
    if name != "3scale":  # whose ids are made when a report comes in
        assert event.event_id == direct.event_id


def test_a_protobuf_record_is_kept_as_text_and_replayed(settings):
    settings.APIM_USAGE_RETENTION_DAYS = 60
    gateway = make_gateway("Foreign")
    body = export_request(samples.otlp(but(samples.OTLP_RECORD, timeUnixNano=str(OLD_MS * 10**6))))
    receive(gateway=gateway, body=body, read=registry.read_otlp_protobuf)
    receipt = replay_quarantined(record=QuarantinedRecord.objects.get(), max_age=timedelta(days=60))
    assert receipt.accepted == 1
