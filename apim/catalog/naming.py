"""Slugs and version names: they stand in URLs and in the gateway's paths, and never change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.utils.text import slugify
from django.utils.translation import gettext as _

from apim.catalog.errors import NameTaken, UpstreamInvalid
from apim.catalog.openapi.objects import why_not_a_url
from apim.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db import models

    from apim.catalog.descriptions import Description, Server

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_NUMBERED = re.compile(r"v?(\d{1,6})(?:\.\d+)*(?:[-+].*)?\Z", re.IGNORECASE)
_DATED = re.compile(r"\d{4}-\d{2}(?:-\d{2})?\Z")
URL_MAX_LENGTH = 500


def checked_name(name: str, *, max_length: int = 120, field: str = "name") -> str:
    """The name without white space around it. Raises InvalidInput when empty or too long."""
    name = " ".join(name.split())
    if not name or len(name) > max_length:
        message = _("Between 1 and %(max)d characters.") % {"max": max_length}
        raise InvalidInput(message, fields={field: [message]})
    return name


def checked_slug(slug: str, *, max_length: int = 60, field: str = "slug") -> str:
    """Raises InvalidInput unless it is small letters, digits and hyphens."""
    if len(slug) > max_length or not _SLUG.match(slug):
        message = _("Small letters, digits and hyphens only, at most %(max)d.") % {
            "max": max_length
        }
        raise InvalidInput(message, fields={field: [message]})
    return slug


def free_slug(
    taken: models.QuerySet[models.Model], *, wanted: str | None, name: str, fallback: str
) -> str:
    """The wanted slug, or one made from the name that `taken` does not hold.

    Raises NameTaken when the wanted one is in use.
    """
    if wanted:
        slug = checked_slug(wanted)
        if taken.filter(slug=slug).exists():
            message = _("“%(slug)s” is already in use.") % {"slug": slug}
            raise NameTaken(message, fields={"slug": [message]})
        return slug
    base = slugify(name).replace("_", "-").strip("-")[:50].strip("-") or fallback
    slug, number = base, 2
    while taken.filter(slug=slug).exists():
        slug, number = f"{base}-{number}", number + 1
    return slug


def version_name_for(document_version: str) -> str:
    """`v1` for 1.4.2, `v68` for 68, `2026-05-01` for a date; `v1` when it says nothing."""
    text = document_version.strip()
    if _DATED.match(text):
        return text
    numbered = _NUMBERED.match(text)
    if numbered:
        return f"v{max(1, int(numbered[1]))}"
    return slugify(text).replace("_", "-").strip("-")[:30].strip("-") or "v1"


def checked_upstream(url: str, *, field: str = "upstream_url") -> str:
    """The absolute http or https address without a slash at its end. Raises UpstreamInvalid."""
    url = url.strip()
    reason = why_not_a_url(url)
    if not reason:
        parts = urlsplit(url)
        if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
            reason = _("it must begin with http:// or https://")
        elif parts.username or parts.password:
            reason = _("it contains a user name or password")
        elif len(url) > URL_MAX_LENGTH:
            reason = _("it is too long")
    if reason:
        message = _("“%(url)s” cannot be an upstream: %(reason)s.") % {
            "url": url[:200],
            "reason": reason,
        }
        raise UpstreamInvalid(message, fields={field: [message]})
    return url.rstrip("/")


def upstream_of(document: Description) -> str:
    """The document's first absolute server. Raises UpstreamInvalid if it names none."""
    url = _first_absolute(document.servers)
    if url is None:
        message = _(
            "The specification names no absolute server. Give the address that gateways forward to."
        )
        raise UpstreamInvalid(message, fields={"upstream_url": [message]})
    return checked_upstream(url)


def _first_absolute(servers: Sequence[Server]) -> str | None:
    for server in servers:
        if server.url.lower().startswith(("http://", "https://")):
            return server.url
    return None
