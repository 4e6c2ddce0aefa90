"""Query parameters of applications, subscriptions and API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_filters import CharFilter, ChoiceFilter, FilterSet

from apim.keys import selectors
from apim.keys.models import ApiKey, Application, LeakReport, Subscription

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


class LeakReportFilter(FilterSet):
    organization = CharFilter("organization__public_id", label="Public id")
    key = CharFilter("key__public_id", label="Public id")
    source = ChoiceFilter(choices=LeakReport.Source.choices)


class ApiKeyFilter(FilterSet):
    organization = CharFilter("organization__public_id", label="Public id")
    application = CharFilter("application__public_id", label="Public id")
    environment = ChoiceFilter(choices=ApiKey.Environment.choices)
    status = ChoiceFilter(choices=ApiKey.Status.choices, method="with_status")

    def with_status(self, rows: ApiKeyQuerySet, name: str, value: str) -> ApiKeyQuerySet:
        del name
        return selectors.with_status(rows, value)
