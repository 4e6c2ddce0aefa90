"""Services: correct quarantined records and take them in again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from analytics.formats.registry import READERS
from analytics.intake import MAX_RAW
from analytics.models import QuarantinedRecord
from analytics.scrub import record_without_secrets
from analytics.services import replay_quarantined
from apim.audit.services import record as audit
from apim.core.errors import Conflict, InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from analytics.intake import Receipt
    from apim.audit.actors import Actor
    from apim.gateway.models import Gateway

REPLAY_CHUNK = 200


@transaction.atomic
def correct_record(
    *, actor: Actor, record: QuarantinedRecord, raw: str, dialect: str
) -> QuarantinedRecord:
    """Change what is replayed; the record as it came is kept. Secrets are masked again.

    Raises InvalidInput, and Conflict when it has been counted meanwhile.
    """
    raw = raw.strip()
    if not raw or len(raw.encode()) > MAX_RAW:
        raise InvalidInput(fields={"raw": [_("Give one record of at most 256 KiB.")]})
    if dialect not in READERS:
        raise InvalidInput(fields={"format": [_("This format is not known.")]})
    former = QuarantinedRecord.objects.select_for_update().get(pk=record.pk)
    if former.replayed_at is not None:
        raise Conflict(_("The record has been counted already."))
    clean = record_without_secrets(raw.encode())
    if (clean, dialect) != (former.raw, former.format):
        former.original = former.original or former.raw
        before = {"format": former.format}
        former.raw, former.format = clean, dialect
        former.save(update_fields=["raw", "format", "original"])
        audit(
            actor, "quarantined_record.corrected", former, before=before, after={"format": dialect}
        )
    return former


@transaction.atomic
def replay_record(*, actor: Actor, record: QuarantinedRecord) -> Receipt:
    """Count the record now, however old it is as long as raw usage of its day is kept.

    What is refused again stays, with the present reason. Raises Conflict when it is counted.
    """
    if QuarantinedRecord.objects.select_for_update().get(pk=record.pk).replayed_at is not None:
        raise Conflict(_("The record has been counted already."))
    receipt = replay_quarantined(record=record, max_age=timedelta.max)
    after = {"accepted": receipt.accepted, "duplicates": receipt.duplicates}
    audit(actor, "quarantined_record.replayed", record, after=after)
    return receipt


@transaction.atomic
def replay_all(*, actor: Actor, gateway: Gateway, code: str = "") -> int:
    """Count all waiting records of a gateway, or those with one reason, in the background.

    Returns how many there are.
    """
    waiting = QuarantinedRecord.objects.waiting().filter(gateway_id=gateway.pk)
    if code:
        waiting = waiting.filter(code=code)
    found: int = waiting.count()
    if found:
        audit(actor, "quarantine.replayed", gateway, after={"code": code, "records": found})
        publish("quarantine.replay_asked", gateway_id=gateway.pk, code=code, after_id=0)
    return found


def replay_chunk(*, gateway_id: int, code: str, after_id: int) -> int | None:
    """Try the next waiting records; returns the last one's id, None when there are no more."""
    rows = QuarantinedRecord.objects.waiting().filter(gateway_id=gateway_id, pk__gt=after_id)
    if code:
        rows = rows.filter(code=code)
    records = list(rows.order_by("pk")[:REPLAY_CHUNK])
    for record in records:
        replay_quarantined(record=record, max_age=timedelta.max)
    return records[-1].pk if len(records) == REPLAY_CHUNK else None
