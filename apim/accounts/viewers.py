"""Who looks at a page or calls the API, and for which organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest

from apim.accounts.models import Membership, StaffRole, User
from apim.accounts.scopes import effective
from apim.audit.actors import Actor
from apim.core.errors import NotFound

if TYPE_CHECKING:
    from apim.accounts.models import AccessToken, Organization

# Session entry: public id of the organization that the person has chosen.
ORGANIZATION_SESSION_KEY = "organization"
# Set by the theme toggle and the profile; read by the frame of every page.
THEME_COOKIE = "theme"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person (or nobody) with the organization they act for.

    `organization`, `role` and `memberships` are empty for visitors and for staff who belong to
    no organization; `scopes` is None for a person in a browser and limits an access token.
    """

    user: User | None
    organization: Organization | None
    role: str | None
    memberships: tuple[Membership, ...]
    staff_role: str
    actor: Actor
    scopes: frozenset[str] | None = None

    @property
    def is_signed_in(self) -> bool:
        return self.user is not None

    @property
    def is_staff(self) -> bool:
        return bool(self.staff_role)

    @property
    def organizations(self) -> tuple[Organization, ...]:
        return tuple(membership.organization for membership in self.memberships)

    @property
    def person(self) -> User:
        """The user; raises NotFound for a visitor, so that views need no second check."""
        if self.user is None:
            raise NotFound
        return self.user

    @property
    def current_organization(self) -> Organization:
        """The organization; raises NotFound when there is none."""
        if self.organization is None:
            raise NotFound
        return self.organization

    def has_role(self, *roles: str) -> bool:
        """Member of the current organization with one of the roles (none named: with any)."""
        return self.role is not None and (not roles or self.role in roles)

    def has_staff_role(self, *roles: str) -> bool:
        """Admins have every staff role; none named: any staff."""
        if not self.staff_role:
            return False
        return not roles or self.staff_role == StaffRole.ADMIN or self.staff_role in roles


class ViewerRequest(HttpRequest):
    """For type annotations: a request behind an access decorator."""

    viewer: Viewer


def viewer_of(request: HttpRequest) -> Viewer:
    """The request's viewer, computed once."""
    return cast("ViewerRequest", request).viewer


def client_ip(request: HttpRequest) -> str | None:
    """The caller's address; X-Forwarded-For counts only behind APIM_TRUSTED_PROXY_COUNT proxies."""
    try:
        return str(get_adapter().get_client_ip(request))
    except (PermissionDenied, ImproperlyConfigured):
        return None


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person (or the anonymous visitor) as the actor of a change."""
    request_id = str(request.META.get("apim.request_id", ""))
    user = request.user
    if not isinstance(user, User):
        return Actor("user", "", "anonymous", client_ip(request), request_id)
    return actor_for(user, ip_address=client_ip(request), request_id=request_id)


def actor_for(user: User, *, ip_address: str | None = None, request_id: str = "") -> Actor:
    return Actor("user", user.public_id, user.email, ip_address, request_id, user.pk)


def viewer_for(request: HttpRequest) -> Viewer:
    """Build the viewer of a browser's request from its session."""
    user = request.user
    actor = actor_of(request)
    if not isinstance(user, User):
        return Viewer(None, None, None, (), "", actor)
    memberships = tuple(user.memberships.select_related("organization").order_by("id"))
    wanted = request.session.get(ORGANIZATION_SESSION_KEY)
    current = next((m for m in memberships if m.organization.public_id == wanted), None)
    if current is None and memberships:
        current = memberships[0]
    return Viewer(
        user=user,
        organization=current.organization if current else None,
        role=current.role if current else None,
        memberships=memberships,
        staff_role=user.staff_role,
        actor=actor,
    )


def viewer_for_token(
    token: AccessToken, *, ip_address: str | None = None, request_id: str = ""
) -> Viewer | None:
    """The viewer that a live access token stands for, limited to the scopes still held.

    None when its owner is no longer active, no longer a member of its organization or, for a
    token without organization, no longer staff.
    """
    user = token.user
    memberships = tuple(
        Membership.objects.filter(user=user, organization_id=token.organization_id).select_related(
            "organization"
        )
        if token.organization_id
        else ()
    )
    role = memberships[0].role if memberships else None
    staff_role = "" if token.organization_id else user.staff_role
    if not user.is_active or (role is None and not staff_role):
        return None
    return Viewer(
        user=user,
        organization=memberships[0].organization if memberships else None,
        role=role,
        memberships=memberships,
        staff_role=staff_role,
        actor=Actor(
            "token",
            token.public_id,
            f"{user.email} ({token.name})",
            ip_address,
            request_id,
            user.pk,
        ),
        scopes=effective(token.scopes, role=role, staff_role=staff_role),
    )
