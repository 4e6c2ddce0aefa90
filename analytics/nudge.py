"""One queued roll-up is enough: a mark in Redis says that one waits to be started.

The mark in Redis means "a roll-up is queued and has not begun". The worker takes it away before it
looks for batches, so a batch is either seen by that run or queues the next one. If the message or
Redis is lost, the scheduler's sweep finds the batch.
"""

from __future__ import annotations

import logging

import redis

from apim.gateway.redis_connection import connection

logger = logging.getLogger(__name__)

MARK = "analytics:roll_up_queued"
MARK_MILLISECONDS = 5000


def is_needed() -> bool:
    """Whether a roll-up must be queued now; sets the mark. False too while Redis is away."""
    try:
        return bool(connection().set(MARK, b"1", nx=True, px=MARK_MILLISECONDS))
    except redis.RedisError as error:
        logger.warning("usage waits for the next sweep: %s", error)
        return False


def taken() -> None:
    """The worker has begun: whatever is stored from now on queues the next run."""
    try:
        connection().delete(MARK)
    except redis.RedisError as error:
        logger.warning("roll-up mark stays for a moment: %s", error)
