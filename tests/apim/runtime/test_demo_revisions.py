"""The demo's earlier and later documents can be imported, and differ in what the pages show."""

from pathlib import Path

import pytest

from apim.catalog.descriptions import read_description
from apim.catalog.diff import diff, summarize
from apim.runtime.demo import revisions, seed, world

FOLDER = Path(seed.__file__).parent


def today(slug: str) -> bytes:
    return (FOLDER / world.APIS[slug][0]).read_bytes()


@pytest.mark.parametrize("slug", world.APIS)
def test_the_first_document_became_todays_by_changes_of_several_levels(slug):
    first = read_description(revisions.first_document(slug, today(slug)))
    found = summarize(diff(first, read_description(today(slug))))
    assert found.breaking
    assert found.compatible
    assert revisions.NOTES[slug]


def test_the_candidate_breaks_callers_and_adds_something():
    raw = today(revisions.CANDIDATE_OF)
    found = summarize(diff(read_description(raw), read_description(revisions.next_document(raw))))
    assert found.breaking >= 2
    assert found.compatible
