"""A version's specification as developers use it: at our gateway, with our key."""

from __future__ import annotations

import json
import zlib
from copy import copy
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from apim.catalog import selectors
from apim.catalog.descriptions import Style
from portal.examples import METHODS, ExampleMaker, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apim.catalog.models import ApiVersion

SCHEME = "ApiKey"
CACHE_SECONDS = 7 * 24 * 3600
# Raise it when what is cached changes its form.
CACHE_FORM = 2


def gateway_url(version: ApiVersion) -> str:
    """Where callers reach the version, without a trailing slash."""
    return f"{settings.APIM_GATEWAY_URL}{version.listen_path}"


def reference_document(version: ApiVersion) -> bytes:
    """The current revision as JSON, its servers replaced by our gateway, our key required.

    Cached by revision and address: a large document takes seconds to read.
    """
    name = f"reference:{CACHE_FORM}:{version.current_revision_id}:{gateway_url(version)}"
    kept: bytes | None = cache.get(name)
    if kept is not None:
        return zlib.decompress(kept)
    document = adapt(_parsed(version), gateway_url(version))
    made = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    cache.set(name, zlib.compress(made), CACHE_SECONDS)
    return made


def first_request(version: ApiVersion) -> Request | None:
    """The easiest call to make, None when the document has no operation. Cached likewise."""
    name = f"first-request:{CACHE_FORM}:{version.current_revision_id}"
    kept = cache.get(name)
    if kept is None:
        found = ExampleMaker(_parsed(version)).first()
        kept = [found.method, found.target, found.body] if found else []
        cache.set(name, kept, CACHE_SECONDS)
    return Request(*kept) if kept else None


def adapt(document: Mapping[str, Any], url: str) -> dict[str, Any]:
    """A copy of the document in which every call goes to `url` and needs the key.

    Credentials that an operation itself asks for stay, beside the key.
    """
    adapted = dict(document)
    adapted["servers"] = [{"url": url}]
    components = dict(adapted.get("components") or {})
    components["securitySchemes"] = {
        SCHEME: _scheme(),
        **(components.get("securitySchemes") or {}),
    }
    adapted["components"] = components
    adapted["security"] = _with_key(document.get("security"))
    adapted["paths"] = {
        path: _adapt_item(item) for path, item in (document.get("paths") or {}).items()
    }
    return adapted


def _scheme() -> dict[str, str]:
    return {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": _("Your application's API key."),
    }


def _adapt_item(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    adapted = {name: value for name, value in item.items() if name != "servers"}
    for method in METHODS:
        if not isinstance(adapted.get(method), dict):
            continue
        operation = copy(adapted[method])
        operation.pop("servers", None)
        if "security" in operation:
            operation["security"] = _with_key(operation["security"])
        adapted[method] = operation
    return adapted


def _with_key(requirements: Any) -> list[dict[str, Any]]:
    """Each alternative needs our key as well; none at all becomes the key alone."""
    alternatives = requirements if isinstance(requirements, list) else []
    return [{SCHEME: [], **one} for one in alternatives if isinstance(one, dict)] or [{SCHEME: []}]


def is_openapi(version: ApiVersion) -> bool:
    """Whether the revision in force is described in OpenAPI, which Scalar shows."""
    revision = version.current_revision
    return revision is None or revision.style == Style.OPENAPI


def style_label(version: ApiVersion) -> str:
    """Such as `GraphQL`."""
    revision = version.current_revision
    return revision.get_style_display() if revision is not None else ""


def _parsed(version: ApiVersion) -> dict[str, Any]:
    data: dict[str, Any] = selectors.description_of(selectors.get_revision(version)).data
    return data
