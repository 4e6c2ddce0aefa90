"""Anybody may report a key; the owner's policy decides; nobody learns whether the key is known."""

import re

import pytest
from django.core.cache import cache
from django.urls import reverse

from apim.audit.models import AuditEvent
from apim.keys import secrets
from apim.keys import services as keys
from apim.keys.models import ApiKey, LeakReport

URL = "/report-leaked-key/"


@pytest.fixture(autouse=True)
def _no_reports_before():
    cache.clear()


def test_a_visitor_reports_a_key_and_it_stops(visitor_client, issued):
    answer = visitor_client.post(
        URL, {"key": f" {issued.secret} ", "url": f"https://paste.example/{issued.secret}"}
    )
    assert "Thank you" in answer.text
    issued.key.refresh_from_db()
    assert issued.key.status == ApiKey.Status.REVOKED
    report = LeakReport.objects.get()
    assert (report.source, report.action) == ("form", "revoke")
    assert issued.secret not in report.url


def test_the_answer_is_the_same_for_unknown_and_malformed_keys(visitor_client, issued):
    def answer(text):
        page = visitor_client.post(URL, {"key": text}).text
        return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)

    unknown = answer(secrets.generate(brand="ak", environment="live"))
    assert unknown == answer("not-a-key")
    assert unknown == answer(issued.secret)
    assert LeakReport.objects.count() == 1


def test_too_many_reports_from_one_address_are_refused(visitor_client, issued):
    for _ in range(20):
        assert visitor_client.post(URL, {"key": "nonsense"}).status_code == 200
    assert visitor_client.post(URL, {"key": issued.secret}).status_code == 429
    assert not LeakReport.objects.exists()


def test_the_owner_chooses_the_policy(alice_client, visitor_client, issued, acme):
    alice_client.post(reverse("portal:leak-policy"), {"action": "notify"})
    assert keys.leak_action(acme) == "notify"
    assert AuditEvent.objects.filter(action="leak_policy.changed").exists()
    visitor_client.post(URL, {"key": issued.secret})
    issued.key.refresh_from_db()
    assert issued.key.status == ApiKey.Status.ACTIVE
    page = alice_client.get(reverse("portal:key", args=[issued.key.public_id])).text
    assert "This key was found in the open" in page
    assert "rotate or revoke it now" in page


def test_members_read_the_reports_and_only_owners_change_the_policy(
    bob_client, charlie_client, visitor_client, issued
):
    visitor_client.post(URL, {"key": issued.secret, "url": "https://paste.example/1"})
    assert "https://paste.example/1" in bob_client.get(reverse("portal:leaks")).text
    assert "paste.example" not in charlie_client.get(reverse("portal:leaks")).text
    assert bob_client.post(reverse("portal:leak-policy"), {"action": "notify"}).status_code == 404


def test_an_unknown_policy_is_refused(alice_client, acme):
    assert alice_client.post(reverse("portal:leak-policy"), {"action": "x"}).status_code == 422
