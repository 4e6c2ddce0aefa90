"""Puts the viewer on each request and renders the page in the reader's language and time zone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from allauth.usersessions.middleware import UserSessionsMiddleware
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject

from apim.accounts.models import User
from apim.accounts.viewers import viewer_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

ACTIVITY_SECONDS = 300
# allauth's, which say nothing about caches themselves.
ONE_TIME_PAGES = "/accounts/2fa/"


class CurrentOrganizationMiddleware:
    """Sets `request.viewer`; nothing is read until a view or template asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        carrier: Any = request
        carrier.viewer = SimpleLazyObject(lambda: viewer_for(request))
        return self.get_response(request)


class SessionActivityMiddleware(UserSessionsMiddleware):
    """Notes where and when a session was last used, at most every few minutes.

    allauth's own middleware writes on every request, and a page may poll each second.
    """

    NOTED = "activity_noted_at"

    def __call__(self, request: HttpRequest) -> HttpResponse:
        now = int(time.time())
        if now - request.session.get(self.NOTED, 0) < ACTIVITY_SECONDS:
            return cast("HttpResponse", self.get_response(request))
        if request.user.is_authenticated:
            request.session[self.NOTED] = now
        return cast("HttpResponse", super().__call__(request))


class ReaderMiddleware:
    """Activates a signed-in person's own language and time zone; visitors keep the defaults.

    What such a person is shown is theirs alone: no proxy may keep it (RFC 9111, section 5.2.2.7),
    nor a browser the pages of second factors, which show recovery codes.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return self.get_response(request)
        translation.activate(user.language)
        carrier: Any = request
        carrier.LANGUAGE_CODE = translation.get_language()
        with timezone.override(ZoneInfo(user.time_zone)):
            response = self.get_response(request)
        is_one_time = request.path.startswith(ONE_TIME_PAGES)
        response.headers.setdefault(
            "Cache-Control", "private, no-store" if is_one_time else "private"
        )
        return response
