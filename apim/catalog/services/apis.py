"""APIs: creating one from its document, and what is said about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.models import Api
from apim.catalog.naming import checked_name, free_slug
from apim.catalog.services.changes import change, unique
from apim.catalog.services.revisions import read_upload
from apim.catalog.services.versions import VersionInput, add_version
from apim.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.audit.actors import Actor
    from apim.catalog.descriptions import Description

SUMMARY_MAX_LENGTH = 240
TAG_MAX_LENGTH = 40
MAX_TAGS = 20
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


def create_api(  # noqa: PLR0913 - what the document says can each be overridden
    *,
    actor: Actor,
    raw: bytes,
    filename: str | None = None,
    source_url: str = "",
    name: str | None = None,
    slug: str | None = None,
    summary: str | None = None,
    tags: Iterable[str] | None = None,
    owner_email: str = "",
    version_name: str | None = None,
    upstream_url: str | None = None,
    sandbox_upstream_url: str = "",
) -> Api:
    """Create an API with a first draft version from a description of any style.

    What is not given comes from the document: name and description from its info, the upstream
    from its first absolute server, the version's name from its version.

    Raises InvalidSpecification, InvalidInput, NameTaken, UpstreamInvalid.
    """
    document = read_upload(raw, filename=filename, source_url=source_url)
    values = VersionInput(
        raw=raw,
        document=document,
        source_url=source_url,
        filename=filename or "",
        name=version_name,
        upstream_url=upstream_url,
        sandbox_upstream_url=sandbox_upstream_url,
    )
    with transaction.atomic():
        api = Api(
            name=checked_name(name or document.title[:120]),
            summary=checked_summary(summary if summary is not None else summary_of(document)),
            description=document.description,
            tags=checked_tags(tags or ()),
            owner_email=checked_email(owner_email),
        )
        api.slug = free_slug(Api.objects.all(), wanted=slug, name=api.name, fallback="api")
        with unique("slug"):
            api.save()
        record(actor, "api.created", api, after={"name": api.name, "slug": api.slug})
        add_version(actor=actor, api=api, values=values)
    return api


@transaction.atomic
def update_api(
    *,
    actor: Actor,
    api: Api,
    name: str | None = None,
    summary: str | None = None,
    description: str | None = None,
    tags: Iterable[str] | None = None,
    owner_email: str | None = None,
) -> Api:
    """Change what is said about an API; what is None stays. Its slug never changes.

    Raises InvalidInput.
    """
    values = {
        "name": None if name is None else checked_name(name),
        "summary": None if summary is None else checked_summary(summary),
        "description": description,
        "tags": None if tags is None else checked_tags(tags),
        "owner_email": None if owner_email is None else checked_email(owner_email),
    }
    change(api, actor=actor, action="api.updated", values=values)
    return api


def summary_of(document: Description) -> str:
    """The document's summary, or the first sentence of its description without markup."""
    if document.summary.strip():
        return document.summary.strip()[:SUMMARY_MAX_LENGTH]
    paragraph = next((p for p in document.description.split("\n\n") if p.strip()), "")[:4000]
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)
    plain = " ".join(re.sub(r"[#*_`>]+", "", plain).split())
    sentence = _SENTENCE_END.split(plain, maxsplit=1)[0]
    if len(sentence) <= SUMMARY_MAX_LENGTH:
        return sentence
    return sentence[: SUMMARY_MAX_LENGTH - 1].rsplit(" ", 1)[0] + "…"


def checked_summary(summary: str) -> str:
    """One line. Raises InvalidInput when too long."""
    summary = " ".join(summary.split())
    if len(summary) > SUMMARY_MAX_LENGTH:
        message = _("At most %(max)d characters.") % {"max": SUMMARY_MAX_LENGTH}
        raise InvalidInput(message, fields={"summary": [message]})
    return summary


def checked_tags(tags: Iterable[str]) -> list[str]:
    """Without repetition and white space. Raises InvalidInput for too many or too long ones."""
    kept = list(dict.fromkeys(filter(None, (" ".join(tag.split()) for tag in tags))))
    if len(kept) > MAX_TAGS or any(len(tag) > TAG_MAX_LENGTH for tag in kept):
        message = _("At most %(count)d tags of %(max)d characters.") % {
            "count": MAX_TAGS,
            "max": TAG_MAX_LENGTH,
        }
        raise InvalidInput(message, fields={"tags": [message]})
    return kept


def checked_email(email: str) -> str:
    """An e-mail address or nothing. Raises InvalidInput."""
    email = email.strip()
    try:
        if email:
            validate_email(email)
    except ValidationError as error:
        raise InvalidInput(error.messages[0], fields={"owner_email": error.messages}) from error
    return email
