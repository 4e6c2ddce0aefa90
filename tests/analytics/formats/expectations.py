"""What a record must become, said by the names of what is stored."""

import json
from datetime import timedelta

from analytics.formats import registry
from tests.analytics.formats.samples import START

_FOREIGN = ("credential", "consumer", "route", "service")


def body_of(record) -> bytes:
    return record if isinstance(record, bytes) else json.dumps(record).encode()


def only_call(name: str, record):
    reading = registry.READERS[name](body_of(record))
    assert reading.rejected == [], [(one.code, one.message) for one in reading.rejected]
    assert (len(reading.events), reading.ignored) == (1, 0), reading
    return reading.events[0]


def assert_becomes(name: str, record, expected: dict) -> None:
    """`at` is compared to five microseconds; `billed` and `denied` are what else is decided."""
    event = only_call(name, record)
    at = expected.get("at", START)
    assert abs(event.occurred_at - at) < timedelta(microseconds=5), (event.occurred_at, at)
    seen = {
        "id": event.event_id, "method": event.method, "path": event.path, "status": event.status,
        "took": event.duration_us, "upstream": event.upstream_us, "in": event.request_bytes,
        "out": event.response_bytes, "agent": event.user_agent, "ip": event.ip,
        "country": event.country, "units": event.units_micro / 1_000_000, "key": event.names.key,
        "billed": event.is_billable, "denied": event.is_denied,
        **dict(zip(_FOREIGN, event.foreign, strict=True)),
    }  # fmt: skip
    wanted = {field: value for field, value in expected.items() if field != "at"}
    assert {field: seen[field] for field in wanted} == wanted
