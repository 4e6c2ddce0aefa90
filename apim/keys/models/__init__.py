"""Access: applications, their subscriptions and their API keys."""

from apim.keys.models.access import (
    Application,
    ApplicationQuerySet,
    Subscription,
    SubscriptionQuerySet,
)
from apim.keys.models.api_keys import ApiKey, ApiKeyQuerySet, KeyLimit, KeyNotice
from apim.keys.models.leaks import LeakAction, LeakPolicy, LeakReport, LeakReportQuerySet

__all__ = [
    "ApiKey",
    "ApiKeyQuerySet",
    "Application",
    "ApplicationQuerySet",
    "KeyLimit",
    "KeyNotice",
    "LeakAction",
    "LeakPolicy",
    "LeakReport",
    "LeakReportQuerySet",
    "Subscription",
    "SubscriptionQuerySet",
]
