"""Visitors find APIs, read what they cost, and see nothing that is not published."""

import json
from datetime import date

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from tests.portal.conftest import TIDES


@pytest.fixture
def draft(db):
    raw = json.dumps({**TIDES, "info": {"title": "Secret plans", "version": "1"}}).encode()
    return catalog.create_api(
        actor=SYSTEM, raw=raw, name="Secret plans", slug="secret"
    ).versions.get()


def test_a_visitor_sees_the_published_apis_and_no_draft(visitor_client, tides, draft):
    page = visitor_client.get(reverse("portal:catalog"))
    assert page.status_code == 200
    assert "High and low water at any port" in page.text
    assert "Secret plans" not in page.text


def test_the_root_is_the_catalog_for_a_visitor(visitor_client, tides):
    page = visitor_client.get("/")
    assert "Tides" in page.text
    assert reverse("account_signup") in page.text


def test_the_search_finds_by_operation_and_says_when_nothing_matches(visitor_client, tides):
    found = visitor_client.get(reverse("portal:catalog"), {"q": "reports"})
    assert "Tides" in found.text
    none = visitor_client.get(reverse("portal:catalog"), {"q": "volcano"})
    assert "No API matches" in none.text
    assert "Clear filters" in none.text


def test_a_tag_narrows_the_catalog(visitor_client, tides):
    assert "High and low water" in visitor_client.get("/apis/", {"tag": "sea"}).text
    assert "High and low water" not in visitor_client.get("/apis/", {"tag": "land"}).text


def test_an_api_page_shows_a_call_that_can_be_pasted(visitor_client, tides, paid, settings):
    page = visitor_client.get(reverse("portal:api", args=["tides"]))
    assert page.status_code == 200
    address = f"{settings.APIM_GATEWAY_URL}/tides/v1/tides/kiel?on=2026-06-21"
    assert address in page.text
    assert "/reports" in page.text
    assert "€0.002" in page.text
    assert reverse("portal:subscribe", args=[paid.public_id]) in page.text


def test_every_operation_can_be_linked_to(visitor_client, tides):
    page = visitor_client.get(reverse("portal:api-version", args=["tides", "v1"]))
    for operation in tides.operations.all():
        assert f'id="{operation.public_id}"' in page.text


def test_a_draft_does_not_exist_for_anybody_in_the_portal(visitor_client, alice_client, draft):
    for client in (visitor_client, alice_client):
        assert client.get("/apis/secret/").status_code == 404
        assert client.get(f"/apis/secret/{draft.name}/").status_code == 404
        assert client.get(f"/apis/secret/{draft.name}/openapi.json").status_code == 404
        assert client.get(f"/apis/secret/{draft.name}/reference/openapi.json").status_code == 404


def test_a_deprecated_version_says_so_with_its_last_day(visitor_client, tides):
    catalog.deprecate_version(actor=SYSTEM, version=tides, sunset_on=date(2031, 5, 1))
    page = visitor_client.get("/apis/tides/v1/")
    assert "This version is deprecated" in page.text
    assert "1 May 2031" in page.text


def test_a_description_cannot_bring_script_or_pictures(visitor_client, tides):
    catalog.update_api(
        actor=SYSTEM,
        api=tides.api,
        description=(
            "# Big\n\n<script>alert(1)</script> [bad](javascript:alert(1)) "
            "[good](https://example.com) ![spy](https://spy.example/x.png)"
        ),
    )
    page = visitor_client.get("/apis/tides/").text
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "spy.example" not in page
    assert 'rel="nofollow noopener noreferrer"' in page
    assert "<h3>Big</h3>" in page


def test_the_specification_is_downloaded_as_it_was_uploaded(visitor_client, tides):
    answer = visitor_client.get("/apis/tides/v1/openapi.json")
    assert json.loads(answer.content) == TIDES
    assert visitor_client.get("/apis/tides/v1/openapi.yaml").status_code == 404


def test_a_product_works_out_what_a_month_costs(visitor_client, paid):
    page = visitor_client.get(reverse("portal:product", args=["harbour"]), {"calls": 11_000})
    assert "€20.00" in page.text  # 10,000 charged calls at 0.002
    assert "10,000" in page.text


def test_a_number_of_calls_that_is_none_leaves_the_example(visitor_client, paid):
    page = visitor_client.get(reverse("portal:product", args=["harbour"]), {"calls": "-3"})
    assert page.status_code == 200
    assert "€198.00" in page.text  # 99,000 charged calls


def test_pricing_lists_published_products_only(visitor_client, paid):
    hidden = catalog.create_product(actor=SYSTEM, name="Not yet", versions=[])
    page = visitor_client.get(reverse("portal:pricing"))
    assert "Harbour" in page.text
    assert hidden.name not in page.text
    assert visitor_client.get(reverse("portal:product", args=[hidden.slug])).status_code == 404


def test_machines_find_the_apis(visitor_client, tides, settings):
    answer = visitor_client.get("/.well-known/api-catalog")
    assert answer["Content-Type"].startswith("application/linkset+json")
    (entry,) = json.loads(answer.content)["linkset"]
    assert entry["anchor"] == f"{settings.APIM_GATEWAY_URL}/tides/v1/"
    href = entry["service-desc"][0]["href"].removeprefix(settings.APIM_PUBLIC_URL)
    assert visitor_client.get(href).status_code == 200
    head = visitor_client.head("/.well-known/api-catalog")
    assert head["Link"] == '</.well-known/api-catalog>; rel="api-catalog"'
    index = visitor_client.get("/llms.txt").text
    assert "Tides v1" in index
    assert "/guides/first-call/" in index
