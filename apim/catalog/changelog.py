"""What was published in a version and what it changed for callers, as readers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import get_language

from apim.catalog.comparison import comparison_from
from apim.catalog.governance import Publication

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from apim.catalog.comparison import Comparison
    from apim.catalog.models import ApiVersion


def publications_of(version: ApiVersion) -> QuerySet[Publication]:
    """Newest first, without the documents themselves."""
    return (
        Publication.objects.filter(version=version)
        .select_related("version", "revision", "previous")
        .defer("revision__raw", "previous__raw")
        .order_by("-published_at", "-pk")
    )


def comparison_of(publication: Publication) -> Comparison:
    """In the reader's language, as it was told at the time."""
    changes = publication.changes
    rows = changes.get(get_language() or "") or changes.get(settings.LANGUAGE_CODE) or []
    return comparison_from(rows)


def told(publications: Iterable[Publication]) -> list[Publication]:
    """Each with `told`, its changes in the reader's language."""
    found = list(publications)
    for publication in found:
        publication.told = comparison_of(publication).changes  # type: ignore[attr-defined]
    return found
