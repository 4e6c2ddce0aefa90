"""Revisions, rules and gates by script: what a pipeline sends, and what it is told."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apim.catalog.models import ApiVersion

pytestmark = pytest.mark.django_db
PORTS = {"get": {"operationId": "listPorts", "responses": {"200": {"description": "ok"}}}}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Tides", "version": "1.4.0"},
    "servers": [{"url": "https://tides.example.com"}],
    "paths": {
        "/tides": {"get": {"operationId": "listTides", "responses": {"200": {"description": "ok"}}}}
    },
}
MORE = {**DOCUMENT, "paths": {**DOCUMENT["paths"], "/ports": PORTS}}
LESS = {**DOCUMENT, "paths": {"/ports": PORTS}}
OWNER = (
    "rules: {has-owner: {severity: error, given: $.info, then: {field: x-owner, function: truthy}}}"
)


@pytest.fixture
def base(pia_api):
    made = pia_api.post("/api/v1/apis", {"spec": json.dumps(DOCUMENT)}).json()
    [row] = pia_api.get(f"/api/v1/api-versions?api={made['id']}").json()["results"]
    base = f"/api/v1/api-versions/{row['id']}"
    assert pia_api.post(f"{base}/publish").status_code == 200
    return base


def upload(client, base, document, **values):
    answer = client.post(f"{base}/revisions", {"spec": json.dumps(document), **values})
    assert answer.status_code == 201, answer.json()
    return answer


def test_an_upload_waits_and_is_published(pia_api, base):
    made = upload(pia_api, base, MORE, note="Ports")
    assert made["Location"] == f"{base}/revisions/2"
    assert pia_api.get(made["Location"]).json()["note"] == "Ports"
    assert pia_api.get(base).json()["revision"] == 1
    assert pia_api.post(f"{base}/revisions/2/publish", {}).json()["revision"] == 2
    assert pia_api.post(f"{base}/revisions/2/publish", {}).json()["revision"] == 2
    assert pia_api.post(f"{base}/revisions/9/publish", {}).status_code == 404


def test_breaking_changes_are_refused_until_acknowledged(pia_api, base):
    upload(pia_api, base, LESS)
    refused = pia_api.post(f"{base}/revisions/2/publish", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "breaking_not_acknowledged")
    done = pia_api.post(f"{base}/revisions/2/publish", {"acknowledge_breaking": True})
    assert done.json()["revision"] == 2


def test_the_difference_of_two_revisions(pia_api, base):
    upload(pia_api, base, LESS)
    found = pia_api.get(f"{base}/revisions/2/diff").json()
    assert (found["is_breaking"], found["advice"]) == (True, "major")
    assert found["counts"] == {"breaking": 1, "risky": 0, "compatible": 1}
    first = found["changes"][0]
    assert (first["level"], first["operation"], first["is_in_old"]) == (
        "breaking",
        "GET /tides",
        True,
    )
    assert first["path"][:2] == ["paths", "/tides"]
    assert first["line"] >= 1
    back = pia_api.get(f"{base}/revisions/1/diff?against=2").json()
    assert back["changes"][0]["operation"] == "GET /ports"
    assert pia_api.get(f"{base}/revisions/1/diff?against=7").status_code == 404


def test_revisions_of_two_versions_are_compared_within_one_api(pia_api, base):
    api = pia_api.get(base).json()["api"]
    body = {"spec": json.dumps(LESS), "name": "v2"}
    second = pia_api.post(f"/api/v1/apis/{api}/versions", body).json()
    path = f"/api/v1/api-versions/{second['id']}/revisions/1/diff?version={base.rpartition('/')[2]}"
    assert pia_api.get(path).json()["is_breaking"]
    other = pia_api.post("/api/v1/apis", {"spec": json.dumps(MORE), "name": "Other"}).json()
    [row] = pia_api.get(f"/api/v1/api-versions?api={other['id']}").json()["results"]
    strange = f"{path.partition('?')[0]}?version={row['id']}"
    assert pia_api.get(strange).status_code == 404


def test_two_documents_are_compared_without_being_kept(pia_api):
    body = {"old": json.dumps(DOCUMENT), "new": json.dumps(MORE)}
    found = pia_api.post("/api/v1/diff", body).json()
    assert found["counts"] == {"breaking": 0, "risky": 0, "compatible": 1}
    files = {
        "old_file": SimpleUploadedFile("a.json", body["old"].encode()),
        "new": body["new"],
    }
    assert pia_api.post("/api/v1/diff", files, format="multipart").json() == found
    assert not ApiVersion.objects.exists()
    refused = pia_api.post("/api/v1/diff", {"old": "{}", "new": body["new"]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/old"
    assert pia_api.post("/api/v1/diff", {"old": body["old"]}).status_code == 422


def test_a_document_is_judged_without_being_kept(pia_api):
    found = pia_api.post("/api/v1/lint", {"spec": json.dumps(DOCUMENT)}).json()
    assert 0 <= found["score"] <= 100
    assert sum(found["counts"].values()) == len(found["findings"]) > 0
    assert found["findings"] == sorted(found["findings"], key=lambda f: (f["line"], f["column"]))
    own = {"spec": json.dumps(DOCUMENT), "rulesets": [OWNER]}
    [finding] = pia_api.post("/api/v1/lint", own).json()["findings"]
    assert (finding["rule"], finding["path"]) == ("has-owner", ["info"])
    refused = pia_api.post("/api/v1/lint", {**own, "rulesets": ["rules: []"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_ruleset")


def test_what_the_platform_would_say(pia_api, base):
    fine = pia_api.post(f"{base}/check", {"spec": json.dumps(MORE)}).json()
    assert (fine["transition"], fine["is_allowed"]) == ("publish_revision", True)
    assert not fine["needs_acknowledgement"]
    assert (
        pia_api.patch("/api/v1/gates/publish_revision", {"forbids_breaking": True}).status_code
        == 200
    )
    stop = pia_api.post(f"{base}/check", {"spec": json.dumps(LESS)}).json()
    assert (stop["is_allowed"], stop["needs_acknowledgement"]) == (False, True)
    assert [r["requirement"] for r in stop["refusals"]] == ["breaking_changes"]
    assert stop["diff"]["is_breaking"]
    assert stop["lint"]["findings"]
    assert pia_api.get(f"{base}/revisions").json()["results"][0]["number"] == 1
    upload(pia_api, base, LESS)
    newest = pia_api.post(f"{base}/check", {}).json()
    assert newest["diff"] == stop["diff"]
    refused = pia_api.post(f"{base}/revisions/2/publish", {"acknowledge_breaking": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "transition_refused")
    assert refused.json()["refusals"] == stop["refusals"]
    end = pia_api.post(f"{base}/check", {"transition": "deprecate"}).json()
    assert end["is_allowed"]


def test_findings_of_a_revision(pia_api, base):
    found = pia_api.get(f"{base}/revisions/1/findings").json()
    judged = pia_api.post("/api/v1/lint", {"spec": json.dumps(DOCUMENT)}).json()
    assert found == judged


def test_a_ruleset_is_added_changed_and_removed(pia_api):
    made = pia_api.post("/api/v1/rulesets", {"name": "House", "text": OWNER})
    assert (made.status_code, made.json()["revision"]) == (201, 1)
    path = made["Location"]
    assert pia_api.patch(path, {"text": "rules: {}"}).json()["revision"] == 2
    refused = pia_api.patch(path, {"text": "rules: {a: {given: x}}"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/text"
    assert refused.json()["errors"][0]["detail"].startswith("Line 1")
    assert pia_api.delete(path).status_code == 204
    rows = pia_api.get("/api/v1/rulesets").json()["results"]
    assert {row["built_in"] for row in rows} == {
        "apim:default",
        "spectral:oas",
        "spectral:asyncapi",
    }
    built_in = f"/api/v1/rulesets/{rows[0]['id']}"
    assert pia_api.delete(built_in).json()["code"] == "built_in_ruleset"
    assert pia_api.patch(built_in, {"is_enabled": False}).json()["is_enabled"] is False


def test_gates_keep_what_is_not_sent(pia_api):
    assert [row["transition"] for row in pia_api.get("/api/v1/gates").json()] == [
        "publish",
        "publish_revision",
        "deprecate",
        "retire",
    ]
    path = "/api/v1/gates/publish"
    pia_api.patch(path, {"min_score": 80, "rules": ["a"]})
    assert pia_api.patch(path, {"blocks": "error"}).json() == {
        "transition": "publish",
        "api": None,
        "blocks": "error",
        "min_score": 80,
        "rules": ["a"],
        "forbids_breaking": False,
        "requires_sunset": False,
        "notice_days": 0,
    }
    assert pia_api.patch(path, {"min_score": None}).json()["min_score"] is None
    assert pia_api.patch(path, {"min_score": 101}).status_code == 422
    assert pia_api.get("/api/v1/gates/explode").status_code == 404


def test_an_api_has_gates_of_its_own_or_those_for_all(pia_api):
    api = pia_api.post("/api/v1/apis", {"spec": json.dumps(DOCUMENT)}).json()
    pia_api.patch("/api/v1/gates/publish", {"min_score": 80})
    path = f"/api/v1/apis/{api['id']}/gates/publish"
    assert (pia_api.get(path).json()["api"], pia_api.get(path).json()["min_score"]) == (None, 80)
    own = pia_api.patch(path, {"blocks": "error"}).json()
    assert (own["api"], own["min_score"], own["blocks"]) == (api["id"], 80, "error")
    listed = pia_api.get(f"/api/v1/apis/{api['id']}/gates").json()
    assert [row["api"] for row in listed] == [api["id"], None, None, None]
    assert [row["blocks"] for row in pia_api.get("/api/v1/gates").json()] == [""] * 4
    assert pia_api.delete(path).status_code == 204
    assert pia_api.delete(path).status_code == 204
    assert pia_api.get(path).json()["blocks"] == ""
    assert pia_api.delete(f"/api/v1/apis/{api['id']}/gates/explode").status_code == 404
    assert pia_api.get("/api/v1/apis/api_1/gates").status_code == 404


def test_the_changelog_is_for_everybody(pia_api, alice_api, base):
    upload(pia_api, base, LESS, note="Moved")
    pia_api.post(f"{base}/revisions/2/publish", {"acknowledge_breaking": True})
    newest, first = alice_api.get(f"{base}/changelog").json()["results"]
    assert (newest["revision"], newest["previous"], newest["note"]) == (2, 1, "Moved")
    assert newest["is_breaking"]
    assert newest["counts"]["breaking"] == 1
    assert newest["changes"][0]["operation"] == "GET /tides"
    assert (first["revision"], first["previous"], first["changes"]) == (1, None, [])


@pytest.mark.parametrize("path", ["lint", "diff", "rulesets"])
def test_members_have_nothing_to_judge(alice_api, path):
    assert alice_api.post(f"/api/v1/{path}", {}).status_code == 404
