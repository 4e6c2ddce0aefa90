"""check, upload and publish: against the management API itself, and when a platform misbehaves."""

import json

import httpx
import pytest
from django.test import Client

from apim.catalog.models import ApiVersion
from apim.cli import remote
from apim.cli.client import Platform
from apim.cli.main import main
from tests.apim.api.conftest import client_of
from tests.apim.cli.documents import LESS, MORE, OLD, write
from tests.apim.cli.xml_reports import read_xml


@pytest.fixture
def token(pia):
    return client_of(pia)._credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer ")


@pytest.fixture
def version(pia):
    client = client_of(pia)
    made = client.post("/api/v1/apis", {"spec": json.dumps(OLD)}).json()
    [row] = client.get(f"/api/v1/api-versions?api={made['id']}").json()["results"]
    assert client.post(f"/api/v1/api-versions/{row['id']}/publish").status_code == 200
    return row["id"]


def through_django(request: httpx.Request) -> httpx.Response:
    """The real application answers, in the test's own transaction."""
    sent = {name: value for name, value in request.headers.items() if name != "content-type"}
    answer = Client(raise_request_exception=False).generic(
        request.method,
        request.url.path,
        request.read(),
        content_type=request.headers["Content-Type"],
        headers=sent,
    )
    return httpx.Response(answer.status_code, headers=dict(answer.items()), content=answer.content)


@pytest.fixture
def run(monkeypatch, capsys, token):
    """The command, with the real application behind its HTTP client."""

    def platform_from(_server):
        return Platform("http://testserver", token, transport=httpx.MockTransport(through_django))

    monkeypatch.setattr(remote, "platform_from", platform_from)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def revision_of(public_id: str) -> int:
    return ApiVersion.objects.get(public_id=public_id).current_revision.number


def test_a_revision_is_uploaded_and_published_later(run, version, tmp_path):
    more = write(tmp_path, "more.json", MORE)
    assert run("upload", more, "--version", version, "--note", "Ports") == (
        0, "Revision 2 is uploaded.\n", "",
    )  # fmt: skip
    assert revision_of(version) == 1
    assert run("publish", "--revision", "2", "--version", version) == (
        0, "Revision 2 is published.\n", "",
    )  # fmt: skip
    assert revision_of(version) == 2


def test_a_file_is_published_in_one_go(run, version, tmp_path):
    code, out, _err = run(
        "publish", write(tmp_path, "more.json", MORE), "--version", version, "--format", "json"
    )
    assert code == 0
    assert json.loads(out)["revision"] == 2
    assert revision_of(version) == 2


def test_what_breaks_callers_is_refused_until_it_is_acknowledged(run, version, tmp_path):
    less = write(tmp_path, "less.json", LESS)
    code, out, _err = run("publish", less, "--version", version)
    assert code == 1
    assert "breaking_not_acknowledged" in out
    assert revision_of(version) == 1
    code, _out, _err = run("publish", less, "--version", version, "--acknowledge-breaking")
    assert code == 0
    assert revision_of(version) > 1


def test_check_tells_all_and_keeps_nothing(run, version, tmp_path):
    less = write(tmp_path, "less.json", LESS)
    code, out, _err = run("check", less, "--version", version)
    assert code in {0, 1}
    assert "breaking: GET /tides:" in out
    assert f"{less}:" in out
    assert ("allowed" in out) == (code == 0)
    code, out, _err = run("check", less, "--version", version, "--format", "json")
    assert {"is_allowed", "refusals", "lint", "diff"} <= json.loads(out).keys()
    _code, out, _err = run("check", less, "--version", version, "--format", "junit")
    assert read_xml(out).tag == "testsuites"
    assert ApiVersion.objects.get(public_id=version).revisions.count() == 1


def test_a_document_that_cannot_be_imported_is_a_finding_with_its_line(run, version, tmp_path):
    broken = write(tmp_path, "broken.json", {**OLD, "paths": {}})
    code, out, _err = run("upload", broken, "--version", version)
    assert code == 1
    assert f"{broken}:" in out
    assert "[invalid_specification]" in out


def test_a_version_that_is_not_there_is_wrong_usage(run, token, tmp_path):
    more = write(tmp_path, "more.json", MORE)
    code, out, err = run("upload", more, "--version", "ver_00000000000000000000000000")
    assert (code, out) == (2, "")
    assert "refuses" in err


def fake(monkeypatch, answer) -> None:
    """A platform that answers as it is told."""

    def platform_from(_server):
        transport = httpx.MockTransport(answer)
        return Platform("http://testserver", "secret", transport=transport, pause_seconds=0)

    monkeypatch.setattr(remote, "platform_from", platform_from)


ARGUMENTS = ("publish", "--revision", "2", "--version", "ver_1")


def test_trouble_that_passes_is_waited_out_under_one_idempotency_key(monkeypatch, capsys):
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), request.headers["Idempotency-Key"]))
        if len(seen) == 1:
            raise httpx.ReadTimeout("slow", request=request)
        if len(seen) == 2:
            return httpx.Response(503, headers={"Retry-After": "0"})
        return httpx.Response(200, json={"revision": 2})

    fake(monkeypatch, answer)
    assert main(ARGUMENTS) == 0
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert seen[0][0].endswith("/api/v1/api-versions/ver_1/revisions/2/publish")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(503),
        httpx.Response(500, json={"detail": "broken"}),
        httpx.Response(401, json={"detail": "no such token"}),
        httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
    ],
)
def test_a_platform_that_does_not_answer_as_agreed_ends_with_3(monkeypatch, capsys, response):
    calls = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return response

    fake(monkeypatch, answer)
    assert main(ARGUMENTS) == 3
    assert len(calls) <= 4
    told = capsys.readouterr()
    assert told.err.startswith("apim: ")
    assert "secret" not in told.err + told.out


def test_a_platform_that_is_not_there_ends_with_3(monkeypatch, capsys):
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    fake(monkeypatch, answer)
    assert main(ARGUMENTS) == 3
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"APIM_TOKEN": "t"}, "APIM_SERVER"),
        ({"APIM_SERVER": "https://a.example"}, "APIM_TOKEN"),
        ({"APIM_SERVER": "http://a.example", "APIM_TOKEN": "t"}, "https"),
        ({"APIM_SERVER": "a.example", "APIM_TOKEN": "t"}, "not an address"),
    ],
)
def test_the_token_comes_from_the_environment_and_goes_over_https(
    monkeypatch, capsys, environment: dict[str, str], reason: str
):
    for name in ("APIM_SERVER", "APIM_TOKEN", "APIM_ALLOW_HTTP"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(ARGUMENTS) == 2
    assert reason in capsys.readouterr().err
