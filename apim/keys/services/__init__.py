"""Writes of access, one module per noun; callers import from here."""

from apim.keys.services.api_keys import (
    IssuedKey,
    end_grace_now,
    extend_grace,
    issue_key,
    revoke_key,
    rotate_key,
    update_key,
)
from apim.keys.services.applications import (
    activate_application,
    create_application,
    delete_application,
    suspend_application,
    update_application,
)
from apim.keys.services.subscriptions import (
    approve_subscription,
    cancel_subscription,
    change_plan,
    reject_subscription,
    resume_subscription,
    subscribe,
    suspend_subscription,
)

__all__ = [
    "IssuedKey",
    "activate_application",
    "approve_subscription",
    "cancel_subscription",
    "change_plan",
    "create_application",
    "delete_application",
    "end_grace_now",
    "extend_grace",
    "issue_key",
    "reject_subscription",
    "resume_subscription",
    "revoke_key",
    "rotate_key",
    "subscribe",
    "suspend_application",
    "suspend_subscription",
    "update_application",
    "update_key",
]
