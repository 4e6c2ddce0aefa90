"""Writes of access, one module per noun; callers import from here."""

from apim.keys.services.api_keys import (
    IssuedKey,
    change_key_rules,
    end_grace_now,
    extend_grace,
    issue_key,
    rehash_key,
    revoke_key,
    revoke_keys,
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
from apim.keys.services.expiry import announce_expiries
from apim.keys.services.imports import ImportedKey, import_keys
from apim.keys.services.leaks import leak_action, report_leak, set_leak_policy
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
    "ImportedKey",
    "IssuedKey",
    "activate_application",
    "announce_expiries",
    "approve_subscription",
    "cancel_subscription",
    "change_key_rules",
    "change_plan",
    "create_application",
    "delete_application",
    "end_grace_now",
    "extend_grace",
    "import_keys",
    "issue_key",
    "leak_action",
    "rehash_key",
    "reject_subscription",
    "report_leak",
    "resume_subscription",
    "revoke_key",
    "revoke_keys",
    "rotate_key",
    "set_leak_policy",
    "subscribe",
    "suspend_application",
    "suspend_subscription",
    "update_application",
    "update_key",
]
