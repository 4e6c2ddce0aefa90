"""What every page brings along: few bytes, a description, and a face where links are shared."""

import json

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from portal.snippets import for_application
from tests.portal.conftest import TIDES


def test_a_page_is_compressed_for_a_browser_that_can_read_it(visitor_client, tides):
    plain = visitor_client.get("/apis/")
    packed = visitor_client.get("/apis/", headers={"accept-encoding": "gzip, br"})
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert len(packed.content) < len(plain.content) / 3


@pytest.mark.parametrize(
    ("name", "arguments", "title", "description"),
    [
        ("portal:home", [], "APIs that answer on the first call", "Find an API, get a key"),
        ("portal:api", ["tides"], "Tides v1", "High and low water at any port"),
        ("portal:product", ["harbour"], "Harbour", "All about water"),
        ("portal:guide", ["first-call"], "Your first call", "From an account to an answer"),
    ],
)
def test_a_link_to_a_public_page_has_a_title_and_a_text(
    visitor_client, settings, free, name, arguments, title, description
):
    address = reverse(name, args=arguments)
    page = visitor_client.get(address).text
    assert f'<meta property="og:title" content="{title}">' in page
    assert f'<meta property="og:description" content="{description}' in page
    assert f'<meta name="description" content="{description}' in page
    assert f'<link rel="canonical" href="{settings.APIM_PUBLIC_URL}{address}">' in page


def test_the_first_call_goes_to_a_version_that_stays(board, harbour, subscription, tides):
    raw = json.dumps(TIDES | {"info": TIDES["info"] | {"version": "2"}}).encode()
    newer = catalog.create_version(actor=SYSTEM, api=tides.api, raw=raw, name="v2")
    catalog.publish_version(actor=SYSTEM, version=newer)
    catalog.update_product(actor=SYSTEM, product=harbour, versions=[tides, newer])
    catalog.deprecate_version(actor=SYSTEM, version=newer)
    assert "/tides/v1/" in for_application(board)[0].code
