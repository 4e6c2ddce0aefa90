"""Menus and data of the pages around a person's profile."""

import json
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from django import template
from django.template import Context
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.browsers import describe_browser
from apim.ui.navigation import NavItem, NavSection, mark_active

register = template.Library()


@register.simple_tag(takes_context=True)
def profile_sections(context: Context) -> list[NavItem]:
    """The tabs of the profile, the current one marked."""
    request = context["request"]
    items = [
        NavItem(_("Profile"), reverse("portal:profile"), is_exact=True),
        NavItem(_("E-mail"), reverse("account_email")),
        NavItem(
            _("Password"),
            reverse("account_change_password"),
            also=(reverse("account_set_password"),),
        ),
        NavItem(_("Two-factor"), reverse("mfa_index")),
        NavItem(_("Sessions"), reverse("usersessions_list")),
    ]
    if get_adapter().list_providers(request):
        items.append(NavItem(_("Connections"), reverse("socialaccount_connections")))
    return list(mark_active([NavSection(items)], request.path)[0].items)


@register.filter
def browser(user_agent: str) -> str:
    """The browser in words; the header itself when it is not recognised."""
    return describe_browser(user_agent) or user_agent[:60]


@register.filter
def as_json(value: Any) -> str:
    """JSON for a `data-*` attribute; the template engine escapes it."""
    return json.dumps(value)
