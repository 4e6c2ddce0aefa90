"""What was published and what it changed, for everybody: a page, an Atom feed, the documents."""

import json
from datetime import datetime
from xml.etree import ElementTree as ET

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.catalog import services
from tests.portal.conftest import TIDES

ATOM = "{http://www.w3.org/2005/Atom}"
PAGE = "/apis/tides/v1/changelog/"
FEED = "/apis/tides/v1/changelog.atom"


def revise(version, note, **paths):
    document = {**TIDES, "paths": {**TIDES["paths"], **paths}}
    document["paths"] = {path: item for path, item in document["paths"].items() if item}
    made = services.upload_revision(
        actor=SYSTEM, version=version, raw=json.dumps(document).encode(), note=note
    )
    version.refresh_from_db()
    services.publish_revision(
        actor=SYSTEM, version=version, revision=made, acknowledges_breaking=True
    )
    return made


@pytest.fixture
def revised(tides):
    """Revision 2 adds ports, revision 3 takes the reports away."""
    ports = {"get": {"summary": "Ports", "responses": {"200": {"description": "Them"}}}}
    revise(tides, "Ports \x07 & <more>", **{"/ports": ports})
    revise(tides, "", **{"/ports": ports, "/reports": None})
    return tides


def feed(client):
    answer = client.get(FEED)
    assert answer["Content-Type"].startswith("application/atom+xml")
    return ET.fromstring(answer.content)  # noqa: S314 - our own


def test_the_page_tells_what_breaks_first(revised, visitor_client):
    answer = visitor_client.get(PAGE)
    page = answer.content.decode()
    assert [entry.title for entry in answer.context["entries"]] == [
        "Revision 3: 1 breaking change",
        "Revision 2: nothing breaks",
        "Revision 1: first published",
    ]
    assert "POST /reports" in page
    assert "GET /ports" in page
    assert "&lt;more&gt;" in page
    assert f'href="{FEED}"' in page
    assert 'type="application/atom+xml"' in page


def test_the_feed_is_atom(revised, visitor_client, settings):
    found = feed(visitor_client)
    assert found.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated", "author"):
        assert len(found.findall(f"{ATOM}{name}")) == 1, name
    own = next(one for one in found.findall(f"{ATOM}link") if one.get("rel") == "self")
    assert own.get("href") == f"{settings.APIM_PUBLIC_URL}{FEED}"
    entries = found.findall(f"{ATOM}entry")
    assert len(entries) == 3
    moments = []
    for entry in entries:
        for name in ("id", "title", "updated", "content"):
            assert entry.find(f"{ATOM}{name}").text, name
        moments.append(datetime.fromisoformat(entry.find(f"{ATOM}updated").text))
        assert entry.find(f"{ATOM}link").get("href").startswith(settings.APIM_PUBLIC_URL)
    assert moments == sorted(moments, reverse=True)
    assert datetime.fromisoformat(found.find(f"{ATOM}updated").text) == moments[0]
    assert "POST /reports" in entries[0].find(f"{ATOM}content").text


def test_ids_stay_when_more_is_published(revised, visitor_client):
    def ids():
        found = feed(visitor_client)
        return [one.find(f"{ATOM}id").text for one in found.findall(f"{ATOM}entry")]

    before = ids()
    revise(revised, "Back")
    after = ids()
    assert after[1:] == before
    assert len(set(after)) == 4


def test_only_what_was_published_can_be_downloaded(revised, visitor_client):
    waiting = {**TIDES, "info": {"title": "Tides", "version": "9"}}
    services.upload_revision(actor=SYSTEM, version=revised, raw=json.dumps(waiting).encode())
    address = "/apis/tides/v1/revisions/{}/".format
    assert json.loads(visitor_client.get(address(1)).content) == TIDES
    assert visitor_client.get(address(4)).status_code == 404
    assert visitor_client.get(address(5)).status_code == 404


def test_a_draft_has_no_changelog(tides, visitor_client):
    raw = json.dumps(TIDES).encode()
    services.create_version(actor=SYSTEM, api=tides.api, raw=raw, name="v2")
    for name in ("changelog", "changelog-feed"):
        assert (
            visitor_client.get(reverse(f"portal:{name}", args=["tides", "v2"])).status_code == 404
        )


def test_the_reader_language_decides(revised, visitor_client):
    found = visitor_client.get(FEED, headers={"accept-language": "de"})
    root = ET.fromstring(found.content)  # noqa: S314 - our own
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
