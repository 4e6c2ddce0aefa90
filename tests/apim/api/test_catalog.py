"""From a document to a plan that can be subscribed to, by script."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile

from apim.catalog.models import Api, ApiVersion

pytestmark = pytest.mark.django_db
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Tides", "version": "1.4.0"},
    "servers": [{"url": "https://tides.example.com"}],
    "paths": {
        "/tides": {"get": {"operationId": "listTides", "responses": {"200": {"description": "ok"}}}}
    },
}


@pytest.fixture
def api(pia_api):
    response = pia_api.post("/api/v1/apis", {"spec": json.dumps(DOCUMENT)})
    assert response.status_code == 201, response.json()
    return response.json()


@pytest.fixture
def version(pia_api, api):
    [row] = pia_api.get(f"/api/v1/api-versions?api={api['id']}").json()["results"]
    return row


def test_the_whole_way_from_document_to_key(pia_api, alice_api, api, version):
    assert (version["state"], version["upstream_url"]) == ("draft", "https://tides.example.com")
    base = f"/api/v1/api-versions/{version['id']}"
    operations = pia_api.get(f"{base}/operations").json()["results"]
    assert [(o["method"], o["path"]) for o in operations] == [("GET", "/tides")]
    assert alice_api.get(base).status_code == 404
    assert pia_api.post(f"{base}/publish").json()["state"] == "published"
    shown = alice_api.get(base).json()
    assert shown["state"] == "published"
    assert "upstream_url" not in shown

    product = pia_api.post(
        "/api/v1/products", {"name": "Tides", "versions": [version["id"]]}
    ).json()
    plan = pia_api.post(
        "/api/v1/plans",
        {
            "product": product["id"],
            "name": "Small",
            "limits": [{"window": "minute", "quota": 60}, {"window": "month", "quota": 10_000}],
        },
    ).json()
    assert [limit["quota"] for limit in plan["limits"]] == [60, 10_000]
    assert alice_api.get("/api/v1/plans").json()["results"] == []
    pia_api.post(f"/api/v1/products/{product['id']}/publish")
    pia_api.post(f"/api/v1/plans/{plan['id']}/publish")
    assert alice_api.get(f"/api/v1/plans/{plan['id']}").json()["state"] == "published"

    application = alice_api.post("/api/v1/applications", {"name": "Board"}).json()
    subscription = alice_api.post(
        "/api/v1/subscriptions", {"application": application["id"], "plan": plan["id"]}
    )
    assert subscription.status_code == 201
    assert subscription.json()["state"] == "active"
    key = alice_api.post("/api/v1/api-keys", {"application": application["id"]})
    assert key.json()["secret"].startswith("ak_live_")


def test_a_document_as_a_file(pia_api):
    upload = SimpleUploadedFile("tides.yaml", yaml.safe_dump(DOCUMENT).encode())
    response = pia_api.post(
        "/api/v1/apis", {"file": upload, "name": "Tides by file"}, format="multipart"
    )
    assert response.status_code == 201
    assert response.json()["name"] == "Tides by file"


def test_a_file_sent_again_under_the_same_key_is_imported_once(pia_api):
    def send():
        upload = SimpleUploadedFile("tides.yaml", yaml.safe_dump(DOCUMENT).encode())
        return pia_api.post(
            "/api/v1/apis", {"file": upload}, format="multipart", HTTP_IDEMPOTENCY_KEY="once"
        )

    first, again = send(), send()
    assert first.json() == again.json()
    assert Api.objects.count() == 1


def test_a_document_by_its_address(pia_api):
    class Upstream(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(DOCUMENT).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/openapi.json"
        response = pia_api.post("/api/v1/apis", {"url": url})
    finally:
        server.shutdown()
        server.server_close()
    assert response.status_code == 201, response.json()
    version = ApiVersion.objects.get(api__public_id=response.json()["id"])
    assert version.current_revision.source_url == url


def test_a_private_address_is_not_fetched(pia_api):
    response = pia_api.post("/api/v1/apis", {"url": "https://10.0.0.1/openapi.json"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "#/url"
    assert not Api.objects.exists()


def test_a_faulty_document_names_line_and_field(pia_api):
    response = pia_api.post("/api/v1/apis", {"spec": "openapi: 3.1.0\ninfo:\n  title: 5\n"})
    assert response.status_code == 422
    body = response.json()
    assert body["code"] == "invalid_specification"
    assert body["problems"][0]["line"] >= 1
    assert body["errors"][0]["pointer"] == "#/spec"


@pytest.mark.parametrize(
    "body", [{}, {"spec": "x", "url": "https://example.com/a.json"}, {"name": "Tides"}]
)
def test_exactly_one_source_is_asked_for(pia_api, body):
    response = pia_api.post("/api/v1/apis", body)
    assert response.status_code == 422
    assert not Api.objects.exists()


def test_a_body_beyond_the_limit_is_refused(pia_api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = pia_api.post("/api/v1/apis", {"spec": "x" * 2000})
    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"


def test_the_document_comes_back_as_it_was(pia_api, alice_api, version):
    path = f"/api/v1/api-versions/{version['id']}/document"
    assert alice_api.get(path).status_code == 404
    response = pia_api.get(path)
    assert json.loads(response.content) == DOCUMENT
    assert response["Content-Type"] == "application/json"
    assert "attachment" in response["Content-Disposition"]


def test_a_new_revision_and_the_same_again(pia_api, version):
    path = f"/api/v1/api-versions/{version['id']}/revisions"
    changed = {**DOCUMENT, "info": {"title": "Tides", "version": "1.5.0"}}
    assert pia_api.post(path, {"spec": json.dumps(changed)}).json()["number"] == 2
    assert pia_api.post(path, {"spec": json.dumps(changed)}).json()["number"] == 2
    assert [r["number"] for r in pia_api.get(path).json()["results"]] == [2, 1]
    document = f"/api/v1/api-versions/{version['id']}/document"
    assert json.loads(pia_api.get(document).content) == changed
    assert json.loads(pia_api.get(f"{document}?revision=1").content) == DOCUMENT
    assert pia_api.get(f"{document}?revision=3").status_code == 404
    assert pia_api.get(f"{document}?revision=0").status_code == 422


def test_a_second_version(pia_api, api):
    path = f"/api/v1/apis/{api['id']}/versions"
    made = pia_api.post(path, {"spec": json.dumps(DOCUMENT), "name": "v2"})
    assert made.status_code == 201
    assert made.json()["listen_path"] == "/tides/v2"
    assert pia_api.post(path, {"spec": json.dumps(DOCUMENT), "name": "v2"}).status_code == 422


def test_deprecate_restore_retire(pia_api, version):
    base = f"/api/v1/api-versions/{version['id']}"
    assert pia_api.post(f"{base}/retire").status_code == 409
    pia_api.post(f"{base}/publish")
    deprecated = pia_api.post(f"{base}/deprecate", {"sunset_on": "2090-01-31"}).json()
    assert (deprecated["state"], deprecated["sunset_on"]) == ("deprecated", "2090-01-31")
    assert pia_api.post(f"{base}/restore").json()["state"] == "published"
    assert pia_api.post(f"{base}/retire").json()["state"] == "retired"


def test_limits_are_replaced(pia_api, plan):
    path = f"/api/v1/plans/{plan.public_id}/set-limits"
    made = pia_api.post(path, {"limits": [{"window": "day", "quota": 5}]}).json()
    [limit] = made["limits"]
    assert (limit["name"], limit["kind"], limit["window"], limit["quota"]) == (
        "day",
        "calendar",
        "day",
        5,
    )
    assert limit["words"] == "5 calls per day"
    bad = pia_api.post(path, {"limits": [{"window": "day", "quota": 0}]})
    assert bad.json()["errors"][0]["pointer"] == "#/limits/0/quota"


def test_limits_of_every_kind_are_set_and_warned_of(pia_api, alice_api, plan):
    path = f"/api/v1/plans/{plan.public_id}/set-limits"
    limits = [
        {"window": "day", "quota": 100},
        {"kind": "sliding", "window": "second", "every": 10, "quota": 900, "per": "key"},
        {"kind": "concurrent", "quota": 4, "per": "organization", "name": "lanes"},
        {"window": "month", "quota": 500, "group": "search", "is_soft": True},
    ]
    made = pia_api.post(path, {"limits": limits}).json()
    names = [limit["name"] for limit in made["limits"]]
    assert names == ["lanes", "day", "search-soft-month", "key-10-seconds"]
    assert len(made["warnings"]) == 2
    shown = alice_api.get(f"/api/v1/plans/{plan.public_id}").json()["limits"]
    assert [limit["words"] for limit in shown] == [limit["words"] for limit in made["limits"]]


@pytest.mark.parametrize(
    ("limit", "part"),
    [
        ({"quota": 5}, "window"),
        ({"quota": 5, "window": "day", "kind": "concurrent"}, "window"),
        ({"quota": 5, "window": "day", "every": 2}, "every"),
        ({"quota": 5, "window": "day", "every": 32, "kind": "fixed"}, "every"),
        ({"quota": 5, "kind": "concurrent", "is_soft": True}, "is_soft"),
        ({"quota": 5, "window": "day", "name": "No Name"}, "name"),
        ({"quota": 5, "window": "day", "per": "planet"}, "per"),
        ({"quota": 5, "window": "day", "kind": "leaky"}, "kind"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_at_its_field(pia_api, plan, limit, part):
    path = f"/api/v1/plans/{plan.public_id}/set-limits"
    refused = pia_api.post(path, {"limits": [{"window": "week", "quota": 9}, limit]})
    assert refused.status_code in {400, 422}
    assert [error["pointer"] for error in refused.json()["errors"]] == [f"#/limits/1/{part}"]


def test_overage_is_charged_by_plan(pia_api, plan):
    path = f"/api/v1/plans/{plan.public_id}"
    assert pia_api.get(path).json()["charges_overage"] is False
    assert pia_api.patch(path, {"charges_overage": True}).json()["charges_overage"] is True


def test_costs_of_operations_and_how_a_version_is_counted_are_set(pia_api, version):
    base = f"/api/v1/api-versions/{version['id']}"
    [operation] = pia_api.get(f"{base}/operations").json()["results"]
    assert operation["cost"] == 1
    path = f"{base}/set-operation-costs"
    changed = pia_api.post(path, {"costs": {operation["id"]: 7}}).json()["operations"]
    assert [(one["id"], one["cost"]) for one in changed] == [(operation["id"], 7)]
    refused = pia_api.post(path, {"costs": {operation["id"]: 0}})
    assert refused.json()["errors"][0]["pointer"] == f"#/costs/{operation['id']}"
    refused = pia_api.post(path, {"costs": {"opn_other": 2}})
    assert refused.json()["errors"][0]["pointer"] == "#/costs/opn_other"

    changed = pia_api.patch(base, {"cost_header": "X-Cost", "fails_open": True}).json()
    assert (changed["cost_header"], changed["fails_open"]) == ("x-cost", True)
    refused = pia_api.patch(base, {"cost_header": "no header"})
    assert refused.json()["errors"][0]["pointer"] == "#/cost_header"


def test_a_product_with_an_unknown_version_is_refused(pia_api):
    body = {"name": "Tides", "versions": ["ver_00000000000000000000"]}
    response = pia_api.post("/api/v1/products", body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "#/versions/0"


def test_a_retired_plan_stays_visible_to_its_subscribers(
    pia_api, alice_api, charlie_api, application, plan
):
    alice_api.post(
        "/api/v1/subscriptions", {"application": application.public_id, "plan": plan.public_id}
    )
    pia_api.post(f"/api/v1/plans/{plan.public_id}/retire")
    assert alice_api.get(f"/api/v1/plans/{plan.public_id}").json()["state"] == "retired"
    assert charlie_api.get(f"/api/v1/plans/{plan.public_id}").status_code == 404


@pytest.mark.parametrize("person", ["alice_api", "fiona_api", "sam_api"])
def test_only_publishers_change_the_catalog(request, person, api):
    client = request.getfixturevalue(person)
    assert client.post("/api/v1/apis", {"spec": json.dumps(DOCUMENT)}).status_code == 404
    assert client.post("/api/v1/products", {"name": "x"}).status_code == 404
