"""`Idempotency-Key`: a POST sent again changes nothing and gets the first answer again.

The record is written in the transaction of the change itself (table `IdempotencyRecord`), so that
a crash leaves both or neither. Only successful answers are remembered. Semantics follow
draft-ietf-httpapi-idempotency-key-header: another request under the same key is refused with 422.
Secrets are shown once: in a repeated answer their field is null.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError, connection, transaction
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from apim.accounts.models import IdempotencyRecord
from apim.api.authentication import token_of
from apim.core import clock
from apim.core.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rest_framework.request import Request

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEPT = timedelta(hours=24)
# A repetition waits this long for the first request to finish, then it is told to come later.
WAIT_MILLISECONDS = 5000
_FORM = re.compile(r"[\x21-\x7e]{1,255}")


class IdempotencyKeyReused(InvalidInput):
    code = "idempotency_key_reused"
    title = gettext_lazy("The idempotency key was used for another request")


class FirstRequestRunning(Conflict):
    code = "idempotency_in_progress"
    title = gettext_lazy("The first request with this idempotency key is still running")


def key_of(request: Request) -> str | None:
    """Return the key that the request names. Raises InvalidInput for one without the form."""
    key: str | None = request.headers.get(HEADER)
    if key is not None and _FORM.fullmatch(key) is None:
        message = _("Write 1 to 255 visible ASCII characters as the Idempotency-Key.")
        raise InvalidInput(message)
    return key


def replay(request: Request, key: str) -> Response | None:
    """Return the first answer, if there is one. Raises IdempotencyKeyReused."""
    record = _record(request, key)
    if record is None or record.status is None:
        return None
    if record.fingerprint != fingerprint(request):
        raise IdempotencyKeyReused
    headers = {REPLAYED_HEADER: "true"}
    if record.location:
        headers["Location"] = record.location
    return Response(record.body, status=record.status, headers=headers)


def run_once(
    request: Request, key: str, change: Callable[[], Response], *, secret_fields: Iterable[str]
) -> Response:
    """Make the change and remember its answer in one transaction.

    Raises FirstRequestRunning, IdempotencyKeyReused and whatever the change raises.
    """
    with transaction.atomic():
        if not _claim(request, key):
            repeated = replay(request, key)
            assert repeated is not None, "a committed record has an answer"
            return repeated
        response = change()
        body = json.loads(JSONRenderer().render(response.data) or b"null")
        if isinstance(body, dict):
            body.update({name: None for name in secret_fields if name in body})
        IdempotencyRecord.objects.filter(token=token_of(request), key=key).update(
            status=response.status_code,
            body=body,
            location=response.headers.get("Location", ""),
        )
    return response


def fingerprint(request: Request) -> str:
    """SHA-256 of what the request asks: method, path and content, however it was encoded."""
    content = json.dumps(
        [request.method, request.path, _plain(request.data)], sort_keys=True, default=str
    )
    return hashlib.sha256(content.encode()).hexdigest()


def _record(request: Request, key: str) -> IdempotencyRecord | None:
    since = clock.now() - KEPT
    records = IdempotencyRecord.objects.filter(token=token_of(request), key=key)
    return records.filter(created_at__gt=since).first()


def _claim(request: Request, key: str) -> bool:
    """Insert the record; waits while another transaction holds the same key. False: it is taken."""
    token = token_of(request)
    old = IdempotencyRecord.objects.filter(token=token, created_at__lte=clock.now() - KEPT)
    old.delete()
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {WAIT_MILLISECONDS}")
        record = IdempotencyRecord(
            token=token,
            organization_id=token.organization_id,
            key=key,
            fingerprint=fingerprint(request),
        )
        inserted = IdempotencyRecord.objects.bulk_create([record], ignore_conflicts=True)
    except OperationalError as error:
        raise FirstRequestRunning from error
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    # ON CONFLICT DO NOTHING tells no count through bulk_create: ours is there when it has no answer.
    assert inserted
    return IdempotencyRecord.objects.filter(token=token, key=key, status__isnull=True).exists()


def _plain(data: Any) -> Any:
    if isinstance(data, QueryDict):
        return {name: [_plain(value) for value in data.getlist(name)] for name in data}
    if isinstance(data, UploadedFile):
        digest = hashlib.sha256()
        for chunk in data.chunks():
            digest.update(chunk)
        data.seek(0)
        return [data.name, digest.hexdigest()]
    return data
