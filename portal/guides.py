"""The guides: Markdown files beside this module, read once per process.

A folder named after a language holds the same guides in it; what is missing there is read in English.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import get_language

from apim.core.errors import NotFound
from portal.markdown import render_guide

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

FOLDER = Path(__file__).parent / "guides"
EXCERPT_CHARACTERS = 160
_HEADER = re.compile(r"\A---\n(?P<fields>.*?)\n---\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Guide:
    """`source` is the Markdown with this installation's addresses filled in."""

    slug: str
    title: str
    summary: str
    icon: str
    position: int
    source: str

    @property
    def html(self) -> SafeString:
        return render_guide(self.source)


@dataclass(frozen=True, slots=True)
class Found:
    """One hit of a search: the guide and the words around the first match."""

    guide: Guide
    excerpt: str


def all_guides() -> tuple[Guide, ...]:
    """Every guide in the reader's language, in reading order."""
    return _guides_in((get_language() or settings.LANGUAGE_CODE).partition("-")[0])


@lru_cache
def _guides_in(language: str) -> tuple[Guide, ...]:
    translated = FOLDER / language
    paths = [translated / path.name for path in FOLDER.glob("*.md")]
    guides = [_read(path if path.exists() else FOLDER / path.name) for path in paths]
    return tuple(sorted(guides, key=lambda guide: guide.position))


def get_guide(slug: str) -> Guide:
    """Raises NotFound."""
    for guide in all_guides():
        if guide.slug == slug:
            return guide
    raise NotFound("There is no such guide.")


def search_guides(words: str) -> tuple[Found, ...]:
    """Guides that contain every word, those with a match in the title first."""
    wanted = words.casefold().split()
    hits = [guide for guide in all_guides() if _contains(guide, wanted)]
    hits.sort(key=lambda guide: not any(word in guide.title.casefold() for word in wanted))
    return tuple(Found(guide, _excerpt(guide, wanted)) for guide in hits)


def _contains(guide: Guide, wanted: list[str]) -> bool:
    text = f"{guide.title} {guide.summary} {guide.source}".casefold()
    return all(word in text for word in wanted)


def _excerpt(guide: Guide, wanted: list[str]) -> str:
    """The first line of prose that holds one of the words, else the summary."""
    for line in guide.source.splitlines():
        plain = re.sub(r"[`*_#\[\]|>]", "", line).strip()
        if any(word in plain.casefold() for word in wanted) and not line.startswith("#"):
            return plain[:EXCERPT_CHARACTERS]
    return guide.summary


def _read(path: Path) -> Guide:
    text = path.read_text(encoding="utf-8")
    header = _HEADER.match(text)
    if header is None:
        raise ValueError(f"{path.name} does not open with a --- header")
    fields = dict(line.split(": ", 1) for line in header["fields"].splitlines())
    return Guide(
        slug=path.stem,
        title=fields["title"],
        summary=fields["summary"],
        icon=fields["icon"],
        position=int(fields["position"]),
        source=_fill(text[header.end() :]),
    )


def _fill(text: str) -> str:
    """Our own addresses in place of the names in braces, so that snippets can be pasted."""
    return (
        text.replace("{gateway}", settings.APIM_GATEWAY_URL)
        .replace("{site}", settings.APIM_PUBLIC_URL)
        .replace("{brand}", settings.APIM_KEY_BRAND)
    )
