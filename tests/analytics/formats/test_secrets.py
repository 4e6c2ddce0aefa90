"""Nobody's key is stored or logged, wherever in a record a caller or a gateway has put it."""

import copy
import json
import logging

import pytest
from django.db import connection

from analytics.formats import registry
from analytics.models import QuarantinedRecord, UsageEvent
from analytics.scrub import clean_path, record_without_secrets, user_agent_family
from apim.audit.actors import SYSTEM
from apim.gateway.services import register_gateway
from tests.analytics.formats import samples
from tests.analytics.formats.expectations import body_of
from tests.analytics.formats.test_other_platforms import OTHERS as PLATFORMS
from tests.analytics.formats.test_other_settings import OTHERS as SETTINGS

KEY = "ak_live_7Qm2VtYc9LpXa4RzKd81NsWbJh05Ge2RDumf"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJoYXJib3IifQ.c2lnbmF0dXJl-of_it"
# Has no form of its own: told only by where it stands.
WORD = "correct-horse-4711"
SECRETS = (KEY, JWT, WORD)

RECORDS = {
    name: [record for record, _ in cases if isinstance(record, dict)]
    for name, cases in {**SETTINGS, **PLATFORMS}.items()
}  # fmt: skip
RECORDS["own"] = [samples.OWN]


def everything_stored() -> str:
    """All rows of all tables, and the raw text of what is quarantined."""
    parts = []
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for table in sorted(set(tables) - {"django_migrations"}):
            rows = f'SELECT coalesce(string_agg(t::text, chr(10)), %s) FROM "{table}" t'  # noqa: S608
            cursor.execute(rows, [""])
            parts.append(cursor.fetchone()[0])
    return "\n".join(parts)


def with_text_everywhere(record: object, text: str) -> object:
    """The record with `text` behind every text in it that is no time, and so no longer valid."""
    if isinstance(record, dict):
        return {name: with_text_everywhere(value, text) for name, value in record.items()}
    if isinstance(record, list):
        return [with_text_everywhere(value, text) for value in record]
    if isinstance(record, str) and not record[:2].isdigit():
        return f"{record}{'' if record.startswith('{') else '/' + text}"
    return record


def with_headers(record: dict) -> dict:
    """The record with a secret in a header of each way of writing headers, in query and body."""
    changed = copy.deepcopy(record)
    odd = {"X-Acme-Pass": WORD, "x-functions-key": [WORD], "Cookie": f"sid={WORD}", "Authorization": f"Basic {WORD}",
           "Proxy-Authorization": WORD, "X-Api-Key": KEY, "Referer": f"https://a.test/?t={WORD}"}  # fmt: skip
    inner = changed.get("event") if isinstance(changed.get("event"), dict) else changed
    request = inner.get("request") if isinstance(inner.get("request"), dict) else inner
    request["headers"] = {**odd, "User-Agent": f"{KEY}/1.0"}
    request["body"] = json.dumps({"password": WORD, "note": WORD}) if request is not inner else None
    request["querystring"] = {"anything": WORD}
    inner["request_X-Acme-Pass"] = inner["origin_X-Acme-Pass"] = WORD
    inner["http.request.header.x-acme-pass"] = [WORD]
    inner["raw_request"] = inner["request_body"] = WORD
    inner["custom"] = {
        "deep": [{"api_key": WORD, "url": f"https://me:{WORD}@a.test/x?y={WORD}", "jwt": JWT}]
    }
    for name in ("uri", "path", "url", "RequestPath", "request_uri", "x-envoy-origin-path", "Url"):
        for place in (request, inner):
            if isinstance(place.get(name), str):
                place[name] = f"/tides/{KEY}/{JWT}?anything={WORD}&key={KEY}"
    return changed


def without_time(record: object) -> object:
    """The record with no number and no date, so that it is refused."""
    if isinstance(record, dict):
        return {
            name: without_time(value)
            for name, value in record.items()
            if name not in {"data", "specversion"}
        }
    return (
        None
        if isinstance(record, int | float) or (isinstance(record, str) and record[:2].isdigit())
        else record
    )


@pytest.fixture
def post(client, db):
    token = register_gateway(actor=SYSTEM, name="Foreign", kind="other").token

    def post(name: str, body: bytes):
        answer = client.post(f"/gateway/v1/usage/{name}", body, content_type="application/json",
                             headers={"Authorization": f"Bearer {token}"})  # fmt: skip
        assert answer.status_code < 500
        for secret in SECRETS:
            assert secret.encode() not in answer.content
        return answer

    return post


@pytest.mark.parametrize("name", sorted(RECORDS.keys() - {"3scale"}))
def test_no_secret_of_any_record_is_stored_or_logged(post, name, caplog):
    caplog.set_level(logging.DEBUG)
    laden = [with_headers(record) for record in RECORDS[name]]
    for records in (
        laden,
        *([with_text_everywhere(one, key) for one in laden] for key in (KEY, JWT)),
    ):
        post(name, b"\n".join(map(body_of, records)))
        post(name, b"\n".join(body_of(without_time(one)) for one in records))
    assert UsageEvent.objects.exists()
    assert QuarantinedRecord.objects.exists()
    stored = everything_stored()
    for secret in SECRETS:
        assert secret not in stored, stored[stored.index(secret) - 300 : stored.index(secret) + 100]
        assert secret not in caplog.text


def test_what_is_kept_of_a_record_with_secrets_can_still_be_corrected_and_read():
    laden = with_headers(samples.KONG)
    kept = record_without_secrets(body_of(laden))
    (event,) = registry.READERS["kong"](kept.encode()).events
    assert (event.event_id, event.occurred_at) == (samples.ID, samples.START)
    assert event.foreign == ("credential-uuid", "acct_42", "tides-route", "tides")


@pytest.mark.parametrize("secret", [KEY, JWT, "ghp_" + "a1" * 18, "AKIA" + "Q7" * 8, "xoxb-1234-5678-abcdef",
                                    "AIza" + "x9" * 18, "sk-proj-" + "Ab1" * 10])  # fmt: skip
def test_keys_are_told_by_their_form_in_paths_and_programs(secret):
    assert secret not in clean_path(f"/tides/{secret}/now")
    assert secret[8:] not in user_agent_family(f"{secret}/1.0")


@pytest.mark.parametrize("path", [
    "/neighbours/sk-slovakia/ghosts/through", "/xoxo/v1", "/a/0f8fad5b-d9cb-469f-a165-70867728950e/b_c",
    "/orders/2026-11-21T10:00:00Z/live_data", "/pkg.Tides/Get", "/eyJust/a.b.c",
])  # fmt: skip
def test_paths_that_only_look_a_little_like_keys_stay(path):
    assert clean_path(path) == path
