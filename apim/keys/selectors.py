"""Reads of access. `organization` comes first; None means every organization, for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db.models import Count, Q

from apim.accounts.models import Membership
from apim.catalog.models import OPERATION_GROUPS, Operation, Plan
from apim.core import clock
from apim.core.errors import NotFound
from apim.keys import secrets
from apim.keys.models import ApiKey, Application, LeakReport, Subscription

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

    from apim.accounts.models import Organization, User
    from apim.catalog.models import Limit
    from apim.keys.models import (
        ApiKeyQuerySet,
        ApplicationQuerySet,
        LeakReportQuerySet,
        SubscriptionQuerySet,
    )

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


def with_status(rows: ApiKeyQuerySet, status: str) -> ApiKeyQuerySet:
    """Only the keys that people see in this state (an ApiKey.Status value)."""
    now = clock.now()
    if status == ApiKey.Status.REVOKED:
        return rows.filter(state=ApiKey.State.REVOKED)
    if status == ApiKey.Status.EXPIRED:
        return rows.filter(state=ApiKey.State.ACTIVE, expires_at__lte=now)
    return rows.usable(now).filter(successor__isnull=status == ApiKey.Status.ACTIVE)


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


def operation_groups(application: Application) -> tuple[str, ...]:
    """Names of the groups of the APIs that open subscriptions cover, sorted."""
    operations = Operation.objects.filter(
        removed_at__isnull=True,
        version__products__subscriptions__application=application,
        version__products__subscriptions__state__in=Subscription.OPEN,
    )
    names = operations.values_list(OPERATION_GROUPS, flat=True).distinct()
    return tuple(sorted({name for row in names for name in row}))


def plan_limits(application: Application) -> list[list[Limit]]:
    """The limits of each plan that an open subscription puts the application on."""
    plans = Plan.objects.filter(
        subscriptions__application=application, subscriptions__state__in=Subscription.OPEN
    )
    return [list(plan.limits.all()) for plan in plans.distinct().prefetch_related("limits")]


def find_key(text: str) -> ApiKey | None:
    """The key with this text, whatever its state; None for a wrong checksum and an unknown key."""
    if secrets.parse(text) is None:
        return None
    peppers = secrets.read_peppers(settings.APIM_KEY_PEPPER)
    stored = secrets.lookup_digests(text, peppers)
    rows = ApiKey.objects.select_related("application", "organization")
    return rows.filter(digest__in=stored).first()


def leak_reports(organization: Organization | None) -> LeakReportQuerySet:
    """Reports with key, application and organization at hand, newest first."""
    rows: LeakReportQuerySet = LeakReport.objects.select_related("key__application", "organization")
    return rows if organization is None else rows.for_organization(organization)


def people_of_key(key: ApiKey) -> list[User]:
    """Who gets mail about the key: the organization's owners, and its creator while a member."""
    about = Q(role=Membership.Role.OWNER)
    if key.creator_id is not None:
        about |= Q(user_id=key.creator_id)
    rows = Membership.objects.filter(about, organization_id=key.organization_id)
    people = rows.filter(user__is_active=True).select_related("user").order_by("id")
    return [membership.user for membership in people]


def _one(rows: QuerySet[Row], public_id: str) -> Row:
    row = rows.filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row
