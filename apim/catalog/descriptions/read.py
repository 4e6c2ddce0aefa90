"""From an upload to a Description: which style it is, and who reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim.catalog.descriptions.description import Description, Style
from apim.catalog.openapi.load import MAX_BYTES
from apim.catalog.openapi.operations import extract_operations
from apim.catalog.openapi.parse import parse_document

if TYPE_CHECKING:
    from apim.catalog.descriptions.description import Fetch


def read_description(
    raw: bytes,
    *,
    filename: str | None = None,
    max_bytes: int = MAX_BYTES,
    fetch: Fetch | None = None,
) -> Description:
    """Read and check a description of any style, or a zip of its files.

    `fetch` gives documents at other addresses that the upload refers to; without it such
    references are refused. Raises InvalidSpecification with every problem found, at most 50.
    """
    del fetch
    document = parse_document(raw, filename=filename, max_bytes=max_bytes)
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
        sha256=document.sha256,
    )
