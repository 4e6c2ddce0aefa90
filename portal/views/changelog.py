"""What changed in a version for those who call it: a page, a feed, and the documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apim.accounts.policies import public
from apim.catalog import selectors
from apim.catalog.changelog import comparison_of, publications_of
from apim.catalog.diff import changelog as sections_of
from apim.core.errors import NotFound
from portal.answers import page_of
from portal.feed import MEDIA_TYPE, feed_of, title_of
from portal.views.catalog import api_frame

if TYPE_CHECKING:
    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.diff import Section
    from apim.catalog.governance import Publication
    from apim.catalog.models import ApiVersion

ENTRIES_PER_PAGE = 10
ENTRIES_IN_FEED = 50
# The feed and the management API have the rest.
SECTIONS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class ChangelogEntry:
    """A publication as the page tells of it; `omitted` is how many sections it leaves out."""

    publication: Publication
    title: str
    sections: tuple[Section, ...]
    omitted: int


def _entry(publication: Publication) -> ChangelogEntry:
    sections = sections_of(comparison_of(publication).changes)
    shown = sections[:SECTIONS_SHOWN]
    return ChangelogEntry(publication, title_of(publication), shown, len(sections) - len(shown))


def _version(slug: str, version: str) -> ApiVersion:
    return selectors.get_published_version(selectors.get_published_api(slug), version)


@public
@require_GET
def changelog(request: ViewerRequest, slug: str, version: str) -> HttpResponse:
    found = selectors.get_published_api(slug)
    shown = selectors.get_published_version(found, version)
    page = page_of(request, publications_of(shown), ENTRIES_PER_PAGE)
    return render(
        request,
        "portal/catalog/changelog.html",
        {
            **api_frame(found, shown),
            "is_changelog": True,
            "page": page,
            "entries": [_entry(publication) for publication in page.object_list],
        },
    )


@public
@require_GET
def feed(request: ViewerRequest, slug: str, version: str) -> HttpResponse:
    """Atom, newest first."""
    del request
    shown = _version(slug, version)
    rows = list(publications_of(shown)[:ENTRIES_IN_FEED])
    return HttpResponse(feed_of(shown, rows), content_type=MEDIA_TYPE)


@public
@require_GET
def document(request: ViewerRequest, slug: str, version: str, number: int) -> HttpResponse:
    """A revision that was in force at some time; what never was is nobody's business."""
    del request
    shown = _version(slug, version)
    if not publications_of(shown).filter(revision__number=number).exists():
        raise NotFound
    found = selectors.spec_document(shown, number)
    stem, _dot, suffix = found.filename.rpartition(".")
    response = HttpResponse(found.raw, content_type=found.media_type)
    response["Content-Disposition"] = f'attachment; filename="{stem}-r{number}.{suffix}"'
    return response
