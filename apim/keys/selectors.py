"""Reads of access. `organization` comes first; None means every organization, for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db.models import Count, Q

from apim.core import clock
from apim.core.errors import NotFound
from apim.keys.models import ApiKey, Application, Subscription

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

    from apim.accounts.models import Organization
    from apim.keys.models import ApiKeyQuerySet, ApplicationQuerySet, SubscriptionQuerySet

Row = TypeVar("Row", bound="Model")


def applications(organization: Organization | None) -> ApplicationQuerySet:
    """Existing applications with `key_count` (usable) and `subscription_count` (open)."""
    now = clock.now()
    usable = Q(api_keys__state=ApiKey.State.ACTIVE) & (
        Q(api_keys__expires_at__isnull=True) | Q(api_keys__expires_at__gt=now)
    )
    rows: ApplicationQuerySet = (
        Application.objects.existing()
        .select_related("organization")
        .annotate(
            key_count=Count("api_keys", filter=usable, distinct=True),
            subscription_count=Count(
                "subscriptions",
                filter=Q(subscriptions__state__in=Subscription.OPEN),
                distinct=True,
            ),
        )
    )
    return rows if organization is None else rows.for_organization(organization)


def subscriptions(organization: Organization | None) -> SubscriptionQuerySet:
    """Subscriptions with application, plan, product and organization at hand, newest first."""
    rows: SubscriptionQuerySet = Subscription.objects.select_related(
        "application", "organization", "plan", "product"
    )
    return rows if organization is None else rows.for_organization(organization)


def api_keys(organization: Organization | None) -> ApiKeyQuerySet:
    """Keys of existing applications with application, organization and successor, newest first."""
    rows: ApiKeyQuerySet = ApiKey.objects.select_related(
        "application", "organization", "successor"
    ).exclude(application__state=Application.State.DELETED)
    return rows if organization is None else rows.for_organization(organization)


def get_application(organization: Organization | None, public_id: str) -> Application:
    """Raises NotFound when it is missing, deleted or another organization's."""
    return _one(applications(organization), public_id)


def get_subscription(organization: Organization | None, public_id: str) -> Subscription:
    """Raises NotFound when it is missing or another organization's."""
    return _one(subscriptions(organization), public_id)


def get_key(organization: Organization | None, public_id: str) -> ApiKey:
    """Raises NotFound when it is missing or another organization's."""
    return _one(api_keys(organization), public_id)


def pending_subscriptions() -> SubscriptionQuerySet:
    """What waits for a publisher's decision, the longest first."""
    return subscriptions(None).pending()


def _one(rows: QuerySet[Row], public_id: str) -> Row:
    row = rows.filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row
