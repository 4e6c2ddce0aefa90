"""Which style a file is of, and which file of several describes the API."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.descriptions.description import Style
from apim.catalog.descriptions.proto_binary import looks_like_descriptor_set
from apim.catalog.openapi.refusals import refuse_at

if TYPE_CHECKING:
    from collections.abc import Iterable

_BY_EXTENSION = {
    "graphql": Style.GRAPHQL, "graphqls": Style.GRAPHQL, "gql": Style.GRAPHQL, "sdl": Style.GRAPHQL,
    "proto": Style.GRPC, "binpb": Style.GRPC, "pb": Style.GRPC, "protoset": Style.GRPC,
    "desc": Style.GRPC, "fds": Style.GRPC, "wsdl": Style.WSDL,
    "md": Style.PROSE, "markdown": Style.PROSE,
}  # fmt: skip
_DATA_EXTENSIONS = {"json", "yaml", "yml"}
_START_CHARACTERS = 20_000
_KEYS = ("openapi", "swagger", "asyncapi")
# At the left margin in YAML; anywhere in JSON, where the keys must be looked at.
_MARKED = re.compile(
    rb"^(?:\xef\xbb\xbf)?[\"']?(?:openapi|swagger|asyncapi)[\"']?[ \t]*:", re.MULTILINE
)
_MARKED_JSON = re.compile(rb"\"(?:openapi|swagger|asyncapi)\"\s*:")
_INTROSPECTION = re.compile(r"\{\s*(?:\"data\"\s*:\s*\{\s*)?\"__schema\"\s*:")
_WSDL_ROOT = re.compile(r"<(?:[\w.-]+:)?definitions[\s>]")
_PROTO = re.compile(
    r"^[ \t]*(?:syntax\s*=\s*[\"']proto[23][\"']|edition\s*=\s*\"|package\s+[\w.]+\s*;"
    r"|(?:service|message)\s+\w+\s*\{)",
    re.MULTILINE,
)
_SDL = re.compile(
    r"^[ \t]*(?:extend\s+)?(?:(?:type|interface|input|enum)\s+\w+[^:\n=]*\{|schema\s*(?:@[^{]*)?\{"
    r"|union\s+\w+\s*=|scalar\s+\w+|directive\s+@)",
    re.MULTILINE,
)
_MARKDOWN = re.compile(r"\A\ufeff?\s*(?:---\n.*?\n---\s*)?#{1,2} \S", re.DOTALL)
# Best first: of several that could be it, the one that everybody calls so.
_USUAL_NAMES = ("openapi", "swagger", "asyncapi", "index", "root", "main", "api")
_STYLES_OF_FILES = (Style.WSDL, Style.GRAPHQL, Style.GRPC, Style.PROSE)


def style_of(raw: bytes, filename: str) -> Style:  # noqa: PLR0911 - one for each
    """By content, and by the file's name where content says little.

    OpenAPI when in doubt, and for all that is written in JSON or YAML.
    """
    if b"\0" in raw[:4096] or looks_like_descriptor_set(raw):
        # UTF-16 is refused as what it is.
        is_utf_16 = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        return Style.OPENAPI if is_utf_16 else _binary(raw, filename)
    text = raw[: 4 * _START_CHARACTERS].decode("utf-8", "replace")[:_START_CHARACTERS]
    start = text.lstrip("\ufeff \t\r\n")
    extension = _extension(filename)
    if start.startswith("<"):
        is_html = start[:200].lower().startswith(("<!doctype html", "<html"))
        return Style.OPENAPI if is_html and not _WSDL_ROOT.search(text) else Style.WSDL
    if is_introspection(raw):
        return Style.GRAPHQL
    if extension in _BY_EXTENSION:
        return _BY_EXTENSION[extension]
    if extension in _DATA_EXTENSIONS or start.startswith("{") or _MARKED.search(raw):
        return Style.OPENAPI
    for pattern, style in ((_PROTO, Style.GRPC), (_SDL, Style.GRAPHQL), (_MARKDOWN, Style.PROSE)):
        if pattern.search(text):
            return style
    return Style.OPENAPI


def is_introspection(raw: bytes) -> bool:
    """Whether it begins as the answer to GraphQL's introspection query does."""
    return (
        _INTROSPECTION.match(raw[:1000].decode("utf-8", "replace").lstrip("\ufeff \t\r\n"))
        is not None
    )


def _binary(raw: bytes, filename: str) -> Style:
    is_named = _BY_EXTENSION.get(_extension(filename)) is Style.GRPC
    return Style.GRPC if is_named or looks_like_descriptor_set(raw) else Style.OPENAPI


def _extension(filename: str) -> str:
    return filename.lower().rpartition(".")[2] if "." in filename else ""


def root_of(files: dict[str, bytes]) -> tuple[str, Style]:
    """The one file that describes the API, or the first of several that do it together.

    Raises InvalidSpecification naming the files that could be it.
    """
    marked = [name for name, raw in files.items() if _is_marked(name, raw)]
    if marked:
        name = _chosen(marked)
        return name, style_of(files[name], name)
    by_style: dict[Style, list[str]] = {}
    for name in sorted(files, key=lambda n: (n.count("/"), n)):
        style = _BY_EXTENSION.get(_extension(name))
        if _extension(name) == "xml" and _WSDL_ROOT.search(files[name][:5000].decode("latin-1")):
            style = Style.WSDL
        if style is not None:
            by_style.setdefault(style, []).append(name)
    formal = [style for style in _STYLES_OF_FILES[:3] if style in by_style]
    if len(formal) > 1:
        _refuse_several(by_style[formal[0]][:3] + by_style[formal[1]][:3])
    style = formal[0] if formal else Style.PROSE
    names = by_style.get(style, [])
    if not names:
        refuse_at(
            1,
            1,
            _("None of the %(count)d files describes an API.") % {"count": len(files)},
            _("Name the description openapi.yaml, asyncapi.yaml, schema.graphql or *.proto."),
        )
    if style is Style.WSDL:
        names = _wsdl_roots(names, files)
        return _chosen(names), style
    if style is Style.PROSE:
        return _chosen(names, ("readme", *_USUAL_NAMES)), style
    return names[0], style


def _is_marked(name: str, raw: bytes) -> bool:
    if _extension(name) not in _DATA_EXTENSIONS:
        return False
    if not raw.lstrip().startswith(b"{"):
        return _MARKED.search(raw) is not None
    if is_introspection(raw):
        return True
    if not _MARKED_JSON.search(raw):
        return False
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return True  # whoever reads it says what is wrong
    return isinstance(data, dict) and any(key in data for key in _KEYS)


def _wsdl_roots(names: list[str], files: dict[str, bytes]) -> list[str]:
    """Those that no other imports; they may import each other's parts."""
    imported = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), location))
        for name in names
        for location in re.findall(r"location\s*=\s*[\"']([^\"']+)", files[name].decode("latin-1"))
    }
    return [name for name in names if name not in imported] or names


def _chosen(names: list[str], usual: Iterable[str] = _USUAL_NAMES) -> str:
    depth = min(name.count("/") for name in names)
    nearest = [name for name in names if name.count("/") == depth]
    if len(nearest) == 1:
        return nearest[0]
    for wanted in usual:
        found = [n for n in nearest if posixpath.basename(n).lower().partition(".")[0] == wanted]
        if len(found) == 1:
            return found[0]
    return _refuse_several(nearest)


def _refuse_several(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:10])
    return refuse_at(
        1,
        1,
        _("Several files could be the description: %(names)s") % {"names": shown},
        _("Upload one API at a time, or name its file openapi.yaml or asyncapi.yaml."),
    )
