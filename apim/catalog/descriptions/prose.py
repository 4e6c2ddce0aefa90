"""Prose: an API of which there is a page in Markdown and no formal description."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.description import Description, Style
from apim.catalog.descriptions.graphql import title_from
from apim.catalog.descriptions.told import distinct, first_sentence, operation
from apim.catalog.openapi.refusals import refuse_at

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LENGTH = 500_000
# Of a heading, a cell or a paragraph, as far as it is looked at.
_PLAIN_LENGTH = 4000
_HEADING = re.compile(r"^#{1,2}[ \t]+(\S[^\n]*)$", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_METHOD = re.compile(r"[A-Z]{3,16}\Z")
_FENCES = ("```", "~~~")
_METHODS = {"method", "methode"}
_PATHS = {"path", "pfad", "endpoint"}
_SUMMARIES = {"summary", "description", "purpose", "zweck", "beschreibung"}


def read_prose(text: str, *, filename: str | None, sha256: str) -> Description:
    """A page; its title is the first heading, its operations the rows of tables that say so.

    Raises InvalidSpecification for a page that is too long.
    """
    if len(text) > MAX_LENGTH:
        refuse_at(
            1,
            1,
            _("A page may have %(max)d characters.") % {"max": MAX_LENGTH},
            _("Describe the API formally, or link to the rest."),
        )
    text = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    plain = _without_code(text)
    heading = _HEADING.search(plain)
    title = (
        _plain(heading[1].rstrip(" \t#")) if heading else title_from(filename, _("Untitled API"))
    )
    rest = plain[heading.end() :] if heading else plain
    paragraphs = (p.strip() for p in re.split(r"\n\s*\n", rest))
    summary = next((p for p in paragraphs if p and p[0] not in "#|>-*`<!"), "")
    operations = list(_rows(plain))
    tree: dict[str, Any] = {
        "title": title,
        "summary": first_sentence(_plain(summary)),
        "text": text,
        "operations": [
            {"method": method, "path": path, "summary": said} for method, path, said in operations
        ],
    }
    return Description(
        style=Style.PROSE,
        style_version="",
        format="markdown",
        media_type="text/markdown",
        title=title[:200],
        version="",
        summary=tree["summary"],
        description=text,
        servers=(),
        tags=(),
        operations=distinct(
            operation(method, path, f"{method.lower()} {path}", summary=said)
            for method, path, said in operations
        ),
        data=tree,
        uploaded=tree,
        positions=None,
        warnings=(),
        sha256=sha256,
    )


def _without_code(text: str) -> str:
    """Without fenced blocks. One that is never closed stays, as do its lines."""
    lines = text.split("\n")
    last = {line[:3]: number for number, line in enumerate(lines) if _is_closing(line)}
    kept, fence = [], ""
    for number, line in enumerate(lines):
        if fence:
            fence = "" if line.startswith(fence) and _is_closing(line) else fence
        elif number < last.get(line[:3], 0):
            fence = line[:3]
        else:
            kept.append(line)
    return "\n".join(kept)


def _is_closing(line: str) -> bool:
    return line.startswith(_FENCES) and not line.rstrip(" \t").strip("`~")


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    """Method, path and summary from every table that has columns so named; each pair once."""
    columns: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for line in text.splitlines():
        if not line.strip().startswith("|"):
            columns = {}
            continue
        cells = [_plain(cell) for cell in line.strip().strip("|").split("|")]
        if not columns:
            names = [cell.lower() for cell in cells]
            columns = {
                key: index
                for key, words in (("method", _METHODS), ("path", _PATHS), ("said", _SUMMARIES))
                for index, name in enumerate(names)
                if name in words
            }
            columns.setdefault("none", -1)
            continue
        if not {"method", "path"} <= columns.keys() or len(cells) <= columns["path"]:
            continue
        method, path = cells[columns["method"]].upper(), cells[columns["path"]]
        said = cells[columns["said"]] if columns.get("said", len(cells)) < len(cells) else ""
        if _METHOD.match(method) and path.startswith("/") and (method, path) not in seen:
            seen.add((method, path))
            yield method, path.partition("?")[0], said


def _plain(text: str) -> str:
    """Without the marks of Markdown that stand in a heading, a cell or a sentence."""
    text = re.sub(r"!?\[([^\[\]]*)\]\([^()]*\)", r"\1", text[:_PLAIN_LENGTH])
    return " ".join(re.sub(r"[`*]+", "", text).split())
