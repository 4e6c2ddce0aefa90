"""Stripe's webhooks: verify the raw body, store the event once, answer. A task does the work."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from celery import current_app
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apim.accounts.policies import public
from billing.stripe.adapter import verified
from billing.stripe.events import store_event
from billing.stripe.ports import WrongSignature

if TYPE_CHECKING:
    from apim.accounts.viewers import ViewerRequest

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024


@csrf_exempt
@public
@require_POST
def stripe_webhook(request: ViewerRequest) -> HttpResponse:
    """2xx once the event is stored; what is not signed by Stripe gets 400 and is not kept."""
    body = request.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        return _refused(413, "body_too_large", "The body is too long")
    try:
        found = verified(body, request.headers.get("Stripe-Signature", ""))
    except WrongSignature as error:
        return _refused(error.status, error.code, str(error.title))
    if not isinstance(found.get("id"), str):
        return _refused(400, "malformed_body", "The event has no id")
    row, is_new = store_event(found)
    if is_new:
        _nudge(row.pk)
    return HttpResponse(status=204)


def _nudge(event_id: int) -> None:
    """Let a worker handle it at once. Without a broker the schedule does, seconds later."""
    try:
        current_app.tasks["billing.handle_events"].delay()
    except Exception:
        logger.exception("Stripe event %s is left to the schedule", event_id)


def _refused(status: int, code: str, title: str) -> JsonResponse:
    logger.warning("a webhook of Stripe was refused: %s", code)
    problem = {"type": "about:blank", "title": title, "status": status, "code": code}
    return JsonResponse(problem, status=status, content_type="application/problem+json")
