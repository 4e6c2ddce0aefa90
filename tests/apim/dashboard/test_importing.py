"""An API enters by upload, paste or address, and its faults are named."""

import http.server
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apim.catalog.models import Api, ApiVersion
from tests.apim.dashboard.conftest import document

pytestmark = pytest.mark.django_db
NEW = "/dashboard/apis/new/"

BROKEN = """openapi: 3.1.0
info:
  title: Tides
  version: "1"
servers:
  - url: https://tides.example
paths:
  /tides/{port}:
    get:
      parameters:
        - name: port
          in: harbour
      responses: {}
"""


def upload(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("tides.json", text.encode(), "application/json")


def test_an_uploaded_document_becomes_a_draft(pia_client):
    answer = pia_client.post(NEW, {"document": upload(document()), "version_name": "v1"})
    version = ApiVersion.objects.get()
    assert answer.status_code == 302
    assert answer.url == reverse("dashboard:version", args=[version.public_id])
    assert (version.api.name, version.state, version.api.slug) == ("Tides", "draft", "tides")
    assert version.upstream_url == "https://tides.internal.example/base"
    page = pia_client.get(answer.url).content.decode()
    assert "/tides/{port}" in page
    assert "This is a draft" in page


def test_a_pasted_document_takes_the_name_and_upstream_of_the_form(pia_client):
    details = {"name": "Water", "version_name": "v3", "upstream_url": "http://tides:9000"}
    assert pia_client.post(NEW, {"text": document(), **details}).status_code == 302
    version = ApiVersion.objects.get()
    assert (version.api.name, version.name) == ("Water", "v3")
    assert version.upstream_url == "http://tides:9000"


@pytest.fixture
def server():
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = document().encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/openapi.json"
        running.shutdown()


def test_a_document_is_fetched_from_an_allowed_address(pia_client, server, settings):
    settings.APIM_SPEC_FETCH_ALLOWED_HOSTS = ["127.0.0.1"]
    assert pia_client.post(NEW, {"url": server, "version_name": "v1"}).status_code == 302
    assert ApiVersion.objects.get().current_revision.source_url == server


def test_a_private_address_is_refused_beside_the_field(pia_client, server, settings):
    settings.APIM_SPEC_FETCH_ALLOWED_HOSTS = []
    answer = pia_client.post(NEW, {"url": server, "version_name": "v1"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["url"]
    assert server in answer.content.decode()
    assert not Api.objects.exists()


def test_faults_name_line_and_field_and_the_values_stay(pia_client):
    answer = pia_client.post(NEW, {"text": BROKEN, "name": "Water", "version_name": "v7"})
    assert answer.status_code == 422
    page = answer.content.decode()
    problems = answer.context["refusal"].problems
    assert problems
    for problem in problems:
        assert f"{problem.line}:{problem.column}" in page
        assert problem.field in page
    assert any(problem.line >= 8 and "harbour" in problem.message for problem in problems)
    assert "/tides/{port}:" in page  # the pasted text
    assert 'value="Water"' in page
    assert 'value="v7"' in page
    assert not Api.objects.exists()


def test_text_that_is_no_yaml_names_the_line(pia_client):
    answer = pia_client.post(NEW, {"text": "openapi: 3.1.0\ninfo: [unclosed", "version_name": "v1"})
    assert answer.status_code == 422
    assert answer.context["refusal"].problems[0].line >= 2


@pytest.mark.parametrize(
    ("given", "field"),
    [({}, "document"), ({"text": "a", "url": "https://a.example"}, "url")],
    ids=["nothing", "two at once"],
)
def test_the_document_comes_in_exactly_one_way(pia_client, given, field):
    answer = pia_client.post(NEW, {"version_name": "v1", **given})
    assert answer.status_code == 422
    assert answer.context["form"].errors[field]


def test_a_revision_waits_to_be_published_and_the_old_one_stays(installation, pia_client):
    text = document(info={"title": "Tides", "version": "1.5.0"})
    url = installation.url("revision-new")
    answer = pia_client.post(url, {"text": text, "note": "New number"})
    installation.version.refresh_from_db()
    assert installation.version.current_revision.number == 1
    assert installation.version.revisions.get(number=2).note == "New number"
    assert answer.url.endswith("/revisions/2/publish/")
    assert pia_client.post(answer.url).status_code == 302
    installation.version.refresh_from_db()
    assert installation.version.current_revision.number == 2
    first = pia_client.get(installation.url("revision-document"))
    assert first.content.decode() == document()
    assert "tides-v1-r1.json" in first["Content-Disposition"]


def test_a_further_version_starts_as_a_draft(installation, pia_client):
    answer = pia_client.post(installation.url("version-new"), {"text": document(), "name": "v5"})
    assert answer.status_code == 302
    assert installation.api.versions.get(name="v5").state == "draft"


def test_a_version_name_can_be_used_once(installation, pia_client):
    answer = pia_client.post(installation.url("version-new"), {"text": document(), "name": "v1"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["name"]
