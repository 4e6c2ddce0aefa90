"""What a load balancer and the supervisor ask: alive, ready, and how it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponse, JsonResponse

if TYPE_CHECKING:
    from django.http import HttpRequest

PROBE_TIMEOUT_SECONDS = 2


def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers; says nothing of what it depends on."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL and Redis answer, else 503 naming the one that does not."""
    checks = {"postgresql": _postgres_answers, "redis": _redis_answers}
    results = {name: check() for name, check in checks.items()}
    ready = all(results.values())
    body = {name: "ok" if fine else "unavailable" for name, fine in results.items()}
    return JsonResponse(body, status=200 if ready else 503)


def _postgres_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_answers() -> bool:
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PROBE_TIMEOUT_SECONDS,
        socket_connect_timeout=PROBE_TIMEOUT_SECONDS,
    )
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


# The access rule of a view is an attribute (see apim.accounts.policies, which core cannot import).
for view in (healthz, readyz):
    view.access_rule = "public"  # type: ignore[attr-defined]
