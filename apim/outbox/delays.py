"""Telling the person who made a change that gateways could not be told of it at once.

The change is saved and the entry stored; the sweep goes on trying. A page says so, where the action
itself only says that it is done.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.contrib import messages
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

_is_delayed: ContextVar[bool] = ContextVar("is_delayed", default=False)


def note() -> None:
    """Remember, for the request that is being answered, that immediate news are late."""
    _is_delayed.set(True)


class DelayedNewsMiddleware:
    """Adds a warning to what the next page shows; inside of MessageMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _is_delayed.set(False)
        try:
            response = self.get_response(request)
            if _is_delayed.get() and hasattr(request, "_messages"):
                messages.warning(
                    request,
                    _(
                        "The gateways cannot be told at the moment. The change is saved; they will "
                        "hear of it as soon as they can be reached."
                    ),
                )
            return response
        finally:
            _is_delayed.reset(token)
