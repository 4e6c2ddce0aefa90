"""A page in Markdown is a description too."""

import pytest

from apim.catalog.descriptions import InvalidSpecification, Style, read_description
from tests.apim.catalog.descriptions.documents import PROSE, zipped


@pytest.mark.parametrize("filename", ["harbour.md", None])
def test_title_summary_and_operations_come_from_the_page(filename):
    found = read_description(PROSE.encode(), filename=filename)
    assert (found.style, found.title) == (Style.PROSE, "The harbour master")
    assert found.summary == "Ask the master for a berth."
    assert [(o.key, o.summary) for o in found.operations] == [
        ("GET /berths", "Free berths"),
        ("POST /berths/{number}", "Take one"),
    ]
    assert found.data["text"].lstrip().startswith("# The *harbour* master")


def test_a_page_without_a_heading_is_named_after_its_file():
    found = read_description(b"Just ask.", filename="tide-tables.md")
    assert (found.title, found.operations) == ("Tide tables", ())


def test_a_readme_describes_an_archive_of_pages():
    found = read_description(zipped({"README.md": "# All", "more.md": "# More"}))
    assert found.title == "All"


def test_a_page_too_long_to_show_is_refused():
    with pytest.raises(InvalidSpecification):
        read_description(b"# A\n" + b"a" * 600_000, filename="a.md")


def test_a_comment_does_not_make_yaml_a_page():
    found = read_description(
        b"# Tides\nopenapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {/a: {get: {}}}\n"
    )
    assert found.style is Style.OPENAPI
