"""Requests per access token and minute."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

from apim.accounts.models import AccessToken

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)


class AccessTokenThrottle(SimpleRateThrottle):
    """Counts in the shared cache, so that every web process sees the same number."""

    scope = "access_token"

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Let requests pass uncounted while the cache is away: scripts need no Redis to work."""
        try:
            return super().allow_request(request, view)
        except RedisError as error:
            logger.warning("requests are not counted: %s", error)
            return True

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if not isinstance(request.auth, AccessToken):
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.auth.public_id}
