"""Starts a roll-up as soon as usage is stored, instead of at the scheduler's next sweep."""

from __future__ import annotations

import logging

from kombu.exceptions import OperationalError

from analytics import nudge
from analytics.tasks import roll_up

logger = logging.getLogger(__name__)


def wake_worker() -> None:
    """Queue a roll-up unless one is queued. Never fails: usage is already durable."""
    if not nudge.is_needed():
        return
    try:
        roll_up.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("usage waits for the next sweep: %s", error)
