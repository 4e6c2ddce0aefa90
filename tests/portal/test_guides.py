"""The guides are read, searched, and hold this installation's own addresses."""

import re

import pytest
from django.urls import reverse
from django.utils.translation import override

from portal.guides import FOLDER, all_guides

GERMAN = {"headers": {"accept-language": "de"}}


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


def of_a_guide(source):
    """What must be the same in each language: code, links, and the frame of the text."""
    return {
        "blocks": re.findall(r"^```.*?^```", source, re.DOTALL | re.MULTILINE),
        "codes": sorted(re.findall(r"`[^`\n]+`", re.sub(r"(?ms)^```.*?^```", "", source))),
        "links": sorted(re.findall(r"\]\(([^)]+)\)", source)),
        "headings": re.findall(r"^#+ ", source, re.MULTILINE),
        "rows": len(re.findall(r"^\|", source, re.MULTILINE)),
    }


@pytest.mark.parametrize(
    "language", sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
)
def test_a_translated_guide_says_the_same_with_the_same_code_and_links(language):
    english = {guide.slug: guide for guide in all_guides()}
    with override(language):
        translated = {guide.slug: guide for guide in all_guides()}
    assert list(translated) == list(english)
    for slug, guide in translated.items():
        assert guide.title != english[slug].title, f"{slug} is not translated"
        assert guide.icon == english[slug].icon
        assert of_a_guide(guide.source) == of_a_guide(english[slug].source), slug


def test_every_offered_language_has_its_guides(settings):
    missing = [code for code, _name in settings.LANGUAGES if not (FOLDER / code).is_dir()]
    assert missing == ["en"]


def test_a_german_reader_finds_and_reads_german_guides(visitor_client):
    found = visitor_client.get(reverse("portal:guides"), {"q": "frist rotieren"}, **GERMAN)
    assert found.context["found"][0].guide.title == "Schlüssel und Rotation"
    page = visitor_client.get(reverse("portal:guide", args=["first-call"]), **GERMAN)
    assert "Vier Dinge stehen zwischen Ihnen" in page.text
