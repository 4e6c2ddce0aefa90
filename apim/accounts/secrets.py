"""Secrets of access tokens and invitation links. Only their SHA-256 is stored.

A token reads `apim_pat_<30 base62><6 base62 CRC-32>`. A fast hash is right: nobody guesses 178
random bits.
"""

from __future__ import annotations

import hashlib
import re

from django.utils.crypto import salted_hmac

from apim.core.checksums import CHECKSUM_LENGTH, crc32_base62
from apim.core.ids import random_base62

PREFIX = "apim_pat_"
RANDOM_LENGTH = 30
# What lists show of a token: the prefix and three characters.
START_LENGTH = len(PREFIX) + 3
_FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{RANDOM_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})")


def new_token_secret() -> str:
    random = random_base62(RANDOM_LENGTH)
    return f"{PREFIX}{random}{crc32_base62(random)}"


def is_well_formed(secret: str) -> bool:
    """Whether form and checksum fit; a false one needs no look at the database."""
    match = _FORM.fullmatch(secret)
    return match is not None and crc32_base62(match[1]) == match[2]


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def invitation_secret(public_id: str) -> str:
    """The secret of an invitation's link, derived from SECRET_KEY.

    So a task can write the mail from the invitation's id, and a secret passes through no queue.
    """
    return salted_hmac("apim.invitation", public_id, algorithm="sha256").hexdigest()
