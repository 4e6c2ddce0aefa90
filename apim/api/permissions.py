"""Who may call an endpoint: its scope, held by the token and still by its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission

from apim.accounts.scopes import SCOPES_BY_NAME
from apim.accounts.viewers import viewer_of
from apim.core.errors import NotFound, PermissionMissing

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

# In place of a scope: whoever has a valid access token.
ANY_TOKEN = "*"  # noqa: S105 - no secret


class ScopeMissing(PermissionMissing):
    code = "scope_missing"


class ScopedAccess(BasePermission):
    """Lets a request pass when the view's scope for its method is held.

    A token narrower than its owner's rights learns which scope it lacks (403). Where the owner's
    roles would not do either, the answer is that of a missing page (404).
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.auth is None:
            raise NotAuthenticated
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method.lower() not in view.http_method_names or not hasattr(view, method.lower()):
            return True  # DRF answers 405
        needed: str = getattr(view, "scopes", {})[method]  # a method without a scope is a defect
        if needed == ANY_TOKEN:
            return True
        scope = SCOPES_BY_NAME[needed]
        viewer = viewer_of(request._request)  # noqa: SLF001 - DRF's own way to Django's request
        if viewer.scopes is not None and scope.name in viewer.scopes:
            return True
        if scope.is_open_to(role=viewer.role, staff_role=viewer.staff_role):
            raise ScopeMissing(
                _("The access token lacks the scope %(scope)s.") % {"scope": scope.name},
                scope=scope.name,
            )
        raise NotFound
