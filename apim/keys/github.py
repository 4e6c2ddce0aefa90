"""Checks that a message comes from GitHub's secret scanning.

GitHub signs the raw body with ECDSA on P-256 over SHA-256 and names the key it used. Its public
keys are a setting: the address of GitHub's own list, or the list itself, as JSON or PEM.
https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from typing import TYPE_CHECKING

import httpx
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from apim.core.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
MAX_LIST_BYTES = 1024 * 1024
KEPT_SECONDS = 24 * 3600
# An unknown name makes us ask GitHub again, but no sender of nonsense can make us ask often.
ASK_AGAIN_SECONDS = 60
_LIST = "github-scanning-keys"
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


class KeysUnavailable(TransientError):
    code = "scanning_keys_unavailable"
    title = _("GitHub's public keys cannot be had at the moment")


class _PublicKey(msgspec.Struct, frozen=True):
    key_identifier: str
    key: str


class _KeyList(msgspec.Struct, frozen=True):
    public_keys: list[_PublicKey]


def is_signed(body: bytes, *, identifier: str, signature: str) -> bool:
    """Tell whether `signature` (base64 of DER) over the raw body is by the key of that name.

    Raises KeysUnavailable.
    """
    try:
        der = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return any(_verifies(pem, der, body) for pem in _keys_named(identifier))


def _verifies(pem: str, signature: bytes, body: bytes) -> bool:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        logger.warning("a public key for secret scanning cannot be read")
        return False
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _keys_named(identifier: str) -> list[str]:
    """The PEM of the named key; every key of a list of PEMs, which has no names."""
    setting = settings.APIM_GITHUB_SCANNING_KEYS.strip()
    if setting.startswith(("http://", "https://")):
        found = _fetched(setting, identifier).get(identifier)
        return [found] if found else []
    if setting.startswith("{"):
        found = _by_name(setting.encode()).get(identifier)
        return [found] if found else []
    # An environment file may hold a line's end as \n.
    return _PEM.findall(setting.replace("\\n", "\n"))


def _by_name(raw: bytes) -> dict[str, str]:
    listed = msgspec.json.decode(raw, type=_KeyList).public_keys
    return {key.key_identifier: key.key for key in listed}


def _fetched(url: str, identifier: str) -> Mapping[str, str]:
    """GitHub's list, kept for a day; asked again for a name that it has not got."""
    kept: Mapping[str, str] | None = cache.get(_LIST)
    if kept is not None and identifier in kept:
        return kept
    if not cache.add(f"{_LIST}:asked", 1, timeout=ASK_AGAIN_SECONDS):
        if kept is None:
            raise KeysUnavailable
        return kept
    try:
        fresh = _by_name(_get(url))
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        logger.warning("GitHub's public keys could not be fetched: %s", error)
        if kept is None:
            raise KeysUnavailable from error
        return kept
    cache.set(_LIST, fresh, timeout=KEPT_SECONDS)
    return fresh


def _get(url: str) -> bytes:
    body = bytearray()
    with httpx.stream(
        "GET", url, timeout=TIMEOUT_SECONDS, headers={"User-Agent": "apim"}
    ) as answer:
        answer.raise_for_status()
        for part in answer.iter_bytes():
            body += part
            if len(body) > MAX_LIST_BYTES:
                raise httpx.DecodingError("the list is too long")
    return bytes(body)
