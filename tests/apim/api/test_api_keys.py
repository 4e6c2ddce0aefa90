"""Keys by script: what they may do, several revoked, imported by hash; leaked ones listed."""

import hashlib

import pytest

from apim.audit.actors import SYSTEM
from apim.keys import services as keys
from apim.keys.models import ApiKey, LeakReport
from tests.apim.gateway.world import make_world

pytestmark = pytest.mark.django_db
KEYS = "/api/v1/api-keys"


def test_a_key_is_issued_with_rules_and_tells_them(alice_api, application):
    answer = alice_api.post(
        KEYS,
        {
            "application": application.public_id,
            "cidrs": ["203.0.113.7"],
            "origins": ["https://Shop.example/"],
            "limits": [{"window": "second", "kind": "sliding", "every": 10, "quota": 7}],
        },
    ).json()["key"]
    assert answer["cidrs"] == ["203.0.113.7/32"]
    assert answer["origins"] == ["https://shop.example"]
    assert answer["limits"] == [
        {
            "name": "key-10-seconds",
            "kind": "sliding",
            "window": "second",
            "every": 10,
            "quota": 7,
            "group": "",
        }
    ]


def test_wrong_rules_are_refused_by_field(alice_api, application):
    answer = alice_api.post(
        KEYS,
        {
            "application": application.public_id,
            "cidrs": ["10.0.0.5/8"],
            "scopes": ["Nothing"],
            "limits": [{"window": "day", "quota": 5}, {"window": "", "quota": 5}],
        },
    )
    assert answer.status_code == 422
    wrong = {error["pointer"] for error in answer.json()["errors"]}
    assert wrong == {"#/cidrs", "#/scopes", "#/limits/1"}


def test_a_change_replaces_only_the_lists_that_it_names(alice_api, application):
    body = {"application": application.public_id, "cidrs": ["10.0.0.0/8"], "origins": ["http://a"]}
    key = alice_api.post(KEYS, body).json()["key"]["id"]
    changed = alice_api.patch(f"{KEYS}/{key}", {"cidrs": []}).json()
    assert (changed["cidrs"], changed["origins"]) == ([], ["http://a"])
    renamed = alice_api.patch(f"{KEYS}/{key}", {"name": "Pier"}).json()
    assert (renamed["name"], renamed["origins"]) == ("Pier", ["http://a"])


def test_keys_are_revoked_by_name_by_application_and_by_organization(alice_api, acme, application):
    def made(number):
        return [keys.issue_key(actor=SYSTEM, application=application).key for _ in range(number)]

    first, _second = made(2)
    answer = alice_api.post(f"{KEYS}/revoke", {"keys": [first.public_id]})
    assert answer.json() == {"revoked": 1}
    made(2)
    by_application = alice_api.post(f"{KEYS}/revoke", {"application": application.public_id})
    assert by_application.json() == {"revoked": 3}
    made(1)
    by_organization = alice_api.post(f"{KEYS}/revoke", {"organization": acme.public_id})
    assert by_organization.json() == {"revoked": 1}
    assert not ApiKey.objects.filter(state="active").exists()


@pytest.mark.parametrize("body", [{}, {"keys": []}, {"application": "a", "organization": "b"}])
def test_what_to_revoke_is_said_in_exactly_one_way(alice_api, body):
    assert alice_api.post(f"{KEYS}/revoke", body).status_code == 422


def test_one_unknown_key_revokes_none(alice_api, key):
    other = make_world().key
    answer = alice_api.post(f"{KEYS}/revoke", {"keys": [key.public_id, other.public_id]})
    assert answer.status_code == 404
    assert not ApiKey.objects.filter(state="revoked").exists()


def test_keys_are_imported_and_wrong_ones_named(alice_api, application):
    good = {"hash": hashlib.sha256(b"sk-old").hexdigest(), "name": "Old", "start": "sk-old"}
    answer = alice_api.post(
        f"{KEYS}/import", {"application": application.public_id, "keys": [good]}
    )
    assert answer.status_code == 201
    (made,) = answer.json()["keys"]
    assert (made["name"], made["start"], made["is_imported"]) == ("Old", "sk-old", True)
    again = alice_api.post(
        f"{KEYS}/import",
        {"application": application.public_id, "keys": [{"hash": "1" * 64}, good]},
    )
    assert again.status_code == 422
    assert [error["pointer"] for error in again.json()["errors"]] == ["#/keys/1"]
    assert ApiKey.objects.count() == 1


def test_leak_reports_are_listed_for_their_own(alice_api, charlie_api, olga_api, acme, key):
    LeakReport.objects.create(organization=acme, key=key, source="github", url="https://x.example")
    (row,) = alice_api.get("/api/v1/leak-reports").json()["results"]
    assert (row["key"], row["url"]) == (key.public_id, "https://x.example")
    assert charlie_api.get("/api/v1/leak-reports").json()["results"] == []
    assert len(olga_api.get("/api/v1/leak-reports").json()["results"]) == 1


def test_only_owners_change_the_leak_policy(alice_api, bob_api, charlie_api, acme):
    path = f"/api/v1/organizations/{acme.public_id}/leak-policy"
    assert bob_api.get(path).json() == {"action": "revoke"}
    assert bob_api.patch(path, {"action": "notify"}).status_code == 404
    assert charlie_api.get(path).status_code == 404
    assert alice_api.patch(path, {"action": "expire"}).json() == {"action": "expire"}
    assert alice_api.patch(path, {"action": "ignore"}).status_code == 422
