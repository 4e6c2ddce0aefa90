"""Stores what authorizers computed from keys in use: their digests under the current pepper.

Only an authorizer sees a key's text, and it writes nothing but Redis; so it lays the new digest
on a list, and a task takes it from there.
"""

from __future__ import annotations

import logging

import msgspec

from apim.gateway.redis_connection import connection
from apim.keys import secrets
from apim.keys.services import rehash_key

logger = logging.getLogger(__name__)

BATCH = 500


class Rehashed(msgspec.Struct, frozen=True):
    """See `apim.keys.secrets.rehash_message`."""

    key: int
    digest: str
    version: int


def take_rehashed() -> int:
    """Store every digest that waits; returns how many keys changed.

    One that is lost with a worker is laid on the list again when its key is next used.
    """
    changed = 0
    while waiting := connection().lpop(secrets.REHASH_LIST, BATCH):
        assert isinstance(waiting, list), "a count was given"
        changed += sum(_store(raw) for raw in waiting)
    return changed


def _store(raw: bytes | str) -> bool:
    try:
        message = msgspec.json.decode(raw, type=Rehashed)
    except msgspec.DecodeError as error:
        logger.warning("a re-hash message cannot be read: %s", error)
        return False
    return rehash_key(key_id=message.key, digest=message.digest, pepper_version=message.version)
