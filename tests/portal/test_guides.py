"""The guides are read, searched, and hold this installation's own addresses."""

import re

import pytest
from django.urls import reverse

from portal.guides import all_guides


def test_every_guide_renders_with_our_own_addresses(visitor_client, settings):
    for guide in all_guides():
        page = visitor_client.get(reverse("portal:guide", args=[guide.slug]))
        assert page.status_code == 200
        assert "{gateway}" not in page.text
        assert "{site}" not in page.text
    first = visitor_client.get(reverse("portal:guide", args=["first-call"])).text
    assert settings.APIM_GATEWAY_URL in first


def test_headings_can_be_linked_to(visitor_client):
    page = visitor_client.get(reverse("portal:guide", args=["limits"])).text
    assert '<h2 id="when-you-get-429">' in page


def test_the_search_needs_every_word_and_puts_titles_first(visitor_client):
    page = visitor_client.get(reverse("portal:guides"), {"q": "grace rotate"})
    assert page.context["found"][0].guide.slug == "keys"
    none = visitor_client.get(reverse("portal:guides"), {"q": "grace submarine"})
    assert "No guide has these words" in none.text


def test_the_words_of_a_search_are_never_markup(visitor_client):
    page = visitor_client.get(reverse("portal:guides"), {"q": '"><script>x</script>'})
    assert "<script>x" not in page.text


def test_a_guide_that_does_not_exist_is_not_found(visitor_client):
    assert visitor_client.get(reverse("portal:guide", args=["nothing"])).status_code == 404


@pytest.mark.parametrize("guide", all_guides(), ids=lambda guide: guide.slug)
def test_links_between_guides_and_pages_lead_somewhere(alice_client, acme, guide):
    for link in re.findall(r'href="(/[^"]*)"', guide.html):
        assert alice_client.get(link).status_code == 200, link
