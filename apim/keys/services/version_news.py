"""Telling subscribers what happens to the API versions that they may call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apim.accounts.models import Membership, User
from apim.catalog.governance import Publication
from apim.core import clock
from apim.keys.models import Subscription
from apim.outbox.services import publish

if TYPE_CHECKING:
    from django.db.models import QuerySet

# Those who write the programs; whoever only pays has nothing to do about it.
READERS = (Membership.Role.OWNER, Membership.Role.MEMBER)


@transaction.atomic
def announce_revision(*, publication_id: int) -> int:
    """Have every subscriber told of a revision that breaks callers, once; how many people."""
    told = Publication.objects.filter(
        pk=publication_id, announced_at__isnull=True, breaking__gt=0
    ).update(announced_at=clock.now())
    if not told:
        return 0
    publication = Publication.objects.get(pk=publication_id)
    people = list(readers_of(publication.version_id))
    for person in people:
        publish("api_version.broke", publication_id=publication_id, user_id=person.pk)
    return len(people)


@transaction.atomic
def announce_deprecation(*, version_id: int) -> int:
    """Have every subscriber told that the version will end, or ends on another day."""
    people = list(readers_of(version_id))
    for person in people:
        publish("api_version.will_end", version_id=version_id, user_id=person.pk)
    return len(people)


def readers_of(version_id: int) -> QuerySet[User]:
    """Owners and members of organizations with an open subscription that offers the version."""
    organizations = (
        Subscription.objects.open()
        .filter(product__versions=version_id)
        .values_list("organization_id", flat=True)
    )
    return (
        User.objects.filter(
            is_active=True,
            memberships__organization__in=organizations,
            memberships__role__in=READERS,
        )
        .distinct()
        .order_by("pk")
    )
