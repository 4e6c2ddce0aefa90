"""The sidebar, by staff role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apim.accounts.models import StaffRole
from apim.dashboard import roles
from apim.ui.navigation import NavItem, NavSection, mark_active

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.ui.navigation import Text

# (label, URL name, icon, roles, prefixes of URLs that also belong to it)
_Entry = tuple["Text", str, str, tuple[StaffRole, ...], tuple[str, ...]]

_PUBLISHING: tuple[_Entry, ...] = (
    (_("Overview"), "overview", "layout-dashboard", roles.ANY, ()),
    (_("APIs"), "apis", "boxes", roles.CATALOG, ("/dashboard/versions/",)),
    (_("Rules"), "rulesets", "scale", roles.CATALOG, ("/dashboard/gates/",)),
    (
        _("Products"),
        "products",
        "package",
        roles.CATALOG,
        ("/dashboard/plans/", "/dashboard/prices/"),
    ),
    (_("Organizations"), "organizations", "users", roles.ANY, ()),
    (_("Subscriptions"), "subscriptions", "list-checks", roles.CUSTOMERS, ()),
    (_("API keys"), "keys", "key", roles.CUSTOMERS, ("/dashboard/leaks/",)),
    (_("Usage"), "usage", "chart-column", roles.TRAFFIC, ()),
    (
        _("Gateways"),
        "gateways",
        "network",
        roles.OPERATIONS,
        ("/dashboard/unmatched/", "/dashboard/mappings/"),
    ),
    (_("Audit"), "audit", "scroll-text", roles.AUDIT, ()),
    (_("Jobs"), "jobs", "inbox", roles.OPERATIONS, ()),
    (_("Access tokens"), "tokens", "key", roles.ANY, ()),
    (_("Staff"), "staff", "shield-check", roles.ADMIN_ONLY, ()),
)
_FINANCE: tuple[_Entry, ...] = (
    (_("Revenue"), "revenue", "banknote", roles.MONEY, ()),
    (_("Customers"), "customers", "users", roles.MONEY, ()),
    (_("Paying subscriptions"), "finance-subscriptions", "list-checks", roles.MONEY, ()),
    (_("Invoices"), "invoices", "receipt", roles.MONEY, ("/dashboard/finance/lines/",)),
    (_("Reconciliation"), "reconciliation", "scale", roles.MONEY, ()),
    (_("Prices"), "prices", "tag", roles.MONEY, ()),
    (_("Meters"), "meters", "gauge", roles.PRICING, ()),
    (_("Add-ons"), "add-ons", "layers", roles.PRICING, ()),
    (_("Stripe set-up"), "stripe", "shield-check", roles.MONEY, ()),
    (_("Stripe webhooks"), "webhooks", "inbox", roles.MONEY, ()),
)


def sections(*, role: str, path: str, waiting: int = 0) -> list[NavSection]:
    """The menu for a staff role; `waiting` is the number of subscriptions to decide on."""
    groups = (NavSection(_items(_PUBLISHING, role, waiting)),)
    finance = NavSection(_items(_FINANCE, role, 0), label=_("Finance"))
    return mark_active([s for s in (*groups, finance) if s.items], path)


def _items(entries: Iterable[_Entry], role: str, waiting: int) -> list[NavItem]:
    return [
        NavItem(
            label=label,
            url=reverse(f"dashboard:{name}"),
            icon=icon,
            also=also,
            is_exact=name == "overview",
            count=waiting if name == "subscriptions" and waiting else None,
        )
        for label, name, icon, allowed, also in entries
        if role == StaffRole.ADMIN or role in allowed
    ]
