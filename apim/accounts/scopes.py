"""What an access token may do: a person's rights, narrowed.

`Scope.staff_roles` and `Scope.roles` say whose rights the scope stands for. A scope of staff
reaches every organization; the others only the token's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from apim.accounts.models import Membership, StaffRole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_stubs_ext import StrOrPromise

OWNER, MEMBER, BILLING = Membership.Role.OWNER, Membership.Role.MEMBER, Membership.Role.BILLING
ALL_ROLES = frozenset({OWNER, MEMBER, BILLING})
WORKING_ROLES = frozenset({OWNER, MEMBER})
PUBLISHER, FINANCE, SUPPORT = StaffRole.PUBLISHER, StaffRole.FINANCE, StaffRole.SUPPORT
ALL_STAFF = frozenset({PUBLISHER, FINANCE, SUPPORT})


@dataclass(frozen=True, slots=True)
class Scope:
    """`roles`: members of the token's organization who may use it; `staff_roles`: staff who may.

    Admins may use every scope that has staff roles. Neither set: every signed-in person.
    """

    name: str
    label: StrOrPromise
    roles: frozenset[Membership.Role] = frozenset()
    staff_roles: frozenset[StaffRole] = frozenset()

    def is_open_to(self, *, role: str | None, staff_role: str) -> bool:
        """Whether a person with this organization role and staff role holds the right."""
        if not self.roles and not self.staff_roles:
            return True
        if role is not None and role in self.roles:
            return True
        return bool(self.staff_roles) and (
            staff_role == StaffRole.ADMIN or staff_role in self.staff_roles
        )


_ADMIN_ONLY = frozenset({StaffRole.ADMIN})

SCOPES: tuple[Scope, ...] = (
    Scope("profile:write", _("Change your own profile")),
    Scope("tokens:read", _("Read your own access tokens, never their secrets")),
    Scope("tokens:write", _("Issue and revoke your own access tokens")),
    Scope("catalog:read", _("Read published APIs, products and plans")),
    Scope(
        "catalog:write",
        _("Create, publish and retire APIs and versions"),
        staff_roles=frozenset({PUBLISHER}),
    ),
    Scope(
        "products:write",
        _("Create, publish and retire products and plans"),
        staff_roles=frozenset({PUBLISHER}),
    ),
    Scope("organizations:read", _("Read organizations and members"), ALL_ROLES, ALL_STAFF),
    Scope(
        "organizations:write",
        _("Change organizations, members and invitations"),
        frozenset({OWNER}),
        _ADMIN_ONLY,
    ),
    Scope("applications:read", _("Read applications"), ALL_ROLES, ALL_STAFF),
    Scope("applications:write", _("Create and change applications"), WORKING_ROLES, _ADMIN_ONLY),
    Scope("keys:read", _("Read API keys, never their secrets"), ALL_ROLES, ALL_STAFF),
    Scope("keys:write", _("Issue, rotate and revoke API keys"), WORKING_ROLES, _ADMIN_ONLY),
    Scope("subscriptions:read", _("Read subscriptions"), ALL_ROLES, ALL_STAFF),
    Scope(
        "subscriptions:write", _("Subscribe, change plan and cancel"), WORKING_ROLES, _ADMIN_ONLY
    ),
    Scope(
        "subscriptions:approve",
        _("Approve, reject and suspend subscriptions"),
        staff_roles=frozenset({PUBLISHER, SUPPORT}),
    ),
    Scope("usage:read", _("Read usage"), ALL_ROLES, ALL_STAFF),
    Scope(
        "usage:write",
        _("Map names of foreign gateways, correct and replay quarantined usage"),
        staff_roles=frozenset({PUBLISHER, SUPPORT}),
    ),
    Scope("billing:read", _("Read charges"), frozenset({OWNER, BILLING}), frozenset({FINANCE})),
    Scope("payments:write", _("Change how the organization pays"), frozenset({OWNER, BILLING})),
    Scope("billing:write", _("Set prices"), staff_roles=frozenset({FINANCE})),
    Scope("gateways:read", _("Read gateways"), staff_roles=frozenset({PUBLISHER, SUPPORT})),
    Scope("gateways:write", _("Register and change gateways"), staff_roles=_ADMIN_ONLY),
    Scope("users:read", _("Read people"), staff_roles=frozenset({SUPPORT})),
    Scope("users:write", _("Give and take staff roles"), staff_roles=_ADMIN_ONLY),
    Scope(
        "jobs:read",
        _("Read background jobs"),
        staff_roles=frozenset({PUBLISHER, SUPPORT}),
    ),
    Scope(
        "jobs:write",
        _("Try background jobs again"),
        staff_roles=frozenset({PUBLISHER, SUPPORT}),
    ),
    Scope("audit:read", _("Read the audit log"), frozenset({OWNER}), frozenset({SUPPORT})),
)
SCOPES_BY_NAME = {scope.name: scope for scope in SCOPES}


def grantable(*, role: str | None, staff_role: str) -> tuple[Scope, ...]:
    """The scopes that a person may give to a token."""
    return tuple(scope for scope in SCOPES if scope.is_open_to(role=role, staff_role=staff_role))


def effective(names: Iterable[str], *, role: str | None, staff_role: str) -> frozenset[str]:
    """Those of a token's scopes that its owner still holds."""
    return frozenset(
        name
        for name in names
        if (scope := SCOPES_BY_NAME.get(name))
        and scope.is_open_to(role=role, staff_role=staff_role)
    )
