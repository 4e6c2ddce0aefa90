"""The sidebar of dashboard pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from apim.accounts.viewers import viewer_of
from apim.dashboard.navigation import sections
from apim.keys.selectors import pending_subscriptions

if TYPE_CHECKING:
    from django.http import HttpRequest


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`nav` for pages under /dashboard/; nothing elsewhere."""
    if not request.path.startswith(reverse("dashboard:overview")):
        return {}
    return {"nav": SimpleLazyObject(lambda: _sections(request))}


def _sections(request: HttpRequest) -> list[Any]:
    role = viewer_of(request).staff_role
    if not role:
        return []
    return sections(role=role, path=request.path, waiting=pending_subscriptions().count())
