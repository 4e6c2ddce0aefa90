"""Documents elsewhere that an uploaded description refers to."""

from __future__ import annotations

from django.conf import settings

from apim.catalog.openapi.fetch import fetch_spec

# Several of them hold up one upload.
TIMEOUT_SECONDS = 5.0
MAX_BYTES = 2 * 1024 * 1024


def fetch_reference(url: str) -> bytes:
    """The document at `url`, if its host and those it redirects to are on the list.

    Raises SpecFetchFailed.
    """
    return fetch_spec(
        url,
        allowed_hosts=settings.APIM_SPEC_FETCH_ALLOWED_HOSTS,
        only_hosts=settings.APIM_SPEC_REFERENCE_HOSTS,
        timeout_seconds=TIMEOUT_SECONDS,
        max_bytes=MAX_BYTES,
    )
