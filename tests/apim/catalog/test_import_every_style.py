"""Every style becomes an API, and is read again as it was, whatever became of other servers."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from apim.catalog import selectors, services
from apim.catalog.descriptions import InvalidSpecification
from apim.catalog.errors import UpstreamInvalid
from apim.catalog.models import Api
from apim.catalog.openapi import OperationMatcher
from tests.apim.catalog.descriptions.documents import (
    ASYNCAPI_3,
    GRAPHQL,
    PROSE,
    PROTO,
    SWAGGER,
    WSDL,
    zipped,
)

UPSTREAM = "https://harbour.example"


@pytest.mark.parametrize(
    ("text", "filename", "style", "style_version", "media_type"),
    [
        (SWAGGER, "a.yaml", "openapi", "2.0", "application/yaml"),
        (ASYNCAPI_3, "a.yaml", "asyncapi", "3.0.0", "application/yaml"),
        (GRAPHQL, "a.graphql", "graphql", "", "application/graphql"),
        (PROTO, "a.proto", "grpc", "proto3", "text/x-protobuf"),
        (WSDL, "a.wsdl", "wsdl", "1.1", "application/wsdl+xml"),
        (PROSE, "a.md", "prose", "", "text/markdown"),
        (zipped({"a.proto": PROTO}), "a.zip", "grpc", "proto3", "application/zip"),
    ],
)
def test_a_revision_keeps_the_upload_and_its_style(
    db, system_actor, text, filename, style, style_version, media_type
):
    raw = text if isinstance(text, bytes) else text.encode()
    api = services.create_api(actor=system_actor, raw=raw, filename=filename, upstream_url=UPSTREAM)
    version = api.versions.get()
    revision = selectors.get_revision(version)
    assert (revision.style, revision.style_version) == (style, style_version)
    assert (revision.media_type, revision.filename) == (media_type, filename)
    assert bytes(revision.raw) == raw
    found = selectors.description_of(revision)
    assert found.sha256 == revision.sha256
    assert [str(o) for o in selectors.operations_of(version)] == [o.key for o in found.operations]
    extension = selectors.spec_document(version).filename.rpartition(".")[2]
    assert extension == filename.rpartition(".")[2]


def test_only_calls_over_http_are_matched(db, system_actor):
    api = services.create_api(
        actor=system_actor, raw=GRAPHQL.encode(), filename="a.graphql", upstream_url=UPSTREAM
    )
    rows = [(o.method, o.path, str(o)) for o in api.versions.get().operations.all()]
    matcher = OperationMatcher(rows)
    assert matcher.match("POST", "/") == "POST /"
    assert matcher.match("GET", "/") == "GET /"
    assert matcher.match("query", "ship") is None
    assert matcher.match("QUERY", "/ship") is None


def test_an_upstream_is_needed_for_what_is_called(db, system_actor):
    with pytest.raises(UpstreamInvalid):
        services.create_api(actor=system_actor, raw=GRAPHQL.encode(), filename="a.graphql")
    api = services.create_api(actor=system_actor, raw=ASYNCAPI_3.encode())
    assert api.versions.get().upstream_url == ""


# Documents elsewhere

REFERS = """\
openapi: 3.1.0
info: {title: Ships, version: "1"}
servers: [{url: https://ships.example}]
paths:
  /ships:
    get: {responses: {"200": {$ref: "ADDRESS/parts.yaml#/Ships"}}}
"""
PARTS = (
    b"Ships: {description: Ships, content: {a/b: {schema: {$ref: '#/Ship'}}}}\nShip: {type: object}"
)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        is_parts = self.path == "/parts.yaml"
        self.send_response(200 if is_parts else 302)
        if not is_parts:
            self.send_header("Location", "http://localhost:1/parts.yaml")
        self.end_headers()
        self.wfile.write(PARTS if is_parts else b"")

    def log_message(self, *_arguments):
        """Tests are quiet."""


@pytest.fixture
def elsewhere(settings):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    settings.APIM_SPEC_FETCH_ALLOWED_HOSTS = ["127.0.0.1"]
    settings.APIM_SPEC_REFERENCE_HOSTS = ["127.0.0.1"]
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def upload(system_actor, server, path=""):
    address = f"http://127.0.0.1:{server.server_address[1]}{path}"
    raw = REFERS.replace("ADDRESS", address).encode()
    return services.create_api(actor=system_actor, raw=raw, filename="a.yaml").versions.get()


def test_documents_elsewhere_are_kept_with_the_revision(db, system_actor, elsewhere):
    version = upload(system_actor, elsewhere)
    assert elsewhere.asked == ["/parts.yaml"]
    revision = selectors.get_revision(version)
    assert list(revision.fetched.values()) == [PARTS.decode()]
    again = selectors.description_of(revision)
    assert elsewhere.asked == ["/parts.yaml"]
    assert again.data["components"]["schemas"]["Ship"] == {"type": "object"}


def test_hosts_that_are_not_listed_are_never_asked(db, system_actor, elsewhere, settings):
    settings.APIM_SPEC_REFERENCE_HOSTS = []
    with pytest.raises(InvalidSpecification) as caught:
        upload(system_actor, elsewhere)
    assert "APIM_SPEC_REFERENCE_HOSTS" in caught.value.problems[0].hint
    assert elsewhere.asked == []
    assert not Api.objects.exists()


def test_a_redirect_to_a_host_that_is_not_listed_is_refused(db, system_actor, elsewhere):
    with pytest.raises(InvalidSpecification) as caught:
        upload(system_actor, elsewhere, "/moved")
    assert "APIM_SPEC_REFERENCE_HOSTS" in caught.value.problems[0].hint
    assert elsewhere.asked == ["/moved/parts.yaml"]


def test_hosts_on_private_addresses_need_both_lists(db, system_actor, elsewhere, settings):
    settings.APIM_SPEC_FETCH_ALLOWED_HOSTS = []
    with pytest.raises(InvalidSpecification):
        upload(system_actor, elsewhere)
    assert elsewhere.asked == []


def imported(system_actor, server, text, filename="a.yaml", path="/apis/a.yaml"):
    address = f"http://127.0.0.1:{server.server_address[1]}{path}"
    api = services.create_api(
        actor=system_actor, raw=text.encode(), filename=filename, source_url=address
    )
    return selectors.get_revision(api.versions.get())


@pytest.mark.parametrize("ref", ["..", "."])
def test_relative_references_lead_from_the_address_of_an_import(db, system_actor, elsewhere, ref):
    path = "/apis/a.yaml" if ref == ".." else "/a.yaml"
    revision = imported(system_actor, elsewhere, REFERS.replace("ADDRESS", ref), path=path)
    assert elsewhere.asked == ["/parts.yaml"]
    again = selectors.description_of(revision)
    assert elsewhere.asked == ["/parts.yaml"]
    assert again.data["components"]["schemas"]["Ship"] == {"type": "object"}


def test_a_reference_to_the_import_itself_asks_nobody(db, system_actor, elsewhere):
    text = REFERS.replace("ADDRESS/parts.yaml#/Ships", "a.yaml#/components/responses/Ships")
    text += "components: {responses: {Ships: {description: All}}}\n"
    revision = imported(system_actor, elsewhere, text)
    assert (elsewhere.asked, revision.fetched) == ([], {})


def test_relative_references_to_a_host_that_is_not_listed_are_refused(
    db, system_actor, elsewhere, settings
):
    settings.APIM_SPEC_REFERENCE_HOSTS = []
    with pytest.raises(InvalidSpecification) as caught:
        imported(system_actor, elsewhere, REFERS.replace("ADDRESS", ".."))
    assert "APIM_SPEC_REFERENCE_HOSTS" in caught.value.problems[0].hint
    assert elsewhere.asked == []


def test_relative_references_may_not_be_redirected_elsewhere(db, system_actor, elsewhere):
    with pytest.raises(InvalidSpecification):
        imported(system_actor, elsewhere, REFERS.replace("ADDRESS", "moved"))
    assert elsewhere.asked == ["/apis/moved/parts.yaml"]


def test_a_file_that_was_uploaded_has_no_address_for_its_relative_references(
    db, system_actor, elsewhere
):
    with pytest.raises(InvalidSpecification) as caught:
        services.create_api(
            actor=system_actor, raw=REFERS.replace("ADDRESS", ".").encode(), filename="a.yaml"
        )
    assert "zip" in caught.value.problems[0].hint
    assert elsewhere.asked == []
