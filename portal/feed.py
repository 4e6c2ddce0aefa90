"""The changelog of a version as an Atom feed (RFC 4287)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from apim.catalog.changelog import comparison_of
from apim.catalog.diff import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apim.catalog.governance import Publication
    from apim.catalog.models import ApiVersion

MEDIA_TYPE = "application/atom+xml; charset=utf-8"
NAMESPACE = "http://www.w3.org/2005/Atom"
# What XML 1.0 (section 2.2) has no way to write.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def feed_of(version: ApiVersion, publications: Sequence[Publication]) -> bytes:
    """The newest publications, in the active language. Ids stay while the public address does."""
    ET.register_namespace("", NAMESPACE)
    names = [version.api.slug, version.name]
    page = _absolute(reverse("portal:changelog", args=names))
    started = version.published_at or version.created_at
    feed = ET.Element(_tag("feed"), {"{http://www.w3.org/XML/1998/namespace}lang": _language()})
    _add(feed, "id", _id(started, version.public_id))
    _add(feed, "title", _("Changes of %(version)s") % {"version": version})
    _add(feed, "updated", _moment(publications[0].published_at if publications else started))
    _link(feed, "self", _absolute(reverse("portal:changelog-feed", args=names)), MEDIA_TYPE)
    _link(feed, "alternate", page, "text/html")
    author = ET.SubElement(feed, _tag("author"))
    _add(author, "name", settings.APIM_SITE_NAME)
    for publication in publications:
        _entry(feed, publication, page)
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def title_of(publication: Publication) -> str:
    """For example: Revision 4: 2 breaking changes."""
    number = publication.revision.number
    if publication.breaking:
        words = ngettext(
            "Revision %(number)d: %(count)d breaking change",
            "Revision %(number)d: %(count)d breaking changes",
            publication.breaking,
        )
        return words % {"number": number, "count": publication.breaking}
    if publication.previous_id is None:
        return _("Revision %(number)d: first published") % {"number": number}
    return _("Revision %(number)d: nothing breaks") % {"number": number}


def _entry(feed: ET.Element, publication: Publication, page: str) -> None:
    entry = ET.SubElement(feed, _tag("entry"))
    _add(entry, "id", _id(publication.published_at, publication.public_id))
    _add(entry, "title", title_of(publication))
    _add(entry, "updated", _moment(publication.published_at))
    _add(entry, "published", _moment(publication.published_at))
    _link(entry, "alternate", f"{page}#{publication.public_id}", "text/html")
    if publication.revision.note:
        _add(entry, "summary", publication.revision.note)
    text = as_text(comparison_of(publication).changes) or title_of(publication)
    _add(entry, "content", text).set("type", "text")


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _add(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, _tag(name))
    element.text = _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return element


def _link(parent: ET.Element, relation: str, address: str, media_type: str) -> None:
    kind = media_type.partition(";")[0]
    ET.SubElement(parent, _tag("link"), {"rel": relation, "type": kind, "href": address})


def _id(at: datetime, public_id: str) -> str:
    """A tag URI (RFC 4151): ours on that day, so nobody else's."""
    host = urlsplit(settings.APIM_PUBLIC_URL).hostname or "localhost"
    return f"tag:{host},{at:%Y-%m-%d}:{public_id}"


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _absolute(path: str) -> str:
    return f"{settings.APIM_PUBLIC_URL}{path}"


def _language() -> str:
    return get_language() or settings.LANGUAGE_CODE
