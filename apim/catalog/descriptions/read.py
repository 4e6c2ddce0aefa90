"""From an upload to a Description: which style it is, and who reads it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.archive import is_archive, read_archive
from apim.catalog.descriptions.asyncapi import read_asyncapi
from apim.catalog.descriptions.bundle import bundle, refers_elsewhere
from apim.catalog.descriptions.description import Description, Style
from apim.catalog.descriptions.graphql import as_tree, read_graphql, title_from
from apim.catalog.descriptions.graphql_introspection import read_introspection
from apim.catalog.descriptions.grpc import read_grpc_binary, read_grpc_sources
from apim.catalog.descriptions.origins import MovedPositions
from apim.catalog.descriptions.prose import read_prose
from apim.catalog.descriptions.proto_binary import looks_like_descriptor_set
from apim.catalog.descriptions.roots import is_introspection, root_of, style_of
from apim.catalog.descriptions.swagger import is_swagger, upgrade
from apim.catalog.descriptions.tokens import Text
from apim.catalog.descriptions.upload import CannotBeHad, Upload, naming
from apim.catalog.descriptions.wsdl import read_wsdl
from apim.catalog.openapi.load import MAX_BYTES, Loaded, decode, load, refuse_too_large
from apim.catalog.openapi.operations import extract_operations
from apim.catalog.openapi.parse import mapping_of, parse_loaded
from apim.catalog.openapi.problems import arrange

if TYPE_CHECKING:
    from apim.catalog.descriptions.description import Fetch

_KEYS = ("asyncapi", "swagger", "openapi")


def read_description(
    raw: bytes,
    *,
    filename: str | None = None,
    max_bytes: int = MAX_BYTES,
    fetch: Fetch | None = None,
    source_url: str = "",
) -> Description:
    """Read and check a description of any style, or a zip of its files.

    `fetch` gives documents at other addresses that the upload refers to; without it such
    references are refused. Relative ones lead from `source_url`, where a single file was had from.
    Raises InvalidSpecification with every problem found, at most 50.
    """
    refuse_too_large(raw, max_bytes)
    sha256 = hashlib.sha256(raw).hexdigest()
    if not is_archive(raw):
        name = filename or ""
        upload = Upload(name, raw, {}, fetch, max_bytes, source_url)
        return _read(upload, style_of(raw, name), sha256)
    files = read_archive(raw)
    root, style = root_of(files)
    upload = Upload(root, files[root], files, fetch, max_bytes)
    with naming(root):
        found = _read(upload, style, sha256)
    return replace(found, media_type="application/zip")


def _read(upload: Upload, style: Style, sha256: str) -> Description:
    name = upload.root
    if style is Style.WSDL:
        return read_wsdl(upload.raw, filename=name, sha256=sha256, locate=_locator(upload))
    if style is Style.GRPC:
        return _read_grpc(upload, sha256)
    if style is Style.PROSE:
        return read_prose(decode(upload.raw), filename=name, sha256=sha256)
    if style is Style.GRAPHQL and not is_introspection(upload.raw):
        title = title_from(name, _("GraphQL API"))
        return read_graphql(_texts(upload, (".graphql", ".graphqls", ".gql", ".sdl")),
                            title=title, sha256=sha256)  # fmt: skip
    return _read_data(upload, sha256)


def _read_data(upload: Upload, sha256: str) -> Description:
    """Styles written in JSON or YAML."""
    loaded = load(upload.raw, filename=upload.root or None)
    if isinstance(as_tree(loaded.data), dict):
        title = title_from(upload.root, _("GraphQL API"))
        return read_introspection(loaded, title=title, sha256=sha256)
    data = mapping_of(loaded)
    key = next((key for key in _KEYS if key in data), "")
    if key and (upload.is_archive or refers_elsewhere(decode(upload.raw))):
        loaded = bundle(upload, loaded, key)
    if key == "asyncapi":
        found = read_asyncapi(loaded, sha256)
    elif is_swagger(data):
        found = _read_swagger(loaded, sha256)
    else:
        found = _read_openapi(loaded, sha256)
    return replace(found, fetched=upload.fetched) if upload.fetched else found


def _read_openapi(loaded: Loaded, sha256: str) -> Description:
    document = parse_loaded(loaded, sha256)
    return Description(
        style=Style.OPENAPI,
        style_version=document.openapi_version,
        format=document.format,
        media_type=document.media_type,
        title=document.title,
        version=document.version,
        summary=document.summary,
        description=document.description,
        servers=document.servers,
        tags=document.tags,
        operations=extract_operations(document),
        data=document.data,
        uploaded=document.data,
        positions=document.positions,
        warnings=document.warnings,
        sha256=sha256,
    )


def _read_swagger(loaded: Loaded, sha256: str) -> Description:
    uploaded: dict[str, Any] = loaded.data
    data, origins, findings = upgrade(loaded)
    positions = MovedPositions(loaded.positions, origins)
    found = _read_openapi(Loaded(data, positions, loaded.format), sha256)
    warnings, _omitted = arrange((*findings.problems(loaded.positions), *found.warnings))
    return replace(found, style_version="2.0", uploaded=uploaded, warnings=warnings)


def _read_grpc(upload: Upload, sha256: str) -> Description:
    name = upload.root
    binary = (".binpb", ".pb", ".protoset", ".desc", ".fds")
    if looks_like_descriptor_set(upload.raw) or name.lower().endswith(binary):
        return read_grpc_binary(upload.raw, filename=name, sha256=sha256)
    texts = {text.file or name or "api.proto": text for text in _texts(upload, (".proto",))}
    return read_grpc_sources(texts, filename=name, sha256=sha256)


def _texts(upload: Upload, extensions: tuple[str, ...]) -> list[Text]:
    """All files of the style, the root first; only those of an archive carry their name."""
    if not upload.is_archive:
        return [Text(decode(upload.raw))]
    names = [n for n in upload.files if n.lower().endswith(extensions) and n != upload.root]
    texts = []
    for name in (upload.root, *sorted(names)):
        with naming(name):
            texts.append(Text(decode(upload.files[name]), name))
    return texts


def _locator(upload: Upload) -> Any:
    def locate(base: str, location: str) -> tuple[str, bytes] | None:
        try:
            name = upload.address(base or upload.root, location)
            return name, upload.bytes_of(name)
        except CannotBeHad:
            return None

    return locate
