"""Query parameters of applications, subscriptions and API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django_filters import CharFilter, ChoiceFilter, FilterSet

from apim.core import clock
from apim.keys.models import ApiKey, Application, Subscription

if TYPE_CHECKING:
    from apim.keys.models import ApiKeyQuerySet


class ApplicationFilter(FilterSet):
    organization = CharFilter("organization__public_id", label="Public id")
    state = ChoiceFilter(choices=Application.State.choices)
    search = CharFilter("name", "icontains", label="Part of the name")


class SubscriptionFilter(FilterSet):
    organization = CharFilter("organization__public_id", label="Public id")
    application = CharFilter("application__public_id", label="Public id")
    plan = CharFilter("plan__public_id", label="Public id")
    product = CharFilter("product__public_id", label="Public id")
    state = ChoiceFilter(choices=Subscription.State.choices)


class ApiKeyFilter(FilterSet):
    organization = CharFilter("organization__public_id", label="Public id")
    application = CharFilter("application__public_id", label="Public id")
    environment = ChoiceFilter(choices=ApiKey.Environment.choices)
    status = ChoiceFilter(choices=ApiKey.Status.choices, method="with_status")

    def with_status(self, rows: ApiKeyQuerySet, name: str, value: str) -> ApiKeyQuerySet:
        del name
        now = clock.now()
        status = ApiKey.Status
        if value == status.REVOKED:
            return rows.filter(state=ApiKey.State.REVOKED)
        if value == status.EXPIRED:
            return rows.filter(Q(state=ApiKey.State.ACTIVE, expires_at__lte=now))
        return rows.usable(now).filter(successor__isnull=value == status.ACTIVE)
