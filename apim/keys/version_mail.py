"""Mails about API versions, each to one person in that person's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from apim.accounts.mail import absolute_url, compose
from apim.catalog.changelog import comparison_of
from apim.catalog.diff import Level, entries_of
from apim.catalog.models import ApiVersion
from apim.keys.mail import zone_of

if TYPE_CHECKING:
    from apim.accounts.models import User
    from apim.catalog.governance import Publication

# Breaking changes that the mail names; the changelog has all.
MAX_NAMED = 10


def send_breaking_notice(publication: Publication, person: User) -> None:
    """Say which changes break callers, and where all of them stand."""
    version = publication.version
    page = reverse("portal:changelog", args=[version.api.slug, version.name])
    with override(person.language or settings.LANGUAGE_CODE), timezone.override(zone_of(person)):
        told = [
            e for e in entries_of(comparison_of(publication).changes) if e.level == Level.BREAKING
        ]
        context = {
            "version": version,
            "publication": publication,
            "changes": [str(entry) for entry in told[:MAX_NAMED]],
            "more": max(0, len(told) - MAX_NAMED),
            "changelog_url": absolute_url(page),
        }
        compose("emails/api_breaks", person.email, context).send()


def send_end_notice(version: ApiVersion, person: User) -> None:
    """Say until when the version answers; nothing when deprecation was taken back meanwhile."""
    if version.state != ApiVersion.State.DEPRECATED:
        return
    newer = (
        ApiVersion.objects.filter(api=version.api, state=ApiVersion.State.PUBLISHED)
        .order_by("-published_at")
        .first()
    )
    name = newer.name if newer else version.name
    page = reverse("portal:api-version", args=[version.api.slug, name])
    with override(person.language or settings.LANGUAGE_CODE), timezone.override(zone_of(person)):
        context = {"version": version, "newer": newer, "api_url": absolute_url(page)}
        compose("emails/api_ends", person.email, context).send()
