"""Tone, icon and word of every state that a badge may show. Never colour alone."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True, slots=True)
class StateLook:
    """`tone` is one of neutral, accent, ok, warn, danger, info."""

    tone: str
    icon: str
    label: str | Promise


def _look(tone: str, icon: str, label: str | Promise) -> StateLook:
    return StateLook(tone, icon, label)


LOOKS: dict[str, StateLook] = {
    # API versions
    "draft": _look("neutral", "circle-dashed", pgettext_lazy("state", "Draft")),
    "published": _look("ok", "circle-check", pgettext_lazy("state", "Published")),
    "deprecated": _look("warn", "hourglass", pgettext_lazy("state", "Deprecated")),
    "retired": _look("neutral", "archive", pgettext_lazy("state", "Retired")),
    # Subscriptions, applications, keys, users
    "active": _look("ok", "circle-check", pgettext_lazy("state", "Active")),
    "pending": _look("warn", "clock", pgettext_lazy("state", "Pending")),
    "approved": _look("ok", "circle-check", pgettext_lazy("state", "Approved")),
    "rejected": _look("danger", "circle-x", pgettext_lazy("state", "Rejected")),
    "cancelled": _look("neutral", "circle-x", pgettext_lazy("state", "Cancelled")),
    "paused": _look("neutral", "circle-pause", pgettext_lazy("state", "Paused")),
    "suspended": _look("danger", "circle-pause", pgettext_lazy("state", "Suspended")),
    "revoked": _look("danger", "ban", pgettext_lazy("state", "Revoked")),
    "expired": _look("neutral", "clock", pgettext_lazy("state", "Expired")),
    "expiring": _look("warn", "clock", pgettext_lazy("state", "Expiring")),
    # A rotated key that still works for the time its owner chose.
    "grace": _look("info", "refresh-cw", pgettext_lazy("state", "In grace")),
    "rotating": _look("info", "refresh-cw", pgettext_lazy("state", "Rotating")),
    "invited": _look("info", "mail", pgettext_lazy("state", "Invited")),
    "ended": _look("neutral", "archive", pgettext_lazy("state", "Ended")),
    # Environments
    "live": _look("ok", "radio", pgettext_lazy("environment", "Live")),
    "test": _look("warn", "flask-conical", pgettext_lazy("environment", "Test")),
    # Gateways and jobs
    "synced": _look("ok", "circle-check", pgettext_lazy("state", "In sync")),
    "syncing": _look("info", "refresh-cw", pgettext_lazy("state", "Syncing")),
    "drifted": _look("warn", "triangle-alert", pgettext_lazy("state", "Drifted")),
    "offline": _look("danger", "plug", pgettext_lazy("state", "Offline")),
    "online": _look("ok", "plug", pgettext_lazy("state", "Online")),
    "never": _look("neutral", "circle-dashed", pgettext_lazy("state", "Never seen")),
    "queued": _look("neutral", "clock", pgettext_lazy("state", "Queued")),
    "running": _look("info", "refresh-cw", pgettext_lazy("state", "Running")),
    "succeeded": _look("ok", "circle-check", pgettext_lazy("state", "Succeeded")),
    "done": _look("ok", "circle-check", pgettext_lazy("state", "Done")),
    "failed": _look("danger", "circle-x", pgettext_lazy("state", "Failed")),
    # Money
    "open": _look("info", "circle-dot", pgettext_lazy("state", "Open")),
    "closed": _look("neutral", "lock", pgettext_lazy("state", "Closed")),
    "finalized": _look("info", "lock", pgettext_lazy("state", "Finalized")),
    "paid": _look("ok", "circle-check", pgettext_lazy("state", "Paid")),
    "overdue": _look("danger", "circle-alert", pgettext_lazy("state", "Overdue")),
    "void": _look("neutral", "ban", pgettext_lazy("state", "Void")),
    # Roles of members and staff
    "owner": _look("accent", "shield-check", pgettext_lazy("role", "Owner")),
    "member": _look("neutral", "user", pgettext_lazy("role", "Member")),
    "billing": _look("info", "receipt", pgettext_lazy("role", "Billing")),
    "admin": _look("accent", "shield-check", pgettext_lazy("role", "Admin")),
    "publisher": _look("info", "rocket", pgettext_lazy("role", "Publisher")),
    "finance": _look("info", "banknote", pgettext_lazy("role", "Finance")),
    "support": _look("info", "life-buoy", pgettext_lazy("role", "Support")),
}

UNKNOWN_ICON = "circle"

# RFC 9110, section 9.3; the tone groups methods by what they do to the resource.
METHOD_TONES = {
    "GET": "info",
    "HEAD": "neutral",
    "OPTIONS": "neutral",
    "POST": "ok",
    "PUT": "warn",
    "PATCH": "warn",
    "DELETE": "danger",
    "TRACE": "neutral",
}


def look_of(state: str) -> StateLook:
    """The look of a state; an unknown one stays readable and neutral."""
    known = LOOKS.get(state.lower())
    return known or StateLook("neutral", UNKNOWN_ICON, state.replace("_", " ").capitalize())
