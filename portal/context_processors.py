"""The portal's menus, for every page that is not the dashboard's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apim.ui.navigation import (
    NavItem,
    NavSection,
    OrganizationChoice,
    OrganizationMenu,
    mark_active,
)
from portal.roles import BUILDERS, PAYERS

if TYPE_CHECKING:
    from django.http import HttpRequest

    from apim.accounts.viewers import Viewer

DASHBOARD_PREFIX = "/dashboard/"


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`nav`, `organization_menu`, `account_menu`, `can_build`, `can_pay`.

    Nothing on the dashboard, which has its own.
    """
    viewer: Viewer | None = getattr(request, "viewer", None)
    if viewer is None or request.path.startswith(DASHBOARD_PREFIX):
        return {}
    items = _developer_items(viewer) if viewer.is_signed_in else _visitor_items()
    return {
        "nav": mark_active([NavSection(items)], request.path),
        "organization_menu": _organization_menu(viewer),
        "account_menu": _account_items(viewer),
        "can_build": viewer.has_role(*BUILDERS),
        "can_pay": viewer.has_role(*PAYERS),
    }


def _visitor_items() -> list[NavItem]:
    return [
        NavItem(_("Catalog"), reverse("portal:catalog")),
        NavItem(_("Pricing"), reverse("portal:pricing"), also=("/products/",)),
        NavItem(_("Guides"), reverse("portal:guides")),
    ]


def _developer_items(viewer: Viewer) -> list[NavItem]:
    items = [
        NavItem(pgettext_lazy("navigation", "Home"), reverse("portal:home"), is_exact=True),
        NavItem(_("Catalog"), reverse("portal:catalog"), also=("/products/", "/pricing/")),
        NavItem(_("Guides"), reverse("portal:guides")),
    ]
    if viewer.organization is None:
        return items
    items += [
        NavItem(
            _("Applications"),
            reverse("portal:applications"),
            also=("/keys/", "/leaks/", "/subscriptions/"),
        ),
        NavItem(_("Usage"), reverse("portal:usage")),
    ]
    if viewer.has_role(*PAYERS):
        items.append(NavItem(_("Billing"), reverse("portal:billing")))
    items.append(NavItem(_("Organization"), reverse("portal:organization")))
    return items


def _organization_menu(viewer: Viewer) -> OrganizationMenu | None:
    if viewer.organization is None:
        return None
    return OrganizationMenu(
        current=viewer.organization.name,
        choices=[
            OrganizationChoice(
                value=membership.organization.public_id,
                label=membership.organization.name,
                is_current=membership.organization == viewer.organization,
                note=membership.get_role_display(),
            )
            for membership in viewer.memberships
        ],
        switch_url=reverse("switch_organization"),
        create_url=reverse("start_organization"),
    )


def _account_items(viewer: Viewer) -> list[NavItem]:
    if not viewer.is_signed_in:
        return []
    items = [NavItem(_("Profile"), reverse("portal:profile"), icon="user")]
    if viewer.is_staff:
        items.append(NavItem(_("Dashboard"), DASHBOARD_PREFIX, icon="layout-dashboard"))
    return items
