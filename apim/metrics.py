"""What the web process counts about itself and the installation, for Prometheus.

Text format, version 0.0.4. The authorizer and Envoy tell their own; see
docs/runbooks/when-things-fail.md for which number tells what.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, F, Min, Q
from django.http import Http404, HttpResponse

from analytics.events import Flag
from analytics.models import QuarantinedRecord, UsageBatch, UsageEvent
from apim.core import clock
from apim.gateway import grants, restored_counters
from apim.gateway.models import Gateway
from apim.outbox.models import OutboxEntry
from apim.outbox.services import MAX_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from django.http import HttpRequest

LOOPBACK = frozenset({"127.0.0.1", "::1"})
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Served:
    """Answers of this process by the first digit of their status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[int] = Counter()

    def count(self, status: int) -> None:
        with self._lock:
            self._answers[status // 100] += 1

    def by_class(self) -> dict[int, int]:
        with self._lock:
            return {digit: self._answers[digit] for digit in range(1, 6)}


served = Served()


class CountingMiddleware:
    """Stands outermost, so that it sees what callers get."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        served.count(response.status_code)
        return response


def metrics(request: HttpRequest) -> HttpResponse:
    """For who bears APIM_METRICS_TOKEN; without one, for this machine. Missing for all others."""
    if not _may_see(request):
        raise Http404
    lines = [*_served(), *_database(), *_redis()]
    return HttpResponse("\n".join(lines) + "\n", content_type=CONTENT_TYPE)


metrics.access_rule = "public"  # type: ignore[attr-defined]  # checks by itself


def _may_see(request: HttpRequest) -> bool:
    token = settings.APIM_METRICS_TOKEN
    if token:
        sent = request.headers.get("Authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
    # What a proxy on this machine passes on comes from elsewhere.
    is_passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not is_passed_on


def _served() -> Iterator[str]:
    yield "# TYPE apim_web_requests_total counter"
    for digit, count in served.by_class().items():
        # Each worker process counts for itself, and any of them may answer.
        yield f'apim_web_requests_total{{class="{digit}xx",worker="{os.getpid()}"}} {count}'


def _database() -> Iterator[str]:
    try:
        lines = [*_backlogs(), *_gateways()]
    except DatabaseError:
        connection.close()
        yield from _gauge("apim_postgresql_up", 0)
        return
    yield from _gauge("apim_postgresql_up", 1)
    yield from lines


def _backlogs() -> Iterator[str]:
    undelivered = OutboxEntry.objects.filter(delivered_at__isnull=True)
    news = undelivered.aggregate(
        waiting=Count("pk"),
        oldest=Min("created_at"),
        given_up=Count("pk", filter=Q(attempts__gte=MAX_ATTEMPTS)),
    )
    yield from _gauge("apim_outbox_waiting", news["waiting"])
    yield from _gauge("apim_outbox_oldest_seconds", _age(news["oldest"]))
    yield from _gauge("apim_outbox_given_up", news["given_up"])
    batches = UsageBatch.objects.filter(rolled_up_at__isnull=True)
    usage = batches.aggregate(waiting=Count("pk"), oldest=Min("received_at"))
    yield from _gauge("apim_usage_batches_waiting", usage["waiting"])
    yield from _gauge("apim_usage_backlog_seconds", _age(usage["oldest"]))
    flagged = UsageEvent.objects.filter(occurred_on=clock.now().date(), flags__gt=0)
    named = F("flags").bitand(int(Flag.UNATTRIBUTED))
    unattributed = flagged.annotate(unattributed=named).filter(unattributed__gt=0).count()
    yield from _gauge("apim_usage_unattributed_today", unattributed)
    yield from _gauge("apim_usage_quarantined", QuarantinedRecord.objects.waiting().count())


def _gateways() -> Iterator[str]:
    yield "# TYPE apim_gateway_silent_seconds gauge"
    for gateway in Gateway.objects.active().exclude(last_seen_at=None):
        silent = _age(gateway.last_seen_at)
        yield f'apim_gateway_silent_seconds{{gateway="{gateway.public_id}"}} {silent:.1f}'


def _redis() -> Iterator[str]:
    try:
        is_complete, restored_at = grants.is_complete(), restored_counters.last_restored()
    except redis.RedisError:
        yield from _gauge("apim_redis_up", 0)
        return
    yield from _gauge("apim_redis_up", 1)
    yield from _gauge("apim_grants_complete", int(is_complete))
    yield from _gauge("apim_counters_restored_timestamp_seconds", restored_at or 0)


def _gauge(name: str, value: float) -> Iterator[str]:
    yield f"# TYPE {name} gauge"
    yield f"{name} {value:.1f}" if isinstance(value, float) else f"{name} {value}"


def _age(since: datetime | None) -> float:
    return max(0.0, (clock.now() - since).total_seconds()) if since else 0.0
