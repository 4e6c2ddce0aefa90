"""A page in Markdown is a description too."""

import pytest

from apim.catalog.descriptions import InvalidSpecification, Style, read_description
from tests.apim.catalog.descriptions.attempts import reads_or_refuses
from tests.apim.catalog.descriptions.documents import PROSE, zipped
from tests.cpu import cpu_seconds_at_most


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


def test_what_stands_in_fenced_code_is_neither_title_nor_operation():
    page = "```sh\n# No title\n```\n\n~~~\n# Nor this\n```\n~~~\n# Ferries ##\n```\nopen for ever\n"
    found = read_description(page.encode(), filename="a.md")
    assert found.title == "Ferries"


@pytest.mark.parametrize(
    "page",
    [
        "```sh\n" * 80_000,
        "# a" + " #" * 200_000 + "x",
        "# a" + " " * 400_000 + "x",
        "\n" * 400_000 + "# a",
    ],
    ids=["open fences", "marks behind a heading", "blanks behind a heading", "empty lines"],
)
@pytest.mark.parametrize("filename", ["a.md", None])
def test_reading_a_page_takes_time_in_proportion_to_its_length(page, filename):
    with cpu_seconds_at_most(1):
        reads_or_refuses(page.encode(), filename)
