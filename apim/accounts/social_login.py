"""Leaving for GitHub, Google or an OpenID Connect server under `form-action 'self'`.

The browser blocks a form whose answer redirects to another origin, so the page that leaves lists
the provider's origin, and only that page. These URLs stand before allauth's own, with its views.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from allauth.socialaccount.providers.github.views import oauth2_login as github_login
from allauth.socialaccount.providers.google.views import oauth2_login as google_login
from allauth.socialaccount.providers.openid_connect.views import login as oidc_login
from csp.decorators import csp_update
from django.conf import settings
from django.urls import path

from apim.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern


def _leaving(
    provider: str, view: Callable[..., HttpResponseBase], origins: Callable[[], list[str]]
) -> Callable[..., HttpResponseBase]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if provider not in settings.SOCIALACCOUNT_PROVIDERS:
            raise NotFound
        widened: Any = csp_update({"form-action": origins()})(view)
        answer: HttpResponseBase = widened(request, *args, **kwargs)
        return answer

    marked: Any = guarded
    marked.access_rule = "public"
    return guarded


def _oidc_origins() -> list[str]:
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    issuers = [urlsplit(app["settings"]["server_url"]) for app in apps]
    return [f"{issuer.scheme}://{issuer.netloc}" for issuer in issuers]


urlpatterns: list[URLPattern] = [
    path(
        "accounts/github/login/",
        _leaving("github", github_login, lambda: ["https://github.com"]),
        name="github_login",
    ),
    path(
        "accounts/google/login/",
        _leaving("google", google_login, lambda: ["https://accounts.google.com"]),
        name="google_login",
    ),
    path(
        "accounts/oidc/<str:provider_id>/login/",
        _leaving("openid_connect", oidc_login, _oidc_origins),
        name="openid_connect_login",
    ),
]
