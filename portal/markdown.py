"""Text that publishers write, as HTML that is safe to show beside our own."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

FIRST_HEADING_LEVEL = 3


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    """CommonMark and tables; raw HTML is shown as text, unsafe link schemes stay text."""
    return MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


@lru_cache(maxsize=256)
def render_description(text: str) -> SafeString:
    """An API's or operation's description.

    Headings start below the page's own, links say nofollow and open without a referrer, and
    pictures become links: the content security policy would block them anyway.
    """
    tokens = _parser().parse(text)
    _lower_headings(tokens, by=FIRST_HEADING_LEVEL - 1)
    for token in tokens:
        _guard_links(token.children or ())
    return _html(tokens)


@lru_cache(maxsize=64)
def render_guide(text: str) -> SafeString:
    """One of our own guides: headings get anchors, so that a line can be linked to."""
    tokens = _parser().parse(text)
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", slugify(tokens[index + 1].content))
    return _html(tokens)


def _html(tokens: Sequence[Token]) -> SafeString:
    parser = _parser()
    html: str = parser.renderer.render(list(tokens), parser.options, {})
    return mark_safe(html)  # noqa: S308 -- markdown-it escapes text and raw HTML is off


def _lower_headings(tokens: Sequence[Token], *, by: int) -> None:
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + by)}"


def _guard_links(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.type == "link_open":
            token.attrSet("rel", "nofollow noopener noreferrer")
        elif token.type == "image":
            token.type = "text"
            token.content = token.content or str(token.attrGet("src") or "")
            token.children = None
