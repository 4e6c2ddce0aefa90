"""Context that every page's frame needs, whoever looks at it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_bidi

THEMES = ("system", "light", "dark")


def chosen_theme(request: HttpRequest) -> str:
    """The reader's explicit choice from the cookie, else `system`."""
    theme = request.COOKIES.get("theme", "system")
    return theme if theme in THEMES else "system"


def site(request: HttpRequest) -> dict[str, Any]:
    """`site_name`, `public_url`, `theme`, `text_direction` and what else every frame reads."""
    return {
        "site_name": settings.APIM_SITE_NAME,
        "public_url": settings.APIM_PUBLIC_URL,
        "theme": chosen_theme(request),
        "text_direction": "rtl" if get_language_bidi() else "ltr",
        "request_id": request.META.get("apim.request_id", ""),
        # Payments go to Stripe's local simulator: pages with money say so.
        "is_money_simulated": bool(
            settings.APIM_STRIPE_SIMULATOR_URL and not settings.STRIPE_SECRET_KEY
        ),
        "has_shortcuts": request.COOKIES.get("shortcuts") != "off",
    }
