"""Whatever kind a gateway is of: what its page says works when pasted."""

import re
from pathlib import Path

import pytest
from django.urls import resolve

from analytics.formats.registry import reader_for
from apim.audit.actors import SYSTEM
from apim.gateway.connecting import ADDRESS, FOLDER, TOKEN, connection_of
from apim.gateway.models import Gateway
from apim.gateway.services import register_gateway
from tests.analytics.formats.test_doors import BODIES

pytestmark = pytest.mark.django_db

PAGES = Path(__file__).resolve().parents[3] / "docs" / "integrations"
FORMATS = {"other": "own", "openmeter": "cloudevents"}


@pytest.fixture(params=Gateway.Kind.values)
def registered(request):
    return register_gateway(actor=SYSTEM, name=request.param, kind=request.param)


def test_every_kind_has_texts_with_our_address_and_its_token(registered, settings):
    settings.APIM_PUBLIC_URL = "https://usage.test"
    texts = [one.text for one in connection_of(registered.gateway, token=registered.token).snippets]
    assert any("https://usage.test" in text for text in texts)
    assert any(registered.token in text for text in texts)
    assert ADDRESS not in "".join(texts)
    assert TOKEN not in "".join(texts)


def test_without_a_token_its_place_is_shown(registered):
    connection = connection_of(registered.gateway)
    assert any(TOKEN in one.text for one in connection.snippets)
    assert registered.gateway.token_start not in "".join(one.text for one in connection.snippets)


def test_a_call_in_the_kinds_form_is_taken_at_its_address(registered, client, settings):
    kind = registered.gateway.kind
    body = BODIES[FORMATS.get(kind, kind)]
    path = connection_of(registered.gateway).url.removeprefix(settings.APIM_PUBLIC_URL)
    answer = client.post(
        path,
        body,
        content_type="text/plain",
        headers={"Authorization": f"Bearer {registered.token}"},
    )
    assert answer.status_code in {200, 202}, answer.content
    assert resolve(path).url_name


def test_a_record_that_nothing_tells_is_read_as_the_gateways_kind_writes(registered):
    kind = registered.gateway.kind
    reading = reader_for(b'{"strange": 1}', kind=kind)(b'{"strange": 1}')
    expected = "own" if kind in {"other", "envoy"} else FORMATS.get(kind, kind)
    assert reading.format == expected


def test_the_documentation_shows_the_same_texts(registered, settings):
    settings.APIM_PUBLIC_URL = ADDRESS
    connection = connection_of(registered.gateway)
    page = _words((PAGES / f"{connection.page}.md").read_text())
    for snippet in connection.snippets:
        is_the_shipper = "APIM_SHIPPER_URL" in snippet.text
        assert is_the_shipper or _words(snippet.text) in page, snippet.title
    assert _words((FOLDER / "shipper.txt").read_text()) in _words((PAGES / "own.md").read_text())


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_every_text_is_used_by_some_kind(settings):
    settings.APIM_PUBLIC_URL = ADDRESS
    used = {
        one.text
        for kind in Gateway.Kind.values
        for one in connection_of(Gateway(kind=kind, name=kind)).snippets
    }
    for file in FOLDER.glob("*.txt"):
        assert file.stem == "shipper" or file.read_text().strip() in used, file.name
