"""The reference of a version whose description is not OpenAPI: made once, shown in parts."""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.utils.translation import get_language

from apim.catalog import selectors
from apim.catalog.descriptions import Style
from apim.ui.components.actions import Sample
from portal.reference import gateway_url
from portal.styles import asyncapi, graphql, grpc, wsdl
from portal.styles.model import Entry, Maker, Reference, Section

if TYPE_CHECKING:
    from apim.catalog.descriptions import Description
    from apim.catalog.models import ApiVersion

CACHE_SECONDS = 7 * 24 * 3600
# Raise it when what is cached changes its form.
CACHE_FORM = 4
# Entries on one page; beyond, a section is chosen, and shown page by page.
MAX_ENTRIES = 150
PER_PAGE = 100


def _prose(description: Description, _url: str) -> Reference:
    return Reference((), description.data["text"])


MAKERS: dict[str, Maker] = {
    Style.ASYNCAPI.value: asyncapi.make,
    Style.GRAPHQL.value: graphql.make,
    Style.GRPC.value: grpc.make,
    Style.WSDL.value: wsdl.make,
    Style.PROSE.value: _prose,
}


def reference_of(version: ApiVersion) -> Reference:
    """Cached by revision, address and language: a large document takes seconds to read."""
    url = gateway_url(version) if version.upstream_url else ""
    name = f"style-reference:{CACHE_FORM}:{version.current_revision_id}:{url}:{get_language()}"
    kept: bytes | None = cache.get(name)
    if kept is not None:
        found: Reference = pickle.loads(zlib.decompress(kept))  # noqa: S301 - our own cache
        return found
    description = selectors.description_of(selectors.get_revision(version))
    made = MAKERS[description.style.value](description, url)
    cache.set(name, zlib.compress(pickle.dumps(made), 1), CACHE_SECONDS)
    return made


def samples_of(version: ApiVersion, key: str = "") -> tuple[Sample, ...]:
    """How to make the first call; empty for what is not called over HTTP."""
    if not version.upstream_url:
        return ()
    entries = (e for section in reference_of(version).sections for e in section.entries)
    found = next((e.samples for e in entries if e.is_called and not e.is_deprecated), ())
    return tuple(Sample(one.label, _with_key(one.code, key)) for one in found) if key else found


def _with_key(code: str, key: str) -> str:
    return code.replace("$API_KEY", key).replace('os.environ["API_KEY"]', f'"{key}"')


@dataclass(frozen=True, slots=True)
class ShownPart:
    """What one request shows of a reference. `is_whole` if links may be anchors."""

    sections: tuple[Section, ...]
    is_whole: bool
    chosen: str = ""
    page: int = 1
    pages: int = 1


def shown(reference: Reference, query: dict[str, str]) -> ShownPart:
    """All of it, or the entry, section or search that the query names."""
    entry = reference.entry(query.get("entry", ""))
    if entry is not None:
        section = next(s for s in reference.sections if entry in s.entries)
        only = Section(section.anchor, section.title, (entry,))
        return ShownPart((only,), is_whole=False, chosen=section.anchor)
    words = query.get("q", "").lower().split()[:8]
    if words:
        return ShownPart(_matching(reference, words), is_whole=False)
    if reference.count <= MAX_ENTRIES:
        return ShownPart(reference.sections, is_whole=True)
    section = next(
        (s for s in reference.sections if s.anchor == query.get("section")), reference.sections[0]
    )
    pages = -(-len(section.entries) // PER_PAGE)
    number = query.get("page", "1")
    page = min(max(int(number), 1), pages) if number.isdigit() and len(number) < 6 else 1
    start = (page - 1) * PER_PAGE
    part = Section(
        section.anchor,
        section.title,
        section.entries[start : start + PER_PAGE],
        section.description,
    )
    return ShownPart((part,), is_whole=False, chosen=section.anchor, page=page, pages=pages)


def _matching(reference: Reference, words: list[str]) -> tuple[Section, ...]:
    found: list[Section] = []
    left = PER_PAGE
    for section in reference.sections:
        entries: tuple[Entry, ...] = tuple(e for e in section.entries if e.says(words))[:left]
        left -= len(entries)
        if entries:
            found.append(Section(section.anchor, section.title, entries))
    return tuple(found)


def page_context(version: ApiVersion, query: dict[str, str]) -> dict[str, Any]:
    """What the template needs beside the frame."""
    reference = reference_of(version)
    part = shown(reference, query)
    return {
        "reference": reference,
        "part": part,
        "query": query.get("q", ""),
        "previous_page": part.page - 1 if part.page > 1 else None,
        "next_page": part.page + 1 if part.page < part.pages else None,
    }
